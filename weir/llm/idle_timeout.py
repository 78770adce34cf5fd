"""HTTP clients that wait for a server no longer than `WEIR_TIMEOUT` says, whatever it sends.

The openai client gives each try its full timeout, and waits up to two minutes where a server asks for it: here a
request's tries, and the pauses between them, have together the time of one. An error of openai's own is what ends them.

What comes is checked by `chains.answer_body` first: no body is unpacked, none fills the memory, and none leads to
another address.

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

from weir.config import proxies
from weir.llm.answer_body import AnswerBody, ErrorBody, StreamBody, UnreadBody, WholeBody, check_encoding, encodings
from weir.llm.answer_errors import AnswerError, RedirectError

MIN_ATTEMPT_SECONDS = 0.25
"""Seconds that a try is given, even where others have left none: most servers that are there answer by then."""

TIMER_TOLERANCE_SECONDS = 0.1
"""Seconds by which a timer may be early: uvloop's count from the beginning of the turn of the loop that sets them."""

_BEGAN: ContextVar[float] = ContextVar("began")
"""When the first try of a request was sent. All tries are sent by one task, or one thread, one after another."""

_LINE_END = re.compile(rb"[\r\n]")
_ASKS_FOR_A_STREAM = re.compile(rb'"stream": ?true')
"""In a request's JSON. In one of its strings the quotes would be escaped."""


class IdleTimeoutClient(openai.DefaultHttpxClient):
    """For a chain that waits on a thread, which only the end of its connections can wake: `cut`."""

    def __init__(self, *, cut: Callable[[], None], **options: Any) -> None:
        super().__init__(mounts=proxies.PAST, **options)
        self._cut = cut
        self.event_hooks["response"].append(_wrap_response_stream)

    def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        _disable_compression(request)
        with _attempt_timeout(request), self._in_time(request):
            response = super().send(request, **options)
        _disable_late_retry(response)
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
        except (httpx2.TransportError, openai.APIConnectionError, AnswerError) as error:
            if is_late.is_set():
                raise openai.APITimeoutError(request) from error
            raise
        else:
            if is_late.is_set():  # a body without a length looks whole where it was cut
                raise openai.APITimeoutError(request)
        finally:
            if timer:
                timer.cancel()


class AsyncIdleTimeoutClient(openai.DefaultAsyncHttpxClient):
    """For a chain on asyncio."""

    def __init__(self, **options: Any) -> None:
        super().__init__(mounts=proxies.PAST, **options)
        self.event_hooks["response"].append(_wrap_async_response_stream)

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        _disable_compression(request)
        with _attempt_timeout(request):
            try:
                async with asyncio.timeout(_to_begin(request)):
                    response = await super().send(request, **options)
            except TimeoutError as error:
                raise openai.APITimeoutError(request) from error
        _disable_late_retry(response)
        return response


def _to_begin(request: httpx2.Request) -> float | None:
    """Return the seconds in which an answer must begin; None where there is no bound."""
    left = _remaining_seconds(request)
    return None if math.isinf(left) else max(left, MIN_ATTEMPT_SECONDS)


def _disable_compression(request: httpx2.Request) -> None:
    """Ask for a body without compression, of which each piece shows what it says."""
    request.headers["Accept-Encoding"] = "identity"


def _wrap_response_stream(response: httpx2.Response) -> None:
    assert isinstance(response.stream, httpx2.SyncByteStream)
    body = _body_of(response)
    response.stream = _IdleTimeoutStream(response.stream, body, _IdleTimer(response, body))


async def _wrap_async_response_stream(response: httpx2.Response) -> None:
    assert isinstance(response.stream, httpx2.AsyncByteStream)
    body = _body_of(response)
    response.stream = _AsyncIdleTimeoutStream(response.stream, body, _IdleTimer(response, body))


def _body_of(response: httpx2.Response) -> AnswerBody:
    """Return what checks a response's body. Raises AnswerError for a response that is no answer."""
    _check_redirect(response)
    if not response.is_success:
        if not encodings(response.headers):
            return ErrorBody()
        del response.headers["Content-Encoding"]
        return UnreadBody()
    check_encoding(response)
    return StreamBody() if asks_for_stream(response.request) else WholeBody()


def asks_for_stream(request: httpx2.Request) -> bool:
    """Whether the answer is to be a stream of events."""
    # One that is sent on to another path has not been read yet.
    return _ASKS_FOR_A_STREAM.search(request.read()) is not None


def _check_redirect(response: httpx2.Response) -> None:
    """Raise RedirectError for one that leads to another origin, or that would leave out the prompt."""
    if not response.has_redirect_location:
        return
    asked = response.request
    try:
        target = asked.url.join(response.headers["Location"])
    except httpx2.InvalidURL as error:
        raise RedirectError(f"{response.status_code} to what is no address") from error
    keeps_method = asked.method == "GET" or response.status_code in (307, 308)
    if not keeps_method or _origin(target) != _origin(asked.url):
        raise RedirectError(f"{response.status_code} to {target.copy_with(userinfo=b'', query=None)}")


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


class _IdleTimer:
    """How long a body has said nothing, of the time that was spent waiting for it. What ends it is a whole line."""

    def __init__(self, response: httpx2.Response, body: AnswerBody) -> None:
        self._request = response.request
        self._is_error = not response.is_success
        self._body = body
        self._lasted = 0.0
        self._says: bool | None = None
        """Whether the line that has not ended yet says something; None where it has not begun."""

    def on_bytes(self, piece: bytes, waited: float) -> None:
        """Take what came after so many seconds. Raises ReadTimeout once silence has lasted too long."""
        if self._broken_by(piece):
            self._lasted = 0.0
            return
        self._lasted += waited
        if self._lasted >= _read_timeout(self._request):
            raise httpx2.ReadTimeout("The server has kept the connection open and said nothing.")

    def _broken_by(self, piece: bytes) -> bool:
        first, *others = _LINE_END.split(piece)
        said = [self._says_something(first) if self._says is None else self._says, *map(self._says_something, others)]
        self._says = said.pop()
        return any(said)

    def _says_something(self, line: bytes) -> bool | None:
        return self._body.has_data(line) if line.strip() else None

    @contextlib.contextmanager
    def on_data(self) -> Iterator[None]:
        """Turn what goes wrong in an error's body into an error of openai's, which reads it without doing that."""
        try:
            yield
        except httpx2.TransportError as error:
            if not self._is_error:
                raise
            raise _final(error, self._request) from error


class _IdleTimeoutStream(httpx2.SyncByteStream):
    """A body that is checked, and in which silence is bounded."""

    def __init__(self, source: httpx2.SyncByteStream, body: AnswerBody, silence: _IdleTimer) -> None:
        self._source = source
        self._body = body
        self._silence = silence

    def __iter__(self) -> Iterator[bytes]:
        with self._silence.on_data():
            if not self._body.is_full:
                since = time.monotonic()
                for piece in self._source:
                    taken = self._body.take(piece)
                    self._silence.on_bytes(piece, time.monotonic() - since)
                    if taken:
                        yield taken
                    if self._body.is_full:
                        break
                    since = time.monotonic()
            if rest := self._body.end():
                yield rest

    def close(self) -> None:
        self._source.close()


class _AsyncIdleTimeoutStream(httpx2.AsyncByteStream):
    """The same for asyncio."""

    def __init__(self, source: httpx2.AsyncByteStream, body: AnswerBody, silence: _IdleTimer) -> None:
        self._source = source
        self._body = body
        self._silence = silence
        self._has_begun = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._has_begun:
            # The openai client discards what comes after the answer's end.
            async for piece in self._source:
                yield piece
            return
        self._has_begun = True
        with self._silence.on_data():
            if not self._body.is_full:
                since = time.monotonic()
                async for piece in self._source:
                    taken = self._body.take(piece)
                    self._silence.on_bytes(piece, time.monotonic() - since)
                    if taken:
                        yield taken
                    if self._body.is_full:
                        break
                    since = time.monotonic()
            if rest := self._body.end():
                yield rest

    async def aclose(self) -> None:
        await self._source.aclose()


@contextlib.contextmanager
def _attempt_timeout(request: httpx2.Request) -> Iterator[None]:
    """Let a try wait for its answer as long as earlier tries have left it; the body then has its full time."""
    limits = request.extensions.get("timeout", {})
    allowed = limits.get("read")
    if request.headers.get("x-stainless-retry-count", "0") == "0":
        _BEGAN.set(time.monotonic())
    elif allowed is not None:
        limits["read"] = max(_remaining_seconds(request), MIN_ATTEMPT_SECONDS)
    try:
        yield
    except httpx2.TooManyRedirects as error:
        raise RedirectError("from one address to the next, without end") from error
    except httpx2.TransportError as error:
        limits["read"] = allowed
        if _remaining_seconds(request) > TIMER_TOLERANCE_SECONDS:
            raise
        raise _final(error, request) from error
    finally:
        limits["read"] = allowed


def _final(error: httpx2.TransportError, request: httpx2.Request) -> openai.APIConnectionError:
    """Return an error of openai's for one of HTTP: no try follows it."""
    if isinstance(error, httpx2.TimeoutException):
        return openai.APITimeoutError(request)
    return openai.APIConnectionError(request=request)


def _disable_late_retry(response: httpx2.Response) -> None:
    """Have no try follow that would come too late."""
    if not response.is_success and parse_retry_after(response.headers) > _remaining_seconds(response.request):
        response.headers["x-should-retry"] = "false"


def _read_timeout(request: httpx2.Request) -> float:
    """Return the seconds that a request may wait."""
    allowed = request.extensions.get("timeout", {}).get("read")
    return math.inf if allowed is None else float(allowed)


def _remaining_seconds(request: httpx2.Request) -> float:
    now = time.monotonic()
    return _read_timeout(request) - (now - _BEGAN.get(now))


def parse_retry_after(headers: httpx2.Headers) -> float:
    """Return the seconds after which a server wants to be asked again; 0 where it does not say.

    https://httpwg.org/specs/rfc9110.html#field.retry-after, and milliseconds as OpenAI sends them.
    """
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        with contextlib.suppress(ValueError):
            return float(headers.get(name, "")) * unit
    with contextlib.suppress(ValueError, TypeError):
        return parsedate_to_datetime(headers.get("retry-after", "")).timestamp() - time.time()
    return 0.0
