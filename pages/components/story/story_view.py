"""One story on the page: told anew, continued, stopped, and its earlier versions."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from uuid import uuid4

import streamlit as st

from pages.components.answer.answer_view import (
    AnswerPlaceholders,
    AnswerState,
    FinishedAnswer,
    finished_answer,
    finished_answer_of_run,
)
from pages.components.answer.truncation import full_answer_bytes
from pages.components.layout import formatting
from pages.components.layout.input_bar import InputBar, StopButton
from pages.components.session import run_links
from pages.components.session.app_services import service
from pages.components.session.current_user import current_caller
from pages.components.session.run_start import draw_retry
from pages.components.story import metrics_view, request
from pages.components.story.request import StoryRequest
from pages.components.story.streaming_display import (
    CHUNKS_MESSAGE,
    PROGRESS_MESSAGES,
    Display,
    DisplayCost,
    draw_text,
    stream_text,
)
from weir.access.limits import LimitReachedError
from weir.analysis import method_race
from weir.analysis.metrics import MetricsAccumulator
from weir.analysis.outcome import AnswerStatus
from weir.analysis.progress import Progress, RunPhase, run_phase
from weir.analysis.stop_report import stop_report
from weir.analysis.text_chunks import TextChunk, text_chunks
from weir.llm.chain_registry import ModelNotReadyError
from weir.runs.run import Run

TICK = 0.25
"""Seconds between two updates of progress and figures."""

WORDS_FIRST = 0.1
"""Seconds into a run for its first words to come before anything else is drawn, which they would wait for.

Only then can it be stopped, and does the address name it: a browser that changes that draws nothing for a moment.
"""


@dataclass(slots=True)
class StoryVersion:
    """One telling of a story."""

    wish: StoryRequest
    display: Display = field(default_factory=Display)
    answer: AnswerState = field(default_factory=AnswerState)
    cost: DisplayCost = field(default_factory=DisplayCost)
    id: str = field(default_factory=lambda: uuid4().hex)

    def is_taken_back(self) -> bool:
        """Whether it is of a link that is not shared with this visitor any more."""
        return self.answer.run_id is not None and run_links.is_share_revoked(self.answer.run_id)

    def settle(self) -> FinishedAnswer | None:
        """Return what the story was, with what it went on from, if its run has ended."""
        if self.answer.ended is None and (run := self.answer.run()) and not run.is_live:
            self.answer.ended = finished_answer_of_run(run, before=self.wish.so_far)
        return self.answer.ended


def from_link(run: Run) -> StoryVersion:
    """Return the story that a link opens."""
    value = method_race.run_input(run)
    wanted = StoryRequest(
        str(value.get("topic", "")), method=method_race.method_of(run), so_far=str(value.get("so_far", ""))
    )
    return StoryVersion(wanted, answer=AnswerState(run.id))


class LiveProgress:
    """The progress of a story that is being written, and the line of figures below it."""

    def __init__(self, places: AnswerPlaceholders, cost: DisplayCost) -> None:
        # Below the text: there it is in sight however long the story gets.
        with places.figures.container(gap="xsmall"):
            self._progress, self._figures = st.empty(), st.empty()
        self._cost = cost
        self._shown_at = 0.0

    @property
    def is_due(self) -> bool:
        """Whether it is time for an update."""
        return time.monotonic() - self._shown_at >= TICK

    def show(self, now_in: RunPhase, so_far: Progress, elapsed: float, figures: str = "") -> None:
        """Update both; without figures, their place is held."""
        self._shown_at = time.monotonic()
        said, figures = metrics_view.progress_text(now_in, so_far, elapsed), figures or "\u00a0"
        self._progress.progress(so_far.fraction, text=said)
        self._figures.caption(figures)
        self._cost.add_bytes(PROGRESS_MESSAGES + len(said.encode()) + len(figures.encode()))


def start_story(version: StoryVersion, live: LiveProgress) -> Run | None:
    """Start the run of a story, and say that it waits; None while no model is ready. Raises LimitReachedError."""

    def note(run: Run) -> None:
        version.answer.run_id = run.id

    live.show(RunPhase.WAITING, Progress(0, version.wish.length.expected_tokens, None, None), 0.0)
    try:
        return request.prepare(version.wish).start(note)
    except ModelNotReadyError:
        return None


@dataclass(frozen=True, slots=True)
class BelowStory:
    """The places below a story."""

    facts: st.delta_generator.DeltaGenerator
    chunks: st.delta_generator.DeltaGenerator
    lists_chunks: bool
    """Whether the list of chunks is open."""


def create_below() -> BelowStory:
    """Make the places below a story here."""
    facts = st.empty()
    with st.expander("Chunks", icon=":material/format_list_numbered:", key="story_chunks", on_change="rerun"):
        lists_chunks = bool(st.session_state.get("story_chunks"))
        if lists_chunks:
            st.caption(metrics_view.ABOUT_CHUNKS)
        return BelowStory(facts, st.empty(), lists_chunks)


def stream_story(
    version: StoryVersion,
    run: Run,
    places: AnswerPlaceholders,
    live: LiveProgress,
    below: BelowStory,
    stop: StopButton,
    beside: Callable[[], None],
) -> FinishedAnswer:
    """Stream a story into its places until it ends; `beside` is called with each update of its progress."""
    meter, cost = MetricsAccumulator(), version.cost
    now_in, seen = RunPhase.WAITING, 0
    streams = method_race.method_of(run).streams
    newest: deque[TextChunk] = deque(maxlen=metrics_view.NEWEST)
    expected, limit = run.context["expected_tokens"], run.context.get("max_tokens")

    def tick() -> None:
        nonlocal now_in, seen
        run_links.rerun_if_unshared(run)
        if run.elapsed >= WORDS_FIRST:
            stop.enable(run)
            run_links.show_link(run)
        if not live.is_due:
            return
        beside()
        events = run.events[seen:]
        seen += len(events)
        now_in = run_phase(events, now_in, run.connection, streams=streams)
        so_far = Progress(meter.tokens_so_far, expected, limit, meter.tokens_per_second)
        figures = formatting.live_metrics_line(meter, run.elapsed, now_in.value) if now_in is RunPhase.WRITING else ""
        live.show(now_in, so_far, run.elapsed, figures)
        if below.lists_chunks:
            newest.extend(text_chunks(events, after=newest[-1] if newest else None))
            listed = metrics_view.newest_lines(newest)
            below.chunks.code(listed, language=None)
            cost.add_bytes(CHUNKS_MESSAGE + len(listed.encode()))

    tick()
    with places.text:
        told = stream_text(run, meter, version.display, cost, tick, before=version.wish.so_far)
    version.answer.ended = finished_answer(run, told, meter)
    return version.answer.ended


def draw_story(
    version: StoryVersion, bottom: InputBar, places: AnswerPlaceholders, below: BelowStory, beside: Callable[[], None]
) -> FinishedAnswer:
    """Draw a story, from its start to its end if need be; ends the script where it can't begin.

    `beside` draws what else is on the page, unless that is done. A story's first words wait in the browser for all that
    was drawn between its beginning and them: what the page needs at once is drawn before it begins, the rest later.
    """
    done = version.settle()
    if done is not None:
        with places.text:
            draw_text(done.text, version.display)
        if run := version.answer.run():
            run_links.show_link(run)
        return done
    run = version.answer.run()
    if run or service().models.endpoint() is None:
        beside()
    bottom.model_line.await_model()
    live = LiveProgress(places, version.cost)
    try:
        run = run or start_story(version, live)
    except LimitReachedError as reached:
        places.figures.empty()
        with places.note.container():
            draw_retry(reached, key="story")
        beside()
        st.stop()
    if run is None:
        places.figures.caption("The story is told as soon as a model is ready.")
        beside()
        st.stop()
    done = stream_story(version, run, places, live, below, bottom.stop, beside)
    run_links.show_link(run)
    bottom.stop.disable()
    bottom.limit_line.draw()
    return done


def draw_after(version: StoryVersion, done: FinishedAnswer, below: BelowStory) -> None:
    """Draw what is known of a story that has ended."""
    run = version.answer.run()
    with below.facts.container(gap="small"):
        if run and (receipt := stop_report(run)):
            metrics_view.draw_receipt(receipt)
        if done.figures.chunks:
            metrics_view.draw_figures(done.figures)
        if version.cost.updates:
            metrics_view.draw_cost(version.cost, version.display)
    if run and below.lists_chunks:
        with below.chunks.container():
            metrics_view.draw_chunks(run)


def can_continue(done: FinishedAnswer) -> bool:
    """Whether there is a part of a story that can be continued."""
    return bool(done.text) and done.outcome.status is not AnswerStatus.DONE


def continuation_request(version: StoryVersion, done: FinishedAnswer) -> StoryRequest:
    """Return the wish for the rest of a story that was stopped or cut off."""
    return replace(version.wish, so_far=done.text)


def draw_downloads(version: StoryVersion, done: FinishedAnswer) -> None:
    """Draw the story as files."""
    topic = version.wish.topic
    reader = service().recorder.store, version.answer.run_id, current_caller().visitor
    with st.popover("Download", icon=":material/download:", type="tertiary", disabled=not done.text):
        for label, content, name, kind in (
            ("Markdown", f"# {topic}\n\n{done.text}", "story.md", "text/markdown"),
            ("Text", done.text, "story.txt", "text/plain"),
        ):
            whole = partial(full_answer_bytes, content, *reader)
            st.download_button(label, whole, file_name=name, mime=kind, type="tertiary", on_click="ignore")
