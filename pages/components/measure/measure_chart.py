"""Charts of a measurement: first token and tokens/s by the number of answers at once, a line for each model."""

from collections.abc import Callable
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from pages.components.layout.translation import N_, _, digits, localized
from weir.measure.measured_figures import LevelFigures
from weir.measure.measurement_comparison import short_time
from weir.measure.measurement_file import MeasurementFile

NOW, EARLIER = N_("now"), N_("earlier")
HEIGHT = 240
Read = Callable[[LevelFigures], float | None]


def draw_measure_charts(measured: MeasurementFile, earlier: MeasurementFile | None) -> None:
    """Draw both charts; an earlier measurement has dashed lines."""
    first, speed = st.columns(2)
    with first:
        _draw_chart(measured, earlier, _("First token"), _("seconds (median)"), _first_token, _time)
    with speed:
        _draw_chart(measured, earlier, _("Tokens/s of all streams"), _("tokens/s"), _speed, _whole)


def _time(value: float) -> str:
    return localized(short_time(value))


def _whole(value: float) -> str:
    return digits(value, ",.0f")


def _first_token(level: LevelFigures) -> float | None:
    return level.first_token.median if level.first_token else None


def _speed(level: LevelFigures) -> float | None:
    return level.total_tokens_per_second


def _draw_chart(
    measured: MeasurementFile,
    earlier: MeasurementFile | None,
    title: str,
    unit: str,
    read: Read,
    form: Callable[[float], str],
) -> None:
    rows = _rows(measured, NOW, read) + (_rows(earlier, EARLIER, read) if earlier else [])
    if not rows:
        return
    dashes = alt.Scale(domain=[_(NOW), _(EARLIER)], range=[[1, 0], [5, 4]])
    legend = alt.Legend(orient="top", title=None)
    line = (
        alt.Chart(pd.DataFrame(rows))
        .mark_line(point=alt.OverlayMarkDef(size=55, filled=True))
        .encode(
            x=alt.X("at once:O", title=_("answers at once"), axis=alt.Axis(labelAngle=0)),
            y=alt.Y("value:Q", title=unit),
            color=alt.Color("model:N", legend=legend),
            shape=alt.Shape("model:N", legend=legend),
            strokeDash=alt.StrokeDash("measured:N", scale=dashes, legend=None),
            detail="measured:N",
            tooltip=[
                alt.Tooltip("model", title=_("model")),
                alt.Tooltip("at once", title=_("at once")),
                alt.Tooltip("value:Q", format=",.3~f", title=title),
                alt.Tooltip("measured", title=_("measured")),
            ],
        )
        .properties(height=HEIGHT)
    )
    point = _("{model}, {count} at once: {value}")
    values = "; ".join(point.format(model=row["model"], count=row["at once"], value=form(row["value"])) for row in rows)
    dashed = f" :small[{_('dashed: the earlier measurement')}]" if earlier else ""
    st.markdown(f"**{title}**{dashed}")
    st.altair_chart(line, alt=_("{title} by answers at once: {values}").format(title=title, values=values))


def _rows(measured: MeasurementFile, when: str, read: Read) -> list[dict[str, Any]]:
    return [
        {"model": level.model, "at once": level.concurrency, "value": value, "measured": _(when)}
        for level in measured.levels
        if (value := read(level)) is not None
    ]
