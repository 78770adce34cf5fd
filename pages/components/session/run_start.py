"""How every page starts a run, and what it says where a limit stands in the way."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from pages.components.session.app_services import service
from pages.components.session.current_user import current_caller
from pages.components.session.my_runs import run_tracker
from weir.access.admission import start_limited_run
from weir.access.limits import LimitReachedError
from weir.llm.chain_registry import PreparedRun
from weir.llm.replay_model import ReplayAbort
from weir.runs.methods import Method
from weir.runs.run import Run


@dataclass(slots=True)
class PendingRun:
    """The run that a page has begun, for the next drawing of the page where this one was ended in that moment."""

    run_id: str | None = None

    def note(self, run: Run) -> None:
        """Note a run. Makes no call of Streamlit's."""
        self.run_id = run.id


def start(
    prepared: PreparedRun,
    *,
    name: str | None = None,
    context: dict[str, Any] | None = None,
    run_id: uuid.UUID | None = None,
    method: Method = Method.ASTREAM,
    claim: Callable[[], None] | None = None,
    begun: Callable[[Run], None] | None = None,
) -> Run:
    """Begin a run for this visitor, to be kept alive while their tab is open. Raises LimitReachedError.

    `context` is kept with it beside what the chain wants kept; `claim` is called once there is a place for it.
    `begun` is called with the run as soon as it is there, before any call of Streamlit's: those may end the script.
    """

    remember = run_tracker()

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
            line=None if method.is_async else prepared.line,
        )
        run.connection = prepared.connection
        remember(run)
        if begun:
            begun(run)
        return run

    return start_limited_run(
        service().limits, current_caller(), begin, costs_tokens=not isinstance(prepared.line, ReplayAbort)
    )


def restore_input(key: str, text: str, reached: LimitReachedError) -> None:
    """Have the next drawing of the page say why a run was not started, with what was typed in its input again."""
    st.session_state[f"{key}_back"] = text
    st.session_state.limit_reached = str(reached)


def has_limit_notice() -> bool:
    """Whether there is something for `draw_limit` to say."""
    return "limit_reached" in st.session_state


def draw_limit_notice() -> None:
    """Say which limit kept a run from being started, once."""
    if told := st.session_state.pop("limit_reached", ""):
        st.info(told, icon=":material/hourglass_top:")


def draw_retry(reached: LimitReachedError, *, key: str, again: Callable[[], None] | None = None) -> None:
    """Say which limit keeps from being started what waits here, and offer to try again: by drawing the page anew."""
    st.info(str(reached), icon=":material/hourglass_top:")
    st.button("Try again", icon=":material/refresh:", key=f"try-{key}", on_click=again)
