"""Recorder: starts Runnables on the background loop, each by one of five methods, and records every event."""

import time
import uuid
from collections.abc import Callable
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig

from weir.core.redaction import Redactor
from weir.core.run_event import label
from weir.runs.background_loop import BackgroundLoop
from weir.runs.failure_sentences import Failure, FailureKind
from weir.runs.memory_run import MemoryRun
from weir.runs.methods import Method
from weir.runs.run import Run, Status
from weir.runs.run_driver import Abortable, RunDriver, RunRequest
from weir.runs.run_store import RunStore

__all__ = ["GRACE_PERIOD_SECONDS", "Abortable", "Recorder"]

GRACE_PERIOD_SECONDS = 60.0
"""Time that a run goes on without a reader."""


class Recorder:
    """Starts runs and records them into a store.

    `clock` returns monotonic seconds. `grace_seconds` is the grace period. `secrets` (API keys) are
    redacted in every record.
    """

    def __init__(
        self,
        store: RunStore,
        loop: BackgroundLoop,
        *,
        clock: Callable[[], float] = time.monotonic,
        grace_seconds: float = GRACE_PERIOD_SECONDS,
        secrets: tuple[str, ...] = (),
    ) -> None:
        self.store = store
        self.is_draining = False
        """Whether the process ends as soon as its live runs have: it should get no new visitors."""
        self._loop = loop
        self._clock = clock
        self._grace_seconds = grace_seconds
        self._redactor = Redactor(secrets)

    def start(
        self,
        runnable: Runnable[Any, Any],
        value: Any,
        *,
        name: str | None = None,
        context: dict[str, Any] | None = None,
        config: RunnableConfig | None = None,
        run_id: uuid.UUID | None = None,
        method: Method = Method.ASTREAM,
        connections: Abortable | None = None,
        owner: str = "",
    ) -> Run:
        """Start a run and return it at once.

        The record of a run that streams is what `astream_events(version="v2")` would emit, whichever `method` runs it.

        `context` holds notes in JSON that are stored with the run, such as the page that started it. `run_id` is the
        id, if one is reserved. A thread that waits on the network cannot be cancelled: Stop aborts the connections of a
        method that is not async through `connections`. `owner` is the `Caller.visitor` of who starts it.
        """
        request = RunRequest(
            runnable,
            value,
            run_id=run_id or uuid.uuid4(),
            name=label(self._redactor.redact(name or runnable.get_name())),
            context=context or {},
            config=config or {},
            method=method,
            connections=connections,
        )
        driver = RunDriver(
            request,
            store=self.store,
            loop=self._loop,
            clock=self._clock,
            grace_seconds=self._grace_seconds,
            redactor=self._redactor,
        )
        driver.run.owner = owner
        self.store.add(driver.run)
        self._loop.call(driver.launch)
        return driver.run

    def drain(self) -> None:
        """Note that the process ends as soon as its live runs have."""
        self.is_draining = True

    def has_live_runs(self) -> bool:
        """Whether a run is live that this process drives."""
        return any(run.is_live and not run.is_attached for run in self.store.runs())

    def cut_off_all(self) -> None:
        """End every live run: the server that makes it goes away."""
        for run in self.store.runs():
            if isinstance(run, MemoryRun) and not run.is_attached:
                run.request_stop(Status.FAILED, Failure(FailureKind.SERVER_GONE))
            else:
                run.stop()

    def stop_all(self) -> None:
        """Stop every live run."""
        for run in self.store.runs():
            run.stop()
