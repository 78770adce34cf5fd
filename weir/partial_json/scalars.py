"""Strings and numbers of JSON, read in pieces of any size; each character is looked at once."""

import re
from enum import Enum

from weir.partial_json.dialect import ControlCharacters
from weir.partial_json.fields import JsonSyntaxError

_PLAIN = {
    ControlCharacters.ACCEPTED: re.compile(r'[^"\\]*'),
    ControlCharacters.REFUSED: re.compile(r'[^"\\\x00-\x1f]*'),
}
_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_HEX = frozenset("0123456789abcdefABCDEF")
_HIGH, _LOW = range(0xD800, 0xDC00), range(0xDC00, 0xE000)


class StringReader:
    """Decodes one string from the character after its opening quote.

    `pieces` is the text since the owner last cleared it. An unfinished escape is not in it, and neither is a high
    surrogate until the next character shows whether a low one follows.
    """

    def __init__(self, controls: ControlCharacters) -> None:
        self._plain = _PLAIN[controls].match
        self.pieces: list[str] = []
        self.closed = False
        self._escape = ""
        self._high = ""

    def start(self) -> None:
        """Begin another string."""
        self.pieces = []
        self.closed = False
        self._escape = self._high = ""

    def read(self, text: str, index: int) -> int:
        """Read on from text[index]; return the index after what belongs to the string."""
        end = len(text)
        while index < end:
            if self._escape:
                self._read_escape(text[index], index)
                index += 1
                continue
            plain = self._plain(text, index)
            assert plain is not None
            stop = plain.end()
            if stop > index:
                self._release()
                self.pieces.append(text[index:stop])
                if stop == end:
                    return end
            index = stop + 1
            char = text[stop]
            if char == "\\":
                self._escape = char
            elif char == '"':
                self._release()
                self.closed = True
                return index
            else:
                raise JsonSyntaxError(stop, f"The control character U+{ord(char):04X} must be escaped in a string.")
        return end

    def _read_escape(self, char: str, index: int) -> None:
        if len(self._escape) > 1:
            if char not in _HEX:
                raise JsonSyntaxError(index, f"\\u needs four hexadecimal digits, and {char!r} is none.")
            self._escape += char
            if len(self._escape) == 6:
                self._unit(int(self._escape[2:], 16))
                self._escape = ""
        elif char == "u":
            self._escape += char
        elif char in _ESCAPES:
            self._release()
            self.pieces.append(_ESCAPES[char])
            self._escape = ""
        else:
            raise JsonSyntaxError(
                index, f"JSON has no escape \\{char}." if char.isprintable() else "JSON has no such escape."
            )

    def _unit(self, unit: int) -> None:
        # https://www.rfc-editor.org/rfc/rfc8259#section-7: two escapes are one character beyond U+FFFF.
        if self._high and unit in _LOW:
            self.pieces.append(chr(0x10000 + (ord(self._high) - 0xD800) * 0x400 + unit - 0xDC00))
            self._high = ""
            return
        self._release()
        if unit in _HIGH:
            self._high = chr(unit)
        else:
            self.pieces.append(chr(unit))

    def _release(self) -> None:
        if self._high:
            self.pieces.append(self._high)
            self._high = ""


class _At(Enum):
    """Where in a number's grammar the reader is; the member's value names what may come next."""

    START = "'-' or a digit"
    MINUS = "a digit"
    ZERO = "'.', 'e' or the end of the number: a number has no leading zeros"
    INTEGER = "a digit, '.' or 'e'"
    POINT = "a digit after the '.'"
    FRACTION = "a digit or 'e'"
    E = "a sign or a digit of the exponent"
    SIGN = "a digit of the exponent"
    EXPONENT = "a digit of the exponent, or the end of the number"


def _row(digits: _At | None, **others: _At) -> dict[str, _At]:
    names = {"point": ".", "minus": "-", "plus": "+", "e": "eE"}
    row = {char: at for name, at in others.items() for char in names[name]}
    return row | dict.fromkeys("0123456789", digits) if digits is not None else row


_NEXT: dict[_At, dict[str, _At]] = {
    _At.START: _row(_At.INTEGER, minus=_At.MINUS) | {"0": _At.ZERO},
    _At.MINUS: _row(_At.INTEGER) | {"0": _At.ZERO},
    _At.ZERO: _row(None, point=_At.POINT, e=_At.E),
    _At.INTEGER: _row(_At.INTEGER, point=_At.POINT, e=_At.E),
    _At.POINT: _row(_At.FRACTION),
    _At.FRACTION: _row(_At.FRACTION, e=_At.E),
    _At.E: _row(_At.EXPONENT, minus=_At.SIGN, plus=_At.SIGN),
    _At.SIGN: _row(_At.EXPONENT),
    _At.EXPONENT: _row(_At.EXPONENT),
}
_WHOLE = {_At.ZERO, _At.INTEGER, _At.FRACTION, _At.EXPONENT}
_SPAN = re.compile(r"[-+.0-9eE]*")


class NumberReader:
    """Reads one number, from its first character to the one that cannot belong to it."""

    def __init__(self) -> None:
        self._at = _At.START
        self._parts: list[str] = []
        self.length = 0

    def start(self) -> None:
        """Begin another number."""
        self._at = _At.START
        self._parts.clear()
        self.length = 0

    def read(self, text: str, index: int) -> int:
        """Read on from text[index]; return the index of the first character that is not the number's."""
        at, begun = self._at, index
        try:
            span = _SPAN.match(text, index)
            assert span is not None
            for char in span.group():
                try:
                    at = _NEXT[at][char]
                except KeyError:
                    raise JsonSyntaxError(index, f"In a number {at.value} must follow, not {char!r}.") from None
                index += 1
        finally:
            self._at = at
            self._parts.append(text[begun:index])
            self.length += index - begun
        return index

    @property
    def is_whole(self) -> bool:
        """Whether what was read is a number as it stands."""
        return self._at in _WHOLE

    @property
    def expected(self) -> str:
        """What may come next, in words."""
        return self._at.value

    @property
    def value(self) -> int | float:
        """The number that was read, as json.loads has it; ValueError for an integer beyond Python's bound of digits."""
        return number("".join(self._parts))

    @property
    def begun(self) -> int | float | None:
        """The longest number that what was read begins with."""
        text = "".join(self._parts).rstrip("+-.eE")
        return number(text) if text else None


def number(text: str) -> int | float:
    """Return a JSON number as json.loads has it: an int without '.' and 'e', or else a float (1e999 is infinite)."""
    return float(text) if "." in text or "e" in text or "E" in text else int(text)
