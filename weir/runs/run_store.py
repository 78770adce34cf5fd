"""Run store: holds the runs within a memory limit. Recorder, pages and endpoints use the interface `RunStore`."""

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from typing import ClassVar, Protocol

from weir.runs.memory_run import MemoryRun
from weir.runs.run import Run

EVICTED_IDS = 10_000
"""Evicted runs whose id is remembered."""


class RunUnavailableError(LookupError):
    """A run cannot be read. `message` is a sentence for people."""

    message: ClassVar[str]


class RunNotFoundError(RunUnavailableError):
    """The store has never had a run of this id, or has forgotten it."""

    message = "There is no run at this link: the link is not complete, or the run was deleted or is not kept any more."


class RunEvictedError(RunUnavailableError):
    """The run was evicted to make room for newer ones."""

    message = "This run has been removed to make room for newer ones. Runs are kept up to a limit; start it again."


class RunUnreadableError(RunUnavailableError):
    """The run is kept on disk, and its file or the index cannot be read."""

    message = "This run is kept on disk and cannot be read: its file is damaged, or the disk has a problem."


class RunElsewhereError(RunUnreadableError):
    """Another replica may have the run, and what they share cannot be asked."""

    message = "This run may be on another server of Weir, which cannot be asked at the moment. Try again in a while."


class RunNotSharedError(RunUnavailableError):
    """The run is not shared, and the visitor is not its owner."""

    message = "This link is not shared any more: the person who started the run has taken it back."


class RunStore(Protocol):
    """Holds runs within a limit."""

    def add(self, run: MemoryRun) -> None:
        """Add a run."""

    def get(self, run_id: str) -> Run:
        """Return a run. Raises RunNotFoundError, RunEvictedError or RunUnreadableError."""

    def runs(self) -> list[Run]:
        """Return all runs, oldest first."""

    def add_bytes(self, size: int) -> MemoryRun | None:
        """Count `size` bytes more of a stored run and evict runs for them. Return the run that must end, if any."""


def get_readable_run(store: RunStore, run_id: str, visitor: str) -> Run:
    """Return a run for a visitor (`Caller.visitor`) to read.

    Raises RunNotFoundError, RunEvictedError, RunUnreadableError or RunNotSharedError.
    """
    run = store.get(run_id)
    if not run.can_read(visitor):
        raise RunNotSharedError(run_id)
    if run.owner != visitor:
        run.read_by_others = True
    return run


class MemoryStore:
    """Run store in this process's memory, of at most `budget` bytes. The oldest runs that have ended are evicted first.

    A recording that is larger than the budget is not stored. If only live runs are left, the largest must end. A run
    that is already being stopped counts as evicted, so that no other run ends in its place.
    """

    def __init__(self, budget: int, *, on_evict: Callable[[str], None] | None = None) -> None:
        """`on_evict` is called with the id of each run that is evicted. It must be quick."""
        self._budget = budget
        self._on_evict = on_evict
        self._lock = threading.Lock()
        self._runs: OrderedDict[str, MemoryRun] = OrderedDict()
        self._size = 0
        self._evicted: deque[str] = deque(maxlen=EVICTED_IDS)

    @property
    def size(self) -> int:
        """Bytes that all stored runs take."""
        return self._size

    def add(self, run: MemoryRun) -> None:
        with self._lock:
            if run.size > self._budget and not run.is_live:
                # It would evict all other runs, and then itself.
                self._note_evicted(run.id)
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

    def is_known(self, run_id: str) -> bool:
        """Whether the run is stored or was evicted."""
        with self._lock:
            return run_id in self._runs or run_id in self._evicted

    def note_evicted(self, run_ids: Iterable[str]) -> None:
        """Remember runs that were removed from elsewhere to make room."""
        with self._lock:
            self._evicted.extend(run_ids)

    def discard(self, run_id: str) -> None:
        """Release the memory of a run that has ended: it can be read from elsewhere."""
        with self._lock:
            run = self._runs.get(run_id)
            if run is not None and not run.is_live:
                del self._runs[run_id]
                self._size -= run.size

    def add_bytes(self, size: int) -> MemoryRun | None:
        with self._lock:
            self._size += size
            if self._size <= self._budget:
                return None
            self._make_room()
            stopping = sum(run.size for run in self._runs.values() if run.requested_status is not None)
            if self._size - stopping <= self._budget:
                return None
            candidates = (run for run in self._runs.values() if run.requested_status is None)
            return max(candidates, key=lambda run: run.size, default=None)

    def _make_room(self) -> None:
        for run in [run for run in self._runs.values() if not run.is_live]:
            if self._size <= self._budget:
                break
            del self._runs[run.id]
            self._size -= run.size
            self._note_evicted(run.id)

    def _note_evicted(self, run_id: str) -> None:
        self._evicted.append(run_id)
        if self._on_evict:
            self._on_evict(run_id)
