"""Stored runs: what replicas have in Redis, as runs and as rows of lists. Methods raise errors of the client."""

import dataclasses
import gzip
import logging
import time
from collections.abc import Callable, Collection
from typing import Any

from weir.core import serialization
from weir.replicas import redis_keys
from weir.replicas.mirrored_run import lines_of
from weir.replicas.remote_run import RemoteRun
from weir.runs.recording_decoder import Decoder
from weir.runs.recording_lines import Header, RecordingError
from weir.storage.run_records import RunEntry

PAGE = 500
"""Entries that are read at once of a run that is opened."""

_LOG = logging.getLogger(__name__)
_FIELDS = frozenset(field.name for field in dataclasses.fields(RunEntry))
_LOST = "cut_off"


class StoredRuns:
    """The runs in Redis, for the replica of this name, whose folder of ended runs has this id.

    A run that is read asks with `ask_stop` for its end, and says with `keep` that it is read.
    """

    def __init__(
        self,
        client: Any,
        replica: str,
        folder: str,
        *,
        ask_stop: Callable[[str], None],
        keep: Callable[[str], None],
    ) -> None:
        self._client = client
        self._replica = replica
        self._folder = folder
        self._ask_stop = ask_stop
        self._keep = keep

    def read(self, run_id: str) -> RemoteRun | None:
        """Read a run as it is now. Raises errors of the client."""
        pipeline = self._client.pipeline(transaction=False)
        pipeline.hgetall(redis_keys.meta(run_id))
        pipeline.get(redis_keys.whole(run_id))
        meta, whole = pipeline.execute()
        if not meta or meta.get(b"deleted") == b"1":
            return None
        try:
            run = self._run_of(gzip.decompress(whole).splitlines(keepends=True)) if whole else self._run_so_far(run_id)
        except (RecordingError, OSError, EOFError):
            _LOG.exception("run %s cannot be read from Redis", run_id)
            return None
        if run is not None:
            run.owner, run.is_shared = meta[b"owner"].decode(), meta.get(b"shared") != b"0"
        return run

    def _run_of(self, lines: list[bytes]) -> RemoteRun:
        header = Decoder().decode(lines[0])
        assert isinstance(header, Header)
        run = RemoteRun(header, ask_stop=self._ask_stop, keep=self._keep)
        run.feed(1, lines[1:])
        return run

    def _run_so_far(self, run_id: str) -> RemoteRun | None:
        run: RemoteRun | None = None
        position = "-"
        while entries := self._client.xrange(redis_keys.events(run_id), min=position, count=PAGE):
            for _, fields in entries:
                first, lines = lines_of(fields)
                if run is None:
                    run = self._run_of(lines)
                else:
                    run.feed(first, lines)
            position = f"({entries[-1][0].decode()}"
        return run

    def entries(self, owners: Collection[str]) -> list[RunEntry]:
        pipeline = self._client.pipeline(transaction=False)
        for owner in owners:
            pipeline.zrange(redis_keys.of_owner(owner), 0, redis_keys.MAX_LISTED - 1, desc=True)
        ids = [run_id.decode() for found in pipeline.execute() for run_id in found]
        for run_id in ids:
            pipeline.hgetall(redis_keys.meta(run_id))
        metas = dict(zip(ids, pipeline.execute() if ids else [], strict=True))
        for owner in owners:
            if gone := [run_id for run_id, meta in metas.items() if not meta]:
                pipeline.zrem(redis_keys.of_owner(owner), *gone)
        if pipeline.command_stack:
            pipeline.execute()
        entries = [entry_of(meta) for meta in metas.values() if meta and self._is_listed(meta)]
        return sorted((entry for entry in entries if entry and entry.owner in owners), key=lambda one: -one.created_at)

    def _is_listed(self, meta: dict[bytes, bytes]) -> bool:
        """Whether a run is not among this replica's own, and not deleted."""
        if meta.get(b"deleted") == b"1" or meta.get(b"replica") == self._replica.encode():
            return False
        return not (self._folder and meta.get(b"folder") == self._folder.encode() and meta.get(b"status") == b"ended")


def entry_json(entry: RunEntry) -> bytes:
    return serialization.dumps(dataclasses.asdict(entry))


def entry_of(meta: dict[bytes, bytes]) -> RunEntry | None:
    """Return the row of a run, with what has become of it since the row was made."""
    try:
        values = serialization.loads(meta[b"entry"])
        entry = RunEntry(**{key: value for key, value in values.items() if key in _FIELDS})
    except (KeyError, ValueError, TypeError):
        return None
    is_shared, is_pinned = meta.get(b"shared") != b"0", meta.get(b"pinned") == b"1"
    owner = meta.get(b"owner", b"").decode()
    entry = dataclasses.replace(entry, is_shared=is_shared, is_pinned=is_pinned, owner=owner)
    if meta.get(b"status") == b"live":
        return dataclasses.replace(entry, seconds=max(0.0, time.time() - entry.created_at))
    if entry.status != "writing":
        return entry
    status = _LOST if meta.get(b"status") == b"lost" else meta.get(b"run_status", b"done").decode()
    events = int(meta.get(b"events", b"0"))
    return dataclasses.replace(entry, status="stopped" if status == "abandoned" else status, events=events)
