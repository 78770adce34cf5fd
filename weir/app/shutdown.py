"""The end of the process after SIGTERM or Ctrl-C, in a bounded time whoever still reads.

uvicorn waits for every response to be taken before it ends the app, without a bound that `streamlit run` could set
(uvicorn 0.54, `Server.shutdown`). So the runs are stopped with the signal, which ends the streams that follow them, and
what has not been taken a few seconds later is cut.
"""

import contextlib
import faulthandler
import logging
import os
import queue
import signal
import threading
import time
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

READERS_SECONDS = 3.0
"""What readers have to take the end of what they read."""

PROCESS_SECONDS = 9.0
"""From the signal to the end of the process, whatever is still under way."""

_LOG = logging.getLogger(__name__)


class Shutdown:
    """Stops the runs when a signal asks the process to end, and then ends it.

    `stop_runs` is called again and again until the server has ended; `close` once, on some thread. `leave` ends
    the process with a status.
    """

    def __init__(
        self,
        stop_runs: Callable[[], object],
        close: Callable[[], object],
        *,
        readers_seconds: float = READERS_SECONDS,
        process_seconds: float = PROCESS_SECONDS,
        leave: Callable[[int], object] = os._exit,
    ) -> None:
        self._stop_runs = stop_runs
        self._close = close
        self._readers_seconds = readers_seconds
        self._process_seconds = process_seconds
        self._leave = leave
        # A lock that a signal handler takes may be held by what it interrupts; this queue has none.
        self._signals: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._has_served = threading.Event()
        self._closing = threading.Lock()
        self._is_closed = False

    def watch(self) -> None:
        """Put a handler before those of the server, which must be there already. Does nothing off the main thread."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in (signal.SIGTERM, signal.SIGINT):
            served_by = signal.getsignal(number)
            if callable(served_by):
                signal.signal(number, partial(self._handle, served_by))
        threading.Thread(target=self._end, name="weir-shutdown", daemon=True).start()

    def close(self) -> None:
        """Close the service, if nobody has yet; wait for whoever does. The server has ended, or does not end."""
        self._has_served.set()
        with self._closing:
            if not self._is_closed:
                self._is_closed = True
                self._close()

    def _handle(self, served_by: Callable[[int, FrameType | None], Any], number: int, frame: FrameType | None) -> None:
        self._signals.put(number)
        served_by(number, frame)

    def _end(self) -> None:
        """Wait for a signal, and see to it that the process ends."""
        self._signals.get()
        threading.Thread(target=self._leave_in_time, name="weir-deadline", daemon=True).start()
        until = time.monotonic() + self._readers_seconds
        while not self._has_served.wait(0.1) and time.monotonic() < until:
            self._stop_runs()
        if self._has_served.is_set():
            return
        _LOG.warning("what readers have not taken after %g s is cut", self._readers_seconds)
        try:
            self.close()
        except Exception:
            _LOG.exception("the service was not closed whole")
        self._leave(0)

    def _leave_in_time(self) -> None:
        time.sleep(self._readers_seconds)
        left = self._process_seconds - self._readers_seconds
        # Should a thread keep all others from running, this one too: faulthandler's needs no lock of Python's. The
        # process has one such timer; the watch of the loops, which uses it too, has been stopped with the runs.
        with contextlib.suppress(OSError, ValueError, RuntimeError, AttributeError):
            faulthandler.dump_traceback_later(left + 0.5, exit=True)
        time.sleep(left)
        _LOG.warning("the process has not ended by itself within %g s", self._process_seconds)
        self._leave(0)
