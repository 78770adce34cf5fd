"""Notices when an asyncio loop stands still, and writes to the log what holds it.

Each loop sets a time four times a second; one thread looks whether the times are recent. A loop that is late by more
than a second is logged with the stack of its thread, and again, with the length, when it goes on. Where C code holds
the GIL that thread stands still too: for this case `faulthandler` writes the stacks of all threads to the standard
error stream, from a thread of C that needs no GIL.
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
"""Between two beats of a loop, and two looks at them."""

LATE_SECONDS = 1.0
"""From when on a loop counts as held up."""

GIL_SECONDS = 1.5
"""From when on the stacks are written without the GIL: later, so that what the thread can log, it does.

To set the timer anew takes 0.1 ms, four times a second.
"""

_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class _Watched:
    name: str
    loop: asyncio.AbstractEventLoop
    thread: int
    beat: float
    logged: bool = False


class LoopWatch:
    """One thread that watches any number of loops.

    `uses_faulthandler` is for the one watch of a process: there is one timer for all of it.
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
        self._watched: list[_Watched] = []
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, name: str, loop: asyncio.AbstractEventLoop) -> None:
        """Watch a loop from its next turn on. From any thread."""
        loop.call_soon_threadsafe(self._begin, name, loop)

    def start(self) -> None:
        """Begin to look."""
        self._thread = threading.Thread(target=self._work, name="weir-loop-watch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop looking."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join(timeout=1)

    def look(self) -> None:
        """Log each loop that has just been found late, and each that goes on again."""
        now = self._clock()
        for watched in list(self._watched):
            late = now - watched.beat - BEAT_SECONDS
            if watched.loop.is_closed():
                self._watched.remove(watched)
            elif late >= self._late_seconds and not watched.logged:
                watched.logged = True
                _LOG.warning("the loop %s has stood still for %.1f s%s", watched.name, late, _stack(watched.thread))

    def _begin(self, name: str, loop: asyncio.AbstractEventLoop) -> None:
        watched = _Watched(name, loop, threading.get_ident(), self._clock())
        self._watched.append(watched)
        self._beat(watched)

    def _beat(self, watched: _Watched) -> None:
        """Note that a loop turns; on the loop."""
        now = self._clock()
        late, watched.beat = now - watched.beat - BEAT_SECONDS, now
        if late >= self._late_seconds:
            seen = "" if watched.logged else ", with all threads: what held them has ended before it could be seen"
            _LOG.warning("the loop %s goes on after it stood still for %.1f s%s", watched.name, late, seen)
        watched.logged = False
        if not self._ending.is_set():
            watched.loop.call_later(BEAT_SECONDS, self._beat, watched)

    def _work(self) -> None:
        while not self._ending.wait(BEAT_SECONDS):
            self._arm()
            self.look()
        if self._uses_faulthandler:
            faulthandler.cancel_dump_traceback_later()

    def _arm(self) -> None:
        """Have the stacks written if this thread does not come here again in time."""
        if self._uses_faulthandler:
            # The error stream may be none, or one without a file.
            with contextlib.suppress(OSError, ValueError, RuntimeError, AttributeError):
                faulthandler.dump_traceback_later(self._gil_seconds, file=sys.stderr)


def _stack(thread: int) -> str:
    frame = sys._current_frames().get(thread)
    return "; it is here:\n" + "".join(traceback.format_stack(frame)).rstrip() if frame else ""
