"""As much of an answer as a page shows: a browser that is given megabytes of Markdown is busy with it for minutes."""

import streamlit as st

MOST = 250_000
"""Characters; some 60,000 tokens."""


class Excerpt:
    """Lets the beginning of a text through, which comes in pieces."""

    def __init__(self) -> None:
        self._left = MOST

    def of(self, piece: str) -> str:
        """Return what is to be shown of the next piece."""
        shown = piece[: self._left]
        self._left -= len(shown)
        return shown


def is_longer(text: str) -> bool:
    """Whether a text is shown in part only."""
    return len(text) > MOST


def draw_missing(text: str) -> None:
    """Say that not all of a text is shown."""
    st.caption(f":material/expand: These are the first {MOST:,} of {len(text):,} characters; the file has them all.")


def draw_download(text: str, *, key: str) -> None:
    """Draw the way to the whole text."""
    st.download_button(
        "Whole answer",
        lambda: text.encode(errors="replace"),
        file_name="answer.md",
        mime="text/markdown",
        icon=":material/download:",
        type="tertiary",
        key=key,
        on_click="ignore",
    )
