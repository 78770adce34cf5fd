"""The race: one prompt through several methods at once, in lanes with a clock."""

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import altair as alt
import pandas as pd
import streamlit as st

from pages.components.answer.answer_view import STATUS_BADGES
from pages.components.answer.display_markdown import to_display_markdown
from pages.components.layout import formatting
from pages.components.session import run_links
from pages.components.session.app_services import service
from pages.components.session.current_user import current_caller
from pages.components.session.my_runs import my_runs
from pages.components.session.recordings import open_recording, samples
from pages.components.story import request as wishes
from pages.components.story.request import PreparedStory, StoryRequest
from weir.analysis import method_race
from weir.analysis.method_race import Lane
from weir.analysis.metrics import run_metrics
from weir.analysis.outcome import AnswerStatus, outcome
from weir.config.comma_list import split_commas
from weir.runs.methods import Method
from weir.runs.run import Run

TICK = 0.2
"""Seconds between two looks at the lanes."""

LANE_TEXT = 2_000
"""Characters of a story that is being written that a lane shows: its end."""

PLACES = 300
"""Of a lane's time axis: chunks that fall on one place are one mark."""

FROM_MODEL = "the model"
WAITING, WRITING = "you wait", "you can read"
_COLORS = alt.Scale(domain=[WAITING, WRITING], range=["#b9a27a", "#2f93a0"])
_COLUMNS = 5


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Race:
    """The lanes of one race, for the button that stops them all."""

    lanes: tuple[Lane, ...]

    @property
    def id(self) -> str:
        return "race-" + self.lanes[0].run.id

    @property
    def is_live(self) -> bool:
        return any(lane.run.is_live for lane in self.lanes)

    def stop(self) -> None:
        """Stop all lanes."""
        for lane in self.lanes:
            lane.run.stop()

    def can_stop(self, visitor: str) -> bool:
        """Whether this visitor, a `Party.visitor`, may stop all lanes."""
        return all(lane.run.can_stop(visitor) for lane in self.lanes)


def sources() -> dict[str, str]:
    """Return what can be raced, by id: the model, the recorded story, and this visitor's own finished stories."""
    told = [run for run in my_runs() if run.context.get("page") == "story" and not run.is_live and _topic(run)]
    own = {run.id: f"recorded: {_topic(run)}" for run in reversed(told) if len(method_race.timed_chunks(run)) > 1}
    sample = {name: f"recorded: {title.lower()}" for name, (title, _) in samples().items() if name.startswith("1-")}
    return {FROM_MODEL: FROM_MODEL, **sample, **dict(list(own.items())[:5])}


def _topic(run: Run) -> str:
    return str(method_race.run_input(run).get("topic", ""))[:50]


def recorded(source: str) -> Run:
    """Return the run that a source names."""
    return open_recording(samples()[source][1]) if source in samples() else run_links.open_run(source)


def begin(wish: StoryRequest, methods: Sequence[Method]) -> None:
    """Start all lanes with the model. Raises ModelNotReadyError or LimitReachedError."""
    _open([wishes.prepare(replace(wish, method=method)) for method in methods])


def begin_replay(source: str, methods: Sequence[Method]) -> None:
    """Start all lanes with a recorded stream. Raises LimitReachedError."""
    original = recorded(source)
    _open([wishes.prepare_recorded(original, method) for method in methods])


def _open(lanes: Sequence[PreparedStory]) -> None:
    if (old := current()) and old.can_stop(current_caller().visitor):
        old.stop()
    # None starts before all are made: what making a client takes is not the others' time.
    begun: list[Run] = []
    try:
        for lane in lanes:
            lane.start(begun.append)
        st.query_params["race"] = ",".join([run.id for run in begun])
    except BaseException:  # where one is refused, and where Streamlit ends the script
        for run in begun:
            run.stop()
        raise


def current() -> Race | None:
    """Return the race that the address names; say so where it is gone."""
    ids = split_commas(st.query_params.get("race", ""))
    if not ids:
        return None
    try:
        runs = [run_links.open_run(run_id) for run_id in ids]
    except run_links.RUN_UNAVAILABLE as gone:
        run_links.draw_run_unavailable(gone)
        return None
    kept: Race | None = st.session_state.get("story_race")
    if kept and [lane.run for lane in kept.lanes] == runs:
        return kept
    opened = Race(tuple(Lane(method_race.method_of(run), run) for run in runs))
    st.session_state.story_race = opened
    return opened


def draw(found: Race) -> None:
    """Draw a race, for as long as it goes on and afterwards."""
    head = st.empty()
    clocks = st.columns(len(found.lanes), gap="small")
    result = st.container()
    texts = st.columns(len(found.lanes), gap="small")
    slots = [_slots(above, below, lane) for above, below, lane in zip(clocks, texts, found.lanes, strict=True)]
    head.markdown("#### Who has something to read first?")
    # A loop, not a fragment that comes again and again: what stands is not drawn anew.
    with contextlib.ExitStack() as readers:
        for lane in found.lanes:
            readers.enter_context(lane.run.reading())
        while found.is_live:
            for lane in found.lanes:
                run_links.rerun_if_unshared(lane.run)
            _draw_lanes(found, slots)
            time.sleep(TICK)
    _draw_lanes(found, slots)
    if said := method_race.summary(found.lanes):
        head.markdown(f"#### {said}")
    with result:
        _draw_result(found)
    with st.expander("Show code", icon=":material/code:"):
        for tab, lane in zip(st.tabs([lane.method.label for lane in found.lanes]), found.lanes, strict=True):
            with tab:
                st.caption(lane.method.note)
                st.code(lane.method.code, language="python")


@dataclass(frozen=True, slots=True)
class _Slots:
    clock: st.delta_generator.DeltaGenerator
    state: st.delta_generator.DeltaGenerator
    text: st.delta_generator.DeltaGenerator


def _slots(above: st.delta_generator.DeltaGenerator, below: st.delta_generator.DeltaGenerator, lane: Lane) -> _Slots:
    """Make the places of a lane: its clock in one row with the others, its text in a row below."""
    name = f"`{lane.method.label}`"
    # Side by side where the lane has the width of a phone, else one below the other.
    with above.container(border=True, horizontal=True, horizontal_alignment="distribute", gap="xsmall"):
        st.markdown(f"**{lane.method.effect.capitalize()}**  \n:small[{name}]", width=130)
        with st.container(gap=None, width=160):
            clock, state = st.empty(), st.empty()
    with below.container(border=True, gap="xsmall"):
        st.caption(name)
        with st.container(height=170, border=False, autoscroll=True):
            text = st.empty()
    return _Slots(clock, state, text)


def _draw_lanes(found: Race, slots: Sequence[_Slots]) -> None:
    for lane, places in zip(found.lanes, slots, strict=True):
        _draw_lane(lane.read(), places)


def _draw_lane(lane: Lane, places: _Slots) -> None:
    live = lane.run.is_live
    now = lane.run.elapsed if live else lane.last
    label, value = ("no word after", f"{now:.1f} s") if lane.first is None else ("first word after", _first(lane))
    places.clock.metric(label, value)
    places.state.caption(_state(lane, now))
    text = lane.text
    if live and len(text) > LANE_TEXT:
        text = "… " + text[-LANE_TEXT:]
    places.text.markdown(to_display_markdown(text) or ":gray[…]")


def _first(lane: Lane) -> str:
    return "" if lane.first is None else method_race.seconds_spoken(lane.first)


def _state(lane: Lane, now: float) -> str:
    if lane.run.is_live:
        doing = "writing" if lane.first is not None else "waiting"
        return f":material/hourglass_top: {doing} · {now:.1f} s"
    seen = run_metrics(lane.run.events)
    said = outcome(lane.run, seen)
    icon, _ = STATUS_BADGES[said.status]
    if said.status is AnswerStatus.FAILED:
        return f"{icon} {said.sentence}"
    cost = service().settings.answer_cost(seen.tokens_in, seen.tokens_out)
    price = "" if cost is None else f"  \n{formatting.dollars(cost)}"
    return f"{icon} {said.status.value.lower()} after {method_race.seconds_spoken(now)}{price}"


def _draw_result(found: Race) -> None:
    lanes = found.lanes
    if any(lane.arrivals for lane in lanes):
        _draw_chart(lanes, method_race.summary(lanes))
    if alike := method_race.text_agreement(lanes):
        st.markdown(f":material/compare_arrows: {alike}")


def _draw_chart(lanes: Sequence[Lane], said: str) -> None:
    end = max(lane.last for lane in lanes)
    is_dark = st.context.theme.type == "dark"
    bars, marks, labels = [], [], []
    for lane in lanes:
        first, name = lane.first, lane.method.label
        until = lane.last if first is None else first
        bars.append({"method": name, "from": 0.0, "to": until, "what": WAITING})
        if first is None:
            continue
        # Of a bar without length its outline is left: a single chunk is in sight as well.
        bars.append({"method": name, "from": first, "to": lane.last, "what": WRITING})
        places = {int(PLACES * at / max(end, 1e-9)): at for at in reversed(lane.arrivals)}
        marks += [{"method": name, "at": at} for at in places.values()]
        late = first > 0.6 * end
        labels.append(
            {
                "method": name,
                "at": first,
                "says": f"first word {method_race.seconds_spoken(first)}",
                "side": "right" if late else "left",
            }
        )
    order = [lane.method.label for lane in lanes]
    y = alt.Y("method:N", sort=order, title=None, axis=alt.Axis(domain=False, ticks=False, labelFontSize=13))
    time = alt.Scale(domain=[0, end * 1.02], nice=False)
    bar = (
        alt.Chart(pd.DataFrame(bars))
        .mark_bar(height=16, cornerRadius=2, strokeWidth=1.5, opacity=0.55)
        .encode(
            x=alt.X("from:Q", scale=time, title="seconds since the start"),
            x2="to:Q",
            y=y,
            color=alt.Color("what:N", scale=_COLORS, legend=alt.Legend(orient="top", title=None)),
            stroke=alt.Stroke("what:N", scale=_COLORS, legend=None),
            tooltip=["method", "what", alt.Tooltip("from:Q", format=".2f"), alt.Tooltip("to:Q", format=".2f")],
        )
    )
    tick = (
        alt.Chart(pd.DataFrame(marks, columns=["method", "at"]))
        .mark_tick(thickness=1.5, height=16, color="#8fd6df" if is_dark else "#0e6e7c")
        .encode(x=alt.X("at:Q", scale=time), y=y, tooltip=["method", alt.Tooltip("at:Q", format=".3f", title="chunk")])
    )
    ends = pd.DataFrame([{"method": lane.method.label, "at": lane.last} for lane in lanes])
    end_mark = (
        alt.Chart(ends)
        .mark_point(shape="diamond", filled=True, size=70, opacity=1, color="#0b4f59", stroke="white", strokeWidth=1)
        .encode(x=alt.X("at:Q", scale=time), y=y, tooltip=["method", alt.Tooltip("at:Q", format=".3f", title="end")])
    )
    layers = [bar, tick, end_mark]
    sides: tuple[tuple[Literal["left", "right"], int], ...] = (("left", 2), ("right", -2))
    for side, dx in sides:
        told = pd.DataFrame([e for e in labels if e["side"] == side], columns=["method", "at", "says", "side"])
        layers.append(
            alt.Chart(told)
            .mark_text(align=side, dx=dx, dy=-15, fontSize=12, color="#7d8b90")
            .encode(x=alt.X("at:Q", scale=time), y=y, text="says:N")
        )
    st.markdown("**When the words came** :small[each thin line is one chunk, ◆ is the end]")
    spoken = "; ".join(f"{e['method']}: {e['says']}" for e in labels)
    st.altair_chart(
        alt.layer(*layers).properties(height=alt.Step(38)),
        alt=f"{said} {spoken}; the last ended after {formatting.seconds(end)}",
    )
