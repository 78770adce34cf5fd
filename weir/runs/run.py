"""Run: one execution of one Runnable, recorded while it happens and readable by many readers at any time."""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Sequence
from dataclasses import replace
from enum import StrEnum
from functools import partial
from typing import Any, Protocol

from weir.core import serialization
from weir.core.run_event import RunEvent
from weir.runs.failure import Failure

_LOG = logging.getLogger(__name__)

RUN_OVERHEAD = 4_000
"""Bytes that a run takes in memory besides its events and its input: locks, names, its task."""


class Status(StrEnum):
    """What a run is doing, or how it ended."""

    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    """Somebody pressed Stop."""
    FAILED = "failed"
    """An exception ended it; `Run.failure` says which."""
    ABANDONED = "abandoned"
    """It had no reader for the grace period."""


class ConnectionTiming(Protocol):
    """Timing of a run's connection to the model. Times are `time.monotonic()` seconds, None if not known yet."""

    @property
    def sent_at(self) -> float | None:
        """When the request had been sent completely."""

    @property
    def closed_at(self) -> float | None:
        """When the connection was closed before the answer was complete."""

    def wait_finished(self, within: float = 0.0) -> bool:
        """Return whether the answer is complete or the connection closed, waiting for at most `within` seconds."""


class Run:
    """The record of one execution of a Runnable, and the handle to stop it.

    Any number of threads and asyncio tasks may read at once, from any event on, during the run or afterwards. Only the
    recorder writes, from one thread. A run without a reader for the grace period is abandoned; an iteration of `follow`
    or `afollow` counts as a reader.
    """

    def __init__(
        self,
        run_id: str,
        name: str,
        value: Any,
        *,
        context: dict[str, Any],
        created_at: float,
        cancel: Callable[[], None],
        on_last_reader_left: Callable[[], None],
        clock: Callable[[], float] | None = None,
        recorded_id: str | None = None,
    ) -> None:
        self.id = run_id
        """LangChain's `run_id` of the root, a random UUID. For an opened recording, a digest of its file."""
        self.recorded_id = recorded_id or run_id
        """Id of the run when it was recorded."""
        self.is_truncated = False
        """Whether it is a recording that was saved while the run was live."""
        self.name = name
        """Name of the chain."""
        self.context = context
        """Notes in JSON of the code that started the run, such as its page and method."""
        self.created_at = created_at
        """Seconds since the epoch."""
        self.owner = ""
        """`Caller.visitor` of the caller who started it; "" for nobody."""
        self.is_shared = True
        """Whether everybody who knows the id may read it. If not, only the owner may."""
        self.failure: Failure | None = None
        self.stop_requested_at: float | None = None
        """Seconds from the start to the request to end the run early."""
        self.ended_at: float | None = None
        """Seconds from the start to the end of its task; None for a recording."""
        self.connection: ConnectionTiming | None = None
        """Connection to the model that answers. Set by the code that starts the run, if it can be observed."""
        self._clock = clock
        self._input = serialization.dumps(value)
        self._events: list[RunEvent] = []
        self._component_ids: set[int] = set()
        """`id()` of each component whose size is counted. The events keep the objects alive, so the ids stay unique."""
        self._status = Status.RUNNING
        self._requested_status: Status | None = None
        self._cancel = cancel
        self._on_last_reader_left = on_last_reader_left
        self._readers = 0
        self._changed = threading.Condition()
        self._ended = threading.Event()
        self._notifiers: list[_AsyncNotifier] = []
        self._done_callbacks: list[Callable[[Run], None]] = []
        self._size = RUN_OVERHEAD + len(self._input)

    @property
    def input(self) -> Any:
        """Input of the Runnable, as JSON values."""
        return serialization.loads(self._input)

    @property
    def input_json(self) -> bytes:
        """Input of the Runnable, as JSON bytes."""
        return self._input

    @property
    def status(self) -> Status:
        return self._status

    @property
    def is_live(self) -> bool:
        """Whether the run has not ended: more events may arrive."""
        return self._status is Status.RUNNING

    @property
    def events(self) -> Sequence[RunEvent]:
        """All events so far; the sequence grows while the run is live."""
        return self._events

    @property
    def is_recording(self) -> bool:
        """Whether it was opened from a recording file."""
        return self.recorded_id != self.id

    @property
    def size(self) -> int:
        """Bytes that the run takes in memory."""
        return self._size

    @property
    def elapsed(self) -> float:
        """Seconds since the start. For a recording, the time of its last event."""
        return self._clock() if self._clock else self._last_elapsed

    def seconds_at(self, moment: float) -> float:
        """Return the seconds from the start to a moment of `time.monotonic()`."""
        return self.elapsed - (time.monotonic() - moment)

    @property
    def readers(self) -> int:
        """Number of current readers."""
        return self._readers

    def can_read(self, visitor: str) -> bool:
        """Whether this visitor (`Caller.visitor`) may read the run."""
        return self.is_shared or (self.owner == visitor and bool(visitor))

    def can_stop(self, visitor: str) -> bool:
        """Whether this visitor may stop the run: its owner, or, if it has no owner, everybody who may read it."""
        return self.owner in ("", visitor) and self.can_read(visitor)

    def add_done_callback(self, callback: "Callable[[Run], None]") -> None:
        """Call `callback` with the run when it has ended, on the recorder's thread, so it must be quick."""
        with self._changed:
            if self.is_live:
                self._done_callbacks.append(callback)
                return
        self._call(callback)

    def stop(self) -> None:
        """Stop the run and keep the events so far. Returns at once; does nothing if the run has ended."""
        self.request_stop(Status.STOPPED)

    def wait(self, timeout: float | None = None) -> bool:
        """Block until the run has ended, for at most `timeout` seconds. Return whether it has ended."""
        with self.reading():
            return self._ended.wait(timeout)

    def extend_grace_period(self) -> None:
        """Restart the grace period, because somebody still wants the run."""
        self._on_last_reader_left()

    def follow(
        self, after: int = -1, *, every: float = 0.0, heartbeat: float | None = None
    ) -> Generator[Sequence[RunEvent], None, None]:
        """Yield the events numbered above `after` in batches, as they arrive, until the run has ended.

        Between two batches at least `every` seconds pass, unless the run ends. If nothing arrives for `heartbeat`
        seconds, an empty batch is yielded, so that the reader can do something else in between.
        """
        seen = after + 1
        with self.reading():
            while True:
                with self._changed:
                    self._changed.wait_for(partial(self._has_news, seen), heartbeat)
                    ended = not self.is_live
                batch = self._events[seen:]
                seen += len(batch)
                if batch or not ended:
                    yield batch
                if ended:
                    return
                if every and batch:
                    self._ended.wait(every)

    async def afollow(
        self, after: int = -1, *, heartbeat: float | None = None
    ) -> AsyncGenerator[Sequence[RunEvent], None]:
        """`follow` for asyncio, on any loop."""
        seen = after + 1
        notifier = _AsyncNotifier(asyncio.get_running_loop())
        with self.reading():
            with self._changed:
                self._notifiers.append(notifier)
            try:
                while True:
                    ended = not self.is_live
                    batch = self._events[seen:]
                    seen += len(batch)
                    if batch:
                        yield batch
                    if ended:
                        return
                    if not await notifier.wait(heartbeat):
                        yield ()
            finally:
                with self._changed:
                    self._notifiers.remove(notifier)

    @property
    def _last_elapsed(self) -> float:
        """Time of the last event, in seconds since the start."""
        return self._events[-1].elapsed if self._events else 0.0

    def _has_news(self, seen: int) -> bool:
        return len(self._events) > seen or not self.is_live

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Count as a reader within a `with` block."""
        with self._changed:
            self._readers += 1
        try:
            yield
        finally:
            with self._changed:
                self._readers -= 1
                last = self._readers == 0
            if last and self.is_live:
                self._on_last_reader_left()

    # The writer's side: used by the recorder and by the reader of recording files.

    @property
    def requested_status(self) -> Status | None:
        """Status that the run is to end with early; None if nobody has requested a stop."""
        return self._requested_status

    def request_stop(self, status: Status, failure: Failure | None = None) -> None:
        """Cancel the run, so that it ends with this status and failure."""
        with self._changed:
            if not self.is_live or self._requested_status is not None:
                return
            self._requested_status = status
            self.failure = failure
            self.stop_requested_at = self._clock() if self._clock else None
        self._cancel()

    def append(self, event: RunEvent) -> RunEvent:
        """Append an event, wake the readers, and return the event as it is recorded.

        Time in a record never goes back. Several threads set the times of one run's events, and the record has the
        order in which the events arrive here. An event that is earlier than the last one gets the last one's time.
        """
        with self._changed:
            if not event.elapsed >= self._last_elapsed:
                event = replace(event, elapsed=self._last_elapsed)
            self._events.append(event)
            self._size += event.size
            if id(event.component) not in self._component_ids:
                self._component_ids.add(id(event.component))
                self._size += event.component.size
            self._wake()
        return event

    def close(self, status: Status, failure: Failure | None) -> None:
        """Record the end of the run and wake the readers."""
        with self._changed:
            self.failure = failure
            self.ended_at = max(self._clock(), self._last_elapsed) if self._clock else None
            self._status = status
            self._ended.set()
            self._wake()
            callbacks, self._done_callbacks = self._done_callbacks, []
        for callback in callbacks:
            self._call(callback)

    def _call(self, callback: "Callable[[Run], None]") -> None:
        """Call a done callback. Its exception is logged, so that the other callbacks are called too."""
        try:
            callback(self)
        except Exception:
            _LOG.exception("a done callback of run %s failed", self.id)

    def _wake(self) -> None:
        self._changed.notify_all()
        for notifier in self._notifiers:
            notifier.notify()


class _AsyncNotifier:
    """Wakes one asyncio task from any thread. Several notifications before the task runs count as one."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._event = asyncio.Event()
        self._is_notified = False

    def notify(self) -> None:
        if self._is_notified or self._loop.is_closed():
            return
        self._is_notified = True
        # RuntimeError: the loop was closed since the check above, and its reader with it.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._event.set)

    async def wait(self, timeout: float | None) -> bool:
        """Wait for a notification, for at most `timeout` seconds. Return whether there was one."""
        try:
            async with asyncio.timeout(timeout):
                await self._event.wait()
        except TimeoutError:
            return False
        self._is_notified = False
        self._event.clear()
        return True
