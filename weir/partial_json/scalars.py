"""Incremental readers of JSON strings and numbers. They read text in pieces of any size, each character once."""

import re
from enum import Enum

from weir.partial_json.dialect import ControlCharacters
from weir.partial_json.fields import JsonSyntaxError

_UNESCAPED = {
    ControlCharacters.ACCEPTED: re.compile(r'[^"\\]*'),
    ControlCharacters.REFUSED: re.compile(r'[^"\\\x00-\x1f]*'),
}
_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_HEX = frozenset("0123456789abcdefABCDEF")
_HIGH_SURROGATES, _LOW_SURROGATES = range(0xD800, 0xDC00), range(0xDC00, 0xE000)


class StringReader:
    """Decodes one string, from the character after its opening quote.

    `pieces` is the decoded text since the owner last cleared it. It has no unfinished escape, and no high surrogate
    until the next character shows whether a low one follows.
    """

    def __init__(self, controls: ControlCharacters) -> None:
        self._match_unescaped = _UNESCAPED[controls].match
        self.pieces: list[str] = []
        self.closed = False
        self._escape = ""
        self._high_surrogate = ""

    def start(self) -> None:
        """Start another string."""
        self.pieces = []
        self.closed = False
        self._escape = self._high_surrogate = ""

    def read(self, text: str, index: int) -> int:
        """Continue at text[index]; return the index after the last character of the string in the text."""
        end = len(text)
        while index < end:
            if self._escape:
                self._read_escape(text[index], index)
                index += 1
                continue
            match = self._match_unescaped(text, index)
            assert match is not None
            stop = match.end()
            if stop > index:
                self._flush_high_surrogate()
                self.pieces.append(text[index:stop])
                if stop == end:
                    return end
            index = stop + 1
            char = text[stop]
            if char == "\\":
                self._escape = char
            elif char == '"':
                self._flush_high_surrogate()
                self.closed = True
                return index
            else:
                raise JsonSyntaxError(stop, f"The control character U+{ord(char):04X} must be escaped in a string.")
        return end

    def _read_escape(self, char: str, index: int) -> None:
        if len(self._escape) > 1:
            if char not in _HEX:
                raise JsonSyntaxError(index, f"\\u needs four hexadecimal digits; {char!r} is not one.")
            self._escape += char
            if len(self._escape) == 6:
                self._add_code_unit(int(self._escape[2:], 16))
                self._escape = ""
        elif char == "u":
            self._escape += char
        elif char in _ESCAPES:
            self._flush_high_surrogate()
            self.pieces.append(_ESCAPES[char])
            self._escape = ""
        else:
            raise JsonSyntaxError(
                index, f"JSON has no escape \\{char}." if char.isprintable() else "JSON has no such escape."
            )

    def _add_code_unit(self, unit: int) -> None:
        # https://www.rfc-editor.org/rfc/rfc8259#section-7: two escapes encode one character beyond U+FFFF.
        if self._high_surrogate and unit in _LOW_SURROGATES:
            self.pieces.append(chr(0x10000 + (ord(self._high_surrogate) - 0xD800) * 0x400 + unit - 0xDC00))
            self._high_surrogate = ""
            return
        self._flush_high_surrogate()
        if unit in _HIGH_SURROGATES:
            self._high_surrogate = chr(unit)
        else:
            self.pieces.append(chr(unit))

    def _flush_high_surrogate(self) -> None:
        if self._high_surrogate:
            self.pieces.append(self._high_surrogate)
            self._high_surrogate = ""


class _NumberState(Enum):
    """State in the grammar of numbers. The value names what may come next."""

    START = "'-' or a digit"
    MINUS = "a digit"
    ZERO = "'.', 'e' or the end of the number: a number has no leading zeros"
    INTEGER = "a digit, '.' or 'e'"
    POINT = "a digit after the '.'"
    FRACTION = "a digit or 'e'"
    E = "a sign or a digit of the exponent"
    SIGN = "a digit of the exponent"
    EXPONENT = "a digit of the exponent, or the end of the number"


def _transitions(digits: _NumberState | None, **others: _NumberState) -> dict[str, _NumberState]:
    characters = {"point": ".", "minus": "-", "plus": "+", "e": "eE"}
    table = {char: state for name, state in others.items() for char in characters[name]}
    return table | dict.fromkeys("0123456789", digits) if digits is not None else table


_NEXT: dict[_NumberState, dict[str, _NumberState]] = {
    _NumberState.START: _transitions(_NumberState.INTEGER, minus=_NumberState.MINUS) | {"0": _NumberState.ZERO},
    _NumberState.MINUS: _transitions(_NumberState.INTEGER) | {"0": _NumberState.ZERO},
    _NumberState.ZERO: _transitions(None, point=_NumberState.POINT, e=_NumberState.E),
    _NumberState.INTEGER: _transitions(_NumberState.INTEGER, point=_NumberState.POINT, e=_NumberState.E),
    _NumberState.POINT: _transitions(_NumberState.FRACTION),
    _NumberState.FRACTION: _transitions(_NumberState.FRACTION, e=_NumberState.E),
    _NumberState.E: _transitions(_NumberState.EXPONENT, minus=_NumberState.SIGN, plus=_NumberState.SIGN),
    _NumberState.SIGN: _transitions(_NumberState.EXPONENT),
    _NumberState.EXPONENT: _transitions(_NumberState.EXPONENT),
}
_FINAL_STATES = {_NumberState.ZERO, _NumberState.INTEGER, _NumberState.FRACTION, _NumberState.EXPONENT}
_NUMBER_CHARACTERS = re.compile(r"[-+.0-9eE]*")


class NumberReader:
    """Reads one number, from its first character to the first that cannot belong to it."""

    def __init__(self) -> None:
        self._state = _NumberState.START
        self._parts: list[str] = []
        self.length = 0

    def start(self) -> None:
        """Start another number."""
        self._state = _NumberState.START
        self._parts.clear()
        self.length = 0

    def read(self, text: str, index: int) -> int:
        """Continue at text[index]; return the index of the first character that is not part of the number."""
        state, start = self._state, index
        try:
            span = _NUMBER_CHARACTERS.match(text, index)
            assert span is not None
            for char in span.group():
                try:
                    state = _NEXT[state][char]
                except KeyError:
                    raise JsonSyntaxError(index, f"Unexpected {char!r} in a number; expected {state.value}.") from None
                index += 1
        finally:
            self._state = state
            self._parts.append(text[start:index])
            self.length += index - start
        return index

    @property
    def is_complete(self) -> bool:
        """Whether the characters read so far are a number."""
        return self._state in _FINAL_STATES

    @property
    def expected(self) -> str:
        """Description of what may come next."""
        return self._state.value

    @property
    def value(self) -> int | float:
        """The number, as json.loads returns it. Raises ValueError for an integer with more digits than Python reads."""
        return _parse_number("".join(self._parts))

    @property
    def prefix_value(self) -> int | float | None:
        """The longest number that is a prefix of the characters read so far; None if there is none."""
        text = "".join(self._parts).rstrip("+-.eE")
        return _parse_number(text) if text else None


def _parse_number(text: str) -> int | float:
    """Return a JSON number as json.loads does: without '.' and 'e' an int, else a float (1e999 is infinite)."""
    return float(text) if "." in text or "e" in text or "E" in text else int(text)
