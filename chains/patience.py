"""HTTP clients that wait for a server no longer than `WEIR_TIMEOUT` says, whatever it sends.

The openai client gives each try its full timeout, and waits up to two minutes where a server asks for it: here a
request's tries, and the pauses between them, have together the time of one. An error of openai's own is what ends them.

A timeout of HTTP begins anew with each byte, and servers keep a connection open with bytes that say nothing: comments
in a stream of events, blanks before JSON. Here these are silence. LangChain bounds that too, for its asynchronous
streams alone and with a task for each chunk.
"""

import contextlib
import math
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextvars import ContextVar
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2
import openai

SHORTEST = 0.25
"""Seconds that a try is given, even where others have left none: most servers that are there answer by then."""

_BEGAN: ContextVar[float] = ContextVar("began")
"""When the first try of a request was sent. All tries are sent by one task, or one thread, one after another."""


_LINE_END = re.compile(rb"[\r\n]")
_WITHOUT_DATA = re.compile(rb":|event\b|id\b|retry\b")
"""Begins a line of https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream."""


class PatientClient(openai.DefaultHttpxClient):
    """For a chain that waits on a thread."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.event_hooks["response"].append(_hear)

    def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        _have_it_plain(request)
        with _try(request):
            response = super().send(request, **options)
        _settle(response)
        return response


class AsyncPatientClient(openai.DefaultAsyncHttpxClient):
    """The same for asyncio."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.event_hooks["response"].append(_hear_async)

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        _have_it_plain(request)
        with _try(request):
            response = await super().send(request, **options)
        _settle(response)
        return response


def _have_it_plain(request: httpx2.Request) -> None:
    """Ask for a body without compression, of which each piece shows what it says."""
    request.headers["Accept-Encoding"] = "identity"


def _hear(response: httpx2.Response) -> None:
    assert isinstance(response.stream, httpx2.SyncByteStream)
    response.stream = _Heard(response.stream, _Silence(response.request))


async def _hear_async(response: httpx2.Response) -> None:
    assert isinstance(response.stream, httpx2.AsyncByteStream)
    response.stream = _HeardAsync(response.stream, _Silence(response.request))


class _Silence:
    """How long a body has said nothing, of the time that was spent waiting for it."""

    def __init__(self, request: httpx2.Request) -> None:
        self._request = request
        self._lasted = 0.0
        self._says: bool | None = None
        """Whether the line that has not ended yet says something; None where it has not begun."""

    def goes_on(self, piece: bytes, waited: float) -> None:
        """Take what came after so many seconds. Raises ReadTimeout once silence has lasted too long."""
        if self._broken_by(piece):
            self._lasted = 0.0
            return
        self._lasted += waited
        if self._lasted >= _allowed(self._request):
            raise httpx2.ReadTimeout("The server has kept the connection open and said nothing.")

    def _broken_by(self, piece: bytes) -> bool:
        first, *others = _LINE_END.split(piece)
        said = [_says_something(first) if self._says is None else self._says, *map(_says_something, others)]
        self._says = said[-1]
        return any(said)


def _says_something(line: bytes) -> bool | None:
    return None if not line.strip() else _WITHOUT_DATA.match(line) is None


class _Heard(httpx2.SyncByteStream):
    """A body in which silence is bounded."""

    def __init__(self, body: httpx2.SyncByteStream, silence: _Silence) -> None:
        self._body = body
        self._silence = silence

    def __iter__(self) -> Iterator[bytes]:
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
    except httpx2.TimeoutException as error:
        limits["read"] = allowed
        if _left(request) <= 0:
            raise openai.APITimeoutError(request) from error
        raise
    finally:
        limits["read"] = allowed


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
