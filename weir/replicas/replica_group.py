"""Replica group: this replica among the others: what it sends to them, what it reads of theirs, what they ask of it."""

import contextlib
import logging
import os
import re
import socket
import threading
import time
import uuid
import weakref
from collections import OrderedDict
from collections.abc import Callable, Collection
from typing import Any

from weir.replicas import redis_keys
from weir.replicas.redis_connection import REDIS_ERRORS, TIMEOUT_SECONDS, open_client
from weir.replicas.redis_scripts import CHANGE
from weir.replicas.remote_reader import BLOCK_SECONDS, OwnRuns, RemoteReader
from weir.replicas.remote_run import RemoteRun
from weir.replicas.replica_sweeper import BEAT_SECONDS, LEASE_SECONDS, ReplicaSweeper
from weir.replicas.run_mirror import RunMirror
from weir.replicas.shared_counts import SharedCounts
from weir.replicas.stored_runs import StoredRuns, entry_json
from weir.runs.failure_sentences import Failure, FailureKind
from weir.runs.memory_run import MemoryRun
from weir.runs.run import Run, Status
from weir.runs.run_store import RunElsewhereError
from weir.storage.run_records import RunEntry

IDLE_SECONDS = 60.0
"""Time after which a copy of another replica's run that nobody reads leaves the memory."""

KEEP_SECONDS = 10.0
"""Time between two messages that a run is read here, at most."""

PING_SECONDS = 1.0
"""Time within which it is noticed that Redis is away, where nothing is to be sent."""

CLOSE_SECONDS = 2.0

_LOG = logging.getLogger(__name__)
_RUN_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
_NOT_ASKED = "Redis is away"


class ReplicaGroup:
    """The replicas that share a Redis. Thread-safe. Of its methods only those that say so wait for Redis.

    `folder` is the id of the folder of ended runs, which replicas may share. `memory` bounds the copies of other
    replicas' runs, `budget` the ended runs in Redis, in bytes; `ttl` how long these last, in seconds.
    """

    def __init__(
        self,
        url: str,
        *,
        describe: Callable[[Run], RunEntry],
        grace_seconds: float,
        memory: int,
        budget: int,
        ttl: int,
        folder: str = "",
    ) -> None:
        self.name = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self.client = open_client(url)
        self._blocking = open_client(url, timeout_seconds=BLOCK_SECONDS + 5.0)
        self._stored = StoredRuns(self.client, self.name, folder, ask_stop=self._ask_stop, keep=self._keep)
        self._memory = memory
        self._own: OwnRuns | None = None
        self._change = self.client.register_script(CHANGE)
        self._lock = threading.Lock()
        self._loading: weakref.WeakValueDictionary[str, threading.Lock] = weakref.WeakValueDictionary()
        """A lock for each run that is being read, so that it is read once."""
        self._copies: weakref.WeakValueDictionary[str, RemoteRun] = weakref.WeakValueDictionary()
        """Every copy that anybody holds, so that there is one object of a run."""
        self._used: OrderedDict[str, tuple[RemoteRun, float]] = OrderedDict()
        """Copies that were asked for a while ago or less, which are held for that."""
        self._kept_at: dict[str, float] = {}
        self.mirror = RunMirror(self.client, self.name, folder, lambda run: entry_json(describe(run)), ttl)
        self.mirror.every(PING_SECONDS, lambda pipeline: pipeline.ping())
        self.mirror.every(BEAT_SECONDS, self._beat)
        self.mirror.every(min(KEEP_SECONDS, grace_seconds / 3), self._keep_all)
        self.counts = SharedCounts(self.client, self.name, self.mirror)
        self._reader = RemoteReader(self._blocking, self.name, self._on_message)
        self.sweeper = ReplicaSweeper(
            self.client,
            self.name,
            load=self._stored.read,
            connected_at=lambda: self.mirror.connected_at,
            each_turn=self._look_after_copies,
            budget=budget,
            ttl=ttl,
        )

    def start(self, own: OwnRuns) -> None:
        """Join the others."""
        self._own = own
        self.mirror.start()
        self._reader.start()
        self.sweeper.start()

    def close(self) -> None:
        """Send what is left, and leave the others. Takes some seconds at most."""
        self.mirror.close(CLOSE_SECONDS)
        self.sweeper.close(CLOSE_SECONDS)
        self._reader.close(CLOSE_SECONDS, self._wake_reader)
        with contextlib.suppress(*REDIS_ERRORS):
            self.client.delete(redis_keys.wake(self.name), redis_keys.replica(self.name))
        self.client.close()
        self._blocking.close()

    @property
    def problem(self) -> str:
        """Why runs are on this replica only, in a sentence; "" if they are not."""
        return self.mirror.problem.value if self.mirror.problem else ""

    def note(self, run_id: str) -> str:
        """Return why other replicas cannot read a run of this one, in a sentence; "" if they can."""
        if not self.mirror.is_alone(run_id):
            return ""
        return self.problem or "This run is on this replica only: other replicas had lost contact with it."

    # What this replica's archive asks for

    def add(self, run: MemoryRun) -> None:
        """Let other replicas read a run of this one."""
        self.mirror.add(run)

    def await_begun(self, run_id: str) -> None:
        """Wait until other replicas, who may be asked for it next, can find a run of this one: a moment."""
        self.mirror.await_begun(run_id, TIMEOUT_SECONDS)

    def find(self, run_id: str) -> RemoteRun | None:
        """Return another replica's run; None if there is none. Waits for Redis. Raises RunElsewhereError."""
        if not _RUN_ID.fullmatch(run_id):
            return None
        with self._lock:
            loading = self._loading.get(run_id)
            if loading is None:
                loading = self._loading[run_id] = threading.Lock()
        with loading:
            copy = self._copies.get(run_id)
            if copy is None or copy.may_go_on:
                copy = self._open(run_id) or copy
        if copy is not None:
            self._hold(copy)
        return copy

    def _open(self, run_id: str) -> RemoteRun | None:
        run: RemoteRun | None = self._ask(lambda: self._stored.read(run_id))
        if run is None:
            return None
        with self._lock:
            self._copies[run_id] = run
        if run.is_live:
            self._reader.follow(run, b"%d-0" % run.next_line)
            self._wake_reader()
        return run

    def _wake_reader(self) -> None:
        """End the reader's present read. Without it the reader goes on at the end of that, after two seconds."""
        with contextlib.suppress(*REDIS_ERRORS):
            self.client.xadd(redis_keys.wake(self.name), {"news": ""}, maxlen=1)
            self.client.expire(redis_keys.wake(self.name), redis_keys.LIVE_SECONDS)

    def access(self, run_id: str) -> tuple[str, bool] | None:
        """Return a run's owner and whether it is shared; None if there is none. Waits for Redis; may raise the same."""
        if not _RUN_ID.fullmatch(run_id):
            return None
        owner, shared, deleted = self._ask(
            lambda: self.client.hmget(redis_keys.meta(run_id), "owner", "shared", "deleted")
        )
        return None if owner is None or deleted == b"1" else (owner.decode(), shared != b"0")

    def entries(self, owners: Collection[str]) -> list[RunEntry]:
        """Return the rows of other replicas' runs of these owners, newest first. Waits for Redis; none without it."""
        try:
            entries: list[RunEntry] = self._ask(lambda: self._stored.entries(owners))
        except RunElsewhereError:
            return []
        return entries

    def set_entry(self, entry: RunEntry) -> None:
        """Let the lists of others have the row of a run that has ended."""
        self._set(entry.id, "", {"entry": entry_json(entry)})

    def set_shared(self, run_id: str, is_shared: bool) -> None:
        """Tell the others whether a run is shared."""
        if (run := self._copies.get(run_id)) is not None:
            run.is_shared = is_shared
        self._set(run_id, "", {"shared": int(is_shared)})
        self._send("shared", run_id, str(int(is_shared)))

    def set_deleted(self, owner: str, run_id: str, is_deleted: bool) -> None:
        """Tell the others that a run of this owner is deleted, or restored."""
        self._set(run_id, owner, {"deleted": int(is_deleted)})
        self._send("deleted", run_id, f"{int(is_deleted)}{owner}")
        self._forget(run_id)

    def set_pinned(self, owner: str, run_id: str, is_pinned: bool) -> None:
        """Tell the others that a run of this owner is pinned, or not any more."""
        self._set(run_id, owner, {"pinned": int(is_pinned)})
        self._send("pinned", run_id, f"{int(is_pinned)}{owner}")

    # What is read

    def _ask(self, question: Callable[[], Any]) -> Any:
        """Ask Redis. Raises RunElsewhereError, at once where it is known that nobody answers."""
        if self.mirror.connected_at is None and self.mirror.problem is not None:
            raise RunElsewhereError(_NOT_ASKED)
        try:
            return question()
        except REDIS_ERRORS as error:
            raise RunElsewhereError(str(error)) from error

    # What is held

    def _hold(self, run: RemoteRun) -> None:
        with self._lock:
            self._used[run.id] = (run, time.monotonic())
            self._used.move_to_end(run.id)
            total = sum(held.size for held, _ in self._used.values())
            while total > self._memory and len(self._used) > 1:
                total -= self._used.popitem(last=False)[1][0].size

    def _forget(self, run_id: str) -> None:
        with self._lock:
            self._used.pop(run_id, None)
            self._copies.pop(run_id, None)

    def _look_after_copies(self) -> None:
        """Let go of the copies that nobody reads, and end those whose stream is gone."""
        now = time.monotonic()
        with self._lock:
            for run_id, (run, used_at) in list(self._used.items()):
                if not run.readers and now - used_at > IDLE_SECONDS:
                    del self._used[run_id]
            self._kept_at = {run_id: at for run_id, at in self._kept_at.items() if now - at < KEEP_SECONDS}
        if self.mirror.problem is not None:
            return
        for run in self._reader.live_runs():
            if not self.client.exists(redis_keys.events(run.id)):
                self._end_copy(run)

    def _end_copy(self, run: RemoteRun) -> None:
        """End a copy whose stream is gone: from the whole recording, if this replica has been away for that long."""
        whole = self._stored.read(run.id)
        if whole is not None and not whole.is_live:
            for event in whole.events[len(run.events) :]:
                run.append(event)
            run.close(whole.status, whole.failure)
        elif not self.client.exists(redis_keys.meta(run.id)) and self._is_forgotten(run):
            run.close(Status.FAILED, Failure(FailureKind.SERVER_GONE))

    def _is_forgotten(self, run: RemoteRun) -> bool:
        """Whether nobody has sent a run again since Redis has lost it: its replica does so within seconds."""
        since = self.mirror.connected_at
        if since is None or time.monotonic() - since < LEASE_SECONDS + BEAT_SECONDS:
            run.missing_since = None
            return False
        run.missing_since = run.missing_since or time.monotonic()
        return time.monotonic() - run.missing_since > LEASE_SECONDS

    # What replicas say to each other

    def _beat(self, pipeline: Any) -> None:
        pipeline.set(redis_keys.replica(self.name), int(time.time()), ex=LEASE_SECONDS)
        pipeline.expire(redis_keys.wake(self.name), redis_keys.LIVE_SECONDS)

    def _keep_all(self, pipeline: Any) -> None:
        """Say which runs of others are read here."""
        if read := [run.id for run in self._reader.live_runs() if run.readers]:
            self._add_message(pipeline, "keep", " ".join(read), "")

    def _keep(self, run_id: str) -> None:
        now = time.monotonic()
        with self._lock:
            if now - self._kept_at.get(run_id, -KEEP_SECONDS) < 1.0:
                return
            self._kept_at[run_id] = now
        self._send("keep", run_id)

    def _ask_stop(self, run_id: str) -> None:
        self._send("stop", run_id)

    def _set(self, run_id: str, owner: str, fields: dict[str, Any]) -> None:
        values = [part for pair in fields.items() for part in pair]
        self.mirror.post(
            lambda pipeline: self._change(keys=[redis_keys.meta(run_id)], args=[owner, *values], client=pipeline)
        )

    def _send(self, kind: str, run_id: str, value: str = "") -> None:
        self.mirror.post(lambda pipeline: self._add_message(pipeline, kind, run_id, value))

    def _add_message(self, pipeline: Any, kind: str, runs: str, value: str) -> None:
        fields = {"kind": kind, "runs": runs, "value": value, "from": self.name}
        pipeline.xadd(redis_keys.CONTROL, fields, maxlen=redis_keys.MAX_CONTROL, approximate=True)
        pipeline.expire(redis_keys.CONTROL, redis_keys.SHARED_SECONDS)

    def _on_message(self, fields: dict[bytes, bytes]) -> None:
        if fields.get(b"from") == self.name.encode() or self._own is None:
            return
        kind, value = fields.get(b"kind", b""), fields.get(b"value", b"").decode()
        for run_id in fields.get(b"runs", b"").decode().split():
            if kind == b"shared":
                if (copy := self._copies.get(run_id)) is not None:
                    copy.is_shared = value == "1"
                self._own.take_shared(run_id, value == "1")
            elif kind == b"deleted":
                self._forget(run_id)
                self._own.take_deleted(value[1:], run_id, value[:1] == "1")
            elif kind == b"pinned":
                self._own.take_pinned(value[1:], run_id, value[:1] == "1")
            elif (run := self._own.own_run(run_id)) is not None:
                if kind == b"stop":
                    run.stop()
                elif kind == b"keep":
                    self.mirror.note_read_elsewhere(run_id)
                    run.extend_grace_period()
