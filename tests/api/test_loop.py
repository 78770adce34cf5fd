"""Requests for long runs are computed on threads, so that they do not delay other streams on the event loop."""

import asyncio
import time
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from chains.registry import REGISTRY
from tests.support.serving import served
from weir.access.limits import RunLimitConfig, RunLimiter
from weir.api.api_services import ApiServices
from weir.api.app import create_api
from weir.archive.run_archive import RunArchive
from weir.config.settings import Settings
from weir.core import serialization
from weir.core.run_event import Component, RunEvent
from weir.llm.provider import ModelProvider
from weir.runs.attached_programs import AttachedPrograms
from weir.runs.memory_run import MemoryRun
from weir.runs.recorder import Recorder
from weir.runs.run import Status

EVENTS = 60_000
BOUND_SECONDS = 0.02
"""Seconds of CPU time."""


class LoopMeasurement:
    """ASGI middleware that measures the longest iteration of the event loop in CPU time: busy machines add nothing."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._used: float | None = None
        self.longest = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._used is None:
            self._beat()
        await self._app(scope, receive, send)

    def _beat(self) -> None:
        now = time.thread_time()
        self.longest = max(self.longest, now - (self._used or now))
        self._used = now
        asyncio.get_running_loop().call_later(0.001, self._beat)


def nothing() -> None:
    """Callback for a run that has ended: it is never called."""


def long_run() -> MemoryRun:
    source = Component("model", str(uuid.uuid4()), (), (), {})
    run_id = str(uuid.uuid4())
    run = MemoryRun(run_id, "story", {}, context={}, created_at=0.0, cancel=nothing, on_last_reader_left=nothing)
    payload = serialization.dumps({"chunk": {"content": "a word after another, and so on ", "type": "AIMessageChunk"}})
    for number in range(EVENTS):
        run.append(RunEvent(number, number / 1_000, "on_chat_model_stream", source, payload))
    run.close(Status.DONE, None)
    return run


@pytest.fixture
def measured(recorder: Recorder) -> Iterator[tuple[LoopMeasurement, httpx.Client, str]]:
    chosen = Settings.model_validate({"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"})
    run = long_run()
    recorder.store.add(run)
    archive, limits = RunArchive(10**6), RunLimiter(RunLimitConfig())
    services = ApiServices(REGISTRY, ModelProvider(chosen), recorder, limits, archive, AttachedPrograms(archive))
    app = LoopMeasurement(create_api(chosen, services))
    with served(app, "measured") as url, httpx.Client(base_url=url, timeout=60) as client:
        assert client.get("/health").status_code == 200
        yield app, client, run.id


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/runs/{run}"),
        ("DELETE", "/runs/{run}"),
        ("GET", "/runs/{run}/events?include_names=nobody"),
        ("GET", "/sse?after={run}:" + str(EVENTS - 1)),
        ("GET", "/stream?after={run}:" + str(EVENTS - 1)),
        ("GET", "/stream?after={run}:" + str(EVENTS - 100)),
    ],
)
def test_a_long_run_does_not_hold_the_loop(
    measured: tuple[LoopMeasurement, httpx.Client, str], method: str, path: str
) -> None:
    app, client, run = measured
    app.longest = 0.0
    answer = client.request(method, path.format(run=run))
    assert answer.status_code in (200, 204)
    assert 0 < app.longest < BOUND_SECONDS


def test_a_body_with_many_mistakes_is_answered_with_the_first(
    measured: tuple[LoopMeasurement, httpx.Client, str],
) -> None:
    _, client, _ = measured
    value: dict[str, Any] = {"question": "?", "history": [[1]] * 10_000}
    answer = client.post("/runs", json={"chain": "smart_router", "input": value})
    assert answer.status_code == 422
    assert 0 < len(answer.json()["errors"]) <= 100
