"""The one asyncio loop that all runs of the process share, on a thread of its own.

A page's script thread may be stopped at any time and asyncio clients are bound to the loop that first used them, so
runs belong to neither: they live here.
"""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

THREADS = 64
"""Parts of chains that block and work at the same time. One that a stopped run has left holds its thread to its end."""

CLOSE_SECONDS = 2.0
"""What tasks have to clean up, and then the thread to end."""

T = TypeVar("T")
_LOG = logging.getLogger(__name__)

new_event_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
# LangChain takes a dozen turns of the loop for a chunk; uvloop, which Windows does not have, turns faster.
with contextlib.suppress(ImportError):
    from uvloop import new_event_loop


class BackgroundLoop:
    """An asyncio loop on a daemon thread; it starts with its first use."""

    def __init__(self, name: str = "weir-runs") -> None:
        self._name = name
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The running loop."""
        with self._lock:
            if self._loop is None:
                self._loop = new_event_loop()
                self._loop.set_default_executor(ThreadPoolExecutor(THREADS, thread_name_prefix=f"{self._name}-part"))
                self._thread = threading.Thread(target=_run, args=(self._loop,), name=self._name, daemon=True)
                self._thread.start()
            return self._loop

    @property
    def is_current(self) -> bool:
        """Whether the caller is on the loop's thread."""
        return self._thread is not None and threading.get_ident() == self._thread.ident

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine on the loop, from any other thread."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def call(self, callback: Callable[..., object], *args: Any) -> None:
        """Call a function on the loop, soon, from any thread."""
        self.loop.call_soon_threadsafe(callback, *args)

    def close(self) -> None:
        """Cancel what still runs, let it clean up, and end the thread. One that computes on is left, after 4 s."""
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is None or thread is None:
            return
        with contextlib.suppress(TimeoutError):
            asyncio.run_coroutine_threadsafe(_cancel_all(), loop).result(timeout=CLOSE_SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=CLOSE_SECONDS)
        if thread.is_alive():
            _LOG.warning("the loop of the runs is at work still, and is left")
            return
        try:
            loop.close()
        except OSError as error:
            # uvloop closes all that it holds, and says so where something was still under way.
            _LOG.warning("the loop of the runs was closed with something under way: %s", error)


def _run(loop: asyncio.AbstractEventLoop) -> None:
    """Run a loop until it is stopped, and by nothing else.

    asyncio lets these two errors of a task out of the loop, for the program to end. A chain that raises one, as a
    command line parser does at a wrong argument, shall end no run but its own.
    """
    while True:
        try:
            loop.run_forever()
        except (KeyboardInterrupt, SystemExit) as error:
            _LOG.warning("a chain has raised %r; all other runs go on", error)
        else:
            return


async def _cancel_all() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_asyncgens()
