"""Markdown block splitter: cuts growing Markdown into blocks that do not change any more.

A block ends at the first blank line that is outside of code fences, display formulas and lists and has at least
`MIN_BLOCK_CHARS` characters of the block before it. Of several blank lines in a row only the first counts. A page that
renders each block once sends bytes in proportion to the text; rendering the whole text at each chunk sends its square.
"""

import re

MIN_BLOCK_CHARS = 400
"""Minimal length of a block. Short paragraphs share one, because the browser pays for each block at each repaint."""

_FENCE = re.compile(r"\s*(`{3,}|~{3,})")
_LIST_ITEM = re.compile(r"\s*(?:[-*+]|\d{1,9}[.)])\s")
_MAYBE_LIST_ITEM = re.compile(r"\s*(?:[-*+]?|\d{1,9}[.)]?)$")
_FORMULA_ENDS = {"$$": "$$", r"\[": r"\]"}


class MarkdownBlockSplitter:
    """Incremental splitter. It reads each character once, and the blocks do not depend on how the text is cut.

    The blocks that `feed` returned, then `remainder`, joined, are exactly the text fed so far.
    """

    def __init__(self, min_chars: int = MIN_BLOCK_CHARS) -> None:
        self._min_chars = min_chars
        self._lines: list[str] = []
        self._line: list[str] = []
        """The unfinished line, in parts that are not empty."""
        self._is_blank = True
        """Whether that line has only white space so far."""
        self._line_continues_list: bool | None = None
        """Whether that line continues the list before it; None while it is too short to decide."""
        self._closing_mark: str | None = None
        """What closes the open fence or formula."""
        self._in_list = False
        self._after_list = False

    def feed(self, text: str) -> list[str]:
        """Add text and return the blocks that it finishes."""
        finished: list[str] = []
        *lines, last = text.split("\n")
        for line in lines:
            self._add_line("".join([*self._line, line, "\n"]), finished)
            self._line.clear()
            self._is_blank, self._line_continues_list = True, None
        if last:
            self._line.append(last)
            self._is_blank = self._is_blank and last.isspace()
        if self._after_list:
            if self._line_continues_list is None and not self._is_blank:
                self._line_continues_list = self._continues_list("".join(self._line))
            if self._line_continues_list is False:
                self._finish(finished)
        return finished

    @property
    def visible_tail(self) -> str:
        """The part of the unfinished block that can be shown: all but a line that may belong to the next block."""
        undecided = self._after_list and self._line_continues_list is None
        return "".join(self._lines if undecided else self._lines + self._line)

    @property
    def remainder(self) -> str:
        """The text after the last finished block."""
        return "".join(self._lines + self._line)

    def _add_line(self, line: str, finished: list[str]) -> None:
        if self._closing_mark is not None:
            self._lines.append(line)
            if self._is_closing(line):
                self._closing_mark = None
            return
        if not line.strip():
            after_text = bool(self._lines and self._lines[-1].strip())
            self._lines.append(line)
            if self._in_list:
                self._after_list = True
            elif after_text:
                self._finish(finished)
            return
        if self._after_list and not self._continues_list(line):
            self._finish(finished)
        self._after_list = False
        self._in_list = self._in_list or _LIST_ITEM.match(line) is not None
        self._closing_mark = self._closing_mark_of(line)
        self._lines.append(line)

    def _finish(self, finished: list[str]) -> None:
        self._in_list = self._after_list = False
        if sum(map(len, self._lines)) >= self._min_chars:
            finished.append("".join(self._lines))
            self._lines.clear()

    @staticmethod
    def _continues_list(line: str) -> bool | None:
        """Whether a line after a list and a blank line belongs to the list; None while it is too short to decide."""
        if _LIST_ITEM.match(line):
            return True
        if line.strip() and line.startswith(("  ", "\t")):
            return True
        return None if _MAYBE_LIST_ITEM.match(line) and not line.endswith("\n") else False

    @staticmethod
    def _closing_mark_of(line: str) -> str | None:
        """Return what closes the fence or formula that this line opens; None if it opens none."""
        if fence := _FENCE.match(line):
            return fence.group(1)
        stripped = line.strip()
        for start, end in _FORMULA_ENDS.items():
            if stripped.startswith(start) and end not in stripped[len(start) :]:
                return end
        return None

    def _is_closing(self, line: str) -> bool:
        # https://spec.commonmark.org/0.31.2/#fenced-code-blocks: same character, at least as long, nothing after it.
        stripped = line.strip()
        assert self._closing_mark is not None
        if self._closing_mark[0] in "`~":
            return len(stripped) >= len(self._closing_mark) and set(stripped) == {self._closing_mark[0]}
        return stripped.endswith(self._closing_mark)


def split(text: str, min_chars: int = MIN_BLOCK_CHARS) -> list[str]:
    """Return all blocks of a finished text. Joined, they are the text."""
    splitter = MarkdownBlockSplitter(min_chars)
    blocks = splitter.feed(text)
    return [*blocks, splitter.remainder] if splitter.remainder else blocks
