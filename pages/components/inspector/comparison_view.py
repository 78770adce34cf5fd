"""Comparison of two runs: figures, trees, and where texts and events begin to differ."""

import pandas as pd
import streamlit as st

from pages.components.inspector.run_charts import Pick
from pages.components.layout import formatting
from weir.analysis.outcome import outcome
from weir.analysis.run_comparison import first_difference, first_difference_of_text, metric_pairs
from weir.analysis.run_snapshot import RunSnapshot
from weir.core import serialization
from weir.core.run_event import RunEvent
from weir.runs.run import Run
from weir.text.invisible_characters import replace_invisible

_CONTEXT_CHARS = 60
"""Characters shown on each side of the first difference of two texts."""


def draw_comparison(first: Run, second: Run, *, pick: Pick) -> None:
    """Draw figures, trees and the first difference of two runs, by the events that they have so far."""
    one, other = RunSnapshot(), RunSnapshot()
    one.advance_to(first.events, len(first.events))
    other.advance_to(second.events, len(second.events))
    for column, run, seen in zip(st.columns(2), (first, second), (one, other), strict=True):
        with column:
            status = outcome(run, seen.metrics()).status.value
            st.markdown(f"**{formatting.escape_markdown(run.name)}** · {status} · {len(seen.events):,} events")
            st.caption(formatting.metrics_line(seen.metrics()))
    pairs = metric_pairs(one.metrics(), other.metrics())
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
    _draw_events(one, other, pick)


def _draw_texts(one: RunSnapshot, other: RunSnapshot) -> None:
    texts = [seen.root.text if seen.root else "" for seen in (one, other)]
    index = first_difference_of_text(*texts)
    if index is None:
        st.markdown(":material/check: Both streamed the same text.")
        return
    st.markdown(f"**The texts differ from character {index:,} on**")
    for column, text in zip(st.columns(2), texts, strict=True):
        before, after = text[max(0, index - _CONTEXT_CHARS) : index], text[index : index + _CONTEXT_CHARS]
        column.code(replace_invisible(f"…{before}▏{after}…"), language=None, wrap_lines=True)


def _draw_events(one: RunSnapshot, other: RunSnapshot, pick: Pick) -> None:
    difference = first_difference(one.events, other.events)
    if difference is None:
        st.markdown(":material/check: Their events are the same, one by one, except for times and ids.")
        return
    st.markdown(f"**First difference: event {difference.index}, its {difference.what}**")
    for column, event in zip(st.columns(2), (difference.first, difference.second), strict=True):
        with column:
            _draw_event(event)
    if difference.first is not None:
        st.button(
            "Show it in the table",
            icon=":material/my_location:",
            key="events_difference",
            type="tertiary",
            on_click=pick,
            args=(difference.first.seq,),
        )


def _draw_event(event: RunEvent | None) -> None:
    if event is None:
        st.caption("This run has no event here: it ended earlier.")
    else:
        st.json(replace_invisible(serialization.dumps(event.as_dict()).decode()), expanded=2)
