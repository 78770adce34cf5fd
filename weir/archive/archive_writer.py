"""Archive writer: writes ended runs to disk on a thread of its own, and keeps files, index and their limit in step."""

import contextlib
import dataclasses
import logging
import queue
import threading
import time
from collections.abc import Callable
from enum import Enum

from weir.analysis.asked_models import Cost
from weir.archive.run_files import DamagedFileError, RunFiles
from weir.archive.run_removal import RunRemover
from weir.archive.run_summary import plain_entry, summarize
from weir.runs.run import Run
from weir.storage.run_index import RunIndex
from weir.storage.run_records import RunEntry
from weir.storage.storage_errors import StorageError, StorageProblem, storage_problem

TURN_SECONDS = 15.0
"""Time between two looks at what nobody reads any more, when there is nothing to write."""

_LOG = logging.getLogger(__name__)


class ArchiveProblem(Enum):
    """Why ended runs are not kept on disk. The value is a sentence for people."""

    FULL = "The disk is full, so ended runs are in memory only and are lost at a restart. Free some space on it."
    READ_ONLY = (
        "Weir cannot write to its data folder, so ended runs are in memory only and are lost at a restart. "
        "Give it write access to the folder."
    )
    OTHER = "Ended runs cannot be kept on disk, so they are lost at a restart. The log has the cause."

    @classmethod
    def of(cls, error: StorageError | OSError) -> "ArchiveProblem":
        """Return the problem behind an error."""
        match error.problem if isinstance(error, StorageError) else storage_problem(error):
            case StorageProblem.FULL:
                return cls.FULL
            case StorageProblem.READ_ONLY | StorageProblem.NO_FILE:
                return cls.READ_ONLY
            case _:
                return cls.OTHER


class ArchiveWriter:
    """Writes what is put into it, one after the other. Its thread begins with the first.

    `on_turn` is called from time to time on the writer's thread; `on_removed` with the ids of runs that made
    room; `on_written` with the row of each run that was written. Without `files` runs get a row of the index only.
    """

    def __init__(
        self,
        index: RunIndex,
        files: RunFiles | None,
        *,
        budget: int,
        cost: Cost,
        on_turn: Callable[[], None] = lambda: None,
        on_removed: Callable[[list[str]], None] = lambda _: None,
        on_written: Callable[[RunEntry], None] = lambda _: None,
    ) -> None:
        self.problem: ArchiveProblem | None = None
        """Problem of the last write; None if it succeeded."""
        self._index = index
        self._files = files
        self._budget = budget
        self._cost = cost
        self._remover = RunRemover(index, files, budget, on_removed)
        self._on_turn = on_turn
        self._on_written = on_written
        self._entries: dict[str, RunEntry] = {}
        """Entries of the runs that could not be written, so that they are not computed again."""
        self._written: set[str] = set()
        self._read_by_others: set[str] = set()
        self._too_large: set[str] = set()
        """Runs in memory that are larger than all that is kept."""
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()

    def put(self, run: Run) -> None:
        """Write a run that has ended. Returns at once."""
        self.call(lambda: self.write(run))

    def call(self, job: Callable[[], None]) -> None:
        """Call a function on the writer's thread. Returns at once."""
        self._jobs.put(job)
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="weir-archive", daemon=True)
                self._thread.start()

    def close(self, timeout: float) -> None:
        """Write what is left, and end the thread. Waits for at most `timeout` seconds."""
        with self._lock:
            thread = self._thread
        if thread is not None:
            self._jobs.put(None)
            thread.join(timeout)

    def is_written(self, run_id: str) -> bool:
        """Whether the run has a row of the index, and a file where runs are kept."""
        return run_id in self._written

    def note_written(self, run_id: str) -> None:
        """Note that a run was read from its file."""
        self._written.add(run_id)

    def entry(self, run_id: str) -> RunEntry | None:
        """Return the entry of a run that could not be written."""
        return self._entries.get(run_id)

    def forget(self, run_id: str) -> None:
        """Drop what is known of a run that is not in memory any more."""
        self._written.discard(run_id)
        self._too_large.discard(run_id)
        self._read_by_others.discard(run_id)
        self._entries.pop(run_id, None)

    def reconcile(self) -> None:
        """Remove rows without a file, and add rows for files without one. Called at the start."""
        if self._files is None:
            return
        # In this order: another process, which writes a file and then its row, has both for each row seen here.
        rows = self._index.ids()
        files = self._files.ids()
        self._index.forget(rows - files)
        for run_id in files - rows:
            try:
                self._index.add(self._files.read_entry(run_id))
            except DamagedFileError:
                _LOG.warning("the file of run %s is damaged, and is left out", run_id)
        self._remover.make_room()

    def _work(self) -> None:
        turn_at = time.monotonic() + TURN_SECONDS
        while True:
            job: Callable[[], None] | None = _do_nothing
            with contextlib.suppress(queue.Empty):
                job = self._jobs.get(timeout=max(0.0, turn_at - time.monotonic()))
            if job is None:
                return
            self._do(job)
            # It holds its run, and the next one may come in an hour.
            del job
            if time.monotonic() >= turn_at:
                self._do(self._turn)
                turn_at = time.monotonic() + TURN_SECONDS

    def _do(self, job: Callable[[], None]) -> None:
        try:
            job()
        except (StorageError, OSError) as error:
            self._note(error)
        except Exception:
            _LOG.exception("a step of the archive failed")

    def _turn(self) -> None:
        self._remover.purge()
        self._on_turn()

    def write(self, run: Run) -> None:
        """Write a run that has ended, on this thread. Raises StorageError or OSError."""
        if run.id in self._written or run.id in self._too_large:
            return
        entry = self._entries.get(run.id) or self._summary(run)
        self._entries[run.id] = entry
        if self._files is not None:
            entry = self._write_file(self._files, run, entry)
            if entry.bytes > self._budget:
                self._too_large.add(run.id)
                self._files.remove(run.id)
                return
        self._index.add(entry)
        if self._files is not None:
            self.problem = None
        self._written.add(run.id)
        del self._entries[run.id]
        self._on_written(entry)
        # What was changed while the file was written.
        if run.is_shared != entry.is_shared:
            self.set_shared(run.id, run.is_shared)
        if run.read_by_others:
            self.note_read_by_others(run.id)
        self._remover.make_room()

    def _write_file(self, files: RunFiles, run: Run, entry: RunEntry) -> RunEntry:
        entry = dataclasses.replace(entry, is_shared=run.is_shared, read_by_others=run.read_by_others)
        size = files.write(run, entry)
        if not run.is_shared:
            files.set_private(run.id, True)
        return dataclasses.replace(entry, bytes=size)

    def set_shared(self, run_id: str, is_shared: bool) -> None:
        """Store whether a run that is written is shared. Raises StorageError or OSError."""
        if self._files is not None:
            self._files.set_private(run_id, not is_shared)
        self._index.set_shared(run_id, is_shared)

    def note_read_by_others(self, run_id: str) -> None:
        """Store that somebody else has opened the link of a run, once."""
        if run_id not in self._read_by_others:
            self._index.set_read_by_others(run_id)
            self._read_by_others.add(run_id)

    def _summary(self, run: Run) -> RunEntry:
        try:
            return summarize(run, self._cost)
        except Exception:
            _LOG.exception("run %s cannot be summarized", run.id)
            return plain_entry(run)

    def _note(self, error: StorageError | OSError) -> None:
        problem = ArchiveProblem.of(error)
        if problem is not self.problem:
            _LOG.warning("runs are not kept on disk: %s", error)
        self.problem = problem


def _do_nothing() -> None:
    """Do nothing: there is no job, and it is time for a turn."""
