"""Run archive: a run store whose runs outlive the process.

A run is in memory while it is live or read, and on disk from its end on.
"""

import contextlib
import logging
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Collection
from pathlib import Path

from sqlalchemy import Engine

from weir.analysis.asked_models import Cost
from weir.archive.archive_writer import ArchiveProblem, ArchiveWriter
from weir.archive.run_files import DamagedFileError, RunFiles
from weir.archive.run_summary import plain_entry
from weir.runs.memory_run import MemoryRun
from weir.runs.run import Run
from weir.runs.run_access import RunAccess
from weir.runs.run_store import MemoryStore, RunNotFoundError, RunUnavailableError, RunUnreadableError
from weir.storage.run_index import RunIndex, memory_index
from weir.storage.run_records import RunEntry, RunFilter
from weir.storage.storage_errors import StorageError, storage_errors

FOLDER = "runs"
"""Name of the folder within the data folder."""

MAX_ACCESS = 10_000
"""Runs on disk of which it is remembered who may read them."""

IDLE_SECONDS = 60.0
"""Time after which a run on disk that nobody reads leaves the memory."""

_LOG = logging.getLogger(__name__)


class RunArchive:
    """The runs of the process, and the ended ones of earlier processes.

    `memory` bytes hold the live runs and those that are read; `budget` bytes of files hold the ended ones. Without
    `folder` and `engine`, runs that leave the memory are gone. `cost` prices a run's tokens. `problem` is why there
    is no `engine`. `on_written` is called with the row of each run that was written.
    """

    def __init__(
        self,
        memory: int,
        *,
        engine: Engine | None = None,
        folder: Path | None = None,
        budget: int = 0,
        cost: Cost = lambda *_: None,
        problem: StorageError | None = None,
        on_written: Callable[[RunEntry], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        files, folder_id = None, ""
        archive_problem = ArchiveProblem.of(problem) if problem else None
        if engine is not None and folder is not None and budget > 0:
            files = RunFiles(folder / FOLDER)
            try:
                folder_id = files.folder_id()
            except OSError as error:
                _LOG.warning("runs are not kept on disk: %s", error)
                files, folder_id, archive_problem = None, "", ArchiveProblem.of(error)
        self._files = files
        self.folder_id = folder_id
        self.index = RunIndex(engine, folder_id) if files is not None and engine is not None else memory_index()
        """Lists of the runs that are written: all that have ended, but for those of the last moment."""
        self._memory = MemoryStore(memory, on_evict=self._on_evict)
        self._writer = ArchiveWriter(
            self.index,
            files,
            budget=budget,
            cost=cost,
            on_turn=self.release_idle,
            on_removed=self._note_removed,
            on_written=on_written,
        )
        self._writer.problem = archive_problem
        self._clock = clock
        self._lock = threading.Lock()
        self._alive: weakref.WeakValueDictionary[str, MemoryRun] = weakref.WeakValueDictionary()
        """Every run that anybody holds, so that there is one object of it, which decides who may read it."""
        self._used_at: dict[str, float] = {}
        self._deleted: set[str] = set()
        self._access: OrderedDict[str, RunAccess] = OrderedDict()
        """Of runs on disk, so that a page with fifty answers asks the database once."""
        self._loading: dict[str, threading.Lock] = {}

    @property
    def problem(self) -> str:
        """Why ended runs are not kept on disk, in a sentence; "" if they are, or are not meant to be."""
        return self._writer.problem.value if self._writer.problem else ""

    @property
    def keeps_runs(self) -> bool:
        """Whether ended runs are kept on disk."""
        return self._files is not None

    def start(self) -> None:
        """Bring the index and the files in step, on the archive's thread."""
        self._writer.call(self._writer.reconcile)

    def close(self, timeout: float) -> None:
        """Write the runs that have ended. Waits for at most `timeout` seconds."""
        self._writer.close(timeout)

    def flush(self, timeout: float = 60.0) -> None:
        """Wait until all that has ended by now is written."""
        done = threading.Event()
        self._writer.call(done.set)
        if not done.wait(timeout):
            raise TimeoutError("the archive is still writing")

    # RunStore

    def add(self, run: MemoryRun) -> None:
        with self._lock:
            self._alive[run.id] = run
        self._memory.add(run)
        if run.is_live:
            run.add_done_callback(self._writer.put)

    def await_begun(self, run: Run) -> None:
        """Wait until a run that has just been started can be found by whoever gets its id: a moment at most."""

    def is_known(self, run_id: str) -> bool:
        """Whether there is a run of this id, or was one that was deleted or evicted."""
        if run_id in self._deleted or self._in_memory(run_id) is not None or self._memory.is_known(run_id):
            return True
        try:
            return self.index.has(run_id)
        except StorageError:
            # What cannot be looked up cannot be continued. Its file, if there is one, is that of a random id.
            _LOG.exception("run %s cannot be looked up", run_id)
            return False

    def replace(self, run: MemoryRun) -> None:
        """Put a live run in the place of an ended one of the same id: its program was lost, and goes on."""

        def forget() -> None:
            self._writer.forget(run.id)
            self.index.forget([run.id])

        self._writer.call(forget)
        self._memory.discard(run.id)
        self.add(run)

    def get(self, run_id: str) -> Run:
        if run_id in self._deleted:
            raise RunNotFoundError(run_id)
        with self._lock:
            run: Run | None = self._alive.get(run_id)
        if run is None:
            try:
                run = self._memory.get(run_id)
            except RunUnavailableError:
                # An error that a frame of its own traceback refers to would keep this frame, and runs with it.
                run = self._load(run_id)
                if run is None:
                    raise
        self._used_at[run_id] = self._clock()
        return run

    def _in_memory(self, run_id: str) -> Run | None:
        with self._lock:
            return self._alive.get(run_id)

    def access(self, run_id: str) -> RunAccess | None:
        """Return who may read a run, without reading it from disk; None if there is none."""
        if run_id in self._deleted:
            return None
        if (run := self._in_memory(run_id)) is not None:
            return RunAccess(run.id, run.owner, run.is_shared)
        if (known := self._access.get(run_id)) is not None:
            return known
        try:
            entry = self.index.find(run_id) if self._files is not None else None
            if entry is None or self._files is None:
                return None
            is_shared = entry.is_shared and not self._files.is_private(run_id)
        except (StorageError, OSError):
            _LOG.exception("run %s cannot be looked up", run_id)
            return None
        return self._remember_access(RunAccess(run_id, entry.owner, is_shared))

    def _remember_access(self, access: RunAccess) -> RunAccess:
        self._access[access.id] = access
        while len(self._access) > MAX_ACCESS:
            with contextlib.suppress(KeyError):
                self._access.popitem(last=False)
        return access

    def runs(self) -> list[Run]:
        """Return the runs in memory, oldest first."""
        return self._memory.runs()

    def add_bytes(self, size: int) -> MemoryRun | None:
        return self._memory.add_bytes(size)

    # Lists

    def unlisted(self, filter_: RunFilter) -> list[RunEntry]:
        """Return the runs that the index does not have, newest first: those that are live or not written yet."""
        own = [run for run in self.runs() if run.owner in filter_.owners and run.id not in self._deleted]
        new = [run for run in own if not run.is_recording and not self._writer.is_written(run.id)]
        entries = [(self._writer.entry(run.id) if not run.is_live else None) or plain_entry(run) for run in new]
        return sorted(filter(filter_.matches, entries), key=lambda entry: -entry.created_at)

    def elsewhere(self, filter_: RunFilter) -> list[RunEntry]:  # noqa: ARG002
        """Return the runs that other replicas have, newest first."""
        return []

    # What the owner of a run does. Methods raise StorageError if the disk has a problem.

    def set_shared(self, run_id: str, is_shared: bool) -> None:
        """Set whether everybody who has the link of a run may read it."""
        run = self._in_memory(run_id)
        if run is not None:
            run.is_shared = is_shared
        self._access.pop(run_id, None)
        if run is None or self._writer.is_written(run_id):
            with storage_errors():
                self._writer.set_shared(run_id, is_shared)

    def set_pinned(self, owners: Collection[str], run_id: str, is_pinned: bool) -> None:
        """Pin a run that has ended, so that it is removed last, or unpin it."""
        self.index.set_pinned(owners, run_id, is_pinned)

    def delete(self, owners: Collection[str], run_ids: Collection[str]) -> list[str]:
        """Delete runs that have ended; return the ids of those that these owners had. It can be undone for a day."""
        deleted = self.index.delete(owners, run_ids)
        self._deleted.update(deleted)
        for run_id in deleted:
            self._access.pop(run_id, None)
        return deleted

    def restore(self, owners: Collection[str], run_ids: Collection[str]) -> None:
        """Undo `delete`."""
        self._deleted.difference_update(self.index.restore(owners, run_ids))

    # Memory

    def release_idle(self) -> None:
        """Release the memory of the runs on disk that nobody reads, and try again to write those that failed."""
        now, runs = self._clock(), self.runs()
        if self._files is None:
            self.index.forget(self.index.ids() - {run.id for run in runs})
        for run in runs:
            if run.is_live or run.is_recording:
                continue
            if not self._writer.is_written(run.id):
                self._writer.put(run)
                continue
            if run.read_by_others:
                self._writer.note_read_by_others(run.id)
            if self._files is not None and not run.readers and now - self._used_at.get(run.id, 0.0) > IDLE_SECONDS:
                self._memory.discard(run.id)
                self._used_at.pop(run.id, None)
                self._writer.forget(run.id)

    def _note_removed(self, run_ids: list[str]) -> None:
        self._memory.note_evicted(run_ids)
        for run_id in run_ids:
            self._access.pop(run_id, None)

    def _on_evict(self, run_id: str) -> None:
        def forget() -> None:
            self._used_at.pop(run_id, None)
            self._writer.forget(run_id)

        self._writer.call(forget)

    def _load(self, run_id: str) -> MemoryRun | None:
        """Read a run from its file; return None if there is none. Raises RunUnreadableError."""
        if self._files is None:
            return None
        with self._lock:
            lock = self._loading.setdefault(run_id, threading.Lock())
        try:
            with lock:
                with self._lock:
                    run = self._alive.get(run_id)
                return run or self._read(self._files, run_id)
        finally:
            with self._lock:
                self._loading.pop(run_id, None)

    def _read(self, files: RunFiles, run_id: str) -> MemoryRun | None:
        try:
            entry = self.index.find(run_id)
            if entry is None:
                return None
            run = files.read(entry)
        except DamagedFileError:
            _LOG.warning("the file of run %s is damaged", run_id)
            self._writer.call(lambda: self.index.set_damaged(run_id))
            raise RunUnreadableError(run_id) from None
        except FileNotFoundError:
            self._writer.call(lambda: self.index.forget([run_id]))
            return None
        except (StorageError, OSError):
            _LOG.exception("run %s cannot be read", run_id)
            raise RunUnreadableError(run_id) from None
        with self._lock:
            self._alive[run_id] = run
        self._writer.note_written(run_id)
        self._memory.add(run)
        return run
