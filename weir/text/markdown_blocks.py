"""Growing Markdown, cut into blocks that will not change any more.

A block ends at a blank line that is not inside a code fence, a display formula or a list: the first that has `LEAST`
characters of the block before it; of several blank lines in a row, only the first is looked at. Whoever draws a block
once and leaves it alone sends bytes in proportion to the text; drawing the whole text at each chunk sends its square.
"""

import re

MIN_BLOCK_CHARS = 400
"""Characters that a block has, at least: short paragraphs share one, since each costs the browser whenever it draws."""

_FENCE = re.compile(r"\s*(`{3,}|~{3,})")
_LIST_ITEM = re.compile(r"\s*(?:[-*+]|\d{1,9}[.)])\s")
_MAYBE_LIST_ITEM = re.compile(r"\s*(?:[-*+]?|\d{1,9}[.)]?)$")
_FORMULA_ENDS = {"$$": "$$", r"\[": r"\]"}


class MarkdownBlockSplitter:
    """Feed it text in any pieces; each character is looked at once.

    The blocks that `feed` returned, then `rest`, joined, are the text fed so far, to the character.
    """

    def __init__(self, least: int = MIN_BLOCK_CHARS) -> None:
        self._least = least
        self._lines: list[str] = []
        self._line: list[str] = []
        """The unfinished line, in pieces that are not empty."""
        self._is_blank = True
        """Whether that line has white space alone so far."""
        self._goes_on: bool | None = None
        """Whether that line continues the list before it; None while it is too short to say."""
        self._closes: str | None = None
        self._in_list = False
        self._after_list = False

    def feed(self, text: str) -> list[str]:
        """Take more text and return the blocks that it finished."""
        finished: list[str] = []
        *lines, last = text.split("\n")
        for line in lines:
            self._take("".join([*self._line, line, "\n"]), finished)
            self._line.clear()
            self._is_blank, self._goes_on = True, None
        if last:
            self._line.append(last)
            self._is_blank = self._is_blank and last.isspace()
        if self._after_list:
            if self._goes_on is None and not self._is_blank:
                self._goes_on = self._continues_list("".join(self._line))
            if self._goes_on is False:
                self._finish(finished)
        return finished

    @property
    def visible_tail(self) -> str:
        """What can be shown of the unfinished block: all of it but a line that may belong to the next block."""
        undecided = self._after_list and self._goes_on is None
        return "".join(self._lines if undecided else self._lines + self._line)

    @property
    def remainder(self) -> str:
        """All text that no finished block holds."""
        return "".join(self._lines + self._line)

    def _take(self, line: str, finished: list[str]) -> None:
        if self._closes is not None:
            self._lines.append(line)
            if self._is_closing(line):
                self._closes = None
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
        self._closes = self._opening(line)
        self._lines.append(line)

    def _finish(self, finished: list[str]) -> None:
        self._in_list = self._after_list = False
        if sum(map(len, self._lines)) >= self._least:
            finished.append("".join(self._lines))
            self._lines.clear()

    @staticmethod
    def _continues_list(line: str) -> bool | None:
        """Whether a line after a list and a blank line still belongs to the list; None while it is too short to say."""
        if _LIST_ITEM.match(line):
            return True
        if line.strip() and line.startswith(("  ", "\t")):
            return True
        return None if _MAYBE_LIST_ITEM.match(line) and not line.endswith("\n") else False

    @staticmethod
    def _opening(line: str) -> str | None:
        """What will close the fence or formula that this line opens."""
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
        assert self._closes is not None
        if self._closes[0] in "`~":
            return len(stripped) >= len(self._closes) and set(stripped) == {self._closes[0]}
        return stripped.endswith(self._closes)


def split(text: str, least: int = MIN_BLOCK_CHARS) -> list[str]:
    """Return all blocks of a finished text; joined, they are the text."""
    splitter = MarkdownBlockSplitter(least)
    blocks = splitter.feed(text)
    return [*blocks, splitter.remainder] if splitter.remainder else blocks
