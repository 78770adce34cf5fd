"""Markdown that streams into a terminal: finished blocks stay as they are, the growing one is drawn below them."""

import time
from contextlib import AbstractContextManager
from types import TracebackType

from markdown_it import MarkdownIt
from rich.console import RenderableType
from rich.live import Live
from rich.markdown import Markdown
from rich.segment import SegmentLines
from rich.text import Text

from weir.cli.terminal import Terminal
from weir.text.markdown_blocks import MarkdownBlockSplitter

DRAW_INTERVAL_SECONDS = 0.08
"""Between two drawings of the growing block."""

MAX_BLOCK = 8_000
"""Characters of a growing block that is drawn as Markdown. Of a longer one the end is drawn, as plain text."""

_PARSER = MarkdownIt("commonmark", {"html": False}).enable("strikethrough").enable("table")
"""Shows what looks like HTML: rich would leave it out, as the `<int>` of `vector<int>`."""


class MarkdownStream(AbstractContextManager["MarkdownStream"]):
    """Writes a model's Markdown. Where nothing can be drawn, the text is written as it is."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._splitter = MarkdownBlockSplitter(min_chars=1)
        self._drawn_at = 0.0
        self._is_drawn = True
        self._live: Live | None = None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.update(Text(""), refresh=True)
            self._live.stop()
            if rest := self._splitter.remainder:
                self._terminal.console.print(_markdown(rest), width=self._terminal.drawing_width)
        self._terminal.end_line()

    def write(self, text: str) -> None:
        """Write a piece of the answer. Without text, draw what has come since the last drawing."""
        if not text:
            self._draw_if_due()
            return
        if not self._terminal.draws_output:
            self._terminal.write(text)
            return
        if self._live is None:
            self._live = Live(console=self._terminal.console, auto_refresh=False, transient=True)
            self._live.start()
        for block in self._splitter.feed(self._terminal.printable(text)):
            self._live.update(Text(""))
            self._terminal.console.print(_markdown(block), width=self._terminal.drawing_width)
        self._is_drawn = False
        self._draw_if_due()

    def _draw_if_due(self) -> None:
        now = time.monotonic()
        if self._live is None or self._is_drawn or now - self._drawn_at < DRAW_INTERVAL_SECONDS:
            return
        self._drawn_at, self._is_drawn = now, True
        self._live.update(_end_of_block(self._splitter.remainder, self._terminal), refresh=True)


def _markdown(text: str) -> Markdown:
    markdown = Markdown(text, code_theme="ansi_dark", hyperlinks=False)
    markdown.parsed = _PARSER.parse(text)
    return markdown


def _end_of_block(text: str, terminal: Terminal) -> RenderableType:
    """Return the last lines of a growing block, as many as the terminal has room for."""
    block = Text(text[-MAX_BLOCK // 2 :]) if len(text) > MAX_BLOCK else _markdown(text)
    console = terminal.console
    lines = console.render_lines(block, console.options.update(width=terminal.drawing_width), pad=False)
    return SegmentLines(lines[-max(1, console.height - 2) :], new_lines=True)
