"""One story on the page: its stream with progress, its figures and its actions."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import streamlit as st

from pages.components.answer.answer_view import (
    AnswerPlaceholders,
    FinishedAnswer,
    finished_answer,
)
from pages.components.answer.thinking_view import ThinkingView
from pages.components.answer.truncation import full_answer_bytes
from pages.components.layout import formatting
from pages.components.layout.input_bar import InputBar, StopButton
from pages.components.layout.translation import _
from pages.components.layout.weir_sentences import translated
from pages.components.session import run_links
from pages.components.session.app_services import service
from pages.components.session.current_user import current_caller
from pages.components.session.model_choice import models_of
from pages.components.session.run_start import draw_retry
from pages.components.story import metrics_view
from pages.components.story.request import prepare
from pages.components.story.story_actions import StoryActions
from pages.components.story.story_state import StoryVersion
from pages.components.story.streaming_display import (
    CHUNKS_BYTES,
    PROGRESS_BYTES,
    TEXT_BYTES,
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

UPDATE_INTERVAL_SECONDS = 0.25
"""Between two updates of progress and figures."""

FIRST_WORDS_SECONDS = 0.1
"""For this long after a run starts, only its text is drawn: anything else would delay the first words.

*Stop* and the run's address come after it: a browser that changes its address draws nothing for a moment.
"""


class LiveProgress:
    """The progress of a story that is being written, and the line of figures below it."""

    def __init__(self, placeholders: AnswerPlaceholders, cost: DisplayCost) -> None:
        # Below the text, where it stays in view however long the story gets.
        with placeholders.figures.container(gap="xsmall"):
            self._progress, self._figures = st.empty(), st.empty()
        self._cost = cost
        self._shown_at = 0.0

    @property
    def is_due(self) -> bool:
        """Whether it is time for an update."""
        return time.monotonic() - self._shown_at >= UPDATE_INTERVAL_SECONDS

    def show(self, phase: RunPhase, progress: Progress, elapsed: float, figures: str = "") -> None:
        """Update both. Without figures the line stays empty, so that nothing moves when they come."""
        self._shown_at = time.monotonic()
        text, figures = metrics_view.progress_text(phase, progress, elapsed), figures or "\u00a0"
        self._progress.progress(progress.fraction, text=text)
        self._figures.caption(figures)
        self._cost.add_bytes(PROGRESS_BYTES + len(text.encode()) + len(figures.encode()))


def _start_run(version: StoryVersion, live: LiveProgress) -> Run | None:
    """Start the run of a story; None while no model is ready. Raises LimitReachedError."""

    def remember(run: Run) -> None:
        version.answer.run_id = run.id

    live.show(RunPhase.WAITING, Progress(0, version.request.length.expected_tokens, None, None), 0.0)
    try:
        return prepare(version.request).start(remember)
    except ModelNotReadyError:
        return None


@dataclass(frozen=True, slots=True)
class BelowStory:
    """The placeholders below a story."""

    facts: st.delta_generator.DeltaGenerator
    chunks: st.delta_generator.DeltaGenerator
    lists_chunks: bool
    """Whether the list of chunks is open."""


def create_below() -> BelowStory:
    """Make the placeholders below a story here."""
    facts = st.empty()
    with st.expander(_("Chunks"), icon=":material/format_list_numbered:", key="story_chunks", on_change="rerun"):
        lists_chunks = bool(st.session_state.get("story_chunks"))
        if lists_chunks:
            st.caption(_(metrics_view.ABOUT_CHUNKS))
        return BelowStory(facts, st.empty(), lists_chunks)


def _stream(
    version: StoryVersion,
    run: Run,
    placeholders: AnswerPlaceholders,
    live: LiveProgress,
    below: BelowStory,
    stop: StopButton,
    draw_controls: Callable[[], None],
) -> FinishedAnswer:
    """Stream a story until it ends; `draw_controls` is called with each update of its progress."""
    meter, cost, thinking = MetricsAccumulator(), version.cost, ThinkingView(placeholders.thinking)
    phase, seen = RunPhase.WAITING, 0
    streams = method_race.method_of(run).streams
    newest: deque[TextChunk] = deque(maxlen=metrics_view.NEWEST_CHUNKS)
    expected, limit = run.context["expected_tokens"], run.context.get("max_tokens")

    def tick() -> None:
        nonlocal phase, seen
        run_links.rerun_if_unshared(run)
        if run.elapsed >= FIRST_WORDS_SECONDS:
            stop.enable(run)
            run_links.show_link(run)
        if not live.is_due:
            return
        draw_controls()
        events = run.events[seen:]
        seen += len(events)
        phase = run_phase(events, phase, run.connection, streams=streams)
        written = meter.tokens_so_far - meter.reasoning_tokens
        progress = Progress(written, expected, limit, meter.tokens_per_second)
        elapsed, figures = run.elapsed, ""
        if phase is RunPhase.WRITING:
            figures = formatting.live_metrics_line(meter, elapsed, translated(phase.value))
        elif phase is RunPhase.THINKING:
            elapsed -= meter.time_to_first_reasoning or 0.0
            figures = formatting.thinking_line(meter)
        if thinking.show(meter.reasoning):
            cost.add_bytes(TEXT_BYTES + thinking.shown_bytes)
        live.show(phase, progress, elapsed, figures)
        if below.lists_chunks:
            newest.extend(text_chunks(events, after=newest[-1] if newest else None))
            lines = metrics_view.newest_lines(newest)
            below.chunks.code(lines, language=None)
            cost.add_bytes(CHUNKS_BYTES + len(lines.encode()))

    tick()
    with placeholders.text:
        text = stream_text(run, meter, version.display, cost, tick, before=version.request.so_far)
    thinking.show_all(meter.reasoning)
    version.answer.ended = finished_answer(run, text, meter)
    return version.answer.ended


def draw_story(
    version: StoryVersion,
    bottom: InputBar,
    placeholders: AnswerPlaceholders,
    below: BelowStory,
    draw_controls: Callable[[], None],
) -> FinishedAnswer:
    """Draw a story until it ends, and start its run if need be. Ends the script if the run cannot start.

    `draw_controls` draws the rest of the page once. The first words of a story wait in the browser for all that is
    drawn between the start of the run and them: so the controls are drawn later, unless the run waits anyway.
    """
    ended = version.settle()
    if ended is not None:
        ThinkingView(placeholders.thinking).show_all(ended.reasoning)
        with placeholders.text:
            draw_text(ended.text, version.display)
        if run := version.answer.run():
            run_links.show_link(run)
        return ended
    run = version.answer.run()
    models = models_of(version.request.model)
    if run or models.endpoint() is None:
        draw_controls()
    bottom.model_status.await_model(models)
    live = LiveProgress(placeholders, version.cost)
    try:
        run = run or _start_run(version, live)
    except LimitReachedError as reached:
        placeholders.figures.empty()
        with placeholders.note.container():
            draw_retry(reached, key="story")
        draw_controls()
        st.stop()
    if run is None:
        placeholders.figures.caption(_("Starts as soon as a model is ready."))
        draw_controls()
        st.stop()
    ended = _stream(version, run, placeholders, live, below, bottom.stop, draw_controls)
    run_links.show_link(run)
    bottom.stop.disable()
    bottom.quota_notice.draw()
    return ended


def draw_after(version: StoryVersion, ended: FinishedAnswer, below: BelowStory) -> None:
    """Draw the stop report, the figures, the display cost and the chunks of a story that has ended."""
    run = version.answer.run()
    with below.facts.container(gap="small"):
        if run and (report := stop_report(run)):
            metrics_view.draw_stop_report(report)
        if ended.figures.chunks:
            metrics_view.draw_figures(ended.figures)
        if version.cost.updates:
            metrics_view.draw_cost(version.cost, version.display)
    if run and below.lists_chunks:
        with below.chunks.container():
            metrics_view.draw_chunks(run)


def draw_more_actions(version: StoryVersion, ended: FinishedAnswer, actions: StoryActions) -> None:
    """Draw the actions of a story: continue it, download it, and go to another version."""
    if ended.text and ended.outcome.status is not AnswerStatus.DONE:
        st.button(
            _("Continue"),
            icon=":material/play_arrow:",
            on_click=actions.continue_story,
            args=(version, ended),
            help=_("Writes on from where the text ends"),
        )
    _draw_downloads(version, ended)
    index, count = actions.state.index, len(actions.state.versions)
    if count > 1:
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", width="content"):
            for label, key, step in (("‹", "story_back", -1), ("›", "story_forward", 1)):
                if step == 1:
                    st.caption(_("version {index} of {count}").format(index=index + 1, count=count), width="content")
                st.button(
                    label,
                    key=key,
                    type="tertiary",
                    on_click=actions.show_neighbour,
                    args=(step,),
                    disabled=not 0 <= index + step < count,
                )


def _draw_downloads(version: StoryVersion, ended: FinishedAnswer) -> None:
    topic = version.request.topic
    reader = service().recorder.store, version.answer.run_id, current_caller().visitor
    with st.popover(_("Download"), icon=":material/download:", type="tertiary", disabled=not ended.text):
        for label, content, name, media_type in (
            ("Markdown", f"# {topic}\n\n{ended.text}", "story.md", "text/markdown"),
            (_("Text"), ended.text, "story.txt", "text/plain"),
        ):
            file = partial(full_answer_bytes, content, *reader)
            st.download_button(label, file, file_name=name, mime=media_type, type="tertiary", on_click="ignore")
