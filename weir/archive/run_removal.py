"""Removal of ended runs from the disk: some when all take more than their limit, and those deleted a day ago.

`RunIndex.first_to_remove` decides which go first.
"""

import time
from collections.abc import Callable

from weir.archive.run_files import RunFiles
from weir.storage.run_index import RunIndex

DELETED_SECONDS = 86_400.0
"""Time for which a deletion can be undone."""

REMOVED_AT_ONCE = 200
"""Files that are removed in one step to make room."""


class RunRemover:
    """Removes files of runs with their rows of the index. Without `files` it removes nothing."""

    def __init__(
        self, index: RunIndex, files: RunFiles | None, budget: int, on_removed: Callable[[list[str]], None]
    ) -> None:
        """`budget` is in bytes, for all files; `on_removed` is called with the ids of runs that made room."""
        self._index = index
        self._files = files
        self._budget = budget
        self._on_removed = on_removed

    def make_room(self) -> None:
        """Remove files until the rest fits."""
        if self._files is None:
            return
        excess = self._index.total_bytes() - self._budget
        while excess > 0 and (first := self._index.first_to_remove(REMOVED_AT_ONCE)):
            removed = []
            for run_id, size in first:
                if excess <= 0:
                    break
                removed.append(run_id)
                excess -= size
            self._remove(removed)
            self._on_removed(removed)

    def purge(self) -> None:
        """Remove the runs that were deleted a day ago."""
        self._remove(self._index.deleted_before(time.time() - DELETED_SECONDS))

    def _remove(self, run_ids: list[str]) -> None:
        if not run_ids or self._files is None:
            return
        for run_id in run_ids:
            self._files.remove(run_id)
        self._index.forget(run_ids)
