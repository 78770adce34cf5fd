"""Loop watchdog: logs when an asyncio event loop is blocked, with the stack of the code that blocks it.

Each loop records the time four times a second, and one thread checks that these times are recent. A loop that is late
by more than a second is logged with the stack of its thread, and again when it runs again, with the duration. C code
that holds the GIL blocks the checking thread too. In this case `faulthandler` writes the stacks of all threads to
stderr, from a C thread that does not need the GIL.
"""

import asyncio
import contextlib
import faulthandler
import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass

BEAT_SECONDS = 0.25
"""Time between two beats of a loop, and between two checks."""

LATE_SECONDS = 1.0
"""Delay from which on a loop counts as blocked."""

GIL_SECONDS = 1.5
"""Time after which `faulthandler` writes the stacks. It is longer, so that the thread logs what it can log itself.

Restarting the timer takes 0.1 ms, four times a second.
"""

_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class _WatchedLoop:
    name: str
    loop: asyncio.AbstractEventLoop
    thread: int
    last_beat: float
    is_logged: bool = False


class LoopWatch:
    """Watches any number of event loops from one thread.

    Only one watch of a process may use `faulthandler`, which has a single timer.
    """

    def __init__(
        self,
        *,
        late_seconds: float = LATE_SECONDS,
        gil_seconds: float = GIL_SECONDS,
        uses_faulthandler: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._late_seconds = late_seconds
        self._gil_seconds = gil_seconds
        self._uses_faulthandler = uses_faulthandler
        self._clock = clock
        self._watched: list[_WatchedLoop] = []
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, name: str, loop: asyncio.AbstractEventLoop) -> None:
        """Watch a loop from its next iteration on. From any thread."""
        loop.call_soon_threadsafe(self._begin, name, loop)

    def start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._work, name="weir-loop-watch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop the thread."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join(timeout=1)

    def look(self) -> None:
        """Log each loop that is blocked and has not been logged yet. Called by the thread for each check."""
        now = self._clock()
        for watched in list(self._watched):
            late = now - watched.last_beat - BEAT_SECONDS
            if watched.loop.is_closed():
                self._watched.remove(watched)
            elif late >= self._late_seconds and not watched.is_logged:
                watched.is_logged = True
                _LOG.warning(
                    "the event loop %s has been blocked for %.1f s%s", watched.name, late, _stack(watched.thread)
                )

    def _begin(self, name: str, loop: asyncio.AbstractEventLoop) -> None:
        watched = _WatchedLoop(name, loop, threading.get_ident(), self._clock())
        self._watched.append(watched)
        self._beat(watched)

    def _beat(self, watched: _WatchedLoop) -> None:
        """Record that a loop runs. Called on the loop."""
        now = self._clock()
        late, watched.last_beat = now - watched.last_beat - BEAT_SECONDS, now
        if late >= self._late_seconds:
            cause = "" if watched.is_logged else "; all threads were blocked too, so the cause is unknown"
            _LOG.warning("the event loop %s runs again after it was blocked for %.1f s%s", watched.name, late, cause)
        watched.is_logged = False
        if not self._closing.is_set():
            watched.loop.call_later(BEAT_SECONDS, self._beat, watched)

    def _work(self) -> None:
        while not self._closing.wait(BEAT_SECONDS):
            self._arm()
            self.look()
        if self._uses_faulthandler:
            faulthandler.cancel_dump_traceback_later()

    def _arm(self) -> None:
        """Restart the timer of `faulthandler`, which writes the stacks if this thread does not return here in time."""
        if self._uses_faulthandler:
            # `sys.stderr` may be None, or have no file descriptor.
            with contextlib.suppress(OSError, ValueError, RuntimeError, AttributeError):
                faulthandler.dump_traceback_later(self._gil_seconds, file=sys.stderr)


def _stack(thread: int) -> str:
    frame = sys._current_frames().get(thread)
    return "; stack of its thread:\n" + "".join(traceback.format_stack(frame)).rstrip() if frame else ""
