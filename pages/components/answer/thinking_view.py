"""What a model thinks before it answers, folded, above the answer: while it streams and afterwards."""

import streamlit as st

from pages.components.layout.translation import _
from weir.app.answer_details import MAX_REASONING
from weir.text.invisible_characters import replace_invisible

MAX_LIVE_CHARS = 2_000
"""Characters that are shown while a model thinks, the newest ones: each update sends all of them."""


class ThinkingView:
    """The folded text in a container. It is made when there is something to show, and then only its text changes."""

    def __init__(self, container: st.delta_generator.DeltaGenerator) -> None:
        self._container = container
        self._text: st.delta_generator.DeltaGenerator | None = None
        self._shown = ""

    @property
    def shown_bytes(self) -> int:
        """Size of the text that was shown last."""
        return len(self._shown.encode("utf-8", "replace"))

    def show(self, reasoning: str) -> bool:
        """Show the newest part of a text that grows, and return whether anything was sent."""
        return self._draw(reasoning[-MAX_LIVE_CHARS:])

    def show_all(self, reasoning: str) -> None:
        """Show a text that has ended."""
        self._draw(reasoning[:MAX_REASONING])

    def _draw(self, text: str) -> bool:
        if not text or text == self._shown:
            return False
        if self._text is None:
            with self._container:
                # The label never changes: with another one, Streamlit would fold what a reader has unfolded.
                self._text = st.expander(_("Thinking"), icon=":material/psychology:").empty()
        self._shown = text
        self._text.text(replace_invisible(text))
        return True
