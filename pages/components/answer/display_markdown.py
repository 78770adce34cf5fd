"""Display Markdown: a model's text as the pages draw it.

Formulas are drawn, nothing is fetched (no images), and invisible characters are shown. This is for drawing only:
copies, downloads, recordings and exports have the model's own characters.
"""

from weir.text.invisible_characters import InvisibleCharacterFilter
from weir.text.latex_delimiters import LatexDelimiterRewriter
from weir.text.markdown_sanitizer import MarkdownSanitizer


class DisplayMarkdown:
    """Incremental rewriter: all that `feed` returned, then `rest()`, joined, is the Markdown to draw."""

    def __init__(self) -> None:
        # The sanitizer is last: it must see the Markdown that the browser gets.
        self._rewriters = (InvisibleCharacterFilter(), LatexDelimiterRewriter(), MarkdownSanitizer())

    def feed(self, text: str) -> str:
        """Take more text, and return what can be rewritten of it so far."""
        for rewriter in self._rewriters:
            text = rewriter.feed(text)
        return text

    def rest(self) -> str:
        """Return what was held back: the text has ended."""
        text = ""
        for rewriter in self._rewriters:
            text = rewriter.feed(text) + rewriter.flush()
        return text


def to_display_markdown(text: str) -> str:
    """Return the Markdown to draw for a whole text."""
    markdown = DisplayMarkdown()
    return markdown.feed(text) + markdown.rest()
