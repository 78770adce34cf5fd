"""Figures over the listed runs: percentiles of the time to the first token and of the speed, and their charts."""

from datetime import UTC, datetime, tzinfo

import altair as alt
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.components.inspector.programs_view import counted_runs
from pages.components.layout import formatting
from pages.components.layout.palette import GREY, TEAL
from pages.components.layout.translation import _, digits
from weir.analysis.run_trends import Trend

CHART_HEIGHT = 90
FIGURES_HEIGHT = 135
"""Height of a figure with its chart, which is kept free for it."""


def figures_container(first_token: Trend | None, speed: Trend | None) -> DeltaGenerator:
    """Return the container for the figures, as high as they will be."""
    has_chart = any(one is not None and len(one.points) > 1 for one in (first_token, speed))
    return st.container(height=FIGURES_HEIGHT if has_chart else "content", border=False, key="run_figures")


def draw_run_figures(first_token: Trend | None, speed: Trend | None, zone: tzinfo) -> None:
    """Draw both figures side by side; nothing while no run has one."""
    if first_token is None and speed is None:
        return
    left, right = st.columns(2)
    with left:
        _draw(first_token, _("First token"), "s", formatting.seconds, zone)
    with right:
        _draw(speed, _("Tokens/s"), _("tokens/s"), lambda value: digits(value, ",.0f"), zone)


def _draw(trend: Trend | None, title: str, unit: str, text_of: formatting.NumberFormat, zone: tzinfo) -> None:
    if trend is None:
        return
    runs = counted_runs(trend.runs)
    percentiles = f"p50 {text_of(trend.p50)} · p95 {text_of(trend.p95)}"
    has_chart = len(trend.points) > 1
    st.markdown(f"**{title}** {percentiles} :small[{runs}{'; ' + _('p95 is dashed') if has_chart else ''}]")
    if not has_chart:
        return
    rows = pd.DataFrame(
        [
            {"at": _local(point.at, zone), "value": value, "percentile": name, "runs": point.runs}
            for point in trend.points
            for name, value in (("p50", point.p50), ("p95", point.p95))
        ]
    )
    chart = (
        alt.Chart(rows)
        .mark_line(point=alt.OverlayMarkDef(size=18), strokeWidth=1.5)
        .encode(
            x=alt.X("at:T", title=None, axis=alt.Axis(tickCount=6, grid=False, format=_time_format(trend))),
            y=alt.Y("value:Q", title=unit, axis=alt.Axis(tickCount=3)),
            color=alt.Color("percentile:N", legend=None, scale=alt.Scale(domain=["p50", "p95"], range=[TEAL, GREY])),
            strokeDash=alt.StrokeDash(
                "percentile:N", legend=None, scale=alt.Scale(domain=["p50", "p95"], range=[[1, 0], [4, 3]])
            ),
            tooltip=[
                alt.Tooltip("at:T", title=_("from"), format="%d %b %H:%M"),
                alt.Tooltip("percentile:N", title=_("percentile")),
                alt.Tooltip("value:Q", title=unit, format=".3~g"),
                alt.Tooltip("runs:Q", title=_("runs")),
            ],
        )
        .properties(height=CHART_HEIGHT)
    )
    st.altair_chart(
        chart,
        alt=_("{title} over time: {percentiles} of {runs}").format(title=title, percentiles=percentiles, runs=runs),
    )


def _time_format(trend: Trend) -> str:
    """Return how the axis says times: as short as the span of the runs allows."""
    span = trend.points[-1].at - trend.points[0].at
    if span > 2 * 86_400:
        return "%d %b"
    return "%H:%M" if span > 600 else "%H:%M:%S"


def _local(at: float, zone: tzinfo) -> datetime:
    """Return a moment as the visitor's clock shows it, without its zone: charts draw such times as they are."""
    return datetime.fromtimestamp(at, UTC).astimezone(zone).replace(tzinfo=None)
