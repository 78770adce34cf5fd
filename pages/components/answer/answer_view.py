"""One answer on a page: its text, its status badge, its figures and its actions."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import streamlit as st
from pydantic import ValidationError

from chains.routes import configured_routes
from chains.smart_router import ROUTE_EVENT, RouteDecision
from pages.components.answer.display_markdown import to_display_markdown
from pages.components.answer.share_popover import draw_link
from pages.components.answer.text_stream import draw_text, stream_text
from pages.components.answer.thinking_view import ThinkingView
from pages.components.answer.truncation import draw_download, draw_missing, is_longer
from pages.components.layout import formatting
from pages.components.layout.copy_button import copy_button
from pages.components.layout.translation import _
from pages.components.layout.weir_sentences import translated
from pages.components.session import run_links
from pages.components.session.app_services import answer_cost
from pages.components.session.model_choice import has_choice, other_models
from weir.analysis.metrics import MetricsAccumulator, RunMetrics, custom_event
from weir.analysis.outcome import AnswerStatus, Outcome, outcome
from weir.core.run_event import RunEvent
from weir.runs.failure_sentences import FailureKind
from weir.runs.run import Run
from weir.text.invisible_characters import replace_invisible

STATUS_BADGES = {
    AnswerStatus.WRITING: (":material/edit:", "blue"),
    AnswerStatus.DONE: (":material/check_circle:", "green"),
    AnswerStatus.WAITING: (":material/front_hand:", "violet"),
    AnswerStatus.STOPPED: (":material/stop_circle:", "gray"),
    AnswerStatus.LOST: (":material/cloud_off:", "orange"),
    AnswerStatus.CUT_OFF: (":material/content_cut:", "orange"),
    AnswerStatus.FAILED: (":material/error:", "red"),
}

UPDATE_INTERVAL_SECONDS = 0.25
"""Between two updates of the figures of an answer that is being written."""


@dataclass(frozen=True, slots=True)
class FinishedAnswer:
    """An answer whose run has ended. It needs no run: the page keeps it when the run has been evicted."""

    text: str
    figures: RunMetrics
    outcome: Outcome
    decision: RouteDecision | None = None
    reasoning: str = ""
    """What the model has thought before it answered."""


@dataclass(slots=True)
class AnswerState:
    """One answer in the session state: the id of its run once that has started, and the answer once it has ended."""

    run_id: str | None = None
    ended: FinishedAnswer | None = None

    def run(self) -> Run | None:
        """Return the run, if it has started, is still in memory, and this visitor may read it."""
        if self.run_id is None:
            return None
        try:
            return run_links.open_run(self.run_id)
        except run_links.RUN_UNAVAILABLE:
            return None

    def settle(self) -> "FinishedAnswer | None":
        """Return the answer, if its run has ended."""
        run = self.run()
        if self.ended is None and run is not None and not run.is_live:
            self.ended = finished_answer_of_run(run)
        return self.ended


@dataclass(frozen=True, slots=True)
class AnswerPlaceholders:
    """The placeholders of an answer, made before there is anything to put in them, so that nothing moves."""

    head: st.delta_generator.DeltaGenerator
    thinking: st.delta_generator.DeltaGenerator
    text: st.delta_generator.DeltaGenerator
    note: st.delta_generator.DeltaGenerator
    figures: st.delta_generator.DeltaGenerator
    actions: st.delta_generator.DeltaGenerator


def answer_placeholders() -> AnswerPlaceholders:
    """Make the placeholders of an answer here, in a container that no other answer gets (`keyed_container`).

    The thinking gets a container, because an empty element takes away what is drawn in its place until that is drawn
    again. A browser that shows the page in between folds what its reader has unfolded.
    """
    return AnswerPlaceholders(
        head=st.empty(),
        thinking=st.container(),
        text=st.container(),
        note=st.empty(),
        figures=st.empty(),
        actions=st.empty(),
    )


def stream_answer(
    answer: AnswerState,
    run: Run,
    placeholders: AnswerPlaceholders,
    *,
    waiting: str,
) -> FinishedAnswer:
    """Stream a run's text until it ends, and return the answer. Until the first word the figures say `waiting`."""
    meter, thinking = MetricsAccumulator(), ThinkingView(placeholders.thinking)
    updated_at = 0.0
    has_route = False
    seen = 0

    def tick() -> None:
        nonlocal updated_at, has_route, seen
        run_links.rerun_if_unshared(run)
        now = time.monotonic()
        if not has_route:
            has_route = _draw_route(run.events[seen:], placeholders)
            seen = len(run.events)
        if now - updated_at < UPDATE_INTERVAL_SECONDS:
            return
        updated_at = now
        thinking.show(meter.reasoning)
        elapsed = time.time() - run.created_at
        placeholders.figures.caption(formatting.live_metrics_line(meter, elapsed, waiting))

    placeholders.figures.caption(f"{waiting} · 0 s")
    with placeholders.text:
        text = stream_text(run, meter, tick, before=beginning_of(run))
    thinking.show_all(meter.reasoning)
    answer.ended = finished_answer(run, text, meter)
    return answer.ended


def draw_answer(ended: FinishedAnswer, placeholders: AnswerPlaceholders) -> None:
    """Draw the text of an answer that has ended, and what the model has thought before."""
    ThinkingView(placeholders.thinking).show_all(ended.reasoning)
    with placeholders.text:
        draw_text(ended.text)


def draw_footer(
    ended: FinishedAnswer,
    placeholders: AnswerPlaceholders,
    *,
    run_id: str | None,
    key: str,
    retry: Callable[[], None],
    retry_with: Callable[[str], None] | None = None,
    go_on: Callable[[], None] | None = None,
    more: Callable[[], None] | None = None,
) -> None:
    """Draw what is around the text of an answer that has ended: route, status, figures and actions.

    `retry_with` asks another model, where there are several. `go_on` asks for the rest of an answer that was cut at its
    limit or stopped. `more` draws further actions beside the others.
    """
    draw_end(ended, placeholders)
    end = ended.outcome
    actions = placeholders.actions.container(
        horizontal=True, vertical_alignment="center", gap="small", key=f"answer-actions-{key}"
    )
    with actions:
        if end.status is AnswerStatus.DONE:
            st.button(
                _("Regenerate"),
                icon=":material/refresh:",
                type="tertiary",
                key=f"again-{key}",
                help=_("Answer again"),
                on_click=retry,
            )
        else:
            st.button(_("Retry"), icon=":material/refresh:", key=f"again-{key}", on_click=retry)
        if retry_with and has_choice():
            _draw_retry_with(ended, retry_with, key=f"again-with-{key}")
        if go_on and ended.text and (end.kind is FailureKind.LENGTH or end.status is AnswerStatus.STOPPED):
            st.button(
                _("Continue"),
                icon=":material/play_arrow:",
                key=f"go-on-after-{key}",
                help=_("Writes the rest of this answer"),
                on_click=go_on,
            )
        if is_longer(ended.text):
            draw_download(ended.text, run_id, key=f"whole-{key}")
        elif ended.text:
            copy_button(ended.text, key=f"copy-{key}", label_visibility="collapsed")
        if run := run_links.readable_access(run_id):
            inspect = {"run": run.id}
            st.page_link(
                "events.py",
                label=_("Inspect"),
                icon=":material/timeline:",
                query_params=inspect,
                help=_("Every event of this answer"),
                width="content",
            )
            draw_link(run)
        if more:
            more()


def _draw_retry_with(ended: FinishedAnswer, retry_with: Callable[[str], None], *, key: str) -> None:
    def retry() -> None:
        if model := st.session_state.get(key):
            retry_with(model)

    st.menu_button(
        _("Regenerate with …"),
        other_models(ended.figures.model),
        icon=":material/swap_horiz:",
        type="tertiary",
        key=key,
        help=_("Have another model answer"),
        on_click=retry,
    )


def figures_line(figures: RunMetrics) -> str:
    """Return the metrics of an answer as one line of Markdown, with the model that gave it."""
    line = formatting.metrics_line(figures, answer_cost(figures))
    return f"{formatting.escape_markdown(figures.model)} · {line}" if figures.model else line


def draw_end(ended: FinishedAnswer, placeholders: AnswerPlaceholders) -> None:
    """Draw the route of an answer, how it ended, and its figures."""
    if ended.decision:
        draw_route_badge(ended.decision, placeholders)
    if ended.outcome.message or is_longer(ended.text):
        with placeholders.note.container(gap="xsmall"):
            draw_note(ended)
    if ended.text or ended.outcome.status is not AnswerStatus.FAILED:
        placeholders.figures.caption(figures_line(ended.figures))
    else:
        placeholders.figures.caption(
            _("ended after {duration}").format(duration=formatting.seconds(ended.figures.duration))
        )


def draw_end_for_reader(ended: FinishedAnswer, placeholders: AnswerPlaceholders) -> None:
    """Draw the same for somebody who cannot do anything about how it ended."""
    draw_end(replace(ended, outcome=ended.outcome.for_reader), placeholders)


def draw_note(ended: FinishedAnswer) -> None:
    """Draw the note of an answer: that it is shown in part, how it ended, why, and what to do."""
    end = ended.outcome
    if is_longer(ended.text):
        draw_missing(ended.text)
    if end.message:
        icon, color = STATUS_BADGES[end.status]
        st.badge(translated(end.status.value), icon=icon, color=color)  # type: ignore[arg-type]
        # In an imported answer these texts come from the file, so they are sanitized.
        st.markdown(to_display_markdown(f"{translated(end.message)} {translated(end.hint)}"))
    if end.detail:
        st.code(replace_invisible(end.detail), language=None, wrap_lines=True)


def draw_route_badge(decision: RouteDecision, placeholders: AnswerPlaceholders) -> None:
    """Draw the route of an answer, with the reason if the classification failed."""
    route = configured_routes().shown(decision.route)
    label = formatting.escape_markdown(translated(route.label))
    note = ""
    if decision.fallback:
        is_general = route.name == "general"
        answered = _("Answered as a general question.") if is_general else _("Answered as {route}.").format(route=label)
        note = f" :small[{formatting.escape_markdown(translated(decision.reason))} {answered}]"
    placeholders.head.markdown(f":{route.color}-badge[{route.icon} {label}]{note}")


def _draw_route(events: Sequence[RunEvent], placeholders: AnswerPlaceholders) -> bool:
    decision = _decision(events)
    if decision is None:
        return False
    draw_route_badge(decision, placeholders)
    return True


def _decision(events: Sequence[RunEvent]) -> RouteDecision | None:
    """Return the route of a run. In a user's own chain an event of that name may mean something else."""
    try:
        return RouteDecision.model_validate(custom_event(events, ROUTE_EVENT))
    except ValidationError:
        return None


def finished_answer(run: Run, text: str, meter: MetricsAccumulator) -> FinishedAnswer:
    """Return the answer of a run that has ended; `meter` has read all its events."""
    figures = meter.metrics()
    return FinishedAnswer(text, figures, outcome(run, figures), _decision(run.events), meter.reasoning)


def finished_answer_of_run(run: Run, *, before: str | None = None) -> FinishedAnswer:
    """Return the answer of a run that has ended, after the text `before`; by default, what the run continues."""
    meter = MetricsAccumulator()
    text = "".join([meter.add(event) for event in run.events])
    return finished_answer(run, (beginning_of(run) if before is None else before) + text, meter)


def beginning_of(run: Run) -> str:
    """Return the beginning of the answer, if the run continues one. In an opened recording it may be anything."""
    so_far = run.context.get("so_far")
    return so_far if isinstance(so_far, str) else ""
