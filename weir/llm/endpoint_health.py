"""Health of an endpoint: whether it answers, takes the key and has the model. No model is asked for it."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx2

from weir.llm.chat_model import Endpoint
from weir.llm.invalid_answers import AnswerError, WebPageError

TIMEOUT_SECONDS = 3.0
"""Time for the list of models."""

VALID_SECONDS = 30.0
"""For how long a look counts. One that has found a problem counts for `RETRY_SECONDS`."""

RETRY_SECONDS = 5.0

MAX_BODY = 2_000_000
"""Bytes of a list of models that are read."""

MAX_NAMES = 5
"""Other models that a sentence names."""

_OPENAI = "https://api.openai.com/v1"


@dataclass(frozen=True, slots=True)
class Health:
    """What a look at an endpoint has found."""

    problem: str = ""
    """What is wrong, in a sentence; "" if nothing is."""


class HealthChecks:
    """The newest look at each endpoint. One look at a time is made at each."""

    def __init__(self, http: httpx2.AsyncClient, clock: Callable[[], float] = time.monotonic) -> None:
        self._http = http
        self._clock = clock
        self._newest: dict[str, tuple[float, Health]] = {}
        self._pending: set[str] = set()

    def newest(self, name: str) -> Health | None:
        """Return what the newest look has found; None before the first."""
        found = self._newest.get(name)
        return found[1] if found else None

    def is_due(self, name: str) -> bool:
        """Whether it is time for another look, and none is under way."""
        if name in self._pending:
            return False
        found = self._newest.get(name)
        if found is None:
            return True
        at, health = found
        return self._clock() - at >= (RETRY_SECONDS if health.problem else VALID_SECONDS)

    async def check(self, name: str, endpoint: Endpoint, missing_key: str | None) -> Health:
        """Look at an endpoint, and keep what is found."""
        self._pending.add(name)
        try:
            problem = f"{missing_key}, which is to have its key, is not set" if missing_key else ""
            health = Health(problem or await _problem(self._http, endpoint))
            self._newest[name] = self._clock(), health
            return health
        finally:
            self._pending.discard(name)


async def _problem(http: httpx2.AsyncClient, endpoint: Endpoint) -> str:
    """Return what is wrong with an endpoint, as the end of a sentence that begins with the model; "" if nothing is."""
    base = (endpoint.base_url or _OPENAI).rstrip("/")
    headers = {"Authorization": f"Bearer {endpoint.api_key.get_secret_value()}", "Accept": "application/json"}
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS), http.stream("GET", f"{base}/models", headers=headers) as response:
            body = bytearray()
            async for part in response.aiter_bytes():
                body += part
                if len(body) > MAX_BODY:
                    return ""
    except (TimeoutError, httpx2.TimeoutException):
        return f"{endpoint.host} has not answered within {TIMEOUT_SECONDS:.0f} s"
    except WebPageError:
        return f"{endpoint.host} answers with a web page: its address usually ends in /v1"
    except AnswerError:
        return f"{endpoint.host} does not answer as an OpenAI-compatible server does"
    except httpx2.HTTPError as error:
        return f"{endpoint.host} cannot be reached ({type(error).__name__})"
    except Exception as error:  # of an address that cannot be asked at all, or of a server that speaks no HTTP
        return f"{endpoint.host} cannot be asked ({type(error).__name__})"
    if response.status_code in (401, 403):
        return f"{endpoint.host} refuses the key"
    if response.status_code == 429 or response.status_code >= 500:
        return f"{endpoint.host} answers with an error ({response.status_code})"
    if response.status_code != 200:
        return ""  # not every server lists its models
    return _problem_in_list(bytes(body), endpoint)


def _problem_in_list(body: bytes, endpoint: Endpoint) -> str:
    try:
        listed = json.loads(body)
    except ValueError:
        return ""
    names = _names(listed)
    # Ollama lists `llama3.2:latest`, and takes `llama3.2`.
    if not names or any(name == endpoint.model or name.partition(":")[0] == endpoint.model for name in names):
        return ""
    more = f" and {len(names) - MAX_NAMES:,} more" if len(names) > MAX_NAMES else ""
    return f"{endpoint.host} has no such model: it has {', '.join(names[:MAX_NAMES])}{more}"


def _names(listed: Any) -> list[str]:
    data = listed.get("data") if isinstance(listed, dict) else None
    items = data if isinstance(data, list) else []
    return [item["id"] for item in items if isinstance(item, dict) and isinstance(item.get("id"), str)]
