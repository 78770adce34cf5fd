"""Background loop: the one asyncio event loop that all runs of the process share, on a thread of its own.

Streamlit may stop a page's script thread at any time, and an asyncio client is bound to the loop that first used it.
So runs need a thread and a loop that live as long as the process.
"""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

THREADS = 64
"""Blocking steps of chains that can work at the same time. A stopped run's step holds its thread until it returns."""

CLOSE_SECONDS = 2.0
"""Time for the tasks to clean up, and again for the thread to end."""

T = TypeVar("T")
_LOG = logging.getLogger(__name__)

new_event_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
# LangChain needs a dozen iterations of the loop for each chunk, and those of uvloop are faster. Windows has no uvloop.
with contextlib.suppress(ImportError):
    from uvloop import new_event_loop


class BackgroundLoop:
    """An asyncio event loop on a daemon thread, started by its first use."""

    def __init__(self, name: str = "weir-runs") -> None:
        self._name = name
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @classmethod
    def around_running(cls) -> "BackgroundLoop":
        """Return the running loop of this thread, for a caller whose clients are bound to it. Do not close it."""
        around = cls()
        around._loop, around._thread = asyncio.get_running_loop(), threading.current_thread()
        return around

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The running event loop."""
        with self._lock:
            if self._loop is None:
                self._loop = new_event_loop()
                self._loop.set_default_executor(ThreadPoolExecutor(THREADS, thread_name_prefix=f"{self._name}-step"))
                self._thread = threading.Thread(target=_run, args=(self._loop,), name=self._name, daemon=True)
                self._thread.start()
            return self._loop

    @property
    def is_current(self) -> bool:
        """Whether the current thread is the loop's."""
        return self._thread is not None and threading.get_ident() == self._thread.ident

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine on the loop. From any other thread."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def call(self, callback: Callable[..., object], *args: Any) -> None:
        """Schedule a call on the loop. From any thread."""
        self.loop.call_soon_threadsafe(callback, *args)

    def close(self) -> None:
        """Cancel all tasks, let them clean up, and end the thread. A thread that keeps computing is left after 4 s."""
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
            _LOG.warning("the event loop of the runs is still busy and is left running")
            return
        try:
            loop.close()
        except OSError as error:
            # uvloop closes all of its handles, and raises if one was still in use.
            _LOG.warning("the event loop of the runs was closed while a handle was in use: %s", error)


def _run(loop: asyncio.AbstractEventLoop) -> None:
    """Run a loop until it is stopped.

    asyncio lets KeyboardInterrupt and SystemExit of a task end the loop. A chain that raises one of them, as argparse
    does for a wrong argument, must end its own run only.
    """
    while True:
        try:
            loop.run_forever()
        except (KeyboardInterrupt, SystemExit) as error:
            _LOG.warning("a chain raised %r; all other runs go on", error)
        else:
            return


async def _cancel_all() -> None:
    this = {asyncio.current_task()}
    for task in asyncio.all_tasks() - this:
        task.cancel()
        del task  # a task keeps the generators of its frames, which the loop closes when nothing refers to them
    while asyncio.all_tasks() - this:
        await asyncio.gather(*(asyncio.all_tasks() - this), return_exceptions=True)
        # Each is closed in a task that begins in the loop's next iteration. `shutdown_asyncgens` would close it once
        # more, in the middle of that.
        await asyncio.sleep(0)
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_report_unless_closing)
    await loop.shutdown_asyncgens()


def _report_unless_closing(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Report an error, unless it is a generator's that found another one closing.

    `shutdown_asyncgens` closes all at once, also one that another closes at its own end, as httpx2's do.
    """
    if not ("asyncgen" in context and isinstance(context.get("exception"), RuntimeError)):
        loop.default_exception_handler(context)
