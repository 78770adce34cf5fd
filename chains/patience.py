"""HTTP clients that wait for a server no longer than `WEIR_TIMEOUT` says, whatever it sends.

The openai client gives each try its full timeout, and waits up to two minutes where a server asks for it: here a
request's tries, and the pauses between them, have together the time of one. An error of openai's own is what ends them.

A timeout of HTTP begins anew with each byte, and servers keep a connection open with bytes that say nothing: comments
in a stream of events, blanks before JSON. Here these are silence. LangChain bounds that too, for its asynchronous
streams alone and with a task for each chunk.
"""

import asyncio
import contextlib
import math
import re
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextvars import ContextVar
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2
import openai

SHORTEST = 0.25
"""Seconds that a try is given, even where others have left none: most servers that are there answer by then."""

EARLY = 0.1
"""Seconds by which a timer may be early: uvloop's count from the beginning of the turn of the loop that sets them."""

MAX_LINE = 64_000_000
"""Bytes of one line, which the client gathers in memory before anybody sees it."""

_BEGAN: ContextVar[float] = ContextVar("began")
"""When the first try of a request was sent. All tries are sent by one task, or one thread, one after another."""


_LINE_END = re.compile(rb"[\r\n]")
_WITHOUT_DATA = re.compile(rb":|event\b|id\b|retry\b")
"""Begins a line of https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream."""


class PatientClient(openai.DefaultHttpxClient):
    """For a chain that waits on a thread, which only the end of its connections can wake: `cut`."""

    def __init__(self, *, cut: Callable[[], None], **options: Any) -> None:
        super().__init__(**options)
        self._cut = cut
        self.event_hooks["response"].append(_hear)

    def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        _have_it_plain(request)
        with _try(request), self._in_time(request):
            response = super().send(request, **options)
        _settle(response)
        return response

    @contextlib.contextmanager
    def _in_time(self, request: httpx2.Request) -> Iterator[None]:
        """Cut the connections once the time for an answer's beginning is over; of a whole answer, for all of it."""
        is_late = threading.Event()

        def give_up() -> None:
            is_late.set()
            self._cut()

        left = _to_begin(request)
        timer = None if left is None else threading.Timer(left, give_up)
        try:
            if timer:
                timer.daemon = True
                timer.start()
            yield
        except httpx2.TransportError as error:
            if is_late.is_set():
                raise openai.APITimeoutError(request) from error
            raise
        else:
            if is_late.is_set():  # a body without a length looks whole where it was cut
                raise openai.APITimeoutError(request)
        finally:
            if timer:
                timer.cancel()


class AsyncPatientClient(openai.DefaultAsyncHttpxClient):
    """For a chain on asyncio."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.event_hooks["response"].append(_hear_async)

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        _have_it_plain(request)
        with _try(request):
            try:
                async with asyncio.timeout(_to_begin(request)):
                    response = await super().send(request, **options)
            except TimeoutError as error:
                raise openai.APITimeoutError(request) from error
        _settle(response)
        return response


def _to_begin(request: httpx2.Request) -> float | None:
    """Return the seconds in which an answer must begin; None where there is no bound."""
    left = _left(request)
    return None if math.isinf(left) else max(left, SHORTEST)


def _have_it_plain(request: httpx2.Request) -> None:
    """Ask for a body without compression, of which each piece shows what it says."""
    request.headers["Accept-Encoding"] = "identity"


def _hear(response: httpx2.Response) -> None:
    assert isinstance(response.stream, httpx2.SyncByteStream)
    response.stream = _Heard(response.stream, _Silence(response))


async def _hear_async(response: httpx2.Response) -> None:
    assert isinstance(response.stream, httpx2.AsyncByteStream)
    response.stream = _HeardAsync(response.stream, _Silence(response))


class _Silence:
    """How long a body has said nothing, of the time that was spent waiting for it. What ends it is a whole line."""

    def __init__(self, response: httpx2.Response) -> None:
        self._request = response.request
        self._is_error = response.is_error
        self._lasted = 0.0
        self._says: bool | None = None
        """Whether the line that has not ended yet says something; None where it has not begun."""
        self._length = 0
        """Bytes of that line."""

    def goes_on(self, piece: bytes, waited: float) -> None:
        """Take what came after so many seconds. Raises ReadTimeout once silence has lasted too long."""
        if self._broken_by(piece):
            self._lasted = 0.0
            return
        self._lasted += waited
        if self._lasted >= _allowed(self._request):
            raise httpx2.ReadTimeout("The server has kept the connection open and said nothing.")
        if self._length > MAX_LINE:
            raise httpx2.RemoteProtocolError(f"The server has sent a line of more than {MAX_LINE:,} bytes.")

    def _broken_by(self, piece: bytes) -> bool:
        first, *others = _LINE_END.split(piece)
        said = [_says_something(first) if self._says is None else self._says, *map(_says_something, others)]
        self._says = said.pop()
        self._length = len(others[-1]) if others else self._length + len(piece)
        return any(said)

    @contextlib.contextmanager
    def heard(self) -> Iterator[None]:
        """Turn what goes wrong in an error's body into an error of openai's, which reads it without doing that."""
        try:
            yield
        except httpx2.TransportError as error:
            if not self._is_error:
                raise
            raise _final(error, self._request) from error


def _says_something(line: bytes) -> bool | None:
    return None if not line.strip() else _WITHOUT_DATA.match(line) is None


class _Heard(httpx2.SyncByteStream):
    """A body in which silence is bounded."""

    def __init__(self, body: httpx2.SyncByteStream, silence: _Silence) -> None:
        self._body = body
        self._silence = silence

    def __iter__(self) -> Iterator[bytes]:
        with self._silence.heard():
            since = time.monotonic()
            for piece in self._body:
                self._silence.goes_on(piece, time.monotonic() - since)
                yield piece
                since = time.monotonic()

    def close(self) -> None:
        self._body.close()


class _HeardAsync(httpx2.AsyncByteStream):
    """The same for asyncio."""

    def __init__(self, body: httpx2.AsyncByteStream, silence: _Silence) -> None:
        self._body = body
        self._silence = silence

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with self._silence.heard():
            since = time.monotonic()
            async for piece in self._body:
                self._silence.goes_on(piece, time.monotonic() - since)
                yield piece
                since = time.monotonic()

    async def aclose(self) -> None:
        await self._body.aclose()


@contextlib.contextmanager
def _try(request: httpx2.Request) -> Iterator[None]:
    """Let a try wait for its answer as long as earlier tries have left it; the body then has its full time."""
    limits = request.extensions.get("timeout", {})
    allowed = limits.get("read")
    if request.headers.get("x-stainless-retry-count", "0") == "0":
        _BEGAN.set(time.monotonic())
    elif allowed is not None:
        limits["read"] = max(_left(request), SHORTEST)
    try:
        yield
    except httpx2.TransportError as error:
        limits["read"] = allowed
        if _left(request) > EARLY:
            raise
        raise _final(error, request) from error
    finally:
        limits["read"] = allowed


def _final(error: httpx2.TransportError, request: httpx2.Request) -> openai.APIConnectionError:
    """Return an error of openai's for one of HTTP: no try follows it."""
    if isinstance(error, httpx2.TimeoutException):
        return openai.APITimeoutError(request)
    return openai.APIConnectionError(request=request)


def _settle(response: httpx2.Response) -> None:
    """Have no try follow that would come too late."""
    if not response.is_success and asked_to_wait(response.headers) > _left(response.request):
        response.headers["x-should-retry"] = "false"


def _allowed(request: httpx2.Request) -> float:
    """Return the seconds that a request may wait."""
    allowed = request.extensions.get("timeout", {}).get("read")
    return math.inf if allowed is None else float(allowed)


def _left(request: httpx2.Request) -> float:
    now = time.monotonic()
    return _allowed(request) - (now - _BEGAN.get(now))


def asked_to_wait(headers: httpx2.Headers) -> float:
    """Return the seconds after which a server wants to be asked again; 0 where it does not say.

    https://httpwg.org/specs/rfc9110.html#field.retry-after, and milliseconds as OpenAI sends them.
    """
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        with contextlib.suppress(ValueError):
            return float(headers.get(name, "")) * unit
    with contextlib.suppress(ValueError, TypeError):
        return parsedate_to_datetime(headers.get("retry-after", "")).timestamp() - time.time()
    return 0.0
