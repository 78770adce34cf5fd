"""A measurement while it runs: asks the models of a plan, level by level, and keeps what was measured until then."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from langchain_core.runnables import Runnable

from weir.analysis.metrics import MetricsAccumulator
from weir.llm.provider import ModelOptions, ModelProvider
from weir.measure.measured_figures import LevelFigures, RequestFigures, level_figures, request_figures
from weir.measure.measurement_file import MeasurementFile, measurement_file
from weir.measure.measurement_plan import WARM_UP_TOKENS, MeasurementPlan
from weir.runs.run import Run

REQUEST_SECONDS = 120.0
"""Time for one answer. A server that sends a token now and then is never silent, and would hold a measurement up."""

MOST_FAILURES = 3
"""Failed requests of a level without an answer, after which a model is asked no more."""

EXTRA_CHUNKS = 16
"""Chunks beyond the asked tokens, after which an answer is ended: its server pays no heed to the length."""

END_SECONDS = 2.0
"""Time for a run that is stopped to end."""

LATE = f"The answer was not done within {REQUEST_SECONDS:.0f} s."

Start = Callable[[Runnable[Any, Any], str], Run]
"""Starts a run of a model with a text. Raises StartRefusedError. Called on any thread."""


class StartRefusedError(Exception):
    """No further request may be sent. Its text says why, for people."""


class Measurement:
    """Asks the models of a plan. `run` is the coroutine that does; all else may be called from any thread.

    `models` has their providers by the names of the plan. `redact` removes secrets from what servers say.
    """

    def __init__(
        self,
        plan: MeasurementPlan,
        models: Mapping[str, ModelProvider],
        start: Start,
        *,
        redact: Callable[[str], str],
        request_seconds: float = REQUEST_SECONDS,
    ) -> None:
        self.plan = plan
        self._models = models
        self._start = start
        self._redact = redact
        self._request_seconds = request_seconds
        self._prompts = plan.prompts()
        self._began = time.time()
        self._lock = threading.Lock()
        self._runs: set[Run] = set()
        self._levels: list[LevelFigures] = []
        self._problems: dict[str, str] = {}
        self._is_stopped = False
        self.is_live = True
        self.ended = 0
        """Requests that have ended."""
        self.now = ""
        """What is being measured, for people."""

    def stop(self) -> None:
        """End all requests now. What was measured until then is kept."""
        with self._lock:
            self._is_stopped = True
        self._stop_runs()

    @property
    def fraction(self) -> float:
        """How much of the plan is done, from 0 to 1."""
        return min(1.0, self.ended / self.plan.requests_in_all)

    @property
    def file(self) -> MeasurementFile:
        """What was measured so far, as it is kept."""
        return measurement_file(
            self.plan, self._models, self._began, list(self._levels), dict(self._problems), stopped=self._is_stopped
        )

    async def run(self) -> MeasurementFile:
        """Measure all models, one after the other, and return what was measured."""
        try:
            for name in self.plan.models:
                await self._measure_model(name)
        finally:
            self._stop_runs()
            self.is_live = False
        return self.file

    def _stop_runs(self) -> None:
        with self._lock:
            runs = list(self._runs)
        for run in runs:
            run.stop()

    async def _measure_model(self, name: str) -> None:
        if self._is_stopped:
            return
        models = self._models[name]
        first = models.create_model(ModelOptions(max_tokens=WARM_UP_TOKENS, retries=0))
        model = models.create_model(ModelOptions(max_tokens=self.plan.tokens, retries=0))
        if first is None or model is None:
            self._give_up(name, "The embedded model is not ready.")
            return
        self.now = f"{name}: connecting"
        opened = await self._ask(name, first, WARM_UP_TOKENS)
        if opened is None:
            return
        if opened.error:
            self._give_up(name, f"{opened.error} ({opened.detail})" if opened.detail else opened.error)
            return
        for concurrency in self.plan.concurrency:
            if self._is_stopped or name in self._problems:
                return
            self.now = f"{name}: {concurrency} at once"
            await self._measure_level(name, model, concurrency)

    def _give_up(self, name: str, reason: str) -> None:
        self._problems[name] = f"{reason} It was asked no more."

    async def _measure_level(self, name: str, model: Runnable[Any, Any], concurrency: int) -> None:
        numbers = iter(range(self.plan.requests_at(concurrency)))
        ended: list[RequestFigures] = []
        cost = self._models[name].model.entry.cost
        started, computed = time.monotonic(), time.process_time()
        try:
            async with asyncio.TaskGroup() as streams:
                for _ in range(concurrency):
                    streams.create_task(self._stream(name, model, numbers, ended))
        finally:
            seconds = time.monotonic() - started
            busy = (time.process_time() - computed) / seconds if seconds else 0.0
            if ended:
                figures = level_figures(name, concurrency, ended, seconds=seconds, busy=busy, cost=cost)
                self._levels.append(figures)

    async def _stream(
        self, name: str, model: Runnable[Any, Any], numbers: Iterator[int], ended: list[RequestFigures]
    ) -> None:
        """Send one request after the other, as long as there are any."""
        for _ in numbers:
            if self._is_stopped or name in self._problems:
                return
            figures = await self._ask(name, model, self.plan.tokens)
            if figures is None:
                return
            ended.append(figures)
            if len(ended) >= MOST_FAILURES and all(one.error for one in ended) and name not in self._problems:
                self._give_up(name, f"{len(ended)} requests at once or one after the other got no answer.")

    async def _ask(self, name: str, model: Runnable[Any, Any], tokens: int) -> RequestFigures | None:
        """Send one request and return its figures; None if it was stopped, or may not be sent."""
        try:
            run = await asyncio.to_thread(self._start, model, self._prompts.next())
        except StartRefusedError as refused:
            self._problems[name] = self._redact(str(refused))
            self.stop()
            return None
        with self._lock:
            self._runs.add(run)
        meter, error = MetricsAccumulator(), ""
        try:
            if self._is_stopped:
                return None
            async with asyncio.timeout(self._request_seconds), contextlib.aclosing(run.afollow()) as batches:
                async for events in batches:
                    for event in events:
                        meter.add(event)
                    if meter.tokens_so_far > tokens + EXTRA_CHUNKS:
                        run.stop()
        except TimeoutError:
            error = LATE
        finally:
            run.stop()
            with self._lock:
                self._runs.discard(run)
        await asyncio.to_thread(run.wait, END_SECONDS)
        if self._is_stopped and run.stop_requested_at is not None:
            return None
        self.ended += 1
        return request_figures(run, meter.metrics(), self._redact, error=error)
