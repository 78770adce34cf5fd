"""Replicated archive: the run archive of a process whose runs other replicas read, and which reads theirs."""

import logging
from collections.abc import Collection
from typing import Any, Protocol

from weir.archive.run_archive import RunArchive
from weir.runs.memory_run import MemoryRun
from weir.runs.run import Run
from weir.runs.run_access import RunAccess
from weir.runs.run_store import RunElsewhereError, RunUnavailableError
from weir.storage.run_records import RunEntry, RunFilter
from weir.storage.storage_errors import StorageError

_LOG = logging.getLogger(__name__)


class OtherReplicas(Protocol):
    """The other replicas, as far as an archive asks something of them: `ReplicaGroup`."""

    def add(self, run: MemoryRun) -> None: ...
    def await_begun(self, run_id: str) -> None: ...
    def find(self, run_id: str) -> MemoryRun | None: ...
    def access(self, run_id: str) -> tuple[str, bool] | None: ...
    def entries(self, owners: Collection[str]) -> list[RunEntry]: ...
    def set_entry(self, entry: RunEntry) -> None: ...
    def set_shared(self, run_id: str, is_shared: bool) -> None: ...
    def set_deleted(self, owner: str, run_id: str, is_deleted: bool) -> None: ...
    def set_pinned(self, owner: str, run_id: str, is_pinned: bool) -> None: ...


class ReplicatedArchive(RunArchive):
    """An archive that asks the others where it has no run of an id. What they hold is not written to its disk."""

    def __init__(self, memory: int, **options: Any) -> None:
        super().__init__(memory, on_written=self._note_entry, **options)
        self._others: OtherReplicas | None = None

    def join(self, others: OtherReplicas) -> None:
        """Share the runs with these from now on."""
        self._others = others

    @property
    def _joined(self) -> OtherReplicas:
        assert self._others is not None
        return self._others

    # RunStore

    def add(self, run: MemoryRun) -> None:
        super().add(run)
        if run.is_live:
            self._joined.add(run)

    def await_begun(self, run: Run) -> None:
        self._joined.await_begun(run.id)

    def get(self, run_id: str) -> Run:
        try:
            return super().get(run_id)
        except RunUnavailableError:
            if run_id in self._deleted or (run := self._joined.find(run_id)) is None:
                raise
            return run

    def access(self, run_id: str) -> RunAccess | None:
        if (own := super().access(run_id)) is not None or run_id in self._deleted:
            return own
        try:
            found = self._joined.access(run_id)
        except RunElsewhereError:
            return None
        return None if found is None else self._remember_access(RunAccess(run_id, *found))

    # Lists

    def elsewhere(self, filter_: RunFilter) -> list[RunEntry]:
        entries = self._joined.entries(filter_.owners)
        return [entry for entry in entries if entry.id not in self._deleted and filter_.matches(entry)]

    def _note_entry(self, entry: RunEntry) -> None:
        self._joined.set_entry(entry)

    # What the owner of a run does

    def set_shared(self, run_id: str, is_shared: bool) -> None:
        super().set_shared(run_id, is_shared)
        self._joined.set_shared(run_id, is_shared)

    def set_pinned(self, owners: Collection[str], run_id: str, is_pinned: bool) -> None:
        super().set_pinned(owners, run_id, is_pinned)
        for owner in owners:
            self._joined.set_pinned(owner, run_id, is_pinned)

    def delete(self, owners: Collection[str], run_ids: Collection[str]) -> list[str]:
        deleted = super().delete(owners, run_ids)
        own = set(deleted)
        remote = [entry for entry in self._joined.entries(owners) if entry.id in run_ids and entry.id not in own]
        self._deleted.update(entry.id for entry in remote)
        for entry in remote:
            self._joined.set_deleted(entry.owner, entry.id, True)
        for run_id in deleted:
            self._set_deleted(owners, run_id, True)
        return [*deleted, *(entry.id for entry in remote)]

    def restore(self, owners: Collection[str], run_ids: Collection[str]) -> None:
        super().restore(owners, run_ids)
        self._deleted.difference_update(run_ids)
        for run_id in run_ids:
            self._set_deleted(owners, run_id, False)

    def _set_deleted(self, owners: Collection[str], run_id: str, is_deleted: bool) -> None:
        for owner in owners:
            self._joined.set_deleted(owner, run_id, is_deleted)

    # What other replicas ask for

    def own_run(self, run_id: str) -> MemoryRun | None:
        """Return a run of this replica that is in memory."""
        run = self._in_memory(run_id)
        assert run is None or isinstance(run, MemoryRun)
        return run

    def take_shared(self, run_id: str, is_shared: bool) -> None:
        """Take in that another replica has set whether a run is shared."""
        try:
            super().set_shared(run_id, is_shared)
        except StorageError:
            _LOG.exception("whether run %s is shared cannot be stored", run_id)

    def take_pinned(self, owner: str, run_id: str, is_pinned: bool) -> None:
        """Take in that another replica has pinned a run of this owner, or unpinned it."""
        try:
            super().set_pinned((owner,), run_id, is_pinned)
        except StorageError:
            _LOG.exception("whether run %s is pinned cannot be stored", run_id)

    def take_deleted(self, owner: str, run_id: str, is_deleted: bool) -> None:
        """Take in that another replica has deleted a run of this owner, or restored it."""
        try:
            if is_deleted:
                super().delete((owner,), (run_id,))
                self._deleted.add(run_id)
            else:
                super().restore((owner,), (run_id,))
                self._deleted.discard(run_id)
        except StorageError:
            _LOG.exception("the deletion of run %s cannot be stored", run_id)
