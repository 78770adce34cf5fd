"""Input bar at the bottom of a page: chat input, and below it the model's status, the quota notice and *Stop*."""

import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import streamlit as st

from chains.registry import MAX_TEXT
from pages.components.layout.model_status import ModelStatus
from pages.components.layout.quota_notice import QuotaNotice
from pages.components.layout.run_announcement import RunAnnouncement
from pages.components.layout.stop_key import draw_stop_key
from pages.components.layout.translation import _
from pages.components.session.current_user import current_caller

_STOP_WIDTH = 96
"""Pixels, the same for the enabled and the disabled button."""


class Stoppable(Protocol):
    """A run, or several that are stopped together."""

    @property
    def id(self) -> str: ...

    @property
    def stop(self) -> Callable[[], None]: ...

    def can_stop(self, visitor: str) -> bool: ...


class StopButton:
    """*Stop*, below the input: visible while a run is live that this visitor may stop. Its place is always there."""

    def __init__(self) -> None:
        self._slot = st.empty()
        self._announcement = RunAnnouncement()
        self._drawn = 0
        self._run_id: str | None = None
        self.disable()

    def enable(self, run: Stoppable) -> None:
        """Let the button stop this run, if this visitor may. Does nothing if it already does."""
        if self._run_id == run.id:
            return
        self._run_id = run.id
        self._announcement.begin(run.id)
        if not run.can_stop(current_caller().visitor):
            return
        # Streamlit holds a button's callback as long as the tab is open. A weak reference lets the run be freed.
        stop_reference = weakref.WeakMethod(run.stop)

        def stop() -> None:
            if (method := stop_reference()) is not None:
                method()

        self._slot.button(
            _("Stop"),
            icon=":material/stop_circle:",
            key=f"stop-{run.id}",
            on_click=stop,
            help=_("Ends the answer now and keeps what has arrived (Esc)"),
            width=_STOP_WIDTH,
        )

    def disable(self) -> None:
        """Disable the button, which hides it; its place stays."""
        if self._run_id is not None:
            self._announcement.end()
        self._run_id = None
        self._drawn += 1
        key = f"stop-idle-{self._drawn}"
        self._slot.button(_("Stop"), icon=":material/stop_circle:", key=key, disabled=True, width=_STOP_WIDTH)


@dataclass(frozen=True, slots=True)
class InputBar:
    """The elements of the input bar; `text` is what was just sent, stripped, and `files` what was sent with it."""

    text: str
    stop: StopButton
    model_status: ModelStatus
    quota_notice: QuotaNotice
    page_keys: st.delta_generator.DeltaGenerator
    """Where a page can put a component that binds keys of its own."""
    files: Sequence[tuple[str, bytes]] = ()
    """Names and contents."""


def input_bar(placeholder: str, *, key: str, picks_model: bool = True, max_file_mb: int = 0) -> InputBar:
    """Draw the input bar of a page that scrolls with the text as it streams in.

    Unless it `picks_model`, the page draws the picker itself, by `ModelStatus.draw_picker`. With `max_file_mb` it takes
    files, of so many megabytes each.
    """
    # `st.chat_input` at top level, not inside `st.bottom`. Streamlit pins it to the bottom either way, but scrolls
    # with the text only for a top-level input.
    text, files = _input_with_files(placeholder, key, max_file_mb) if max_file_mb else (_input(placeholder, key), ())
    with st.bottom:
        return replace(_with_status(text, picks_model=picks_model), files=files)


def input_bar_without_scroll(placeholder: str, *, key: str) -> InputBar:
    """Draw the input bar of a page that keeps its scroll position."""
    with st.bottom:
        return _with_status(_input(placeholder, key))


def input_bar_in_page(placeholder: str, *, key: str) -> InputBar:
    """Draw the input bar of a page in which it has its place below what is there, and scrolls with it."""
    return _with_status(_input(placeholder, key))


def status_bar() -> InputBar:
    """Draw the bar of a page without a text input: the model's status, the quota notice and *Stop*."""
    with st.bottom:
        return _with_status(None)


def _input(placeholder: str, key: str) -> str | None:
    _restore(key)
    return st.chat_input(placeholder, key=key, max_chars=MAX_TEXT)


def _input_with_files(placeholder: str, key: str, max_mb: int) -> tuple[str | None, Sequence[tuple[str, bytes]]]:
    _restore(key)
    # Any kind of file: what is in them decides which ones can be sent, and a sentence names the others.
    sent = st.chat_input(placeholder, key=key, max_chars=MAX_TEXT, accept_file="multiple", max_upload_size=max_mb)
    return (sent.text, [(file.name, file.getvalue()) for file in sent.files]) if sent else (None, ())


def _restore(key: str) -> None:
    if restored := st.session_state.pop(f"{key}_back", ""):
        st.session_state[key] = restored


def _with_status(text: str | None, *, picks_model: bool = True) -> InputBar:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        model_line = ModelStatus(picks_for_page=picks_model)
        limit_line = QuotaNotice()
        with st.container(horizontal=True, gap=None, width="content"):
            stop = StopButton()
            draw_stop_key()
            page_keys = st.empty()
    return InputBar((text or "").strip(), stop, model_line, limit_line, page_keys)
