"""The bottom of every page: the input, and below it the model that answers and Stop."""

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import streamlit as st

from chains.registry import MAX_TEXT
from pages.components.layout.model_status import ModelStatus
from pages.components.layout.quota_notice import QuotaNotice
from pages.components.session.current_user import current_caller

_STOP_WIDTH = 112
"""Pixels, with or without the shortcut's name."""


class Stoppable(Protocol):
    """A run, or several."""

    @property
    def id(self) -> str: ...

    @property
    def stop(self) -> Callable[[], None]: ...

    def can_stop(self, visitor: str) -> bool: ...


class StopButton:
    """Stop, below the input. It always has its place there; who may stop a run can press it while the run is live."""

    def __init__(self) -> None:
        self._slot = st.empty()
        self._drawn = 0
        self._armed_for: str | None = None
        self.disable()

    def enable(self, run: Stoppable) -> None:
        """Have it stop this run, if this visitor may and unless it does."""
        if self._armed_for == run.id:
            return
        self._armed_for = run.id
        if not run.can_stop(current_caller().visitor):
            return
        # Streamlit keeps a button's callback for as long as the tab is open; the run must not be kept with it.
        stop = weakref.WeakMethod(run.stop)

        def pressed() -> None:
            if (known := stop()) is not None:
                known()

        self._slot.button(
            "Stop",
            icon=":material/stop_circle:",
            key=f"stop-{run.id}",
            on_click=pressed,
            shortcut="Escape",
            help="Ends the answer now and keeps what has arrived",
            width=_STOP_WIDTH,
        )

    def disable(self) -> None:
        """Have it hold its place."""
        self._armed_for = None
        self._drawn += 1
        key = f"stop-idle-{self._drawn}"
        self._slot.button("Stop", icon=":material/stop_circle:", key=key, disabled=True, width=_STOP_WIDTH)


@dataclass(frozen=True, slots=True)
class InputBar:
    """What the bottom of the page holds; `text` is what was just sent, without blanks around it."""

    text: str
    stop: StopButton
    model_line: ModelStatus
    limit_line: QuotaNotice


def input_bar(placeholder: str, *, key: str) -> InputBar:
    """Draw the bottom of a page that is read from above: it follows what is being written."""
    # Not inside `st.bottom`, where it lands all the same: only then does Streamlit scroll with the text.
    text = _input(placeholder, key)
    with st.bottom:
        return _composed(text)


def input_bar_without_scroll(placeholder: str, *, key: str) -> InputBar:
    """Draw the bottom of a page that stays where its reader has scrolled to."""
    with st.bottom:
        return _composed(_input(placeholder, key))


def _input(placeholder: str, key: str) -> str | None:
    if back := st.session_state.pop(f"{key}_back", ""):
        st.session_state[key] = back
    return st.chat_input(placeholder, key=key, max_chars=MAX_TEXT)


def _composed(text: str | None) -> InputBar:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        model_line = ModelStatus()
        limit_line = QuotaNotice()
        stop = StopButton()
    return InputBar((text or "").strip(), stop, model_line, limit_line)
