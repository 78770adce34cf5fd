"""As much of an answer as a page shows: a browser that is given megabytes of Markdown is busy with it for minutes."""

import contextlib
from functools import partial

import streamlit as st

from pages.components.session.app_services import service
from pages.components.session.current_user import current_caller
from weir.runs.run_store import RunEvictedError, RunNotFoundError, RunNotSharedError, RunStore, get_readable_run

MAX_DISPLAY_CHARS = 250_000
"""Characters; some 60,000 tokens."""


class DisplayTruncator:
    """Lets the beginning of a text through, which comes in pieces."""

    def __init__(self) -> None:
        self._left = MAX_DISPLAY_CHARS

    def take(self, piece: str) -> str:
        """Return what is to be shown of the next piece."""
        shown = piece[: self._left]
        self._left -= len(shown)
        return shown


def is_longer(text: str) -> bool:
    """Whether a text is shown in part only."""
    return len(text) > MAX_DISPLAY_CHARS


def draw_missing(text: str) -> None:
    """Say that not all of a text is shown."""
    st.caption(
        f":material/expand: These are the first {MAX_DISPLAY_CHARS:,} of {len(text):,} characters; "
        "the file has them all."
    )


def draw_download(text: str, run_id: str | None, *, key: str) -> None:
    """Draw the way to the whole text of a run. Whether it may be read is settled when the button is pressed."""
    st.download_button(
        "Whole answer",
        partial(full_answer_bytes, text, service().recorder.store, run_id, current_caller().visitor),
        file_name="answer.md",
        mime="text/markdown",
        icon=":material/download:",
        type="tertiary",
        key=key,
        on_click="ignore",
    )


def full_answer_bytes(text: str, store: RunStore, run_id: str | None, visitor: str) -> bytes:
    """Return the whole text; for a visitor who may not read its run any more a file that only says so."""
    try:
        # The page keeps the text of a run whose record is gone.
        with contextlib.suppress(RunNotFoundError, RunEvictedError):
            get_readable_run(store, run_id or "", visitor)
    except RunNotSharedError as error:
        return (error.__doc__ or "").encode()
    return text.encode(errors="replace")
