"""The parts of the event inspector: table, tree, timeline and filter of one run."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from streaming.events import Event
from streaming.filters import EventFilter
from streaming.folding import PREVIEW, Row, rows
from streaming.tree import Node, NodeStatus

KINDS = ("names", "types", "tags")
SHOWN_OF_FOLD = 100
"""Events of a folded row whose data is shown."""

_STATUS = {
    NodeStatus.RUNNING: "● running",
    NodeStatus.DONE: "✓ done",
    NodeStatus.FAILED: "✗ failed",
    NodeStatus.INTERRUPTED: "◌ interrupted",
}
# Legible on the light and on the dark page; the status is written in the legend and in the tree as well.
_COLORS = alt.Scale(domain=[status.value for status in NodeStatus], range=["#d08a1d", "#2f93a0", "#cf4b4b", "#8a9699"])
_CHUNK_MARKS = 2_000
"""Marks of chunks drawn at most; of more, every nth."""


def event_filter(events: Sequence[Event]) -> EventFilter:
    """Draw the filter with what this run offers, and return what was chosen."""
    offers = {
        "names": sorted({event.name for event in events}),
        "types": sorted({event.name if event.event == "on_custom_event" else event.type for event in events}),
        "tags": sorted({tag for event in events for tag in event.source.tags}),
    }
    chosen: dict[str, frozenset[str] | None] = {}
    for side, column in zip(("include", "exclude"), st.columns(2), strict=True):
        for kind in KINDS:
            key = f"{side}_{kind}"
            kept = [value for value in st.session_state.get(f"events_{key}", []) if value in offers[kind]]
            options = sorted({*offers[kind], *kept})
            picked = column.multiselect(f"{side.capitalize()} {kind}", options, key=f"events_{key}")
            chosen[key] = frozenset(picked) or None
    return EventFilter(**chosen)


def astream_events_call(wish: EventFilter) -> str:
    """Return the call that applies this filter while a chain runs."""
    lists = [
        f"    {side}_{kind}={sorted(values)!r},\n"
        for side in ("include", "exclude")
        for kind in KINDS
        if (values := getattr(wish, f"{side}_{kind}"))
    ]
    return f'async for event in chain.astream_events(\n    value,\n    version="v2",\n{"".join(lists)}):\n    ...'


def table_rows(events: Sequence[Event], *, search: str) -> list[Row]:
    """Return the rows of the table: folded, and only those whose names or payloads hold the search."""
    found = rows(events)
    if not search:
        return found
    wanted = search.lower()
    return [
        row
        for row in found
        if wanted in row.names.lower()
        or any(wanted in event.payload.decode(errors="replace").lower() for event in row.events)
        or wanted in row.preview.lower()
    ]


def event_table(shown: Sequence[Row]) -> pd.DataFrame:
    """Return the table's data; times in seconds, gaps in milliseconds."""
    return pd.DataFrame(
        {
            "#": [f"{r.first.seq}–{r.last.seq}" if r.is_folded else str(r.first.seq) for r in shown],
            "time": [r.first.at for r in shown],
            "gap": [0.0] * bool(shown) + [1e3 * (b.first.at - a.last.at) for a, b in pairwise(shown)],
            "event": [f"{len(r.events):,} × …_stream" if r.is_folded else r.first.event for r in shown],
            "name": [r.names for r in shown],
            "tags": [", ".join(r.first.source.tags) for r in shown],
            "preview": [r.preview[:PREVIEW] for r in shown],
        }
    )


COLUMNS = {
    "#": st.column_config.TextColumn(width="small"),
    "time": st.column_config.NumberColumn("time (s)", format="%.3f", width="small"),
    "gap": st.column_config.NumberColumn("gap (ms)", format="%.1f", width="small"),
    "preview": st.column_config.TextColumn(width="large"),
}


TREE_COLUMNS = {
    "component": st.column_config.TextColumn(width="medium"),
    "start": st.column_config.NumberColumn("start (s)", format="%.3f"),
    "duration": st.column_config.NumberColumn("duration (s)", format="%.3f"),
    "first": st.column_config.NumberColumn("first chunk (s)", format="%.3f", help="From the component's own start"),
}


def payload(row: Row) -> list[dict[str, Any]] | dict[str, Any]:
    """Return what stands behind a row, as JSON."""
    if not row.is_folded:
        return row.first.as_dict()
    return [event.as_dict() for event in row.events[:SHOWN_OF_FOLD]]


def tree_table(root: Node) -> pd.DataFrame:
    """Return the run tree as a table; times in seconds."""
    nodes = list(root.walk())
    return pd.DataFrame(
        {
            "component": ["\u2003" * node.depth + node.name for node in nodes],
            "type": [node.type for node in nodes],
            "status": [_STATUS[node.status] for node in nodes],
            "start": [node.started for node in nodes],
            "duration": [node.duration for node in nodes],
            "first": [node.time_to_first_chunk for node in nodes],
            "chunks": [node.chunks for node in nodes],
            "tokens": [node.tokens_out for node in nodes],
            "error": [node.error for node in nodes],
        }
    )


def timeline(root: Node, events: Sequence[Event]) -> alt.LayerChart | alt.FacetChart:
    """Return a Gantt chart of the components with a mark for each chunk; time in seconds since the run's start."""
    nodes = list(root.walk())
    end = events[-1].at
    labels = {node.run_id: f"{number + 1}. {'· ' * node.depth}{node.name}" for number, node in enumerate(nodes)}
    bars = pd.DataFrame(
        [
            {
                "component": labels[node.run_id],
                "start": node.started,
                "end": node.ended if node.ended is not None else end,
                "status": node.status.value,
            }
            for node in nodes
        ]
    )
    chunks = [event for event in events if event.event.endswith("_stream")]
    chunks = chunks[:: max(1, len(chunks) // _CHUNK_MARKS)]
    marks = pd.DataFrame(
        {
            "component": [labels.get(event.run_id, "") for event in chunks],
            "at": [event.at for event in chunks],
        }
    )
    order = list(labels.values())
    place = alt.Y("component:N", sort=order, title=None, axis=alt.Axis(labelLimit=260, labelOverlap=False))
    time = alt.Scale(domain=[0, max(end, 1e-3)])
    bar = alt.Chart(bars).mark_bar(height=14, cornerRadius=3, opacity=0.55)
    tick = alt.Chart(marks).mark_tick(thickness=1, height=14, opacity=0.9, color="#0b4a55")
    return alt.layer(
        bar.encode(
            x=alt.X("start:Q", title="seconds since the start", scale=time),
            x2="end:Q",
            y=place,
            color=alt.Color("status:N", scale=_COLORS, legend=alt.Legend(orient="top", title=None)),
            tooltip=["component", alt.Tooltip("start:Q", format=".3f"), alt.Tooltip("end:Q", format=".3f"), "status"],
        ),
        tick.encode(x=alt.X("at:Q", scale=time), y=place, tooltip=[alt.Tooltip("at:Q", format=".3f")]),
    ).properties(height=26 * len(nodes) + 90)
