"""A run on the JSON page: started, followed while the model writes, and its outcome."""

import json
from typing import NoReturn

import streamlit as st

from chains.registry import prepare_structured
from chains.structured import Profile
from pages.components.answer.answer_view import figures_line
from pages.components.answer.share_popover import draw_link
from pages.components.json_viewer.analysis import HEIGHT
from pages.components.json_viewer.json_source import JsonSource, of_run, schema_of
from pages.components.json_viewer.json_state import JsonState
from pages.components.json_viewer.outline_view import html, legend
from pages.components.json_viewer.source_form import SCHEMA_KEY, SourceChoice
from pages.components.layout import formatting, suggestions
from pages.components.layout.input_bar import StopButton
from pages.components.layout.translation import _, digits
from pages.components.layout.weir_sentences import translated
from pages.components.session import run_links, run_start
from pages.components.session.model_choice import page_models
from pages.components.session.model_trials import TrialStoppedError, try_before_run
from weir.access.limits import LimitReachedError
from weir.analysis.metrics import MetricsAccumulator, run_metrics
from weir.analysis.outcome import AnswerStatus, outcome
from weir.analysis.run_json import RunJsonReader
from weir.config.capabilities import Capability
from weir.llm.chain_registry import ModelNotReadyError
from weir.partial_json.outline import outline
from weir.partial_json.parser import PartialJson
from weir.runs.run import Run
from weir.text.invisible_characters import replace_invisible

REFRESH_SECONDS = 0.4
LIVE_ROWS = 14
LIVE_TEXT_CHARS = 500


def start_json_run(state: JsonState, topic: str, choice: SourceChoice, stop: StopButton) -> None:
    """Ask the model to describe a topic, once it is known whether it keeps to a schema.

    Called by the script, not by a callback: where no run can start, it reruns the script with the topic in the input.
    """
    if choice.schema is None:
        state.problem = _("Fix the schema first.")
        _give_back(topic)
    if choice.method.needs_schema:
        # The script may end while it waits.
        state.request(topic)
        try:
            try_before_run(page_models(), Capability.JSON_SCHEMA, stop=stop)
        except (LimitReachedError, TrialStoppedError) as reason:
            state.take_topic()
            _give_back(topic, reason)
        state.take_topic()
    try:
        prepared = prepare_structured(page_models(), topic, choice.schema or Profile, choice.method)
    except ModelNotReadyError:
        state.topic = topic
        return
    try:
        run = run_start.start(prepared, name="structured", on_start=state.pending.note)
    except LimitReachedError as reached:
        _give_back(topic, reached)
    state.show(run.id)


def _give_back(topic: str, reason: Exception | None = None) -> NoReturn:
    """Put the topic back into the input."""
    if isinstance(reason, LimitReachedError):
        run_start.restore_input("json_input", topic, reason)
    else:
        run_start.give_back("json_input", topic)
    st.rerun()


def draw_ideas(state: JsonState) -> None:
    """Draw what the page does, and three topics to click."""
    st.markdown(
        _(
            "Watch JSON arrive field by field: type a topic below, and each field is checked against the schema as "
            "soon as it is complete. Or paste a text to see how a parser handles it. That needs no model."
        )
    )
    for idea in suggestions.JSON:
        st.button(
            idea, icon=":material/lightbulb:", key=f"json-idea-{idea}", on_click=_request_suggestion, args=(state, idea)
        )


def _request_suggestion(state: JsonState, topic: str) -> None:
    st.session_state[SCHEMA_KEY] = suggestions.JSON_SCHEMA
    state.request(topic)


def draw_live_run(run: Run) -> None:
    """Draw the text and its fields while the model writes; returns when the run has ended.

    At each step the end of the text and the first fields are sent, at most a fixed amount, so that a long text does
    not delay the page.
    """
    head = st.empty()
    head.caption(_("Waiting for the first chunk"))
    left, right = st.columns(2)
    with left:
        raw = st.empty()
        # The place has its height before there is a text, so that nothing below it moves.
        raw.code(" ", language=None, wrap_lines=True, height=HEIGHT)
    with right, st.container(height=HEIGHT, border=True):
        fields = st.empty()
    st.caption(legend())
    schema = schema_of(run)
    parser, stream, fed, tail = PartialJson(schema=schema), RunJsonReader(), 0, ""
    meter = MetricsAccumulator()
    for batch in run.follow(every=REFRESH_SECONDS, heartbeat=0.1):
        # A call of Streamlit's also between chunks: it ends the script when the visitor uses another widget.
        st.session_state.get("_")
        run_links.rerun_if_unshared(run)
        stream.read(batch)
        new = stream.chunks(fed)
        if not fed and not new:
            for event in batch:
                meter.add(event)
            if meter.reasoning_tokens:
                head.caption(formatting.live_metrics_line(meter, run.elapsed, ""))
        if not new:
            continue
        fed += len(new)
        for chunk in new:
            parser.feed(chunk.text)
            tail += chunk.text
        tail = tail[-LIVE_TEXT_CHARS:]
        raw.code(replace_invisible(tail), language=None, wrap_lines=True, height=HEIGHT)
        fields.html(html(outline(parser, schema, limit=LIVE_ROWS)))
        head.caption(
            _("{count} chunks · the last at {time}").format(count=digits(fed), time=formatting.seconds(new[-1].elapsed))
        )


def draw_outcome(state: JsonState, run: Run) -> JsonSource:
    """Draw how a run ended and what can be done with it, and return its text."""
    stream = RunJsonReader()
    stream.read(run.events)
    metrics = run_metrics(run.events)
    result = outcome(run, metrics)
    value = json.dumps(run.input, ensure_ascii=False)[:80]
    name, value = (formatting.escape_markdown(text) for text in (run.name, value))
    st.markdown(f"**{name}** {value} · {translated(result.status.value)} · {figures_line(metrics)}")
    if result.message:
        st.markdown(f"{translated(result.message)} {translated(result.hint)}")
        if result.detail:
            st.code(replace_invisible(result.detail), language=None, wrap_lines=True)
    with st.container(horizontal=True, vertical_alignment="center"):
        topic = run.input.get("topic") if isinstance(run.input, dict) else None
        if result.status is not AnswerStatus.DONE and not run.is_recording and topic:
            st.button(_("Retry"), icon=":material/refresh:", on_click=state.request, args=(topic,))
        st.page_link(
            "events.py", label=_("Inspect"), icon=":material/timeline:", query_params={"run": run.id}, width="content"
        )
        draw_link(run)
    return of_run(run, stream)
