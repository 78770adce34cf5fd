"""Response streams with an idle timeout that bytes without data do not reset.

A read timeout of HTTP restarts with each byte, and servers keep a connection open with bytes that carry no data:
comments in a stream of events, blanks before JSON. LangChain's `stream_chunk_timeout` bounds that too, but only for
asynchronous streams and with a task for each chunk: looking at the bytes instead saves 20 µs a token
(docs/benchmarks.md).
"""

import contextlib
import re
import time
from collections.abc import AsyncIterator, Iterator

import httpx2

from weir.llm.answer_body import AnswerBody
from weir.llm.retry_deadline import final_error, read_timeout

_LINE_END = re.compile(rb"[\r\n]")


class IdleTimer:
    """Measures how long a body has had no data, counting only time spent waiting for it. A line of data resets it."""

    def __init__(self, response: httpx2.Response, body: AnswerBody) -> None:
        self._request = response.request
        self._is_error = not response.is_success
        self._body = body
        self._idle_seconds = 0.0
        self._line_has_data: bool | None = None
        """Whether the line that has not ended yet has data; None if it is blank so far."""

    def on_bytes(self, piece: bytes, waited: float) -> None:
        """Take bytes that came after so many seconds. Raises ReadTimeout if there has been no data for too long."""
        if self._contains_data(piece):
            self._idle_seconds = 0.0
            return
        self._idle_seconds += waited
        if self._idle_seconds >= read_timeout(self._request):
            raise httpx2.ReadTimeout("The server keeps the connection open and sends no data.")

    def _contains_data(self, piece: bytes) -> bool:
        if self._line_has_data is None and piece.startswith(b"data:") and piece.endswith(b"\n"):
            return True  # whole events, which is what most pieces are
        first, *others = _LINE_END.split(piece)
        has_data = [
            self._has_data(first) if self._line_has_data is None else self._line_has_data,
            *map(self._has_data, others),
        ]
        self._line_has_data = has_data.pop()
        return any(has_data)

    def _has_data(self, line: bytes) -> bool | None:
        return self._body.has_data(line) if line.strip() else None

    @contextlib.contextmanager
    def translate_errors(self) -> Iterator[None]:
        """Convert transport errors in the body of an error response into openai's.

        The openai client reads that body without doing so.
        """
        try:
            yield
        except httpx2.TransportError as error:
            if not self._is_error:
                raise
            raise final_error(error, self._request) from error


class IdleTimeoutStream(httpx2.SyncByteStream):
    """Response stream that checks the body and bounds the time without data."""

    def __init__(self, source: httpx2.SyncByteStream, body: AnswerBody, timer: IdleTimer) -> None:
        self._source = source
        self._body = body
        self._timer = timer

    def __iter__(self) -> Iterator[bytes]:
        with self._timer.translate_errors():
            if not self._body.is_full:
                since = time.monotonic()
                for piece in self._source:
                    text = self._body.take(piece)
                    self._timer.on_bytes(piece, time.monotonic() - since)
                    if text:
                        yield text
                    if self._body.is_full:
                        break
                    since = time.monotonic()
            if rest := self._body.end():
                yield rest

    def close(self) -> None:
        self._source.close()


class AsyncIdleTimeoutStream(httpx2.AsyncByteStream):
    """IdleTimeoutStream for asyncio."""

    def __init__(self, source: httpx2.AsyncByteStream, body: AnswerBody, timer: IdleTimer) -> None:
        self._source = source
        self._body = body
        self._timer = timer
        self._was_read = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._was_read:
            # The openai client reads, and discards, what comes after the answer's end.
            async for piece in self._source:
                yield piece
            return
        self._was_read = True
        with self._timer.translate_errors():
            if not self._body.is_full:
                since = time.monotonic()
                async for piece in self._source:
                    text = self._body.take(piece)
                    self._timer.on_bytes(piece, time.monotonic() - since)
                    if text:
                        yield text
                    if self._body.is_full:
                        break
                    since = time.monotonic()
            if rest := self._body.end():
                yield rest

    async def aclose(self) -> None:
        await self._source.aclose()
