"""Checkers of response bodies from a model's server, which see each piece as it arrives, before it is held in memory.

They do no I/O: each class takes pieces and returns pieces.
"""

import json
import re
from typing import Protocol

import httpx2

from weir.llm.invalid_answers import EncodedAnswerError, OtherFormatError, OversizedAnswerError, WebPageError

MAX_BYTES = 16_000_000
"""Bytes of what must be whole before it can be parsed: one event of a stream, or an answer without a stream.

Parsed as JSON they may take twenty times as much memory."""

MAX_ERROR_BYTES = 65_536
"""Bytes that are read of the body of an error. Its status says what happened, and 300 characters of it are shown."""

MAX_EXCERPT = 120
"""Characters that are shown of a body that is no answer."""

_BOM = b"\xef\xbb\xbf"
_BLANKS = b" \t\r\n"
_EVENT_ENDS = (b"\n\n", b"\n\r", b"\r\r")
"""An event ends with two line ends, each of which is CR, LF or both. Every such pair contains one of these."""
_DATA_LINE = re.compile(rb"[\r\n]data[:\r\n]")
_OTHER_LINE = re.compile(rb":|event\b|id\b|retry\b")
"""Matches the beginning of a line without data, see https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream."""


class AnswerBody(Protocol):
    """The checker of one body."""

    @property
    def is_full(self) -> bool:
        """Whether the rest of the body need not be read."""

    def take(self, piece: bytes) -> bytes:
        """Check the next piece, and return what can be parsed now. Raises AnswerError."""

    def end(self) -> bytes:
        """Return what remains at the end of the body. Raises AnswerError."""

    def has_data(self, line: bytes) -> bool:
        """Whether a line that is not blank, as far as it has arrived, is more than a keep-alive."""


def check_encoding(response: httpx2.Response) -> None:
    """Raise EncodedAnswerError for a compressed body.

    A few kilobytes can decompress to gigabytes, after every check of what the server sends.
    """
    names = ", ".join(encodings(response.headers))
    if names:
        raise EncodedAnswerError(f"Content-Encoding: {names[:40]}")


def encodings(headers: httpx2.Headers) -> list[str]:
    """Return the content encodings of a body, without `identity`, which means none."""
    named = (name.strip().lower() for name in headers.get_list("content-encoding", split_commas=True))
    return [name for name in named if name not in ("", "identity")]


class _AnyText:
    def has_data(self, line: bytes) -> bool:
        return _OTHER_LINE.match(line) is None


class ErrorBody(_AnyText):
    """The body of an error, of which only the beginning is read."""

    def __init__(self) -> None:
        self._left = MAX_ERROR_BYTES

    @property
    def is_full(self) -> bool:
        return self._left <= 0

    def take(self, piece: bytes) -> bytes:
        part = piece[: self._left]
        self._left -= len(part)
        return part

    def end(self) -> bytes:
        return b""


class UnreadBody(_AnyText):
    """The compressed body of an error, which is not read: a sentence replaces it."""

    is_full = True

    def take(self, _: bytes) -> bytes:
        return b""

    def end(self) -> bytes:
        return b'{"error": {"message": "The server\'s own words came compressed, which was not asked for."}}'


class WholeBody(_AnyText):
    """The body of an answer without a stream."""

    is_full = False

    def __init__(self) -> None:
        self._size = 0
        self._has_begun = False

    def take(self, piece: bytes) -> bytes:
        self._size += len(piece)
        _check_size(self._size)
        if not self._has_begun and (start := piece.removeprefix(_BOM).lstrip(_BLANKS)):
            self._has_begun = True
            _check_page(start)
        return piece

    def end(self) -> bytes:
        return b""


class StreamBody:
    """The body of a streamed answer: server-sent events.

    A server that does not support streaming answers with one JSON object. It is handed on as the only event: an answer
    that arrives all at once is better than none.
    """

    is_full = False

    def __init__(self) -> None:
        self._start = b""
        """The beginning of the body, until its kind is known."""
        self._whole: bytearray | None = None
        """A JSON object, as far as it has arrived."""
        self._is_known = False
        self._has_data_line = False
        self._size = 0
        """Bytes since the last event's end."""
        self._tail = b"\n"
        """The last bytes: the end of an event, or the beginning of a line, may be split between two pieces."""
        self._is_first_line_whole: bool | None = None
        """Whether the JSON object ends with its first line; None until that line has arrived."""

    def take(self, piece: bytes) -> bytes:
        if not self._is_known:
            piece = self._begin(piece)
            if not self._is_known:
                return b""
        if self._whole is not None:
            self._gather(piece)
            return b""
        self._measure(piece)
        return piece

    def end(self) -> bytes:
        if self._whole is not None:
            return self._as_event()
        if self._is_known and not self._has_data_line and not _OTHER_LINE.match(self._start):
            raise OtherFormatError(_excerpt(self._start))
        return b""

    def has_data(self, line: bytes) -> bool:
        return self._whole is not None or b"data".startswith(line[:4])

    def _begin(self, piece: bytes) -> bytes:
        """Detect the kind of the body, and return what has arrived of it."""
        start = self._start + piece
        if _BOM.startswith(start):
            self._start = start
            return b""
        start = start.removeprefix(_BOM).lstrip(_BLANKS)
        self._start = start[:MAX_EXCERPT]
        if start:
            _check_page(start)
            self._is_known = True
            self._whole = bytearray() if start.startswith(b"{") else None
        return start

    def _measure(self, piece: bytes) -> None:
        if self._has_data_line and piece.endswith(b"\n\n"):
            self._size, self._tail = 0, b"\n\n"
            return
        joined = self._tail + piece
        self._has_data_line = self._has_data_line or _DATA_LINE.search(joined) is not None
        last = max(joined.rfind(end) for end in _EVENT_ENDS)
        self._size = self._size + len(piece) if last < 0 else len(joined) - last - 2
        _check_size(self._size)
        self._tail = joined[-6:]

    def _gather(self, piece: bytes) -> None:
        assert self._whole is not None
        self._whole += piece
        _check_size(len(self._whole))
        rest = piece
        if self._is_first_line_whole is None and b"\n" in piece:
            line, _, rest = bytes(self._whole).partition(b"\n")
            self._is_first_line_whole = _is_json(line)
        if self._is_first_line_whole and rest.strip():
            raise OtherFormatError(_excerpt(self._start))

    def _as_event(self) -> bytes:
        assert self._whole is not None
        # In JSON, line breaks occur only between tokens.
        return b"data: " + self._whole.strip().replace(b"\r", b" ").replace(b"\n", b" ") + b"\n\n"


def _check_size(size: int) -> None:
    if size > MAX_BYTES:
        raise OversizedAnswerError(f"more than {MAX_BYTES:,} bytes")


def _check_page(start: bytes) -> None:
    if start.startswith(b"<"):
        raise WebPageError(_excerpt(start))


def _excerpt(start: bytes) -> str:
    return " ".join(start[:MAX_EXCERPT].decode(errors="replace").split())


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True
