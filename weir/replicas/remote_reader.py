"""Remote reader: one blocking read of Redis for all that a replica follows: runs of others, and their messages."""

import logging
import threading
import weakref
from collections.abc import Callable
from typing import Any, Protocol

from weir.replicas import redis_keys
from weir.replicas.mirrored_run import lines_of
from weir.replicas.redis_connection import REDIS_ERRORS
from weir.replicas.remote_run import RemoteRun
from weir.runs.failure_sentences import Failure, FailureKind
from weir.runs.memory_run import MemoryRun
from weir.runs.recording_lines import RecordingError
from weir.runs.run import Status

BLOCK_SECONDS = 2.0
"""Time that a read waits for news; the client waits longer for the answer."""

RETRY_SECONDS = 0.5

MAX_ENTRIES = 500
"""Entries of one stream that are read at once."""

_LOG = logging.getLogger(__name__)


class OwnRuns(Protocol):
    """This replica's own runs, as far as others may ask something of them."""

    def own_run(self, run_id: str) -> MemoryRun | None:
        """Return a run of this replica that is in memory."""

    def take_shared(self, run_id: str, is_shared: bool) -> None:
        """Take in that another replica has set whether a run is shared."""

    def take_deleted(self, owner: str, run_id: str, is_deleted: bool) -> None:
        """Take in that another replica has deleted a run of this owner, or restored it."""

    def take_pinned(self, owner: str, run_id: str, is_pinned: bool) -> None:
        """Take in that another replica has pinned a run of this owner, or unpinned it."""


class RemoteReader:
    """Follows runs on a thread of its own. A run that nobody holds any more is not followed.

    `client` waits for an answer for longer than `BLOCK_SECONDS`. `on_message` gets the fields of each control message.
    """

    def __init__(self, client: Any, replica: str, on_message: Callable[[dict[bytes, bytes]], None]) -> None:
        self._client = client
        self._wake_key = redis_keys.wake(replica)
        self._on_message = on_message
        self._lock = threading.Lock()
        self._runs: weakref.WeakValueDictionary[str, RemoteRun] = weakref.WeakValueDictionary()
        self._positions: dict[bytes, bytes] = {}
        self._control = self._wake = b"0"
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="weir-remote-reader", daemon=True)

    def start(self) -> None:
        """Begin to read messages."""
        self._thread.start()

    def close(self, timeout: float, wake: Callable[[], None]) -> None:
        """End the thread. `wake` ends its present read."""
        self._closing.set()
        wake()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def follow(self, run: RemoteRun, position: bytes) -> None:
        """Feed a live run with the entries after this id from now on."""
        with self._lock:
            self._runs[run.id] = run
            self._positions[redis_keys.events(run.id)] = position

    def live_runs(self) -> list[RemoteRun]:
        """Return the runs that are followed."""
        with self._lock:
            return [run for run in self._runs.values() if run.is_live]

    def _streams(self) -> dict[bytes, bytes]:
        with self._lock:
            keys = {redis_keys.events(run.id) for run in self._runs.values() if run.is_live}
            self._positions = {key: position for key, position in self._positions.items() if key in keys}
            return {redis_keys.CONTROL: self._control, self._wake_key: self._wake, **self._positions}

    def _work(self) -> None:
        self._read_old_messages()
        while not self._closing.is_set():
            try:
                answer = self._client.xread(self._streams(), count=MAX_ENTRIES, block=int(BLOCK_SECONDS * 1_000))
            except REDIS_ERRORS:
                # The mirror, which asks more often, says so.
                self._closing.wait(RETRY_SECONDS)
                continue
            for key, entries in answer:
                self._take(key, entries)

    def _read_old_messages(self) -> None:
        """Take in the messages from before the start: which links were taken back, which runs were deleted."""
        while not self._closing.is_set():
            try:
                entries = self._client.xrange(redis_keys.CONTROL, count=redis_keys.MAX_CONTROL)
            except REDIS_ERRORS:
                self._closing.wait(RETRY_SECONDS)
                continue
            # The last message about a run counts.
            last = {(fields.get(b"kind"), fields.get(b"runs")): fields for _, fields in entries}
            for fields in last.values():
                self._take_message(fields)
            if entries:
                self._control = entries[-1][0]
            return

    def _take_message(self, fields: dict[bytes, bytes]) -> None:
        try:
            self._on_message(fields)
        except Exception:
            _LOG.exception("a message of another replica cannot be taken in")

    def _take(self, key: bytes, entries: list[tuple[bytes, dict[bytes, bytes]]]) -> None:
        if key == redis_keys.CONTROL:
            for entry_id, fields in entries:
                self._control = entry_id
                self._take_message(fields)
        elif key == self._wake_key:
            self._wake = entries[-1][0]
        else:
            self._feed(key, entries)

    def _feed(self, key: bytes, entries: list[tuple[bytes, dict[bytes, bytes]]]) -> None:
        run = self._runs.get(redis_keys.run_of(key))
        if run is None:
            return
        try:
            for _, fields in entries:
                run.feed(*lines_of(fields))
        except RecordingError:
            _LOG.exception("run %s cannot be followed any further", run.id)
            run.close(Status.FAILED, Failure(FailureKind.SERVER_GONE))
        with self._lock:
            if key in self._positions:
                self._positions[key] = entries[-1][0]
