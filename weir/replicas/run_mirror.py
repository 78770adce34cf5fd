"""Run mirror: sends the lines of this replica's runs to Redis, behind them: no run ever waits for it.

A run's own memory stays what its readers here follow. Ten times a second a thread sends what has come since, of all
runs in one round trip. Where Redis cannot be reached the thread remembers how far each run was sent, and goes on from
there. An entry's id is the number of its last line, so one that was received is refused the second time.
"""

import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any

from redis.exceptions import ResponseError

from weir.replicas import redis_keys
from weir.replicas.mirrored_run import MirroredRun, store_whole
from weir.replicas.redis_connection import REDIS_ERRORS, ReplicaProblem
from weir.replicas.redis_scripts import BEGIN
from weir.runs.memory_run import MemoryRun
from weir.runs.recording_encoder import encode
from weir.runs.recording_lines import End
from weir.runs.run import Run

FLUSH_SECONDS = 0.1
"""Time between two batches. A reader on another replica sees a token half of it later, on average."""

MAX_FLUSH = 4_000_000
"""Bytes that are sent in one round trip, of all runs."""

RETRY_SECONDS = 0.5
"""Time until Redis is tried again."""

CHECK_SECONDS = 5.0
"""Time until a live run that sends nothing makes sure that Redis still has it."""

CLOSING_SECONDS = 0.01
"""Time between two batches at the end of the process."""

MAX_WAITING = 1_000
"""Ended runs that wait for Redis. Those beyond it, the oldest first, stay on this replica only."""

_LOG = logging.getLogger(__name__)


class _Step(Enum):
    BEGIN, LINES, END, CHECK, REST = range(5)


class RunMirror:
    """Sends runs, and what else replicas say to each other, on a thread of its own.

    `replica` is the name of this one in this life, `folder` the id of its folder of ended runs. `describe` returns a
    run's row of the lists.
    """

    def __init__(self, client: Any, replica: str, folder: str, describe: Callable[[Run], bytes], ttl: int) -> None:
        self.problem: ReplicaProblem | None = None
        self.connected_at: float | None = None
        """Monotonic time since which Redis answers; None if it does not."""
        self._client = client
        self._replica = replica.encode()
        self._folder = folder.encode()
        self._describe = describe
        self._ttl = ttl
        self._begin = client.register_script(BEGIN)
        self._lock = threading.Lock()
        self._runs: OrderedDict[str, MirroredRun] = OrderedDict()
        self._alone: OrderedDict[str, None] = OrderedDict()
        self._outbox: deque[Callable[[Any], object]] = deque(maxlen=redis_keys.MAX_CONTROL)
        self._chores: list[tuple[float, float, Callable[[Any], object]]] = []
        self._wake = threading.Event()
        self._close_by: float | None = None
        self._thread = threading.Thread(target=self._work, name="weir-mirror", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def close(self, timeout: float) -> None:
        """Send what is left, and end the thread. Waits for at most `timeout` seconds."""
        self._close_by = time.monotonic() + timeout
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def add(self, run: MemoryRun) -> None:
        """Send a run from now on."""
        with self._lock:
            self._runs[run.id] = MirroredRun(run)
            while len(self._runs) > MAX_WAITING and (over := self._oldest_ended()):
                self._leave_alone(over, "too many runs wait for Redis")
        run.add_done_callback(lambda _: self._wake.set())
        self._wake.set()

    def await_begun(self, run_id: str, timeout: float) -> None:
        """Wait until other replicas can find a run, for at most `timeout` seconds; not at all while Redis is away."""
        with self._lock:
            one = self._runs.get(run_id)
        if one is not None and self.problem is None:
            one.begun.wait(timeout)

    def post(self, send: Callable[[Any], object]) -> None:
        """Put a command into the next round trip: `send` gets the pipeline. It may be sent twice."""
        with self._lock:
            self._outbox.append(send)
        self._wake.set()

    def every(self, seconds: float, send: Callable[[Any], object]) -> None:
        """Put a command into a round trip each time that so many seconds have passed. To be called before the start."""
        self._chores.append((0.0, seconds, send))

    def note_read_elsewhere(self, run_id: str) -> None:
        """Note that a run is read on another replica: it goes on while Redis cannot say whether it still is."""
        with self._lock:
            if (one := self._runs.get(run_id)) is not None:
                one.is_read_elsewhere = True

    def is_alone(self, run_id: str) -> bool:
        """Whether other replicas cannot read this run, or not all of it."""
        with self._lock:
            return run_id in self._alone or (self.problem is not None and run_id in self._runs)

    def has_sent(self, run_id: str) -> bool:
        """Whether nothing of this run is left to be sent."""
        with self._lock:
            return run_id not in self._runs

    def _oldest_ended(self) -> MirroredRun | None:
        return next((one for one in self._runs.values() if not one.run.is_live), None)

    def _leave_alone(self, one: MirroredRun, reason: str) -> None:
        self._runs.pop(one.run.id, None)
        self._alone[one.run.id] = None
        while len(self._alone) > MAX_WAITING:
            self._alone.popitem(last=False)
        _LOG.warning("run %s is on this replica only: %s", one.run.id, reason)

    # The thread

    def _work(self) -> None:
        while True:
            is_closing = self._close_by is not None
            self._wake.clear()
            try:
                is_idle = self.flush()
            except Exception as error:
                self._note(error)
                is_idle = True
            if self._close_by is not None and is_closing:
                if self.problem is not None or not self._runs or time.monotonic() > self._close_by:
                    return
                # A run takes several round trips: its beginning, its lines, its end.
                time.sleep(CLOSING_SECONDS)
            elif self.problem is not None:
                self._keep_those_read_elsewhere()
                self._wake.wait(RETRY_SECONDS)
            else:
                self._wake.wait(self._idle_seconds if is_idle else FLUSH_SECONDS)

    @property
    def _idle_seconds(self) -> float:
        return min((seconds for _, seconds, _ in self._chores), default=CHECK_SECONDS)

    def _keep_those_read_elsewhere(self) -> None:
        with self._lock:
            read = [one.run for one in self._runs.values() if one.is_read_elsewhere and one.run.is_live]
        for run in read:
            run.extend_grace_period()

    def flush(self) -> bool:
        """Send what there is. Return whether nothing is live. Raises errors of the client."""
        now = time.monotonic()
        with self._lock:
            runs = list(self._runs.values())
        pipeline = self._client.pipeline(transaction=False)
        with self._lock:
            posted = list(self._outbox)
        for post in posted:
            post(pipeline)
        due = [at <= now for at, _, _ in self._chores]
        for (_, _, send), is_due in zip(self._chores, due, strict=True):
            if is_due:
                send(pipeline)
        before = len(pipeline.command_stack)
        steps = list(self._steps(runs, pipeline, now))
        results = pipeline.execute(raise_on_error=False) if pipeline.command_stack else []
        for result in results:
            if isinstance(result, ResponseError) and ReplicaProblem.of(result) is not ReplicaProblem.OTHER:
                raise result
        for result in results[:before]:
            if isinstance(result, Exception):
                _LOG.warning("Redis refuses a command of this replica: %s", result)
        with self._lock:
            for post in posted:
                if self._outbox and self._outbox[0] is post:
                    self._outbox.popleft()
        self._chores = [
            (now + seconds if is_due else at, seconds, send)
            for (at, seconds, send), is_due in zip(self._chores, due, strict=True)
        ]
        if results or self.problem:
            self._note(None)
        for (one, step, number), result in zip(steps, results[before:], strict=True):
            if step is not _Step.REST:
                self._take(one, step, number, result, now)
        return not any(one.run.is_live for one in runs) and not self._runs

    def _steps(self, runs: list[MirroredRun], pipeline: Any, now: float) -> Iterator[tuple[MirroredRun, _Step, int]]:
        room = MAX_FLUSH
        for one in runs:
            key, is_live = redis_keys.events(one.run.id), one.run.is_live
            if not one.has_begun:
                if now >= one.begin_at:
                    keys, values = one.beginning(self._replica, self._folder, self._describe(one.run), self._ttl)
                    self._begin(keys=keys, args=values, client=pipeline)
                    yield one, _Step.BEGIN, 0
                continue
            access = (one.run.owner, one.run.is_shared)
            if access != one.access:
                one.access = access
                pipeline.hset(redis_keys.meta(one.run.id), mapping={"owner": access[0], "shared": int(access[1])})
                yield one, _Step.REST, 0
            sent = one.sent
            for first, end, lines in one.batches(room):
                # A stream that is gone has to be sent from its beginning.
                pipeline.execute_command("XADD", key, "NOMKSTREAM", b"%d-0" % end, b"n", first, b"d", lines)
                room -= len(lines)
                sent = end
                yield one, _Step.LINES, end
            if not is_live and sent == one.lines:
                end_line = encode(End(one.run.status, one.run.failure))
                pipeline.execute_command("XADD", key, "NOMKSTREAM", redis_keys.END_ID, b"n", sent, b"d", end_line,
                                         b"by", self._replica)  # fmt: skip
                yield one, _Step.END, sent
            elif now - one.checked_at > CHECK_SECONDS and sent:
                one.checked_at = now
                pipeline.expire(key, redis_keys.LIVE_SECONDS)
                yield one, _Step.CHECK, 0
                pipeline.expire(redis_keys.meta(one.run.id), redis_keys.LIVE_SECONDS)
                yield one, _Step.REST, 0

    def _take(self, one: MirroredRun, step: _Step, number: int, result: Any, now: float) -> None:
        """Take in the answer to one step. Those after a step that failed are refused by their ids, and sent again."""
        if isinstance(result, Exception):
            self._resume(one, result)
        elif step is _Step.BEGIN:
            one.begin_at, one.checked_at = now + CHECK_SECONDS, now
            one.has_begun, one.sent = result == 1, 1
            if one.has_begun:
                one.begun.set()
                self._wake.set()
            if result != 1 and not one.run.is_attached:
                with self._lock:
                    self._leave_alone(one, "another replica has ended it")
        elif step is _Step.CHECK:
            if not result:
                one.has_begun, one.begin_at = False, 0.0
        elif result is None:
            # The stream is gone: Redis has lost its data.
            one.has_begun, one.begin_at = False, 0.0
        elif step is _Step.LINES:
            one.sent = max(one.sent, number)
        elif step is _Step.END:
            self._finish(one)

    def _resume(self, one: MirroredRun, error: Exception) -> None:
        """Find out why an entry was refused: it was received before, or another replica has ended the run."""
        last = self._client.xrevrange(redis_keys.events(one.run.id), count=1)
        if not last:
            one.has_begun, one.begin_at = False, 0.0
            return
        entry_id, fields = last[0]
        if entry_id == redis_keys.END_ID:
            if fields.get(b"by") == self._replica and not one.run.is_live:
                self._finish(one)
                return
            with self._lock:
                self._leave_alone(one, "another replica has ended it")
            return
        if "equal or smaller" not in str(error):
            raise error
        one.sent = int(entry_id.partition(b"-")[0])

    def _finish(self, one: MirroredRun) -> None:
        """Store the whole recording of a run whose end Redis has, for those who come later."""
        with self._lock:
            self._runs.pop(one.run.id, None)
            self._alone.pop(one.run.id, None)
        try:
            pipeline = self._client.pipeline(transaction=False)
            store_whole(pipeline, one.run, self._ttl, state=b"ended")
            pipeline.execute()
        except REDIS_ERRORS as error:
            # The sweeper does it: the run is still among the live ones.
            _LOG.warning("run %s is not stored whole yet: %s", one.run.id, error)

    def _note(self, error: Exception | None) -> None:
        problem = None if error is None else ReplicaProblem.of(error)
        if problem is not self.problem:
            if problem is None:
                _LOG.warning("Redis takes runs again")
            else:
                _LOG.warning("runs are on this replica only: %s: %s", type(error).__name__, error)
        self.problem = problem
        if problem is ReplicaProblem.AWAY:
            self.connected_at = None
        elif self.connected_at is None:
            self.connected_at = time.monotonic()
