"""The table of a run's events, and the data of the selected row."""

import time
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pandas as pd
import streamlit as st

from pages.components.inspector import event_filter_form
from pages.components.inspector.data_view import draw_event, draw_hits
from pages.components.inspector.inspector_state import InspectorState, TableSelection
from pages.components.inspector.run_charts import HEADER_HEIGHT, ROW_HEIGHT
from pages.components.layout.copy_button import copy_button
from pages.components.layout.formatting import inline_code
from pages.components.layout.translation import _, digits
from weir.analysis.event_rows import PREVIEW, EventRow, folded_rows, unfolded_rows
from weir.analysis.messages import text_of
from weir.core import serialization
from weir.core.run_event import RunEvent

PAGE = 300
"""Rows of one page of the table. A page of fixed size keeps the amount of data sent independent of the run's length."""

REPEAT_SECONDS = 2.0
"""Time in which a selection that was just replaced is no click: requests of the browser carry it until it has the new
one, and a live run makes several a second."""

LEAD = 20
"""Characters before the hit of a search in a preview."""


def _columns() -> dict[str, Any]:
    """Return the columns of the table. Their names stay: they are those of LangChain's events."""
    text, number = st.column_config.TextColumn, st.column_config.NumberColumn
    return {
        "#": text(width=80),
        "time": number(_("time (s)"), format="%.3f", width=70, help=_("Since the run's start")),
        "gap": number(_("gap (ms)"), format="%.1f", width=70, help=_("Since the row before it")),
        "event": text(width=180),
        "name": text(width=150),
        "preview": text(_("preview"), width=260),
        "run": text(width=80, help=_("The last characters of the run_id")),
        "tags": text(width=90),
    }


def _chunk_columns() -> dict[str, Any]:
    number = st.column_config.NumberColumn
    return {"time": number(_("time (s)"), format="%.3f"), "gap": number(_("gap (ms)"), format="%.1f")}


def table_rows(events: Sequence[RunEvent], *, search: str, folded: bool) -> list[EventRow]:
    """Return the rows of the table: those whose names or payloads contain the search, or all if it is empty."""
    rows = folded_rows(events) if folded else unfolded_rows(events)
    query = search.strip().lower()
    return [row for row in rows if _contains(row, query)] if query else rows


def _contains(row: EventRow, query: str) -> bool:
    # The text of a fold is searched as a whole, because a match may be split between two chunks.
    return (
        query in row.names.lower()
        or any(query in event.event or query in event.run_id for event in row.events)
        or any(query in event.payload.decode(errors="replace").lower() for event in row.events)
        or (row.is_folded and query in row.text.lower())
    )


def draw_table(
    state: InspectorState, rows: Sequence[EventRow], *, key: str, live: bool, search: str, height: int
) -> EventRow | None:
    """Draw a page of rows, so many of them in sight, and return the selected row. A live table stays at its newest.

    A click anywhere in a row selects it, and so do the arrow keys.
    """
    pages = max(1, -(-len(rows) // PAGE))
    at = _index_of(state.picked, rows)
    page_key = f"events_page_{key}"
    if state.picked_in_table != state.picked:
        state.picked_in_table = state.picked
        if at is not None:
            st.session_state[page_key] = at // PAGE + 1
    elif live and state.picked is None:
        st.session_state[page_key] = pages
    st.session_state[page_key] = min(st.session_state.get(page_key, pages if live else 1), pages)
    first = (st.session_state[page_key] - 1) * PAGE
    page = rows[first : first + PAGE]
    table_key = f"events_table_{key}_{first}"
    selected = [at - first] if at is not None and first <= at < first + len(page) else []
    cells = [(selected[0], state.picked_column)] if selected and state.picked_column else []
    _select(state, table_key, selected, cells)

    def on_select() -> None:
        now_rows, now_cells = now = _selection(table_key)
        before, set_at = state.table_before
        if now == before and time.monotonic() - set_at < REPEAT_SECONDS:
            return
        number = next((row for row in now_rows if row not in selected), None)
        if now_cells and now_cells[0] not in cells:
            number, state.picked_column = now_cells[0]
        elif number is None and now_rows:
            number = now_rows[0]
        state.pick(page[number].first.seq if number is not None and number < len(page) else None)
        state.picked_in_table = state.picked

    st.dataframe(
        _table(page, before=rows[first - 1] if first else None, search=search),
        hide_index=True,
        column_config=_columns(),
        on_select=on_select,
        selection_mode=["single-row", "single-cell"],
        row_height=ROW_HEIGHT,
        height=HEADER_HEIGHT + height * ROW_HEIGHT + 3,
        key=table_key,
        alt=_("The events of the run, one row each"),
    )
    if pages > 1:
        st.pagination(pages, key=page_key)
    return rows[at] if at is not None else None


def _select(state: InspectorState, table_key: str, rows: list[int], cells: list[tuple[int, str]]) -> None:
    """Have the table select rows and cells, if it does not yet.

    What is set is sent to the browser, and there it takes the place of a click that is on its way here.
    """
    now = _selection(table_key)
    if now == (rows, cells):
        return
    state.table_before = (now, time.monotonic())
    st.session_state[table_key] = {"selection": {"rows": rows, "columns": [], "cells": cells}}


def _selection(table_key: str) -> TableSelection:
    if table_key not in st.session_state:
        return [], []
    now = st.session_state[table_key]["selection"]
    return list(now["rows"]), [tuple(cell) for cell in now["cells"]]


def _index_of(seq: int | None, rows: Sequence[EventRow]) -> int | None:
    if seq is None:
        return None
    return next((index for index, row in enumerate(rows) if row.first.seq <= seq <= row.last.seq), None)


def _table(rows: Sequence[EventRow], before: EventRow | None, search: str = "") -> pd.DataFrame:
    """Return rows as a table; `before` is the row ahead of them. Times in seconds, gaps in milliseconds."""
    gaps = [
        later.first.elapsed - earlier.last.elapsed for earlier, later in pairwise([before, *rows] if before else rows)
    ]
    if before is None and rows:
        gaps.insert(0, 0.0)
    return pd.DataFrame(
        {
            "#": [f"{row.first.seq}–{row.last.seq}" if row.is_folded else str(row.first.seq) for row in rows],
            "time": [row.first.elapsed for row in rows],
            "gap": [1e3 * gap for gap in gaps],
            "event": [f"▸ {digits(len(row.events))} × …_stream" if row.is_folded else row.first.event for row in rows],
            "name": [row.names for row in rows],
            "preview": [_preview(row, search) for row in rows],
            "run": [row.first.run_id[-6:] for row in rows],
            "tags": [", ".join(row.first.component.tags) for row in rows],
        }
    )


def _preview(row: EventRow, search: str) -> str:
    """Return a row on one line; with a search, from a little before its first hit on."""
    query = search.strip().lower()
    if query and query not in row.preview.lower():
        for event in row.events:
            text = event.payload.decode(errors="replace")
            if (hit := text.lower().find(query)) >= 0:
                return f"…{text[max(0, hit - LEAD) : hit + PREVIEW]}".replace("\n", "⏎")
    return row.preview[:PREVIEW]


def draw_row(state: InspectorState, row: EventRow | None, *, search: str, height: int) -> None:
    """Draw the selected row as it is recorded: one event's data, or the events of a fold."""
    with st.container(height=height, border=True):
        if row is None:
            st.caption(_("Select a row to see its data. ▸ holds consecutive chunks: they open here."))
        elif row.is_folded:
            _draw_fold(state, row, search)
        else:
            _draw_single(row.first, search)


def _draw_single(event: RunEvent, search: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{event.seq}** {inline_code(event.event)}", width="content")
        event_filter_form.draw_additions(event)
        copy_button(serialization.indented(event.as_dict()), key=f"copy-event-{event.seq}")
    draw_hits([event], search)
    draw_event(event)


def _draw_fold(state: InspectorState, row: EventRow, search: str) -> None:
    selected = next((event for event in row.events if event.seq == state.picked), None)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(
            f"**{row.first.seq}–{row.last.seq}** " + _("{count} chunk events").format(count=digits(len(row.events))),
            width="content",
        )
        copy_button(row.text, key=f"copy-fold-{row.first.seq}")
    draw_hits(row.events, search, row.text)
    pages = -(-len(row.events) // PAGE)
    page = st.pagination(pages, key=f"events_fold_page_{row.first.seq}") if pages > 1 else 1
    part = row.events[(page - 1) * PAGE : page * PAGE]
    key = f"events_fold_{row.first.seq}_{page}"

    def on_select() -> None:
        now = st.session_state[key]["selection"]
        numbers = [number for number, _ in now["cells"]] or now["rows"]
        state.pick(part[numbers[0]].seq if numbers else row.first.seq)
        state.picked_in_table = state.picked

    st.dataframe(
        pd.DataFrame(
            {
                "#": [event.seq for event in part],
                "time": [event.elapsed for event in part],
                "gap": [0.0, *(1e3 * (later.elapsed - earlier.elapsed) for earlier, later in pairwise(part))],
                "name": [event.name for event in part],
                "chunk": [_visible(text_of(event.get("chunk"))) for event in part],
            }
        ),
        hide_index=True,
        column_config=_chunk_columns(),
        on_select=on_select,
        selection_mode=["single-row", "single-cell"],
        row_height=ROW_HEIGHT,
        height=HEADER_HEIGHT + 6 * ROW_HEIGHT + 3,
        key=key,
        alt=_("The chunk events of this row"),
    )
    if selected is not None:
        _draw_single(selected, search)


def _visible(text: str) -> str:
    return serialization.replace_lone_surrogates(text).replace("\n", "⏎").replace("\t", "⇥").replace(" ", "␣")
