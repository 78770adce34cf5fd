"""The timeline chart of the fields: when each appeared, closed and was validated."""

import altair as alt
import pandas as pd
import streamlit as st

from pages.components.layout.formatting import inline_code, seconds
from pages.components.layout.palette import AMBER, BLUE, GREY, RED, TEAL
from pages.components.layout.translation import _, digits
from pages.components.layout.weir_sentences import translated
from weir.partial_json.field_timeline import FieldTimeline, FieldTimelines
from weir.partial_json.fields import Validity

MAX_LINES = 60
_STATES = {"growing": AMBER, "closed": BLUE, "valid": TEAL, "invalid": RED}
"""Colours of the values of `Stage`."""


def draw_field_timeline(lives: FieldTimelines, started: float, end: float, at: float) -> None:
    """Draw a bar for each path: growing, closed, validated, and a rule at the moment that is shown, `at`.

    `started` and `end` are the times of the first and the last chunk.
    """
    lines = lives.lines[:MAX_LINES]
    if not lines:
        st.caption(_("There is no field yet."))
        return
    st.markdown(_sentences(lives, started, end))
    bars = pd.DataFrame([bar for line in lines for bar in _bars(line, end)])
    colors = alt.Scale(domain=[translated(state) for state in _STATES], range=list(_STATES.values()))
    order = [line.pointer or _("(document)") for line in lines]
    chart: alt.Chart = (
        alt.Chart(bars)
        .mark_bar(height=12, cornerRadius=2, strokeWidth=1.5)
        .encode(
            x=alt.X("from:Q", title=_("seconds since the start"), scale=alt.Scale(domain=[started, max(end, 1e-3)])),
            x2="to:Q",
            y=alt.Y("path:N", sort=order, title=None, axis=alt.Axis(labelLimit=240, labelOverlap=False, ticks=False)),
            color=alt.Color("state:N", scale=colors, legend=alt.Legend(orient="top", title=None)),
            stroke=alt.Stroke("state:N", scale=colors, legend=None),
            tooltip=["path", "state", alt.Tooltip("from:Q", format=".3f"), alt.Tooltip("to:Q", format=".3f")],
        )
    )
    moment = alt.Chart(pd.DataFrame({"at": [at]})).mark_rule(color=GREY, strokeDash=[4, 3], size=2).encode(x="at:Q")
    layers = alt.layer(chart, moment).properties(height=alt.Step(22))
    st.altair_chart(
        layers,
        key="json_lifelines",
        alt=_("Timelines of {count} fields over {end}").format(count=len(lines), end=seconds(end)),
    )
    if len(lives.lines) > MAX_LINES:
        st.caption(_("The first {shown} of {count} fields.").format(shown=MAX_LINES, count=digits(len(lives.lines))))


def _bars(line: FieldTimeline, end: float) -> list[dict[str, object]]:
    path = line.pointer or _("(document)")
    closed = line.closed_at
    bars: list[dict[str, object]] = [
        {"path": path, "state": translated("growing"), "from": line.opened_at, "to": end if closed is None else closed}
    ]
    if closed is None:
        return bars
    judged = line.judged_at
    if judged is None or judged > closed:
        bars.append(
            {"path": path, "state": translated("closed"), "from": closed, "to": end if judged is None else judged}
        )
    if judged is not None:
        state = "invalid" if line.verdict is Validity.INVALID else "valid"
        bars.append({"path": path, "state": translated(state), "from": judged, "to": end})
    return bars


def _sentences(lives: FieldTimelines, started: float, end: float) -> str:
    sentences = []
    if lives.first_usable_at is not None:
        waited, early = lives.first_usable_at - started, end - lives.first_usable_at
        sentences.append(
            _("First complete field {waited} after the first chunk, {early} before the end.").format(
                waited=seconds(waited), early=seconds(early)
            )
        )
    invalid = [line for line in lives.lines if line.verdict is Validity.INVALID and line.judged_at is not None]
    if invalid:
        # Of several at the same moment the innermost: the values around it are invalid because of it.
        first = min(invalid, key=lambda line: (line.judged_at or 0.0, -line.pointer.count("/")))
        known, where = seconds(end - (first.judged_at or 0.0)), inline_code(first.pointer or _("(document)"))
        sentences.append(
            _("First schema error known {time} before the end, at {place}.").format(time=known, place=where)
        )
    return " ".join(sentences) or _("No field is complete yet.")
