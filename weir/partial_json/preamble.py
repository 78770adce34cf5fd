"""Where the JSON begins in a model's answer: after prose, or in a Markdown fence.

- `{`, `[` or `"` as the first character of the text begins the JSON at once.
- After prose, `{` begins it if `"` or `}` follows (white space between them is no matter). So does `[` if what follows
  can begin a value and it is the first on its line or comes after a colon; a footnote [1] does not.
- In a fence without a language, or with one that begins with "json", the first character of the content begins it, if a
  value can begin with it. A fence in any other language is prose up to its end.

What has begun stays the JSON, be it wrong: a parser that took a value back would show what then vanishes.
"""

import re

_LINE_START = 64
_SPACE = " \t\r\n"
_DULL = re.compile(r"[^{\[`~:\s]+|[ \t\r]+|\n+|`+|~+")
"""What is read at once, for a text of millions of line ends."""
_VALUE = frozenset('{["-0123456789tfn')
_FOLLOWS = {"{": frozenset('"}'), "[": _VALUE | {"]"}}
_FENCE = re.compile(r"(`{3,}|~{3,})(.*)", re.DOTALL)

_SCALAR = re.compile(
    r"\ufeff?[ \t\r\n]*(?:-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|true|false|null)[ \t\r\n]*"
)


class Preamble:
    """Reads text up to the JSON. A bracket, with the white space after it, may have to await what decides on it."""

    def __init__(self) -> None:
        self._pending: list[str] = []
        self._parts: list[str] = []
        self._length = 0
        self._line = ""
        self._line_is_blank = True
        self._last = ""
        self._fence = ""
        self._in_code = False
        self._content = False

    @property
    def text(self) -> str:
        """All that was read and is not JSON, as far as is known."""
        return "".join(self._parts)

    def take_pending(self) -> tuple[int, str]:
        """Give up what awaits a decision (maybe nothing), with its offset in the text."""
        pending, self._pending = "".join(self._pending), []
        return self._length, pending

    def take_rest(self) -> tuple[int, str]:
        """Give up, at the end of the text, what is JSON after all: an undecided bracket, a lone number or literal."""
        text = self.text
        if self._pending or _SCALAR.fullmatch(text) is None:
            return self.take_pending()
        self._parts.clear()
        return 0, text

    def read(self, text: str, index: int) -> int | None:
        """Read on from text[index]; return the index of the character that shows the JSON began, if it did.

        The JSON then begins with what `take_pending` gives, and goes on at that index.
        """
        end = len(text)
        while index < end:
            char = text[index]
            if self._pending:
                if char in _SPACE:
                    blank = _DULL.match(text, index)
                    assert blank is not None
                    self._pending.append(blank.group())
                    index = blank.end()
                    continue
                if char in _FOLLOWS[self._pending[0]]:
                    return index
                pending, self._pending = self._pending, []
                for passed in pending:
                    self._pass(passed)
                continue
            if self._content and char not in _SPACE:
                self._content = False
                if char in _VALUE:
                    return index
                self._in_code = True
            if self._in_code or char not in "{[":
                if not self._last and char == '"':
                    return index
                dull = _DULL.match(text, index)
                piece = dull.group() if dull else char
                self._pass(piece)
                index += len(piece)
            elif not self._last:
                return index
            elif char == "{" or self._last == ":" or self._line_is_blank:
                self._pending = [char]
                index += 1
            else:
                self._pass(char)
                index += 1
        return None

    def _pass(self, piece: str) -> None:
        """Take a piece for prose: a single character, or several that mean nothing here, or line ends."""
        self._parts.append(piece)
        self._length += len(piece)
        if not piece.isspace() and piece != "\ufeff":
            self._last = piece[-1]
            self._line_is_blank = False
        if piece[0] != "\n":
            # What a line begins with is enough to know a fence and its language.
            self._line += piece[: _LINE_START - len(self._line)]
            return
        fence = _FENCE.match(self._line.strip())
        self._line = ""
        self._line_is_blank = True
        if fence is None:
            return
        marks, language = fence.group(1), fence.group(2).strip().lower()
        if self._fence:
            if marks.startswith(self._fence) and not language:
                self._fence = ""
                self._in_code = self._content = False
            return
        self._fence = marks
        self._content = not language or language.startswith("json")
        self._in_code = not self._content
