"""Starting a run from a page, within the visitor's limits, and the notice for a limit that was reached."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st
from langchain_core.runnables import RunnableConfig

from pages.components.layout.translation import _
from pages.components.layout.weir_sentences import translated
from pages.components.session.app_services import service
from pages.components.session.current_user import current_caller
from pages.components.session.my_runs import run_tracker
from weir.access.limits import LimitReachedError, start_limited_run
from weir.llm.chain_registry import PreparedRun
from weir.llm.replay_model import ReplayAbort
from weir.runs.methods import Method
from weir.runs.run import Run


@dataclass(slots=True)
class PendingRun:
    """The id of a run that was just started.

    Streamlit may stop the script at that moment. The next run of the script then shows the run.
    """

    run_id: str | None = None

    def note(self, run: Run) -> None:
        """Remember a run. Does not call Streamlit, which may end the script."""
        self.run_id = run.id


def start(
    prepared: PreparedRun,
    *,
    name: str | None = None,
    context: dict[str, Any] | None = None,
    run_id: uuid.UUID | None = None,
    method: Method = Method.ASTREAM,
    config: RunnableConfig | None = None,
    claim: Callable[[], None] | None = None,
    on_start: Callable[[Run], None] | None = None,
) -> Run:
    """Start a run for this visitor; it is kept alive while their tab is open.

    `context` is stored with the run, beside the chain's own. `claim` is called when the limits allow the start.
    `on_start` is called with the run as soon as it exists, before any call of Streamlit, which may end the script.
    Raises LimitReachedError.
    """

    track, caller = run_tracker(), current_caller()

    def begin() -> Run:
        if claim:
            claim()
        run = service().recorder.start(
            prepared.runnable,
            prepared.inputs,
            name=name,
            context=prepared.context | (context or {}),
            run_id=run_id,
            method=method,
            config=config,
            connections=None if method.is_async else prepared.connections,
            owner=caller.visitor,
        )
        run.connection = prepared.timing
        track(run)
        if on_start:
            on_start(run)
        return run

    return start_limited_run(
        service().limits, caller, begin, costs_tokens=not isinstance(prepared.connections, ReplayAbort)
    )


def give_back(key: str, text: str) -> None:
    """Have the next run of the script put the typed text back into the input `key`."""
    st.session_state[f"{key}_back"] = text


def restore_input(key: str, text: str, reached: LimitReachedError) -> None:
    """Have the next run of the script put the typed text back into the input `key`, and show the limit."""
    give_back(key, text)
    st.session_state.limit_reached = translated(str(reached))


def has_limit_notice() -> bool:
    """Whether `draw_limit_notice` has something to show."""
    return "limit_reached" in st.session_state


def draw_limit_notice() -> None:
    """Draw which limit prevented a run, once."""
    if sentence := st.session_state.pop("limit_reached", ""):
        st.info(sentence, icon=":material/hourglass_top:")


def draw_retry(reached: LimitReachedError, *, key: str, again: Callable[[], None] | None = None) -> None:
    """Draw which limit was reached, and *Try again*, which calls `again` and reruns the script."""
    st.info(translated(str(reached)), icon=":material/hourglass_top:")
    st.button(_("Try again"), icon=":material/refresh:", key=f"try-{key}", on_click=again)
