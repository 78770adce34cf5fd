"""Run in this process's memory: the record that one writer appends to and that many readers follow.

Writers are the recorder, for a run that it drives, and the reader of recording files.
"""

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from weir.core import serialization
from weir.core.run_event import RunEvent
from weir.runs.failure_sentences import Failure
from weir.runs.run import Run, Status

_LOG = logging.getLogger(__name__)

RUN_OVERHEAD = 4_000
"""Bytes that a run takes in memory besides its events and its input: locks, names, its task."""


def stopwatch(clock: Callable[[], float], zero: float) -> Callable[[], float]:
    """Return a clock that is 0 at this time of another one."""
    return lambda: round(clock() - zero, 6)


class MemoryRun(Run):
    """A run whose events are in memory, with the methods of its writer.

    One thread writes: it calls `append` for each event and `close` at the end. `cancel` is called when the run is to
    end early, from any thread; `on_last_reader_left` when the grace period is to begin. `clock` returns the seconds
    since the start; a recording has none. It is kept after the end: it should not refer to the run.
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
        super().__init__(run_id, name, context=context, created_at=created_at, recorded_id=recorded_id)
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
    def status(self) -> Status:
        return self._status

    @property
    def input_json(self) -> bytes:
        return self._input

    @property
    def events(self) -> Sequence[RunEvent]:
        return self._events

    @property
    def elapsed(self) -> float:
        return self._clock() if self._clock else self._last_elapsed

    @property
    def readers(self) -> int:
        return self._readers

    @property
    def size(self) -> int:
        return self._size

    @property
    def requested_status(self) -> Status | None:
        """Status that the run is to end with early; None if nobody has requested a stop."""
        return self._requested_status

    def follow(
        self, after: int = -1, *, every: float = 0.0, heartbeat: float | None = None
    ) -> Generator[Sequence[RunEvent], None, None]:
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

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
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

    def wait(self, timeout: float | None = None) -> bool:
        with self.reading():
            return self._ended.wait(timeout)

    def add_done_callback(self, callback: "Callable[[Run], None]") -> None:
        with self._changed:
            if self.is_live:
                self._done_callbacks.append(callback)
                return
        self._call(callback)

    def extend_grace_period(self) -> None:
        self._on_last_reader_left()

    def stop(self) -> None:
        self.request_stop(Status.STOPPED)

    # The writer's side.

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

    def request_stop(self, status: Status, failure: Failure | None = None) -> None:
        """Cancel the run, so that it ends with this status and failure."""
        with self._changed:
            if not self.is_live or self._requested_status is not None:
                return
            self._requested_status = status
            self.failure = failure
            self.stop_requested_at = self._clock() if self._clock else None
        self._cancel()

    def close(self, status: Status, failure: Failure | None) -> None:
        """Record the end of the run and wake the readers."""
        with self._changed:
            self.failure = failure
            self.ended_at = max(self._clock(), self._last_elapsed) if self._clock else None
            self._status = status
            self._ended.set()
            self._wake()
            callbacks, self._done_callbacks = self._done_callbacks, []
            # They refer to the run, or to what does. Without them it leaves the memory with its last reader, and does
            # not wait for a full garbage collection, which is rare (`tune_process`).
            self._cancel = self._on_last_reader_left = lambda: None
        for callback in callbacks:
            self._call(callback)

    @property
    def _last_elapsed(self) -> float:
        """Time of the last event, in seconds since the start."""
        return self._events[-1].elapsed if self._events else 0.0

    def _has_news(self, seen: int) -> bool:
        return len(self._events) > seen or not self.is_live

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
