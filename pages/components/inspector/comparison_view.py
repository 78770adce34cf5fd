"""Comparison of two runs: figures, two waterfalls on one axis, components, and what texts and data differ in."""

from typing import Any

import pandas as pd
import streamlit as st

from pages.components.inspector.programs_view import counted_events
from pages.components.inspector.run_charts import MAX_INDENT, Pick, draw_table
from pages.components.inspector.state_view import draw_differences
from pages.components.layout import formatting
from pages.components.layout.translation import _, digits
from pages.components.layout.weir_sentences import translated
from pages.components.waterfall.waterfall_view import draw_waterfall
from weir.analysis.answer_reader import answer_text
from weir.analysis.component_data import component_data
from weir.analysis.outcome import outcome
from weir.analysis.run_comparison import (
    Change,
    MetricPair,
    component_pairs,
    first_difference,
    metric_pairs,
    text_changes,
)
from weir.analysis.run_snapshot import RunSnapshot
from weir.analysis.run_tree import RunNode
from weir.analysis.waterfall_rows import waterfall
from weir.core import serialization
from weir.core.run_event import RunEvent
from weir.runs.run import Run
from weir.text.invisible_characters import replace_invisible

WATERFALL_ROWS = 8
"""Rows of each waterfall that are in sight."""
_MARKS = {Change.REMOVED: "red", Change.ADDED: "green"}


def draw_comparison(first: Run, second: Run, *, pick: Pick) -> None:
    """Draw what two runs differ in, by the events that they have so far. A is the run that is open."""
    one, other = RunSnapshot(), RunSnapshot()
    one.advance_to(first.events, len(first.events))
    other.advance_to(second.events, len(second.events))
    for column, letter, run, seen in zip(st.columns(2), "AB", (first, second), (one, other), strict=True):
        status = translated(outcome(run, seen.metrics()).status.value)
        column.markdown(
            f"**{letter}: {formatting.escape_markdown(run.name)}** · {status} · " + counted_events(len(seen.events)),
        )
    _draw_figures(metric_pairs(one.metrics(), other.metrics()))
    _draw_waterfalls((first, second), (one, other), pick)
    if one.root and other.root:
        _draw_components(one.root, other.root)
    _draw_texts(answer_text(one.events), answer_text(other.events))
    _draw_data(one, other)
    _draw_events(one, other, pick)


def _draw_figures(pairs: list[MetricPair]) -> None:
    draw_table(
        pd.DataFrame(
            {
                _("figure"): [translated(pair.label) for pair in pairs],
                "A": [_figure(pair.first, pair.unit) for pair in pairs],
                "B": [_figure(pair.second, pair.unit) for pair in pairs],
                "Δ": [_signed(pair.difference, pair.unit, pair.ratio) for pair in pairs],
            }
        ),
        name="figures",
        columns={},
        alt=_("The figures of both runs, and B less A"),
    )


def _figure(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    if unit == "s":
        return f"{digits(value * 1e3, '.1f')} ms" if value < 0.1 else formatting.seconds(value)
    return digits(value, ",.1f") if isinstance(value, float) else digits(value)


def _signed(value: float | None, unit: str, ratio: float | None = None) -> str:
    """Return a difference with its sign, and what part of the first it is."""
    if value is None:
        return "–"
    if value == 0:
        return "="
    part = "" if ratio is None else f" ({ratio - 1:+.0%})"
    return f"{'▲ +' if value > 0 else '▼ −'}{_figure(abs(value), unit)}{part}"


def _draw_waterfalls(runs: tuple[Run, Run], seen: tuple[RunSnapshot, RunSnapshot], pick: Pick) -> None:
    axis = max((one.events[-1].elapsed for one in seen if one.events), default=0.0)
    for number, (column, run, one) in enumerate(zip(st.columns(2), runs, seen, strict=True)):
        if one.root is None:
            continue
        with column:
            draw_waterfall(
                waterfall(one.root, one.events[-1].elapsed, axis=axis, live=run.is_live),
                run_id=run.id,
                key=f"events_compared_{number}",
                rows=WATERFALL_ROWS,
                # What is below is run A.
                pick=pick if number == 0 else _ignore,
                label=_("Components of run {letter}").format(letter="AB"[number]),
            )


def _ignore(_: int) -> None:
    """Do nothing: the events of run B are not on the page."""


def _draw_components(first: RunNode, second: RunNode) -> None:
    pairs = component_pairs(first, second)
    durations = [[node.duration if node else None for node in (pair.first, pair.second)] for pair in pairs]
    matched = list(zip(pairs, durations, strict=True))
    draw_table(
        pd.DataFrame(
            {
                _("component"): [
                    "\u2003" * min(pair.depth, MAX_INDENT) + (pair.name or _("the run")) for pair in pairs
                ],
                "A": [_figure(took[0], "s") if pair.first else "" for pair, took in matched],
                "B": [_figure(took[1], "s") if pair.second else "" for pair, took in matched],
                "Δ": [
                    _signed(two - one, "s", two / one if one else None) if one is not None and two is not None else ""
                    for one, two in durations
                ],
            }
        ),
        name="components",
        columns={},
        alt=_("How long each component took in both runs, and B less A"),
    )


def _draw_texts(first: str, second: str) -> None:
    if first == second:
        st.markdown(_(":material/check: Both streamed the same text."))
        return
    changes = text_changes(first, second)
    differing = sum(change is not Change.SAME for change, _ in changes)
    with st.expander(_("The texts differ in {differing} places").format(differing=digits(differing)), expanded=True):
        st.caption(_("Red is in A alone, green in B alone. Long texts are compared by their beginnings."))
        st.markdown("".join(_marked(change, text) for change, text in changes))


def _marked(change: Change, text: str) -> str:
    """Return a part of a text as Markdown, with the sign of what it is: colour alone does not say it."""
    shown = formatting.escape_markdown(" ".join(text.split())) if change is not Change.SAME else None
    if shown is None:
        return formatting.escape_markdown(text).replace("\n", " ")
    sign = "−" if change is Change.REMOVED else "\\+"
    return f":{_MARKS[change]}-background[{sign}{shown or '⏎'}] "


def _draw_data(one: RunSnapshot, other: RunSnapshot) -> None:
    if one.root is None or other.root is None:
        return
    first, second = (component_data(seen.root, seen.events) for seen in (one, other) if seen.root)
    sides = (
        (_("The inputs differ"), _given(first), _given(second)),
        (_("The outputs differ"), first.output, second.output),
    )
    for label, before, after in sides:
        # Texts are compared word by word, above.
        if before == after or (isinstance(before, str) and isinstance(after, str)):
            continue
        with st.expander(label):
            draw_differences(before, after)


def _given(data: Any) -> Any:
    return list(data.messages) if data.messages else data.input


def _draw_events(one: RunSnapshot, other: RunSnapshot, pick: Pick) -> None:
    difference = first_difference(one.events, other.events)
    if difference is None:
        st.markdown(_(":material/check: Their events are the same, one by one, except for times and ids."))
        return
    with st.expander(
        _("First difference: event {number}, its {what}").format(
            number=difference.index, what=translated(difference.what)
        )
    ):
        for column, event in zip(st.columns(2), (difference.first, difference.second), strict=True):
            with column:
                _draw_event(event)
        if difference.first is not None:
            st.button(
                _("Show it in the table"),
                icon=":material/my_location:",
                key="events_difference",
                type="tertiary",
                on_click=pick,
                args=(difference.first.seq,),
            )


def _draw_event(event: RunEvent | None) -> None:
    if event is None:
        st.caption(_("This run has no event here: it ended earlier."))
    else:
        st.json(replace_invisible(serialization.dumps(event.as_dict()).decode()), expanded=2)
