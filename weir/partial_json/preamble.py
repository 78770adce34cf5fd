"""Preamble reader: finds the start of the JSON in a model's answer, after prose or in a Markdown fence.

- `{`, `[` or `"` as the first character of the text starts the JSON at once.
- After prose, `{` starts it if `"` or `}` follows, after any white space. `[` starts it if a value or `]` follows and
  the bracket is the first character of its line or comes after a colon. A footnote like [1] does not.
- In a fence without a language, or with one that begins with "json", the first character of the content starts it, if a
  value can start with it. A fence in any other language is prose up to its end.

The first match is final, even if it turns out not to be JSON: a parser that withdrew a value would show a value that
disappears.
"""

import re

_LINE_START = 64
_SPACE = " \t\r\n"
_UNIMPORTANT = re.compile(r"[^{\[`~:\s]+|[ \t\r]+|\n+|`+|~+")
"""Text that is passed in one step, so that a text with millions of line ends takes linear time."""
_VALUE_STARTS = frozenset('{["-0123456789tfn')
_FOLLOWS = {"{": frozenset('"}'), "[": _VALUE_STARTS | {"]"}}
_FENCE = re.compile(r"(`{3,}|~{3,})(.*)", re.DOTALL)

_SCALAR = re.compile(
    r"\ufeff?[ \t\r\n]*(?:-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|true|false|null)[ \t\r\n]*"
)


class Preamble:
    """Reads text up to the start of the JSON. A bracket and the white space after it may stay pending."""

    def __init__(self) -> None:
        self._pending: list[str] = []
        self._parts: list[str] = []
        self._length = 0
        self._line = ""
        self._line_is_blank = True
        self._last_character = ""
        self._fence = ""
        self._in_code = False
        self._at_content_start = False

    @property
    def text(self) -> str:
        """The text read so far that is not JSON."""
        return "".join(self._parts)

    def take_pending(self) -> tuple[int, str]:
        """Remove and return the pending text, which may be empty, with its offset in the text."""
        pending, self._pending = "".join(self._pending), []
        return self._length, pending

    def take_rest(self) -> tuple[int, str]:
        """At the end of the text, return what is JSON after all: a pending bracket, or a lone number or literal."""
        text = self.text
        if self._pending or _SCALAR.fullmatch(text) is None:
            return self.take_pending()
        self._parts.clear()
        return 0, text

    def read(self, text: str, index: int) -> int | None:
        """Continue at text[index]; return the index of the character that shows that the JSON has started, or None.

        The JSON then consists of what `take_pending` returns and the text from that index.
        """
        end = len(text)
        while index < end:
            char = text[index]
            if self._pending:
                if char in _SPACE:
                    blank = _UNIMPORTANT.match(text, index)
                    assert blank is not None
                    self._pending.append(blank.group())
                    index = blank.end()
                    continue
                if char in _FOLLOWS[self._pending[0]]:
                    return index
                pending, self._pending = self._pending, []
                for piece in pending:
                    self._add_prose(piece)
                continue
            if self._at_content_start and char not in _SPACE:
                self._at_content_start = False
                if char in _VALUE_STARTS:
                    return index
                self._in_code = True
            if self._in_code or char not in "{[":
                if not self._last_character and char == '"':
                    return index
                match = _UNIMPORTANT.match(text, index)
                piece = match.group() if match else char
                self._add_prose(piece)
                index += len(piece)
            elif not self._last_character:
                return index
            elif char == "{" or self._last_character == ":" or self._line_is_blank:
                self._pending = [char]
                index += 1
            else:
                self._add_prose(char)
                index += 1
        return None

    def _add_prose(self, piece: str) -> None:
        """Add prose: a single character, several that cannot start JSON, or line ends."""
        self._parts.append(piece)
        self._length += len(piece)
        if not piece.isspace() and piece != "\ufeff":
            self._last_character = piece[-1]
            self._line_is_blank = False
        if piece[0] != "\n":
            # The start of a line is enough to recognize a fence and its language.
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
                self._in_code = self._at_content_start = False
            return
        self._fence = marks
        self._at_content_start = not language or language.startswith("json")
        self._in_code = not self._at_content_start
