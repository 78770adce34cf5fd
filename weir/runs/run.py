"""A run: one execution of one Runnable, recorded as it happens, read by anyone at any time."""

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
"""Bytes a run takes in memory besides its events and its input: locks, names, its task."""


class Status(StrEnum):
    """What a run is doing, or how it ended."""

    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    """Somebody pressed Stop."""
    FAILED = "failed"
    """An exception ended it; `Run.failure` says which."""
    ABANDONED = "abandoned"
    """Nobody had read it for the grace period."""


class ConnectionTiming(Protocol):
    """What is known of the way to the model. Times are `time.monotonic()` seconds, None before it happens."""

    @property
    def sent_at(self) -> float | None:
        """When the request had been sent whole."""

    @property
    def closed_at(self) -> float | None:
        """When the connection was closed with the answer not yet whole."""

    def wait_finished(self, within: float = 0.0) -> bool:
        """Return whether the answer came whole or the connection was closed, waiting for it so many seconds."""


class Run:
    """The record of one execution, and the handle to stop it.

    Any number of threads and asyncio tasks may read at once, from any event on, while it runs or afterwards. Only the
    recorder writes, from one thread. A run that nobody reads for its grace period is abandoned; `follow` and `afollow`
    count as reading for as long as they are iterated.
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
        """LangChain's `run_id` of the root, too long to guess; of an opened recording, a digest of its file."""
        self.recorded_id = recorded_id or run_id
        """The id that the run had when it was recorded."""
        self.is_truncated = False
        """Whether it is a recording that was taken while the run was live."""
        self.name = name
        """What was run: the name of the chain."""
        self.context = context
        """JSON-ready notes of whoever started it, to find the run's place again."""
        self.created_at = created_at
        """Seconds since the epoch."""
        self.owner = ""
        """Whose run it is: `Party.visitor` of who started it; "" is nobody."""
        self.is_shared = True
        """Whether whoever knows its id may read it; if not, its owner alone."""
        self.failure: Failure | None = None
        self.stop_requested_at: float | None = None
        """Seconds since the start at which somebody, or something, asked it to end early."""
        self.ended_at: float | None = None
        """Seconds since the start at which its task was gone; None for a recording."""
        self.connection: ConnectionTiming | None = None
        """Of the only, or answering, model; set by who starts the run, where it can be watched."""
        self._clock = clock
        self._input = serialization.dumps(value)
        self._events: list[RunEvent] = []
        self._sources: set[int] = set()
        """Ids of the objects, which the events keep alive."""
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
        """What the Runnable was given, as plain JSON."""
        return serialization.loads(self._input)

    @property
    def input_json(self) -> bytes:
        """The same as it is kept."""
        return self._input

    @property
    def status(self) -> Status:
        return self._status

    @property
    def is_live(self) -> bool:
        """Whether more events may come."""
        return self._status is Status.RUNNING

    @property
    def events(self) -> Sequence[RunEvent]:
        """All events so far; the sequence grows while the run is live."""
        return self._events

    @property
    def is_recording(self) -> bool:
        """Whether it was opened from a file."""
        return self.recorded_id != self.id

    @property
    def size(self) -> int:
        """Bytes this record takes in memory."""
        return self._size

    @property
    def elapsed(self) -> float:
        """Seconds since the start; of a recording, what it took."""
        return self._clock() if self._clock else self._last_at

    def seconds_at(self, moment: float) -> float:
        """Return the seconds from the start to a moment of `time.monotonic()`."""
        return self.elapsed - (time.monotonic() - moment)

    @property
    def readers(self) -> int:
        """How many follow it at the moment."""
        return self._readers

    def can_read(self, visitor: str) -> bool:
        """Whether this visitor, a `Party.visitor`, may read it."""
        return self.is_shared or (self.owner == visitor and bool(visitor))

    def can_stop(self, visitor: str) -> bool:
        """Whether this visitor may stop it: its owner, and of nobody's run whoever may read it."""
        return self.owner in ("", visitor) and self.can_read(visitor)

    def add_done_callback(self, callback: "Callable[[Run], None]") -> None:
        """Have `tell` called with the run when it has ended: on the recorder's thread, so it must be quick."""
        with self._changed:
            if self.is_live:
                self._done_callbacks.append(callback)
                return
        self._notify(callback)

    def stop(self) -> None:
        """End the run now and keep what has arrived. Returns at once; does nothing to a run that has ended."""
        self.request_stop(Status.STOPPED)

    def wait(self, timeout: float | None = None) -> bool:
        """Block until the run has ended, for at most `timeout` seconds; return whether it has."""
        with self.reading():
            return self._ended.wait(timeout)

    def extend_grace_period(self) -> None:
        """Say that somebody still wants the run: its grace period begins anew."""
        self._on_last_reader_left()

    def follow(
        self, after: int = -1, *, every: float = 0.0, heartbeat: float | None = None
    ) -> Generator[Sequence[RunEvent], None, None]:
        """Yield the events numbered above `after` in batches, as they come, until the run has ended.

        Between two batches at least `every` seconds pass, unless the run ends. Where nothing comes for `heartbeat`
        seconds an empty batch is yielded, so that a reader who must look elsewhere can.
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
        bell = _AsyncNotifier(asyncio.get_running_loop())
        with self.reading():
            with self._changed:
                self._notifiers.append(bell)
            try:
                while True:
                    ended = not self.is_live
                    batch = self._events[seen:]
                    seen += len(batch)
                    if batch:
                        yield batch
                    if ended:
                        return
                    if not await bell.wait(heartbeat):
                        yield ()
            finally:
                with self._changed:
                    self._notifiers.remove(bell)

    @property
    def _last_at(self) -> float:
        """Time of the last event so far."""
        return self._events[-1].elapsed if self._events else 0.0

    def _has_news(self, seen: int) -> bool:
        return len(self._events) > seen or not self.is_live

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Count as a reader for the duration of a `with` block."""
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

    # What follows is the recorder's.

    @property
    def requested_status(self) -> Status | None:
        """As what the run is being ended early, if it is."""
        return self._requested_status

    def request_stop(self, status: Status, failure: Failure | None = None) -> None:
        """Cancel the run; it will end with this status and failure."""
        with self._changed:
            if not self.is_live or self._requested_status is not None:
                return
            self._requested_status = status
            self.failure = failure
            self.stop_requested_at = self._clock() if self._clock else None
        self._cancel()

    def append(self, event: RunEvent) -> RunEvent:
        """Record an event, wake the readers, and return the event as it is recorded.

        Time in a record never goes back. Several threads stamp the events of one run, and the order in which their
        events come here is the order of the record: one whose time is before the last event's gets the last event's.
        """
        with self._changed:
            if not event.elapsed >= self._last_at:
                event = replace(event, elapsed=self._last_at)
            self._events.append(event)
            self._size += event.size
            if id(event.component) not in self._sources:
                self._sources.add(id(event.component))
                self._size += event.component.size
            self._wake()
        return event

    def close(self, status: Status, failure: Failure | None) -> None:
        """Record that the run has ended and wake the readers."""
        with self._changed:
            self.failure = failure
            self.ended_at = max(self._clock(), self._last_at) if self._clock else None
            self._status = status
            self._ended.set()
            self._wake()
            afterwards, self._done_callbacks = self._done_callbacks, []
        for tell in afterwards:
            self._notify(tell)

    def _notify(self, callback: "Callable[[Run], None]") -> None:
        """Call a callback of the run's end. Its exception is logged: the run and the other callbacks go on."""
        try:
            callback(self)
        except Exception:
            _LOG.exception("a callback of the end of run %s has failed", self.id)

    def _wake(self) -> None:
        self._changed.notify_all()
        for bell in self._notifiers:
            bell.notify()


class _AsyncNotifier:
    """Wakes one asyncio task from any thread; rings that nobody has heard yet are one."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._event = asyncio.Event()
        self._is_notified = False

    def notify(self) -> None:
        if self._is_notified or self._loop.is_closed():
            return
        self._is_notified = True
        # The loop may be closed between the two lines by its owner, whose reader is then gone as well.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._event.set)

    async def wait(self, timeout: float | None) -> bool:
        """Wait for a ring, for at most `timeout` seconds; return whether there was one."""
        try:
            async with asyncio.timeout(timeout):
                await self._event.wait()
        except TimeoutError:
            return False
        self._is_notified = False
        self._event.clear()
        return True
