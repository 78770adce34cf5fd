"""HTTP clients that keep a request's tries, and the pauses between them, within the time that one of them may take.

The openai client gives each try its full timeout, and waits up to two minutes where a server asks for it. Whoever has
set `WEIR_TIMEOUT` has not agreed to that. An error of openai's own is what ends its tries.
"""

import contextlib
import math
import time
from collections.abc import Iterator
from contextvars import ContextVar
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2
import openai

SHORTEST = 0.25
"""Seconds that a try is given, even where others have left none: most servers that are there answer by then."""

_BEGAN: ContextVar[float] = ContextVar("began")
"""When the first try of a request was sent. All tries are sent by one task, or one thread, one after another."""


class PatientClient(openai.DefaultHttpxClient):
    """For a chain that waits on a thread."""

    def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        with _try(request):
            response = super().send(request, **options)
        _settle(response)
        return response


class AsyncPatientClient(openai.DefaultAsyncHttpxClient):
    """The same for asyncio."""

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        with _try(request):
            response = await super().send(request, **options)
        _settle(response)
        return response


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


def _left(request: httpx2.Request) -> float:
    allowed = request.extensions.get("timeout", {}).get("read")
    now = time.monotonic()
    return math.inf if allowed is None else float(allowed) - (now - _BEGAN.get(now))


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
