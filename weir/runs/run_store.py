"""Where runs are kept. `RunStore` is the whole of what recorder, pages and endpoints need of it."""

import threading
from collections import OrderedDict, deque
from typing import Protocol

from weir.runs.run import Run

REMEMBERED = 10_000
"""How many evicted runs are still known by their id."""


class RunNotFoundError(LookupError):
    """There is no run at this link: the server has been restarted since, or the link is not complete."""


class RunEvictedError(LookupError):
    """This run has been removed to make room for newer ones. Runs are kept in memory up to a bound; start it again."""


class RunNotSharedError(LookupError):
    """This link is not shared any more: whoever started the run has taken it back."""


class RunStore(Protocol):
    """Keeps runs within a bound."""

    def add(self, run: Run) -> None:
        """Keep a run."""

    def get(self, run_id: str) -> Run:
        """Return a run. Raises RunNotFoundError or RunEvictedError; their docstrings are sentences for people."""

    def runs(self) -> list[Run]:
        """Return all runs, oldest first."""

    def add_bytes(self, size: int) -> Run | None:
        """Note that a kept run has grown by `size` bytes and make room; return the run that must end for it, if any."""


def get_readable_run(store: RunStore, run_id: str, visitor: str) -> Run:
    """Return a run for a visitor (`Party.visitor`) to read.

    Raises RunNotFoundError, RunEvictedError or RunNotSharedError; their docstrings are sentences for people.
    """
    run = store.get(run_id)
    if not run.can_read(visitor):
        raise RunNotSharedError(run_id)
    return run


class MemoryStore:
    """Runs in this process's memory, at most `budget` bytes: the oldest that have ended go first.

    A recording that is larger than that by itself is not kept.

    Where only live ones are left the largest must end. What is being ended counts as gone: no other ends in its place.
    """

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._lock = threading.Lock()
        self._runs: OrderedDict[str, Run] = OrderedDict()
        self._size = 0
        self._evicted: deque[str] = deque(maxlen=REMEMBERED)

    @property
    def size(self) -> int:
        """Bytes that all kept runs take."""
        return self._size

    def add(self, run: Run) -> None:
        with self._lock:
            if run.size > self._budget and not run.is_live:
                # It would have all others removed, and then itself.
                self._evicted.append(run.id)
                return
            self._runs[run.id] = run
            self._size += run.size
            self._make_room()

    def get(self, run_id: str) -> Run:
        with self._lock:
            if run := self._runs.get(run_id):
                return run
            raise RunEvictedError(run_id) if run_id in self._evicted else RunNotFoundError(run_id)

    def runs(self) -> list[Run]:
        with self._lock:
            return list(self._runs.values())

    def add_bytes(self, size: int) -> Run | None:
        with self._lock:
            self._size += size
            if self._size <= self._budget:
                return None
            self._make_room()
            going = sum(run.size for run in self._runs.values() if run.requested_status is not None)
            if self._size - going <= self._budget:
                return None
            staying = (run for run in self._runs.values() if run.requested_status is None)
            return max(staying, key=lambda run: run.size, default=None)

    def _make_room(self) -> None:
        ended = [run for run in self._runs.values() if not run.is_live]
        for run in ended:
            if self._size <= self._budget:
                break
            del self._runs[run.id]
            self._size -= run.size
            self._evicted.append(run.id)
