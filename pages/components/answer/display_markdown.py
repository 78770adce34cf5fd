"""A model's text as the pages draw it: its formulas drawn, nothing fetched for it, nothing in it hidden.

Only what is drawn changes; copies, downloads, records and exports have the model's own characters.
"""

from weir.text.invisible_characters import InvisibleCharacterFilter
from weir.text.latex_delimiters import LatexDelimiterRewriter
from weir.text.markdown_sanitizer import MarkdownSanitizer


class DisplayMarkdown:
    """Feed it text in any pieces: what `feed` returned, then `rest()`, joined, is the Markdown to draw."""

    def __init__(self) -> None:
        # In this order: what is harmless is judged of the Markdown that the browser gets.
        self._rewriters = (InvisibleCharacterFilter(), LatexDelimiterRewriter(), MarkdownSanitizer())

    def feed(self, text: str) -> str:
        """Take more text and return as much of it, rewritten, as is decided."""
        for rewriter in self._rewriters:
            text = rewriter.feed(text)
        return text

    def rest(self) -> str:
        """Say that the text has ended and return what was held back."""
        text = ""
        for rewriter in self._rewriters:
            text = rewriter.feed(text) + rewriter.flush()
        return text


def to_display_markdown(text: str) -> str:
    """Return the Markdown to draw for a whole text."""
    whole = DisplayMarkdown()
    return whole.feed(text) + whole.rest()
