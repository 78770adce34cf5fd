"""Runs Runnables, each in one of five ways, and writes down every event."""

import asyncio
import contextlib
import logging
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any, Protocol

from langchain_core.callbacks import BaseCallbackHandler, BaseCallbackManager, Callbacks
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.schema import StreamEvent

from weir.core import serialization
from weir.core.redaction import Redactor
from weir.core.run_event import Component, RunEvent, as_plain, label
from weir.runs.background_loop import BackgroundLoop
from weir.runs.callback_handler import InvokeEventHandler, StreamingEventHandler
from weir.runs.failure import Failure, FailureKind, RecordFullError, classify_error, safe_str
from weir.runs.methods import Method
from weir.runs.methods.with_astream import with_astream
from weir.runs.methods.with_astream_events import with_astream_events
from weir.runs.methods.with_callbacks import with_callbacks
from weir.runs.methods.with_invoke import with_invoke
from weir.runs.methods.with_stream import with_stream
from weir.runs.run import Run, Status
from weir.runs.run_store import RunStore

GRACE_PERIOD_SECONDS = 60.0
"""Seconds that a run goes on without a reader."""

CANCEL_AGAIN = 0.05
"""Seconds between two attempts to cancel a run that is being stopped."""

MAX_CAUSES = 8
"""Of an error's chain of causes, how many are recorded."""

_LOG = logging.getLogger(__name__)

_INTERRUPTED_MESSAGES = {
    Status.DONE: "The run came to its end without waiting for this.",
    Status.STOPPED: "The run was stopped while this was at work.",
    Status.FAILED: "The run failed while this was at work.",
    Status.ABANDONED: "The run was abandoned while this was at work.",
}


class Abortable(Protocol):
    """A run's own connections to the model, which another thread can cut while the run waits on them."""

    def abort(self) -> None:
        """Cut all connections now, and let no new ones be made. Whoever waits on one is woken by an error."""

    def close(self) -> None:
        """Give back what the connections took, once nobody uses them."""


_BLOCKING = {Method.STREAM: with_stream, Method.CALLBACKS: with_callbacks, Method.INVOKE: with_invoke}


class Recorder:
    """Starts runs and records them into a store.

    `clock` gives monotonic seconds, `hidden` strings (keys) that no record may hold.
    """

    def __init__(
        self,
        store: RunStore,
        loop: BackgroundLoop,
        *,
        clock: Callable[[], float] = time.monotonic,
        grace: float = GRACE_PERIOD_SECONDS,
        hidden: tuple[str, ...] = (),
    ) -> None:
        self.store = store
        self._loop = loop
        self._clock = clock
        self._grace = grace
        self._secrets = Redactor(hidden)

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
        line: Abortable | None = None,
    ) -> Run:
        """Begin a run and return it at once.

        The record of a run that streams is what `astream_events(version="v2")` would give, whichever `method` runs it.

        `context` is kept with it, JSON-ready, for whoever finds it again; `run_id` is its id, where one is reserved. A
        thread that waits on the network can't be cancelled: methods that are not async are stopped by their `line`.
        """
        recording = _RunDriver(
            runnable,
            value,
            run_id=run_id or uuid.uuid4(),
            name=label(self._secrets.redact(name or runnable.get_name())),
            context=context or {},
            config=config or {},
            method=method,
            line=line,
            store=self.store,
            loop=self._loop,
            clock=self._clock,
            grace=self._grace,
            secrets=self._secrets,
        )
        self.store.add(recording.run)
        self._loop.call(recording.launch)
        return recording.run

    def stop_all(self) -> None:
        """Stop every live run."""
        for run in self.store.runs():
            run.stop()


class _RunDriver:
    """One run in the making. All happens on the background loop, but for `__init__` and what says otherwise."""

    def __init__(
        self,
        runnable: Runnable[Any, Any],
        value: Any,
        *,
        run_id: uuid.UUID,
        name: str,
        context: dict[str, Any],
        config: RunnableConfig,
        method: Method,
        line: Abortable | None,
        store: RunStore,
        loop: BackgroundLoop,
        clock: Callable[[], float],
        grace: float,
        secrets: Redactor,
    ) -> None:
        self._clock = clock
        self._started = clock()
        self.run = Run(
            str(run_id),
            name,
            value,
            context=context,
            created_at=time.time(),
            cancel=lambda: loop.call(self._cancel),
            on_last_reader_left=lambda: loop.call(self._expect_reader),
            clock=self._now,
        )
        self._work: tuple[Runnable[Any, Any], Any] | None = runnable, value
        self._errors = _ErrorHandler(self.run)
        self._root = run_id
        self._config: RunnableConfig = {
            **config,
            "run_id": run_id,
            "callbacks": _with_handlers(config.get("callbacks"), self._errors),
        }
        self._method = method
        self._line = line
        self._loop = loop
        self._store = store
        self._grace = grace
        self._secrets = secrets
        self._task: asyncio.Task[None] | None = None
        self._expiry: asyncio.TimerHandle | None = None
        self._sources: dict[str, Component] = {}
        self._clean: dict[str, tuple[Component, Component]] = {}
        self._open: dict[str, RunEvent] = {}
        self._answering = False
        self._hung_up = False

    def launch(self) -> None:
        """Start the task."""
        self._task = asyncio.get_running_loop().create_task(self._drive(), name=f"run {self.run.id}")
        self._task.add_done_callback(self._finish)
        self._expect_reader()
        if self.run.requested_status is not None:
            self._task.cancel()

    async def _drive(self) -> None:
        try:
            await self._run_chain()
        except (KeyboardInterrupt, SystemExit) as error:
            raise ChainExitError(repr(error)) from error

    async def _run_chain(self) -> None:
        assert self._work is not None
        runnable, value = self._work
        if self._method is Method.ASTREAM_EVENTS:
            await with_astream_events(runnable, value, self._config, self._on_stream_event)
        elif self._method is Method.ASTREAM:
            narrator = StreamingEventHandler(self._on_event, self._root, value)
            await with_astream(runnable, value, self._config_with_handler(narrator), narrator.on_root_chunk)
        else:
            await _in_thread(partial(self._block, runnable, value), f"run {self.run.id}")

    def _block(self, runnable: Runnable[Any, Any], value: Any) -> None:
        """Run a method that blocks, on a thread of its own."""
        line = self._line
        narrator_of = StreamingEventHandler if self._method is Method.STREAM else InvokeEventHandler
        narrator = narrator_of(self._post_to_loop, self._root, value)

        def show(chunk: Any) -> None:
            # With a line the next read fails, inside of the chain; raised from here, a generator would be left that on
            # its way out reads on.
            if self.run.requested_status is not None and line is None:
                raise Interrupted(_INTERRUPTED_MESSAGES[self.run.requested_status])
            narrator.on_root_chunk(chunk)

        try:
            _BLOCKING[self._method](runnable, value, self._config_with_handler(narrator), show)
            narrator.flush()
        finally:
            if line:
                line.close()

    def _config_with_handler(self, narrator: BaseCallbackHandler) -> RunnableConfig:
        return {**self._config, "callbacks": _with_handlers(self._config.get("callbacks"), narrator)}

    def _on_stream_event(self, raw: StreamEvent) -> None:
        self._handle_event(raw["event"], self._source(raw), serialization.dumps(raw["data"]), self._now())

    def _on_event(self, kind: str, source: Component, data: dict[str, Any]) -> None:
        """Write an event down. A part of a chain may run, and tell of itself, on another thread than the loop's."""
        if self._loop.is_current:
            self._handle_event(kind, source, serialization.dumps(data), self._now())
        else:
            self._post_to_loop(kind, source, data)

    def _post_to_loop(self, kind: str, source: Component, data: dict[str, Any]) -> None:
        """Hand an event over to the loop, with the time at which it came here."""
        self._loop.call(self._handle_event, kind, source, serialization.dumps(data), self._now())

    def _now(self) -> float:
        """Seconds since the run was started. From any thread."""
        return round(self._clock() - self._started, 6)

    def _handle_event(self, kind: str, source: Component, payload: bytes, at: float) -> None:
        if not self.run.is_live:  # from a thread that outlived its run
            return
        source = self._without_secrets(source)
        self._close_recovered_failures(before=source, at=at)
        event = self._append(kind, source, payload, at)
        stage = event.event.rsplit("_", 1)[-1]
        if stage == "start":
            self._open[event.run_id] = event
        elif stage in ("end", "error"):
            self._open.pop(event.run_id, None)
            self._errors.by_run.pop(event.run_id, None)
        elif event.event == "on_chat_model_stream":
            self._answering = True

    def _source(self, raw: StreamEvent) -> Component:
        fresh = Component(
            name=raw["name"],
            run_id=raw["run_id"],
            parent_ids=tuple(raw["parent_ids"]),
            tags=tuple(raw.get("tags") or ()),
            metadata=raw.get("metadata") or {},
        )
        known = self._sources.get(fresh.run_id)
        if known == fresh:
            return known
        return self._sources.setdefault(fresh.run_id, fresh) if known is None else fresh

    def _without_secrets(self, source: Component) -> Component:
        """Return what an event is of, as plain JSON without secrets in its name, tags and metadata."""
        seen, clean = self._clean.get(source.run_id, (None, source))
        if seen is not source:
            clean = as_plain(source)
            written = serialization.dumps([clean.name, clean.tags, clean.metadata])
            hidden = self._secrets.redact_json(written)
            if hidden != written:
                name, tags, metadata = serialization.loads_big_ints(hidden)
                clean = replace(clean, name=name, tags=tuple(tags), metadata=metadata)
            self._clean[source.run_id] = source, clean
        return clean

    def _append(self, kind: str, source: Component, payload: bytes, at: float) -> RunEvent:
        payload, before = self._secrets.redact_json(payload), self.run.size
        event = self.run.append(RunEvent(len(self.run.events), at, kind, source, payload))
        if largest := self._store.add_bytes(self.run.size - before):
            full = RecordFullError(RecordFullError.__doc__)
            largest.request_stop(Status.FAILED, classify_error(full, answering=True))
        return event

    def _close_recovered_failures(self, before: Component, at: float) -> None:
        """Close components that failed and whose failure the chain survived, once an event of another comes.

        `at` is the time of that event: it may come from a thread, and is then earlier than now.
        """
        # A list first: components fail on threads of their own meanwhile.
        for run_id in [run_id for run_id in list(self._errors.by_run) if run_id in self._open]:
            if run_id != before.run_id and run_id not in before.parent_ids:
                self._close(run_id, self._errors.by_run[run_id], at)

    def _close(self, run_id: str, error: BaseException, at: float) -> None:
        opened = self._open.pop(run_id)
        shown: dict[str, Any] = self._shown(error)
        # A client library may wrap one error several times in its like.
        causes = [self._shown(cause) for cause in _causes(error)]
        if told := [cause for before, cause in pairwise([shown, *causes]) if cause != before]:
            shown["causes"] = told
        self._append(f"on_{opened.type}_error", opened.component, serialization.dumps({"error": shown}), at)
        self._errors.by_run.pop(run_id, None)

    def _shown(self, error: BaseException) -> dict[str, Any]:
        return {"type": type(error).__name__, "message": self._secrets.redact(safe_str(error))}

    def _finish(self, task: asyncio.Task[None]) -> None:
        """Close what is still open, and the run. The task's done callback: no path leaves it out."""
        if self._expiry:
            self._expiry.cancel()
        verdict: tuple[Status, Failure | None] = Status.FAILED, Failure(FailureKind.INTERNAL, "See the server's log.")
        try:
            verdict = self._final_status(task, None if task.cancelled() else task.exception())
            self._close_open(verdict[0])
        except Exception:
            _LOG.exception("the record of run %s was not brought to its end", self.run.id)
        self.run.close(*verdict)
        # The run's handle lives as long as its record; what it ran, with its model's clients, and tracebacks need not.
        self._task = self._line = self._work = None
        self._errors.by_run.clear()

    def _close_open(self, status: Status) -> None:
        """Close the components that are open still."""
        failed = {run_id: own for run_id, own in dict(self._errors.by_run).items() if isinstance(own, Exception)}
        for run_id in reversed([run_id for run_id in self._open if run_id not in failed]):
            self._close(run_id, Interrupted(_INTERRUPTED_MESSAGES[status]), self._now())
        # In the order in which they failed: the first is where the error came from.
        for run_id in [run_id for run_id in failed if run_id in self._open]:
            self._close(run_id, failed[run_id], self._now())

    def _final_status(self, task: asyncio.Task[None], error: BaseException | None) -> tuple[Status, Failure | None]:
        # A body without a length that is cut looks whole.
        if self.run.requested_status is not None and (task.cancelled() or error is not None or self._hung_up):
            return self.run.requested_status, self.run.failure
        if isinstance(error, Exception):
            failure = classify_error(error, answering=self._answering)
            return Status.FAILED, Failure(
                failure.kind, serialization.replace_lone_surrogates(self._secrets.redact(failure.detail))
            )
        if task.cancelled() or error is not None:
            return Status.FAILED, Failure(FailureKind.INTERNAL, "The chain's task was cancelled from within.")
        return Status.DONE, None

    def _cancel(self) -> None:
        """Cancel the task until it is gone.

        Once is not enough: up to Python 3.11 `asyncio.wait_for`, in which ChatOpenAI waits for its next chunk, loses a
        cancellation that comes together with the chunk (https://github.com/python/cpython/issues/81839).
        """
        if self._task is None:
            return
        if self._line and not self._hung_up:
            # The thread ends by the error that this gives it; the task is cancelled for the case that it doesn't.
            self._hung_up = True
            self._line.abort()
            asyncio.get_running_loop().call_later(CANCEL_AGAIN, self._cancel)
        else:
            self._task.cancel()
            asyncio.get_running_loop().call_later(CANCEL_AGAIN, self._cancel)

    def _expect_reader(self) -> None:
        """Begin the grace period anew."""
        if self._expiry:
            self._expiry.cancel()
        if self.run.is_live:
            self._expiry = asyncio.get_running_loop().call_later(self._grace, self._expire)

    def _expire(self) -> None:
        if not self.run.readers:
            self.run.request_stop(Status.ABANDONED)


def _with_handlers(callbacks: Callbacks, handler: BaseCallbackHandler) -> Callbacks:
    """Return callbacks with a handler more, that hears of all components."""
    if isinstance(callbacks, BaseCallbackManager):
        manager = callbacks.copy()
        manager.add_handler(handler, inherit=True)
        return manager
    return [*(callbacks or []), handler]


def _causes(error: BaseException) -> list[BaseException]:
    """Return what an error came from, nearest first, as a traceback would tell it."""
    causes: list[BaseException] = []
    while len(causes) < MAX_CAUSES:
        cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if cause is None or cause in causes:
            break
        causes.append(cause)
        error = cause
    return causes


def _in_thread(function: Callable[[], None], name: str) -> "asyncio.Future[None]":
    """Run a function on a thread of its own, which does not keep the process from ending."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()

    def settle(error: Exception | None) -> None:
        if future.done():
            return
        if error:
            future.set_exception(error)
        else:
            future.set_result(None)

    def work() -> None:
        error: Exception | None = None
        try:
            function()
        except Exception as raised:
            error = raised
        except (KeyboardInterrupt, SystemExit) as raised:
            error = ChainExitError(repr(raised))
        # The loop may have been closed meanwhile, with nobody left to tell.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, error)

    threading.Thread(target=work, name=name, daemon=True).start()
    return future


class ChainExitError(Exception):
    """A chain has asked for the end of the process, which goes on."""


class Interrupted(Exception):  # noqa: N818
    """The error of a component that did not fail itself: the run ended while it was at work."""


class _ErrorHandler(BaseCallbackHandler):
    """Keeps the exception of each component that failed: `astream_events` has no event for it."""

    run_inline = True

    def __init__(self, run: Run) -> None:
        self._run = run
        self.by_run: dict[str, BaseException] = {}

    def _keep(self, error: BaseException, *, run_id: uuid.UUID, **_: Any) -> None:
        # What a run that is being stopped fails with is the stop.
        if self._run.requested_status is None:
            self.by_run[str(run_id)] = error

    on_chain_error = on_llm_error = on_tool_error = on_retriever_error = _keep
