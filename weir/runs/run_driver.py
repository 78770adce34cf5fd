"""Run driver: runs one Runnable on the background loop, from its task's start to its end, Stop and grace period."""

import asyncio
import contextlib
import logging
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from langchain_core.callbacks import BaseCallbackHandler, BaseCallbackManager, Callbacks
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.schema import StreamEvent

from weir.core import serialization
from weir.core.redaction import Redactor
from weir.core.run_event import Component
from weir.runs.background_loop import BackgroundLoop
from weir.runs.callback_handler import InvokeEventHandler, StreamingEventHandler
from weir.runs.error_classification import classify_error
from weir.runs.event_recorder import EventRecorder, Interrupted
from weir.runs.failure_sentences import Failure, FailureKind
from weir.runs.graph_stream import GraphStream, graph_of, graph_stream
from weir.runs.memory_run import MemoryRun, stopwatch
from weir.runs.methods import Method, with_astream, with_astream_events, with_callbacks, with_invoke, with_stream
from weir.runs.run import Status
from weir.runs.run_store import RunStore

CANCEL_INTERVAL_SECONDS = 0.05
"""Time between two attempts to cancel a run that is being stopped."""

_LOG = logging.getLogger(__name__)


class Abortable(Protocol):
    """A run's own connections to the model, which another thread can abort while the run waits on them."""

    def abort(self) -> None:
        """Shut all connections down now and refuse new ones. A thread that waits on one wakes up with an error."""

    def close(self) -> None:
        """Release the connections' resources, once nobody uses them."""


class ChainExitError(Exception):
    """A chain raised `SystemExit` or `KeyboardInterrupt`. It ends its own run; the process goes on."""


_BLOCKING = {Method.STREAM: with_stream, Method.CALLBACKS: with_callbacks, Method.INVOKE: with_invoke}


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What to run, and how. `connections` are aborted by Stop; methods that are not async need them."""

    runnable: Runnable[Any, Any]
    value: Any
    run_id: uuid.UUID
    name: str
    context: dict[str, Any]
    config: RunnableConfig
    method: Method
    connections: Abortable | None


class RunDriver:
    """Drives one run. All methods run on the background loop, except `__init__` and those that say otherwise."""

    def __init__(
        self,
        request: RunRequest,
        *,
        store: RunStore,
        loop: BackgroundLoop,
        clock: Callable[[], float],
        grace_seconds: float,
        redactor: Redactor,
    ) -> None:
        self._elapsed = stopwatch(clock, clock())
        """Returns the seconds since the run was started. From any thread."""
        self.run = MemoryRun(
            str(request.run_id),
            request.name,
            request.value,
            context=request.context,
            created_at=time.time(),
            cancel=lambda: loop.call(self._cancel),
            on_last_reader_left=lambda: loop.call(self._restart_grace_period),
            clock=self._elapsed,
        )
        self._request: RunRequest | None = request
        self._events = EventRecorder(self.run, store, redactor)
        self._loop = loop
        self._grace_seconds = grace_seconds
        self._redactor = redactor
        self._task: asyncio.Task[None] | None = None
        self._expiry: asyncio.TimerHandle | None = None
        self._is_aborted = False
        self._graph: GraphStream | None = None
        """The graph that is streamed, if the Runnable is one."""

    def launch(self) -> None:
        """Start the task."""
        self._task = asyncio.get_running_loop().create_task(self._drive(), name=f"run {self.run.id}")
        self._task.add_done_callback(self._finish)
        self._restart_grace_period()
        if self.run.requested_status is not None:
            self._task.cancel()

    async def _drive(self) -> None:
        try:
            await self._run_chain()
        except (KeyboardInterrupt, SystemExit) as error:
            raise ChainExitError(repr(error)) from error

    async def _run_chain(self) -> None:
        assert self._request is not None
        request, runnable, value = self._request, self._request.runnable, self._request.value
        config: RunnableConfig = {
            **request.config,
            "run_id": request.run_id,
            "callbacks": _with_handler(request.config.get("callbacks"), self._events.error_collector),
        }
        if request.method is Method.ASTREAM_EVENTS:
            await with_astream_events(runnable, value, config, self._on_stream_event)
        elif request.method is Method.ASTREAM:
            handler = StreamingEventHandler(self._on_event, request.run_id, value)
            self._graph = graph_stream(runnable, handler.on_graph_report)
            source: Any = self._graph or runnable
            await with_astream(source, value, _config_with_handler(config, handler), handler.on_root_chunk)
        else:
            await _in_thread(partial(self._run_blocking, request, config), f"run {self.run.id}")

    def _run_blocking(self, request: RunRequest, config: RunnableConfig) -> None:
        """Run a method that blocks. Called on a thread of its own."""
        handler: StreamingEventHandler | InvokeEventHandler
        if request.method is Method.STREAM:
            handler = StreamingEventHandler(self._post_to_loop, request.run_id, request.value)
            self._graph = graph_stream(request.runnable, handler.on_graph_report)
        else:
            handler = InvokeEventHandler(self._post_to_loop, request.run_id, request.value)

        def show(chunk: Any) -> None:
            # With abortable connections the next read fails inside of the chain. An error raised from here instead
            # would leave behind a generator that goes on reading while it is closed.
            if self.run.requested_status is not None and request.connections is None:
                raise Interrupted(self.run.requested_status)
            handler.on_root_chunk(chunk)

        try:
            source: Any = self._graph or request.runnable
            _BLOCKING[request.method](source, request.value, _config_with_handler(config, handler), show)
            handler.flush()
        finally:
            if request.connections:
                request.connections.close()

    def _on_stream_event(self, raw: StreamEvent) -> None:
        self._events.record_stream_event(raw, self._elapsed())

    def _on_event(self, event_name: str, component: Component, data: dict[str, Any]) -> None:
        """Record an event. From any thread: parts of a chain may run, and emit events, on other threads."""
        if self._loop.is_current:
            self._events.record(event_name, component, serialization.dumps(data), self._elapsed())
        else:
            self._post_to_loop(event_name, component, data)

    def _post_to_loop(self, event_name: str, component: Component, data: dict[str, Any]) -> None:
        """Have the loop record an event with the time of this call. From any thread."""
        self._loop.call(self._events.record, event_name, component, serialization.dumps(data), self._elapsed())

    def _finish(self, task: asyncio.Task[None]) -> None:
        """Close all open components and the run. It is the task's done callback, so it runs however the task ends."""
        if self._expiry:
            self._expiry.cancel()
        status = Status.FAILED
        failure: Failure | None = Failure(FailureKind.INTERNAL, "See the server's log.")
        try:
            status, failure = self._final_status(task, None if task.cancelled() else task.exception())
            self._events.close_open_components(status, self._elapsed())
        except Exception:
            _LOG.exception("the record of run %s could not be completed", self.run.id)
        self.run.close(status, failure)
        # The run refers to its driver for as long as its record exists: release the chain, the model's clients and the
        # tracebacks now.
        self._task = self._request = None
        self._events.error_collector.errors.clear()

    def _final_status(self, task: asyncio.Task[None], error: BaseException | None) -> tuple[Status, Failure | None]:
        # A response body without a length looks complete when its connection is aborted.
        if self.run.requested_status is not None and (task.cancelled() or error is not None or self._is_aborted):
            return self.run.requested_status, self.run.failure
        if isinstance(error, Exception):
            failure = classify_error(error, answering=self._events.is_answering)
            return Status.FAILED, Failure(
                failure.kind, serialization.replace_lone_surrogates(self._redactor.redact(failure.detail))
            )
        if task.cancelled() or error is not None:
            return Status.FAILED, Failure(FailureKind.INTERNAL, "The chain's task was cancelled from within.")
        return (Status.WAITING if self._is_waiting() else Status.DONE), None

    def _is_waiting(self) -> bool:
        """Whether the run has ended because its graph waits for a person."""
        if self._graph:
            return self._graph.is_interrupted
        is_graph = self._request is not None and graph_of(self._request.runnable) is not None
        return is_graph and self._events.error_collector.has_interrupt

    def _cancel(self) -> None:
        """Cancel the task, and repeat it until the task has ended.

        Once is not enough: up to Python 3.11 `asyncio.wait_for`, in which ChatOpenAI waits for its next chunk, loses a
        cancellation that arrives together with the chunk (https://github.com/python/cpython/issues/81839).
        """
        if self._task is None or self._request is None:
            return
        if self._request.connections and not self._is_aborted:
            # The abort makes the thread end with an error. The task is cancelled later, in case the thread does not.
            self._is_aborted = True
            self._request.connections.abort()
        else:
            self._task.cancel()
        asyncio.get_running_loop().call_later(CANCEL_INTERVAL_SECONDS, self._cancel)

    def _restart_grace_period(self) -> None:
        if self._expiry:
            self._expiry.cancel()
        if self.run.is_live:
            self._expiry = asyncio.get_running_loop().call_later(self._grace_seconds, self._expire)

    def _expire(self) -> None:
        if not self.run.readers:
            self.run.request_stop(Status.ABANDONED)


def _config_with_handler(config: RunnableConfig, handler: BaseCallbackHandler) -> RunnableConfig:
    return {**config, "callbacks": _with_handler(config.get("callbacks"), handler)}


def _with_handler(callbacks: Callbacks, handler: BaseCallbackHandler) -> Callbacks:
    """Return the callbacks with one handler more, for all components of the run."""
    if isinstance(callbacks, BaseCallbackManager):
        manager = callbacks.copy()
        manager.add_handler(handler, inherit=True)
        return manager
    return [*(callbacks or []), handler]


def _in_thread(function: Callable[[], None], name: str) -> "asyncio.Future[None]":
    """Run a function on a daemon thread of its own, which does not keep the process from ending."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()

    def resolve(error: Exception | None) -> None:
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
        # RuntimeError: the loop has been closed, and nobody waits for the result.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(resolve, error)

    threading.Thread(target=work, name=name, daemon=True).start()
    return future
