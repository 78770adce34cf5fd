"""The chart of a race: when the words of each lane came."""

from collections.abc import Sequence
from typing import Any, Literal

import altair as alt
import pandas as pd
import streamlit as st

from pages.components.layout import formatting
from pages.components.layout.translation import N_, _
from weir.analysis.method_race import Lane

TIME_BINS = 300
"""Chunks of a lane in the same bin of the time axis are drawn as one tick."""

LATE = 0.6
"""Fraction of the time axis after which a label is on the left of its point, so that the chart does not cut it off."""

WAITING, WRITING = N_("you wait"), N_("you can read")
_COLORS = ("#b9a27a", "#2f93a0")


def draw_race_chart(lanes: Sequence[Lane], summary: str) -> None:
    """Draw a bar for each lane, with a tick for each chunk. `summary` begins the text alternative."""
    end = max(lane.last for lane in lanes)
    labels = _labels(lanes, end)
    x_scale = alt.Scale(domain=[0, end * 1.02], nice=False)
    order = [lane.label for lane in lanes]
    y = alt.Y("method:N", sort=order, title=None, axis=alt.Axis(domain=False, ticks=False, labelFontSize=13))
    layers = [
        _bars(lanes, x_scale, y),
        _chunk_ticks(lanes, end, x_scale, y),
        _end_points(lanes, x_scale, y),
        *_label_layers(labels, x_scale, y),
    ]
    st.markdown(_("**Arrival of chunks** :small[each thin line is one chunk, ◆ is the end]"))
    spoken = "; ".join(f"{label['method']}: {label['says']}" for label in labels)
    st.altair_chart(
        alt.layer(*layers).properties(height=alt.Step(38)),
        alt=_("{summary} {spoken}; the last ended after {end}").format(
            summary=summary, spoken=spoken, end=formatting.seconds(end)
        ),
    )


def _bars(lanes: Sequence[Lane], x_scale: alt.Scale, y: alt.Y) -> alt.Chart:
    colors = alt.Scale(domain=[_(WAITING), _(WRITING)], range=list(_COLORS))
    rows: list[dict[str, Any]] = []
    for lane in lanes:
        name, first = lane.label, lane.first
        rows.append({"method": name, "from": 0.0, "to": lane.last if first is None else first, "what": _(WAITING)})
        if first is not None:
            # A single chunk makes a bar without length: its stroke keeps it visible.
            rows.append({"method": name, "from": first, "to": lane.last, "what": _(WRITING)})
    chart: alt.Chart = (
        alt.Chart(pd.DataFrame(rows))
        .mark_bar(height=16, cornerRadius=2, strokeWidth=1.5, opacity=0.55)
        .encode(
            x=alt.X("from:Q", scale=x_scale, title=_("seconds since the start")),
            x2="to:Q",
            y=y,
            color=alt.Color("what:N", scale=colors, legend=alt.Legend(orient="top", title=None)),
            stroke=alt.Stroke("what:N", scale=colors, legend=None),
            tooltip=["method", "what", alt.Tooltip("from:Q", format=".2f"), alt.Tooltip("to:Q", format=".2f")],
        )
    )
    return chart


def _chunk_ticks(lanes: Sequence[Lane], end: float, x_scale: alt.Scale, y: alt.Y) -> alt.Chart:
    rows: list[dict[str, Any]] = []
    for lane in lanes:
        if lane.first is not None:
            # Reversed, so that of a bin the first chunk is drawn.
            bins = {int(TIME_BINS * at / max(end, 1e-9)): at for at in reversed(lane.arrivals)}
            rows += [{"method": lane.label, "at": at} for at in bins.values()]
    is_dark = st.context.theme.type == "dark"
    chart: alt.Chart = (
        alt.Chart(pd.DataFrame(rows, columns=["method", "at"]))
        .mark_tick(thickness=1.5, height=16, color="#8fd6df" if is_dark else "#0e6e7c")
        .encode(
            x=alt.X("at:Q", scale=x_scale), y=y, tooltip=["method", alt.Tooltip("at:Q", format=".3f", title=_("chunk"))]
        )
    )
    return chart


def _end_points(lanes: Sequence[Lane], x_scale: alt.Scale, y: alt.Y) -> alt.Chart:
    rows = [{"method": lane.label, "at": lane.last} for lane in lanes]
    chart: alt.Chart = (
        alt.Chart(pd.DataFrame(rows))
        .mark_point(shape="diamond", filled=True, size=70, opacity=1, color="#0b4f59", stroke="white", strokeWidth=1)
        .encode(
            x=alt.X("at:Q", scale=x_scale), y=y, tooltip=["method", alt.Tooltip("at:Q", format=".3f", title=_("end"))]
        )
    )
    return chart


def _labels(lanes: Sequence[Lane], end: float) -> list[dict[str, Any]]:
    return [
        {
            "method": lane.label,
            "at": lane.first,
            "says": _("first word {time}").format(time=formatting.seconds_spoken(lane.first)),
            "side": "right" if lane.first > LATE * end else "left",
        }
        for lane in lanes
        if lane.first is not None
    ]


def _label_layers(labels: Sequence[dict[str, Any]], x_scale: alt.Scale, y: alt.Y) -> list[alt.Chart]:
    sides: tuple[tuple[Literal["left", "right"], int], ...] = (("left", 2), ("right", -2))
    return [
        alt.Chart(pd.DataFrame([label for label in labels if label["side"] == side], columns=["method", "at", "says"]))
        .mark_text(align=side, dx=dx, dy=-15, fontSize=12, color="#7d8b90")
        .encode(x=alt.X("at:Q", scale=x_scale), y=y, text="says:N")
        for side, dx in sides
    ]
