"""One answer on a page: its text, its mark, its figures and what can be done with it."""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import streamlit as st
from pydantic import ValidationError

from chains.router import ROUTE_EVENT, RouteDecision
from pages.components.answer.display_markdown import to_display_markdown
from pages.components.answer.share_popover import draw_link
from pages.components.answer.text_stream import draw_text, stream_text
from pages.components.answer.truncation import draw_download, draw_missing, is_longer
from pages.components.layout import formatting
from pages.components.layout.copy_button import copy_button
from pages.components.session import run_links
from weir.analysis.metrics import MetricsAccumulator, RunMetrics, custom_event
from weir.analysis.outcome import AnswerStatus, Outcome, outcome
from weir.core.run_event import RunEvent
from weir.runs.run import Run
from weir.text.invisible_characters import replace_invisible

STATUS_BADGES = {
    AnswerStatus.WRITING: (":material/edit:", "blue"),
    AnswerStatus.DONE: (":material/check_circle:", "green"),
    AnswerStatus.STOPPED: (":material/stop_circle:", "gray"),
    AnswerStatus.CUT_OFF: (":material/content_cut:", "orange"),
    AnswerStatus.FAILED: (":material/error:", "red"),
}

_TICK = 0.25
"""Seconds between two updates of the figures of an answer that is being written."""


@dataclass(frozen=True, slots=True)
class FinishedAnswer:
    """What an answer was when its run ended: kept by the page, whether or not the record still is."""

    text: str
    figures: RunMetrics
    outcome: Outcome
    decision: RouteDecision | None = None


@dataclass(slots=True)
class AnswerState:
    """One answer: the run that writes it, once it has begun, and what it was, once it has ended."""

    run_id: str | None = None
    ended: FinishedAnswer | None = None

    def run(self) -> Run | None:
        """Return the run's record, if it has begun, is still kept, and may be read by this visitor."""
        if self.run_id is None:
            return None
        try:
            return run_links.open_run(self.run_id)
        except run_links.RUN_UNAVAILABLE:
            return None

    def settle(self) -> "FinishedAnswer | None":
        """Return what the answer was, if its run has ended."""
        run = self.run()
        if self.ended is None and run is not None and not run.is_live:
            self.ended = finished_answer_of_run(run)
        return self.ended


@dataclass(frozen=True, slots=True)
class AnswerPlaceholders:
    """The places of an answer, made before there is anything to put in them, so that nothing moves."""

    head: st.delta_generator.DeltaGenerator
    text: st.delta_generator.DeltaGenerator
    note: st.delta_generator.DeltaGenerator
    figures: st.delta_generator.DeltaGenerator
    actions: st.delta_generator.DeltaGenerator


def answer_placeholders(
    around: AbstractContextManager[st.delta_generator.DeltaGenerator] | None = None,
) -> AnswerPlaceholders:
    """Make the places of an answer here; `around` gives the place that its text stands in."""
    head = st.empty()
    with around or nullcontext(st.container()) as text:
        pass
    return AnswerPlaceholders(head, text, note=st.empty(), figures=st.empty(), actions=st.empty())


def stream_answer(
    answer: AnswerState,
    run: Run,
    places: AnswerPlaceholders,
    *,
    waiting: str,
    progress: Callable[[MetricsAccumulator, Run], None] | None = None,
) -> FinishedAnswer:
    """Stream a run's text into its places until it ends, and return what it was."""
    meter = MetricsAccumulator()
    shown_at = 0.0
    head_done = False
    seen = 0

    def tick() -> None:
        nonlocal shown_at, head_done, seen
        run_links.rerun_if_unshared(run)
        now = time.monotonic()
        if not head_done:
            head_done = _draw_route(run.events[seen:], places)
            seen = len(run.events)
        if now - shown_at < _TICK:
            return
        shown_at = now
        elapsed = time.time() - run.created_at
        line = formatting.live_metrics_line(meter, elapsed, waiting)
        places.figures.caption(line)
        if progress:
            progress(meter, run)

    places.figures.caption(f"{waiting} · 0 s")
    with places.text:
        text = stream_text(run, meter, tick)
    answer.ended = finished_answer(run, text, meter)
    return answer.ended


def draw_answer(ended: FinishedAnswer, places: AnswerPlaceholders) -> None:
    """Draw the text of an answer that has ended."""
    with places.text:
        draw_text(ended.text)


def draw_footer(
    ended: FinishedAnswer,
    places: AnswerPlaceholders,
    *,
    run_id: str | None,
    key: str,
    retry: Callable[[], None],
    more: Callable[[], None] | None = None,
) -> None:
    """Draw what stands around the text of an answer that has ended: mark, sentence, figures and actions.

    `more` draws further actions beside the others.
    """
    if ended.decision:
        draw_route_badge(ended.decision, places)
    said = ended.outcome
    if said.sentence or is_longer(ended.text):
        with places.note.container(gap="xsmall"):
            draw_note(ended)
    if ended.text or said.status is not AnswerStatus.FAILED:
        places.figures.caption(formatting.metrics_line(ended.figures))
    else:
        places.figures.caption(f"ended after {formatting.seconds(ended.figures.duration)}")
    with places.actions.container(horizontal=True, vertical_alignment="center", gap="small"):
        if said.status is AnswerStatus.DONE:
            st.button("Regenerate", icon=":material/refresh:", type="tertiary", key=f"again-{key}", on_click=retry)
        else:
            st.button("Retry", icon=":material/refresh:", key=f"again-{key}", on_click=retry)
        if is_longer(ended.text):
            draw_download(ended.text, run_id, key=f"whole-{key}")
        elif ended.text:
            copy_button(ended.text, key=f"copy-{key}")
        if run := AnswerState(run_id).run():
            inspect = {"run": run.id}
            st.page_link(
                "events.py", label="Inspect", icon=":material/timeline:", query_params=inspect, width="content"
            )
            draw_link(run)
        if more:
            more()


def draw_note(ended: FinishedAnswer) -> None:
    """Draw what has to be said of an answer: that it is shown in part, how it ended, why, and what to do."""
    said = ended.outcome
    if is_longer(ended.text):
        draw_missing(ended.text)
    if said.sentence:
        icon, color = STATUS_BADGES[said.status]
        st.badge(said.status.value, icon=icon, color=color)  # type: ignore[arg-type]
        # Of an imported answer these are the file's words.
        st.markdown(to_display_markdown(f"{said.sentence} {said.remedy}"))
    if said.detail:
        st.code(replace_invisible(said.detail), language=None, wrap_lines=True)


def draw_route_badge(decision: RouteDecision, places: AnswerPlaceholders) -> None:
    """Draw which way the question went."""
    route = decision.route
    note = (
        f" :small[{formatting.escape_markdown(decision.reason)} Answered as a general question.]"
        if decision.fallback
        else ""
    )
    places.head.markdown(f":{route.color}-badge[{route.icon} {route.label}]{note}")


def _draw_route(events: Sequence[RunEvent], places: AnswerPlaceholders) -> bool:
    decision = _decision(events)
    if decision is None:
        return False
    draw_route_badge(decision, places)
    return True


def _decision(events: Sequence[RunEvent]) -> RouteDecision | None:
    """Return the route that a run took. An event of that name may be of a chain of one's own and mean another thing."""
    try:
        return RouteDecision.model_validate(custom_event(events, ROUTE_EVENT))
    except ValidationError:
        return None


def finished_answer(run: Run, text: str, meter: MetricsAccumulator) -> FinishedAnswer:
    """Return what a run's answer was; `meter` has read all its events."""
    figures = meter.metrics()
    return FinishedAnswer(text, figures, outcome(run, figures), _decision(run.events))


def finished_answer_of_run(run: Run, *, before: str = "") -> FinishedAnswer:
    """Return what a run's answer was, after the text `before`; the run has ended."""
    meter = MetricsAccumulator()
    text = "".join([meter.add(event) for event in run.events])
    return finished_answer(run, before + text, meter)
