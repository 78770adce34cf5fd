"""The incremental filters of `weir.text`, applied to a whole text."""

from weir.text.latex_delimiters import LatexDelimiterRewriter
from weir.text.markdown_sanitizer import MarkdownSanitizer


def sanitize(text: str) -> str:
    """Return a text as the Markdown sanitizer rewrites it."""
    sanitizer = MarkdownSanitizer()
    return sanitizer.feed(text) + sanitizer.flush()


def rewrite_latex(text: str) -> str:
    """Return a text with LaTeX delimiters rewritten."""
    rewriter = LatexDelimiterRewriter()
    return rewriter.feed(text) + rewriter.flush()
