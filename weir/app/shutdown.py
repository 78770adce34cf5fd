"""Shutdown of the process after SIGTERM or Ctrl-C, in a bounded time even if clients still read.

uvicorn waits until clients have read every response before it ends the app, without a timeout that `streamlit run`
could set (uvicorn 0.54, `Server.shutdown`). So Weir stops the runs when the signal arrives, which ends the streams that
follow them, and cuts responses that have not been read a few seconds later.
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
"""Time for clients to read the end of their responses."""

PROCESS_SECONDS = 9.0
"""Time from the signal to the end of the process, whatever still runs."""

NOTICE_SECONDS = 5.0
"""Time for a proxy to notice that the process drains, at most half of the time that it may take."""

_LOG = logging.getLogger(__name__)


class Shutdown:
    """Stops the runs on a signal, and then ends the process.

    `stop_runs` is called repeatedly until the server has ended, `close` once, on any thread. `leave` ends the process
    with an exit status. After the first signal `drain` is called, and the server goes on for `drain_seconds` while
    `is_busy`; a second signal ends that.
    """

    def __init__(
        self,
        stop_runs: Callable[[], object],
        close: Callable[[], object],
        *,
        readers_seconds: float = READERS_SECONDS,
        process_seconds: float = PROCESS_SECONDS,
        drain_seconds: float = 0.0,
        drain: Callable[[], object] = lambda: None,
        is_busy: Callable[[], bool] = lambda: False,
        leave: Callable[[int], object] = os._exit,
    ) -> None:
        self._stop_runs = stop_runs
        self._close = close
        self._readers_seconds = readers_seconds
        self._process_seconds = process_seconds
        self._drain_seconds = drain_seconds
        self._drain = drain
        self._is_busy = is_busy
        self._has_drained = drain_seconds <= 0
        self._leave = leave
        # A signal handler may interrupt code that holds a lock which it needs. `SimpleQueue.put` is reentrant.
        self._signals: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._server_ended = threading.Event()
        self._close_lock = threading.Lock()
        self._is_closed = False

    def watch(self) -> None:
        """Install signal handlers in front of the server's, which must exist. Does nothing off the main thread."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in (signal.SIGTERM, signal.SIGINT):
            server_handler = signal.getsignal(number)
            if callable(server_handler):
                signal.signal(number, partial(self._handle, server_handler))
        threading.Thread(target=self._end, name="weir-shutdown", daemon=True).start()

    def close(self) -> None:
        """Close the services once; other callers wait until they are closed. Called when the server has ended."""
        self._server_ended.set()
        with self._close_lock:
            if not self._is_closed:
                self._is_closed = True
                self._close()

    def _handle(
        self, server_handler: Callable[[int, FrameType | None], Any], number: int, frame: FrameType | None
    ) -> None:
        self._signals.put(number)
        if self._has_drained:
            server_handler(number, frame)

    def _drain_runs(self) -> None:
        """Go on while runs are live, for a bounded time, and then pass the signal on to the server."""
        self._drain()
        started = time.monotonic()
        notice = min(NOTICE_SECONDS, self._drain_seconds / 2)
        _LOG.info("draining: the process ends when its runs have, or in %g s", self._drain_seconds)
        while (passed := time.monotonic() - started) < self._drain_seconds:
            if passed > notice and not self._is_busy():
                break
            with contextlib.suppress(queue.Empty):
                self._signals.get(timeout=0.1)
                break
        self._stop_runs()
        self._has_drained = True
        os.kill(os.getpid(), signal.SIGTERM)

    def _end(self) -> None:
        """Wait for a signal, and make sure that the process ends."""
        self._signals.get()
        if not self._has_drained:
            self._drain_runs()
        threading.Thread(target=self._leave_in_time, name="weir-deadline", daemon=True).start()
        deadline = time.monotonic() + self._readers_seconds
        while not self._server_ended.wait(0.1) and time.monotonic() < deadline:
            self._stop_runs()
        if self._server_ended.is_set():
            return
        _LOG.warning("responses that clients have not read after %g s are cut", self._readers_seconds)
        try:
            self.close()
        except Exception:
            _LOG.exception("the services could not be closed completely")
        self._leave(0)

    def _leave_in_time(self) -> None:
        time.sleep(self._readers_seconds)
        remaining = self._process_seconds - self._readers_seconds
        # A thread that holds the GIL blocks this thread too, but not the timer of faulthandler. A process has one such
        # timer; the loop watch, which uses it too, has been stopped with the runs.
        with contextlib.suppress(OSError, ValueError, RuntimeError, AttributeError):
            faulthandler.dump_traceback_later(remaining + 0.5, exit=True)
        time.sleep(remaining)
        _LOG.warning("the process did not end by itself within %g s", self._process_seconds)
        self._leave(0)
