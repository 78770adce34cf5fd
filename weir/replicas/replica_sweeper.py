"""Replica sweeper: ends the runs of replicas that are gone, and removes the oldest ended runs beyond the limit.

One replica at a time does it, whichever gets the lock. A replica is gone when its sign of life has expired. Redis may
have been away, and all signs with it: so nobody is taken for dead until Redis has answered for a while.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from weir.replicas import redis_keys
from weir.replicas.mirrored_run import store_whole
from weir.replicas.redis_connection import REDIS_ERRORS
from weir.replicas.redis_scripts import LOSE
from weir.replicas.remote_run import RemoteRun
from weir.runs.failure_sentences import Failure, FailureKind
from weir.runs.recording_encoder import encode
from weir.runs.recording_lines import End
from weir.runs.run import Status

BEAT_SECONDS = 3.0
"""Time between two signs of life."""

LEASE_SECONDS = 10
"""Time after the last sign from which a replica is taken for dead."""

SWEEP_SECONDS = 2.0
SETTLED_SECONDS = 2 * BEAT_SECONDS + 1.0
"""Time for which Redis must have answered, so that every replica that lives has given a sign."""

BOUNDS_SECONDS = 10.0
"""Time between two looks at the space that ended runs take."""

END = encode(End(Status.FAILED, Failure(FailureKind.SERVER_GONE)))

_LOG = logging.getLogger(__name__)


class ReplicaSweeper:
    """Looks after what nobody else looks after, on a thread of its own. `load` reads a run from Redis.

    `budget` is what all ended runs may take, in bytes, `ttl` how long they last, in seconds. `each_turn` is called too.
    """

    def __init__(
        self,
        client: Any,
        replica: str,
        *,
        load: Callable[[str], RemoteRun | None],
        connected_at: Callable[[], float | None],
        each_turn: Callable[[], None],
        budget: int,
        ttl: int,
    ) -> None:
        self._client = client
        self._replica = replica
        self._load = load
        self._connected_at = connected_at
        self._each_turn = each_turn
        self._budget = budget
        self._ttl = ttl
        self._lose = client.register_script(LOSE)
        self._bounds_at = 0.0
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="weir-replica-sweeper", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def close(self, timeout: float) -> None:
        """End the thread."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _work(self) -> None:
        while not self._closing.wait(SWEEP_SECONDS):
            try:
                self._each_turn()
                since = self._connected_at()
                if since is not None and time.monotonic() - since > SETTLED_SECONDS and self._has_lock():
                    self.end_lost_runs()
                    if time.monotonic() > self._bounds_at:
                        self._bounds_at = time.monotonic() + BOUNDS_SECONDS
                        self.keep_bounds()
            except REDIS_ERRORS as error:
                # The mirror, which asks more often, says why.
                _LOG.debug("the runs of other replicas cannot be looked after: %s", error)
            except Exception:
                _LOG.exception("a turn of the sweeper failed")

    def _has_lock(self) -> bool:
        """Whether this replica looks after the others' runs for the next few seconds."""
        if self._client.set(redis_keys.SWEEPER, self._replica, nx=True, ex=LEASE_SECONDS // 2):
            return True
        return bool(self._client.get(redis_keys.SWEEPER) == self._replica.encode())

    def end_lost_runs(self) -> None:
        """End the live runs of the replicas that are gone."""
        live: dict[bytes, bytes] = self._client.hgetall(redis_keys.LIVE)
        replicas = sorted(set(live.values()) - {self._replica.encode()})
        pipeline = self._client.pipeline(transaction=False)
        for replica in replicas:
            pipeline.exists(redis_keys.replica(replica.decode()))
        gone = {replica for replica, is_there in zip(replicas, pipeline.execute(), strict=True) if not is_there}
        for run_id, replica in live.items():
            if replica in gone:
                self._end(run_id.decode(), replica)

    def _end(self, run_id: str, replica: bytes) -> None:
        keys = [redis_keys.meta(run_id), redis_keys.events(run_id)]
        result = self._lose(keys=keys, args=[replica, redis_keys.END_ID, END, self._replica])
        run = self._load(run_id) if result >= 0 else None
        if run is None or run.is_live:
            # It is gone, or another replica goes on with it.
            if self._client.hget(redis_keys.LIVE, run_id) == replica:
                self._client.hdel(redis_keys.LIVE, run_id)
            return
        _LOG.warning("run %s was cut off: replica %s is gone", run_id, replica.decode())
        is_lost = run.failure is not None and run.failure.kind is FailureKind.SERVER_GONE
        pipeline = self._client.pipeline(transaction=False)
        store_whole(pipeline, run, self._ttl, state=b"lost" if is_lost else b"ended")
        pipeline.execute()

    def keep_bounds(self) -> None:
        """Remove the runs that ended too long ago, and the oldest ones that there is no room for."""
        sizes = {run_id: int(size) for run_id, size in self._client.hgetall(redis_keys.SIZES).items()}
        ended: list[tuple[bytes, float]] = self._client.zrange(redis_keys.ENDED, 0, -1, withscores=True)
        total, now, removed = sum(sizes.values()), time.time(), []
        for run_id, ended_at in ended:
            if total <= self._budget and now - ended_at <= self._ttl:
                break
            total -= sizes.get(run_id, 0)
            removed.append(run_id)
        if removed:
            _LOG.info("%d runs are removed from Redis to make room", len(removed))
            remove(self._client, [run_id.decode() for run_id in removed])


def remove(client: Any, run_ids: list[str]) -> None:
    """Remove runs, and all that is known of them."""
    pipeline = client.pipeline(transaction=False)
    for run_id in run_ids:
        pipeline.unlink(redis_keys.meta(run_id))
        pipeline.unlink(redis_keys.events(run_id))
        pipeline.unlink(redis_keys.whole(run_id))
        pipeline.zrem(redis_keys.ENDED, run_id)
        pipeline.hdel(redis_keys.SIZES, run_id)
    pipeline.execute()
