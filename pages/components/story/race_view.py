"""The lanes of a race: a clock and the text of each method or model, and the result."""

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from pages.components.answer.answer_view import STATUS_BADGES
from pages.components.answer.display_markdown import to_display_markdown
from pages.components.layout import formatting
from pages.components.layout.translation import _, digits
from pages.components.layout.weir_sentences import translated
from pages.components.session import run_links
from pages.components.session.app_services import answer_cost
from pages.components.story.race_chart import draw_race_chart
from pages.components.story.race_runs import Race
from weir.analysis import method_race
from weir.analysis.method_race import Lane
from weir.analysis.metrics import run_metrics
from weir.analysis.outcome import AnswerStatus, outcome

UPDATE_INTERVAL_SECONDS = 0.2

MAX_LIVE_CHARS = 2_000
"""A lane shows the end of a longer text while it is being written."""


def draw_race(race: Race) -> None:
    """Draw a race until it ends, and its result."""
    # The heading has the height of the result from the start, and what comes at the end comes below all else.
    head = st.container(key="race_head").empty()
    clocks = st.columns(len(race.lanes), gap="small")
    texts = st.columns(len(race.lanes), gap="small")
    result = st.container()
    placeholders = [
        _lane_placeholders(above, below, lane, number)
        for number, (above, below, lane) in enumerate(zip(clocks, texts, race.lanes, strict=True))
    ]
    head.markdown(_("#### Who has something to read first?"))
    # A loop, not a fragment that runs again and again: only the placeholders are sent, not the whole race.
    with contextlib.ExitStack() as readers:
        for lane in race.lanes:
            readers.enter_context(lane.run.reading())
        while race.is_live:
            for lane in race.lanes:
                run_links.rerun_if_unshared(lane.run)
            _draw_lanes(race, placeholders)
            time.sleep(UPDATE_INTERVAL_SECONDS)
    _draw_lanes(race, placeholders)
    summary = translated(method_race.summary(race.lanes))
    if summary:
        by_model = any(lane.model for lane in race.lanes)
        head.markdown(f"#### {formatting.escape_markdown(summary) if by_model else summary}")
    with result:
        if any(lane.arrivals for lane in race.lanes):
            draw_race_chart(race.lanes, summary)
        if any(lane.model for lane in race.lanes):
            _draw_figures(race.lanes)
        if agreement := translated(method_race.text_agreement(race.lanes)):
            st.markdown(f":material/compare_arrows: {agreement}")
    if not any(lane.model for lane in race.lanes):
        _draw_code(race)


def _draw_figures(lanes: Sequence[Lane]) -> None:
    """Draw the figures of the models side by side."""
    rows = []
    for lane in lanes:
        figures = run_metrics(lane.run.events)
        gaps = (figures.median_latency, figures.p95_latency)
        cost = answer_cost(figures)
        rows.append(
            {
                _("Model"): lane.label,
                _("First token"): _shown(figures.time_to_first_token, formatting.seconds),
                _("Tokens/s"): _shown(figures.tokens_per_second, lambda rate: digits(rate, ",.0f")),
                _("Median gap"): _shown(gaps[0], formatting.seconds_spoken),
                _("95 % of gaps below"): _shown(gaps[1], formatting.seconds_spoken),
                _("Tokens"): _shown(figures.tokens_out, digits),
                _("Cost"): _shown(cost, formatting.dollars),
                _("Total"): formatting.seconds(figures.duration),
            }
        )
    st.dataframe(rows, hide_index=True)


def _shown(value: float | None, form: Callable[[float], str]) -> str:
    return "–" if value is None else form(value)


def _draw_code(race: Race) -> None:
    with st.expander(_("Show code"), icon=":material/code:"):
        for tab, lane in zip(st.tabs([lane.method.label for lane in race.lanes]), race.lanes, strict=True):
            with tab:
                st.caption(translated(lane.method.note))
                st.code(lane.method.code, language="python")


@dataclass(frozen=True, slots=True)
class _LanePlaceholders:
    clock: st.delta_generator.DeltaGenerator
    state: st.delta_generator.DeltaGenerator
    text: st.delta_generator.DeltaGenerator


def _lane_placeholders(
    above: st.delta_generator.DeltaGenerator, below: st.delta_generator.DeltaGenerator, lane: Lane, number: int
) -> _LanePlaceholders:
    """Make the placeholders of a lane: its clock in one row with the others, its text in a row below."""
    name = f"`{lane.label}`" if not lane.model else formatting.escape_markdown(lane.method.label)
    title = formatting.escape_markdown(lane.model) or translated(lane.method.effect).capitalize()
    # Side by side where the lane has the width of a phone, else one below the other.
    with above.container(border=True, horizontal=True, horizontal_alignment="distribute", gap="xsmall"):
        st.markdown(f"**{title}**  \n:small[{name}]", width=130)
        # A model has its cost below its time.
        with st.container(gap=None, width=160, key=f"race_{'cost' if lane.model else 'clock'}_{number}"):
            clock, state = st.empty(), st.empty()
    with below.container(border=True, gap="xsmall"):
        st.caption(title if lane.model else name)
        with st.container(height=170, border=False, autoscroll=True):
            text = st.empty()
    return _LanePlaceholders(clock, state, text)


def _draw_lanes(race: Race, placeholders: Sequence[_LanePlaceholders]) -> None:
    for lane, slots in zip(race.lanes, placeholders, strict=True):
        _draw_lane(lane.read(), slots)


def _draw_lane(lane: Lane, slots: _LanePlaceholders) -> None:
    is_live = lane.run.is_live
    elapsed = lane.run.elapsed if is_live else lane.last
    if lane.first is None:
        slots.clock.metric(_("waiting") if is_live else _("no word in"), f"{digits(elapsed, '.1f')} s")
    else:
        slots.clock.metric(_("first word after"), formatting.seconds_spoken(lane.first))
    slots.state.caption(_state_text(lane, elapsed))
    text = lane.text
    if is_live and len(text) > MAX_LIVE_CHARS:
        text = "… " + text[-MAX_LIVE_CHARS:]
    slots.text.markdown(to_display_markdown(text) or ":gray[…]")


def _state_text(lane: Lane, elapsed: float) -> str:
    if lane.run.is_live:
        activity = _("writing") if lane.first is not None else _("waiting")
        return f":material/hourglass_top: {activity} · {digits(elapsed, '.1f')} s"
    figures = run_metrics(lane.run.events)
    end = outcome(lane.run, figures)
    icon = STATUS_BADGES[end.status][0]
    if end.status is AnswerStatus.FAILED:
        return f"{icon} {translated(end.message)}"
    cost = answer_cost(figures)
    price = "" if cost is None else f"  \n{formatting.dollars(cost)}"
    ended = _("{status} after {time}").format(
        status=translated(end.status.value).lower(), time=formatting.seconds_spoken(elapsed)
    )
    return f"{icon} {ended}{price}"
