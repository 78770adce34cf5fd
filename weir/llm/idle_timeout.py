"""HTTP clients that wait for a server no longer than `WEIR_TIMEOUT`, whatever it sends.

All attempts of a request share that time until the answer begins (`retry_deadline`), and the body may be without data
for that time (`idle_stream`). The error that ends a request is one of openai's.

The body is checked as it arrives (`answer_body`): none is decompressed, none fills the memory, and no redirect leads to
another origin.
"""

import asyncio
import contextlib
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import openai

from weir.config import proxies
from weir.llm.answer_body import AnswerBody, ErrorBody, StreamBody, UnreadBody, WholeBody, check_encoding, encodings
from weir.llm.idle_stream import AsyncIdleTimeoutStream, IdleTimeoutStream, IdleTimer
from weir.llm.invalid_answers import RedirectError
from weir.llm.retry_deadline import attempt_timeout, disable_late_retry

LIMITS = httpx2.Limits(
    max_connections=openai.DEFAULT_CONNECTION_LIMITS.max_connections,
    max_keepalive_connections=openai.DEFAULT_CONNECTION_LIMITS.max_keepalive_connections,
    keepalive_expiry=4.0,
)
"""As openai's, but a connection is used again within four seconds only: servers close it after five, as uvicorn does,
and a request that meets the close is lost."""

_ASKS_FOR_A_STREAM = re.compile(rb'"stream": ?true')
"""Matches the JSON of a request. Inside one of its strings the quotes would be escaped."""


class IdleTimeoutClient(openai.DefaultHttpxClient):
    """Client for a synchronous chain. Its thread can be woken only by shutting its sockets down, which `abort` does."""

    def __init__(self, *, abort: Callable[[], None], **options: Any) -> None:
        super().__init__(mounts=proxies.BYPASS_LOOPBACK, limits=LIMITS, **options)
        self._abort = abort
        self.event_hooks["response"].append(_wrap_response_stream)

    def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        _disable_compression(request)
        with attempt_timeout(request) as seconds, self._abort_when_late(request, seconds):
            response = super().send(request, **options)
        disable_late_retry(response)
        return response

    @contextlib.contextmanager
    def _abort_when_late(self, request: httpx2.Request, seconds: float | None) -> Iterator[None]:
        """Abort when the answer has not begun in so many seconds. An answer without a stream must be whole by then."""
        is_late = threading.Event()

        def give_up() -> None:
            is_late.set()
            self._abort()

        timer = None if seconds is None else threading.Timer(seconds, give_up)
        try:
            if timer:
                timer.daemon = True
                timer.start()
            yield
        except Exception as error:  # whatever an attempt raises whose connections have been shut down
            if is_late.is_set():
                raise openai.APITimeoutError(request) from error
            raise
        else:
            if is_late.is_set():  # a body without a length looks whole where it was aborted
                raise openai.APITimeoutError(request)
        finally:
            if timer:
                timer.cancel()


class AsyncIdleTimeoutClient(openai.DefaultAsyncHttpxClient):
    """Client for a chain on asyncio."""

    def __init__(self, **options: Any) -> None:
        super().__init__(mounts=proxies.BYPASS_LOOPBACK, limits=LIMITS, **options)
        self.event_hooks["response"].append(_wrap_async_response_stream)

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        _disable_compression(request)
        with attempt_timeout(request) as seconds:
            try:
                async with asyncio.timeout(seconds):
                    response = await super().send(request, **options)
            except TimeoutError as error:
                raise openai.APITimeoutError(request) from error
        disable_late_retry(response)
        return response


def _disable_compression(request: httpx2.Request) -> None:
    """Request a body without compression, so that each piece can be checked as it arrives."""
    request.headers["Accept-Encoding"] = "identity"


def _wrap_response_stream(response: httpx2.Response) -> None:
    assert isinstance(response.stream, httpx2.SyncByteStream)
    body = _body_of(response)
    response.stream = IdleTimeoutStream(response.stream, body, IdleTimer(response, body))


async def _wrap_async_response_stream(response: httpx2.Response) -> None:
    assert isinstance(response.stream, httpx2.AsyncByteStream)
    body = _body_of(response)
    response.stream = AsyncIdleTimeoutStream(response.stream, body, IdleTimer(response, body))


def _body_of(response: httpx2.Response) -> AnswerBody:
    """Return the checker of a response's body. Raises AnswerError for a response that is no answer."""
    _check_redirect(response)
    if not response.is_success:
        if not encodings(response.headers):
            return ErrorBody()
        del response.headers["Content-Encoding"]
        return UnreadBody()
    check_encoding(response)
    return StreamBody() if asks_for_stream(response.request) else WholeBody()


def asks_for_stream(request: httpx2.Request) -> bool:
    """Whether a request asks for a stream of events."""
    # A redirected request has not been read yet.
    return _ASKS_FOR_A_STREAM.search(request.read()) is not None


def _check_redirect(response: httpx2.Response) -> None:
    """Raise RedirectError for a redirect to another origin, or one that would drop the prompt."""
    if not response.has_redirect_location:
        return
    request = response.request
    try:
        target = request.url.join(response.headers["Location"])
    except httpx2.InvalidURL as error:
        raise RedirectError(f"{response.status_code} to what is no address") from error
    keeps_method = request.method == "GET" or response.status_code in (307, 308)
    if not keeps_method or _origin(target) != _origin(request.url):
        raise RedirectError(f"{response.status_code} to {target.copy_with(userinfo=b'', query=None)}")


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port
