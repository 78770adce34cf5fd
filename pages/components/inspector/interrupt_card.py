"""Interrupt card: what a graph asks a person, and the form for the answer, made from the question where it says how."""

import json
import logging
from collections.abc import Callable
from typing import Any

import streamlit as st

from pages.components.inspector.graph_views import draw_json
from pages.components.inspector.inspector_actions import start_now
from pages.components.inspector.inspector_state import InspectorState, RunRequest
from pages.components.layout.formatting import escape_markdown
from pages.components.layout.translation import _
from pages.components.session.app_services import service
from pages.components.session.model_choice import page_models
from weir.analysis.graph_state import interrupts, thread_of
from weir.llm.chain_registry import ChainSpec, ModelNotReadyError, UnsuitableModelError
from weir.runs.graph_options import waiting_interrupts
from weir.runs.run import Run
from weir.text.invisible_characters import replace_invisible

READ_SECONDS = 5.0
"""Time that a graph's checkpointer has to give a thread."""
MAX_CHOICES = 20

_CHOICES = ("options", "choices")
"""Fields of a question that list its answers."""


_DECISIONS = ("approve", "reject")
"""Decisions of LangChain's HumanInTheLoopMiddleware that need no text."""

_LOG = logging.getLogger(__name__)


def draw_interrupts(state: InspectorState, run: Run, *, resumable: Callable[[str], bool]) -> None:
    """Draw what the graph of a run asks, with the form for the answer. `resumable`: whether a chain can be run."""
    asked, thread = interrupts(run), thread_of(run)
    if not asked:
        return
    request = RunRequest(run.name, options={"thread_id": thread}, continues=True, origin=run.id)
    with st.container(border=True, gap="xsmall"):
        _draw_card(state, asked, request if thread is not None and resumable(run.name) else None, key=run.id)
        if thread is None:
            return
        if run.context.get("thread_in_memory"):
            st.caption(_("Its thread is in this process's memory: it survives a refresh, and no restart of Weir."))
            return
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
            st.caption(
                _("Its thread survives a restart of Weir, as the graph's checkpointer keeps it:"), width="content"
            )
            link = {"chain": run.name, "thread_id": thread}
            st.page_link("events.py", label=_("the thread"), icon=":material/link:", query_params=link, width="content")


def draw_waiting_thread(state: InspectorState, chain: ChainSpec, thread_id: object) -> None:
    """Draw what a thread waits for, without a run of it: after a restart, the graph's checkpointer alone knows."""
    if not isinstance(thread_id, str):
        return
    try:
        runnable = chain.prepare(page_models(), chain.inputs_for(None, continues=True)).runnable
    except (ModelNotReadyError, UnsuitableModelError, ValueError):
        return
    try:
        asked = service().loop.submit(waiting_interrupts(runnable, thread_id)).result(timeout=READ_SECONDS)
    except Exception:
        # Whatever a checkpointer raises is in the log, and the page goes on without the card.
        _LOG.warning("the thread of %s cannot be read", chain.name, exc_info=True)
        st.warning(_("The graph's checkpointer cannot give this thread. Try again."), icon=":material/link_off:")
        return
    if asked:
        with st.container(border=True, gap="xsmall"):
            request = RunRequest(chain.name, options={"thread_id": thread_id}, continues=True)
            _draw_card(state, asked, request, key=f"{chain.name}_{thread_id}")
            st.caption(
                _("This is thread {thread} of {chain}.").format(
                    thread=escape_markdown(thread_id), chain=escape_markdown(chain.name)
                )
            )


def _draw_card(state: InspectorState, asked: list[dict[str, Any]], request: RunRequest | None, *, key: str) -> None:
    """Draw the questions; with a request, the form for the answer of a single one, and *Resume*."""
    st.markdown(_(":material/front_hand: **The graph waits for a person**"))
    for interrupt in asked:
        _draw_question(interrupt.get("value"))
    if request is None:
        return
    if len(asked) > 1:
        st.caption(_("Several nodes ask at once. Answer over HTTP: `resume` is an object of answers by interrupt id."))
        return
    is_given, answer = _draw_answer(asked[0].get("value"), key)
    if st.button(
        _("Resume"), icon=":material/play_arrow:", type="primary", key=f"events_resume_{key}", disabled=not is_given
    ):
        options = {**request.options, "resume": answer}
        start_now(state, RunRequest(request.chain, options=options, continues=True, origin=request.origin))


def _draw_question(value: Any) -> None:
    """Draw a question: its sentence as text, what else it has as JSON."""
    if isinstance(value, dict) and isinstance(value.get("question"), str):
        st.text(replace_invisible(value["question"]))
        value = {name: part for name, part in value.items() if name not in ("question", *_CHOICES)}
        if not value:
            return
    draw_json(value)


def _draw_answer(value: Any, key: str) -> tuple[bool, Any]:
    """Draw the form that fits a question, and return whether an answer is given, and the answer."""
    if actions := _actions(value):
        decisions = [
            st.segmented_control(
                _("Decision on {name}").format(name=name), allowed, key=f"events_answer_{key}_{number}"
            )
            for number, (name, allowed) in enumerate(actions)
        ]
        return all(decisions), {"decisions": [{"type": decision} for decision in decisions]}
    if choices := _choices(value):
        choice = st.segmented_control(_("Answer"), choices, key=f"events_answer_{key}", wrap=True)
        return choice is not None, choice
    text = st.text_input(_("Answer"), key=f"events_answer_{key}", placeholder=_("Text, or JSON"))
    return bool(text), _parsed(text)


def _actions(value: Any) -> list[tuple[str, list[str]]]:
    """Return the tools that LangChain's HumanInTheLoopMiddleware asks about, with the decisions that need no text."""
    requests = value.get("action_requests") if isinstance(value, dict) else None
    reviews = value.get("review_configs") if isinstance(value, dict) else None
    if not isinstance(requests, list) or not isinstance(reviews, list):
        return []
    allowed: dict[str, list[str]] = {}
    for review in reviews:
        listed = review.get("allowed_decisions") if isinstance(review, dict) else None
        if isinstance(listed, list):
            allowed[str(review.get("action_name"))] = [one for one in _DECISIONS if one in listed]
    found = [(str(one.get("name")), allowed.get(str(one.get("name")), [])) for one in requests if isinstance(one, dict)]
    return found if len(found) == len(requests) and all(decisions for _, decisions in found) else []


def _choices(value: Any) -> list[Any]:
    """Return the answers that a question lists; none if it lists none, or other things than texts and numbers."""
    listed = next((value[name] for name in _CHOICES if name in value), None) if isinstance(value, dict) else None
    if not isinstance(listed, list) or not 0 < len(listed) <= MAX_CHOICES:
        return []
    return listed if all(type(choice) in (str, int, float) for choice in listed) else []


def _parsed(text: str) -> Any:
    """Return an answer: JSON where the text is JSON, else the text."""
    try:
        return json.loads(text)
    except ValueError:
        return text
