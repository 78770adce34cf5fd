"""Display limit: a page shows the beginning of a very long answer, and offers the whole as a file.

Megabytes of Markdown would keep a browser busy for minutes.
"""

import contextlib
from functools import partial

import streamlit as st

from pages.components.layout.translation import _, digits
from pages.components.session.app_services import service
from pages.components.session.current_user import current_caller
from weir.runs.run_store import RunEvictedError, RunNotFoundError, RunNotSharedError, RunStore, get_readable_run

MAX_DISPLAY_CHARS = 250_000
"""About 60,000 tokens."""

NOT_SHARED_MESSAGE = "This answer is not shared any more: the person who started its run has taken the link back."
"""The content of the file for a visitor who may not read the run any more."""


class DisplayTruncator:
    """Cuts a text that comes in parts to its first `MAX_DISPLAY_CHARS` characters."""

    def __init__(self) -> None:
        self._left = MAX_DISPLAY_CHARS

    def take(self, text: str) -> str:
        """Return what a page shows of the next part."""
        displayed = text[: self._left]
        self._left -= len(displayed)
        return displayed


def is_longer(text: str) -> bool:
    """Whether a page shows only the beginning of a text."""
    return len(text) > MAX_DISPLAY_CHARS


def draw_missing(text: str) -> None:
    """Say that the page shows only the beginning of a text."""
    st.caption(
        _(":material/expand: These are the first {shown} of {count} characters; the file has them all.").format(
            shown=digits(MAX_DISPLAY_CHARS), count=digits(len(text))
        )
    )


def draw_download(text: str, run_id: str | None, *, key: str) -> None:
    """Draw the download of a whole answer. A click checks again whether the visitor may read the run."""
    st.download_button(
        _("Whole answer"),
        partial(full_answer_bytes, text, service().recorder.store, run_id, current_caller().visitor),
        file_name="answer.md",
        mime="text/markdown",
        icon=":material/download:",
        type="tertiary",
        key=key,
        on_click="ignore",
    )


def full_answer_bytes(text: str, store: RunStore, run_id: str | None, visitor: str) -> bytes:
    """Return the whole text, or `NOT_SHARED_MESSAGE` for a visitor who may not read its run any more."""
    try:
        # The page keeps the text of a run that is not in memory any more.
        with contextlib.suppress(RunNotFoundError, RunEvictedError):
            get_readable_run(store, run_id or "", visitor)
    except RunNotSharedError:
        return NOT_SHARED_MESSAGE.encode()
    return text.encode(errors="replace")
