"""Deadline of a request: its attempts, and the pauses between them, have the time of one read timeout together.

The openai client gives each attempt its full timeout, and waits up to two minutes where a server asks for it.
"""

import contextlib
import math
import time
from collections.abc import Iterator
from contextvars import ContextVar
from email.utils import parsedate_to_datetime

import httpx2
import openai

from weir.llm.invalid_answers import RedirectError

MIN_ATTEMPT_SECONDS = 0.25
"""Seconds that an attempt has at least: most servers that can be reached answer by then."""

TIMER_TOLERANCE_SECONDS = 0.1
"""uvloop's timers count from the start of the loop iteration that sets them, so they may fire so many seconds early."""

_FIRST_ATTEMPT_AT: ContextVar[float] = ContextVar("first_attempt_at")
"""When the first attempt of a request was sent. All attempts are sent by one task, or one thread, one after another."""


@contextlib.contextmanager
def attempt_timeout(request: httpx2.Request) -> Iterator[float | None]:
    """Let an attempt wait for the beginning of its answer only as long as earlier ones have left.

    Yields the seconds in which it must begin; None if there is no bound. The body then has the full read timeout.
    Raises openai's error if the transport fails at the deadline: the openai client makes no further attempt after it.
    """
    limits = request.extensions.get("timeout", {})
    read = limits.get("read")
    if request.headers.get("x-stainless-retry-count", "0") == "0":
        _FIRST_ATTEMPT_AT.set(time.monotonic())
    elif read is not None:
        limits["read"] = max(_remaining_seconds(request), MIN_ATTEMPT_SECONDS)
    try:
        yield limits.get("read")
    except httpx2.TooManyRedirects as error:
        raise RedirectError("from one address to the next, without end") from error
    except httpx2.TransportError as error:
        limits["read"] = read
        if _remaining_seconds(request) > TIMER_TOLERANCE_SECONDS:
            raise
        raise final_error(error, request) from error
    finally:
        limits["read"] = read


def final_error(error: httpx2.TransportError, request: httpx2.Request) -> openai.APIConnectionError:
    """Return openai's error for one of the transport: the openai client makes no further attempt after it."""
    if isinstance(error, httpx2.TimeoutException):
        return openai.APITimeoutError(request)
    return openai.APIConnectionError(request=request)


def disable_late_retry(response: httpx2.Response) -> None:
    """Forbid a further attempt if the server asks for one after the deadline."""
    if not response.is_success and parse_retry_after(response.headers) > _remaining_seconds(response.request):
        response.headers["x-should-retry"] = "false"


def read_timeout(request: httpx2.Request) -> float:
    """Return the read timeout of a request in seconds; infinite if it has none."""
    read = request.extensions.get("timeout", {}).get("read")
    return math.inf if read is None else float(read)


def parse_retry_after(headers: httpx2.Headers) -> float:
    """Return the seconds after which a server accepts the next attempt; 0 if it names none.

    https://httpwg.org/specs/rfc9110.html#field.retry-after, and milliseconds as OpenAI sends them.
    """
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        with contextlib.suppress(ValueError):
            return float(headers.get(name, "")) * unit
    with contextlib.suppress(ValueError, TypeError):
        return parsedate_to_datetime(headers.get("retry-after", "")).timestamp() - time.time()
    return 0.0


def _remaining_seconds(request: httpx2.Request) -> float:
    now = time.monotonic()
    return read_timeout(request) - (now - _FIRST_ATTEMPT_AT.get(now))
