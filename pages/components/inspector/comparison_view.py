"""Two runs side by side."""

import pandas as pd
import streamlit as st

from pages.components.inspector.inspector_state import pick
from pages.components.inspector.run_charts import draw_tree
from pages.components.layout import formatting
from weir.analysis.outcome import outcome
from weir.analysis.run_comparison import figure_pairs, first_difference, first_difference_of_text
from weir.analysis.run_snapshot import RunSnapshot
from weir.core import serialization
from weir.core.run_event import RunEvent
from weir.runs.run import Run
from weir.text.invisible_characters import replace_invisible

_AROUND = 60
"""Characters shown on each side of the first difference of two texts."""


def draw_comparison(first: Run, second: Run) -> None:
    """Draw figures, trees and the first difference of two runs, as far as they have come."""
    one, other = RunSnapshot(), RunSnapshot()
    one.advance_to(first.events, len(first.events))
    other.advance_to(second.events, len(second.events))
    for column, run, seen in zip(st.columns(2), (first, second), (one, other), strict=True):
        with column:
            said = outcome(run, seen.figures())
            st.markdown(
                f"**{formatting.escape_markdown(run.name)}** · {said.status.value} · {len(seen.events):,} events"
            )
            st.caption(formatting.metrics_line(seen.figures()))
            if seen.root:
                draw_tree(seen.root, key=f"events_compare_tree_{run.id}")
    pairs = figure_pairs(one.figures(), other.figures())
    st.dataframe(
        pd.DataFrame(
            {
                "figure": [f"{pair.label} ({pair.unit})" if pair.unit else pair.label for pair in pairs],
                "first": [pair.first for pair in pairs],
                "second": [pair.second for pair in pairs],
                "second ÷ first": [pair.ratio for pair in pairs],
            }
        ),
        hide_index=True,
        column_config={
            name: st.column_config.NumberColumn(format="%.4g") for name in ("first", "second", "second ÷ first")
        },
        placeholder="–",
        alt="The figures of both runs",
    )
    _draw_texts(one, other)
    _draw_events(one, other)


def _draw_texts(one: RunSnapshot, other: RunSnapshot) -> None:
    texts = [seen.root.text if seen.root else "" for seen in (one, other)]
    place = first_difference_of_text(*texts)
    if place is None:
        st.markdown(":material/check: Both streamed the same text.")
        return
    st.markdown(f"**The texts differ from character {place:,} on**")
    for column, text in zip(st.columns(2), texts, strict=True):
        before, after = text[max(0, place - _AROUND) : place], text[place : place + _AROUND]
        column.code(replace_invisible(f"…{before}▏{after}…"), language=None, wrap_lines=True)


def _draw_events(one: RunSnapshot, other: RunSnapshot) -> None:
    found = first_difference(one.events, other.events)
    if found is None:
        st.markdown(":material/check: Their events are the same, one by one, but for times and ids.")
        return
    st.markdown(f"**First difference: event {found.index}, its {found.what}**")
    for column, event in zip(st.columns(2), (found.first, found.second), strict=True):
        with column:
            _draw_event(event)
    if found.first is not None:
        st.button(
            "Show it in the table",
            icon=":material/my_location:",
            key="events_difference",
            type="tertiary",
            on_click=pick,
            args=(found.first.seq,),
        )


def _draw_event(event: RunEvent | None) -> None:
    if event is None:
        st.caption("This run has no event here: it ended before.")
    else:
        st.json(replace_invisible(serialization.dumps(event.as_dict()).decode()), expanded=2)
