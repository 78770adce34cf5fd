"""A model's text as the pages draw it: its formulas drawn, nothing fetched for it, nothing in it hidden.

Only what is drawn changes; copies, downloads, records and exports have the model's own characters.
"""

from weir.text.invisible_characters import InvisibleRewriter
from weir.text.latex_delimiters import FormulaRewriter
from weir.text.markdown_sanitizer import HarmlessRewriter


class ModelText:
    """Feed it text in any pieces: what `feed` returned, then `rest()`, joined, is the Markdown to draw."""

    def __init__(self) -> None:
        # In this order: what is harmless is judged of the Markdown that the browser gets.
        self._rewriters = (InvisibleRewriter(), FormulaRewriter(), HarmlessRewriter())

    def feed(self, text: str) -> str:
        """Take more text and return as much of it, rewritten, as is decided."""
        for rewriter in self._rewriters:
            text = rewriter.feed(text)
        return text

    def rest(self) -> str:
        """Say that the text has ended and return what was held back."""
        text = ""
        for rewriter in self._rewriters:
            text = rewriter.feed(text) + rewriter.rest()
        return text


def drawn(text: str) -> str:
    """Return the Markdown to draw for a whole text."""
    whole = ModelText()
    return whole.feed(text) + whole.rest()
