"""Waterfall of a graph's run: a lane for each node and tool, the phases of its models, and a line for each step."""

from collections.abc import Sequence
from typing import Literal

import altair as alt
import pandas as pd

from pages.components.inspector.run_charts import TIME_BUCKETS, Pick, draw_chart
from pages.components.layout.formatting import seconds
from pages.components.layout.palette import AMBER, BLUE, GREY, RED, TEAL, VIOLET
from weir.analysis.graph_lanes import Activity, Span, graph_spans, step_starts
from weir.analysis.run_tree import RunNode

MAX_LANES = 40
"""Lanes that are drawn, the first ones."""
MAX_STEP_LINES = 60
"""Steps that have a line, the first ones."""
MIN_STEP_GAP = 0.03
"""Part of the axis by which two numbers of steps stay apart, so that they can be read."""
MAX_NOTES = 40
"""Calls of tools up to which each has a note beside it."""
LATE = 0.85
"""Part of the axis after which a note is on the left of its bar, so that it is not cut off."""

_COLORS = {
    Activity.WAITING: "#b9c4c7",
    Activity.THINKING: VIOLET,
    Activity.CALLING: AMBER,
    Activity.WRITING: TEAL,
    Activity.TOOL: BLUE,
    Activity.NODE: GREY,
    Activity.FAILED: RED,
}


def draw_waterfall(root: RunNode, end: float, at: float | None, *, key: str, pick: Pick) -> bool:
    """Draw the waterfall, if the run is of a graph, and return whether it is. A click on a span selects its event."""
    spans = graph_spans(root, end)
    if not spans:
        return False
    lanes = list(dict.fromkeys(span.lane for span in spans))[:MAX_LANES]
    drawn = _merged([span for span in spans if span.lane in set(lanes)], end)
    activities = [activity for activity in Activity if any(span.activity is activity for span in drawn)]
    time = alt.Scale(domain=[0, max(end, 1e-3)], nice=False)
    axis = alt.Axis(labelLimit=220, labelFontSize=12, domain=False, ticks=False)
    lane = alt.Y("lane:N", sort=lanes, title=None, axis=axis)
    color = alt.Scale(
        domain=[activity.value for activity in activities], range=[_COLORS[activity] for activity in activities]
    )
    steps = _steps(root, end)
    rules = alt.Chart(steps).mark_rule(strokeDash=[2, 3], color=GREY, opacity=0.7).encode(x=alt.X("at:Q", scale=time))
    numbers = (
        alt.Chart(steps)
        .mark_text(align="left", baseline="bottom", dx=2, dy=-2, fontSize=11, color=GREY)
        .encode(x=alt.X("at:Q", scale=time), y=alt.value(0), text="label:N")
    )
    bars = (
        alt.Chart(_table(drawn))
        .mark_bar(height=18, cornerRadius=2, strokeWidth=1)
        .encode(
            x=alt.X("start:Q", title="seconds since the start", scale=time),
            x2="end:Q",
            y=lane,
            color=alt.Color(
                "what:N", scale=color, legend=alt.Legend(orient="bottom", title=None, columns=4, labelLimit=200)
            ),
            # With an outline, a span of no length stays visible.
            stroke=alt.Stroke("what:N", scale=color, legend=None),
            tooltip=[
                "lane",
                "what",
                alt.Tooltip("step:Q"),
                alt.Tooltip("start:Q", format=".3f"),
                alt.Tooltip("end:Q", format=".3f"),
            ],
        )
        .add_params(alt.selection_point(name="hit", fields=["seq"], on="click", empty=False))
    )
    layers = [rules, bars, numbers, *_notes(drawn, end, time, lane)]
    if at is not None:
        layers.append(alt.Chart(pd.DataFrame({"at": [at]})).mark_rule(color=AMBER, size=2).encode(x="at:Q"))
    draw_chart(alt.layer(*layers).properties(height=alt.Step(34)), key, pick, _alternative(drawn, lanes, end))
    return True


def _notes(spans: Sequence[Span], end: float, time: alt.Scale, lane: alt.Y) -> list[alt.Chart]:
    """Return what came of each call of a tool, as text beside it: most tools are too quick for a bar to be seen."""
    calls = [span for span in spans if ": " in span.lane and span.activity in (Activity.TOOL, Activity.FAILED)]
    if len(calls) > MAX_NOTES:
        return []
    rows = [
        {
            "lane": span.lane,
            "at": span.start if span.end > LATE * end else span.end,
            "is_late": span.end > LATE * end,
            "note": span.activity.value if span.activity is Activity.FAILED else seconds(span.end - span.start),
        }
        for span in calls
    ]
    sides: tuple[tuple[bool, Literal["left", "right"], int], ...] = ((False, "left", 6), (True, "right", -6))
    return [
        alt.Chart(pd.DataFrame([row for row in rows if row["is_late"] is is_late], columns=["lane", "at", "note"]))
        .mark_text(align=align, dx=dx, fontSize=11, color=GREY)
        .encode(x=alt.X("at:Q", scale=time), y=lane, text="note:N")
        for is_late, align, dx in sides
    ]


def _merged(spans: Sequence[Span], end: float) -> list[Span]:
    """Return the spans, at most one of a kind for each lane and place of the axis: a chart's size has a bound."""
    places: dict[tuple[str, Activity, int], Span] = {}
    for span in spans:
        place = span.lane, span.activity, int(TIME_BUCKETS * span.start / max(end, 1e-9))
        known = places.setdefault(place, span)
        if span.end - span.start > known.end - known.start:
            places[place] = span
    return list(places.values())


def _table(spans: Sequence[Span]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "lane": [span.lane for span in spans],
            "what": [span.activity.value for span in spans],
            "start": [span.start for span in spans],
            "end": [span.end for span in spans],
            "step": [span.step for span in spans],
            "seq": [span.seq for span in spans],
        }
    )


def _steps(root: RunNode, end: float) -> pd.DataFrame:
    rows: list[tuple[float, str]] = []
    labelled = float("-inf")
    for step, at in list(step_starts(root).items())[:MAX_STEP_LINES]:
        has_room = at - labelled > MIN_STEP_GAP * end
        rows.append((at, (f"step {step}" if not rows else str(step)) if has_room else ""))
        labelled = at if has_room else labelled
    return pd.DataFrame(rows, columns=["at", "label"])


def _alternative(spans: Sequence[Span], lanes: Sequence[str], end: float) -> str:
    """Return the text alternative: each lane with the times of what it did."""
    lines = []
    for lane in lanes:
        times: dict[str, float] = {}
        for span in spans:
            if span.lane == lane:
                times[span.activity.value] = times.get(span.activity.value, 0.0) + span.end - span.start
        lines.append(f"{lane}: " + ", ".join(f"{what} {seconds(time)}" for what, time in times.items()))
    return f"Waterfall of a graph over {seconds(end)}. {'; '.join(lines)}"
