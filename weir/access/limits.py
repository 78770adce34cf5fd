"""Limits of runs: live runs, starts per minute and tokens per day, for each visitor and for all together.

Limits are checked only when a run starts: no limit ends a live run. So the tokens of a day can be exceeded, at most by
what the runs that are live at that moment still generate. The excess counts against later starts.
"""

import logging
import threading
import time
import uuid
from collections import defaultdict, deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from weir.access import run_log
from weir.access.caller import Caller
from weir.access.common_limits import CommonCounts, CommonLimits, CountedRun
from weir.access.limit_kinds import LimitKind, LimitReachedError, RunLimitConfig
from weir.analysis.token_counter import TokenUsageCounter
from weir.runs.run import Run

__all__ = ["LimitKind", "LimitReachedError", "RemainingQuota", "RunLimitConfig", "RunLimiter", "start_limited_run"]

_LOG = logging.getLogger(__name__)

MINUTE_SECONDS = 60.0
LIVE_LIMIT_RETRY_AFTER_SECONDS = 5.0
"""Suggested wait when a limit of live runs is reached: nobody knows when one of them ends."""

LOW_QUOTA_FRACTION = 0.2
"""A visitor is shown what is left of a quota when it is at most this fraction."""


def _seconds_to_next_start(starts: Collection[float], now: float) -> float:
    """Return the seconds until the earliest of these starts is a minute ago."""
    return min(starts) + MINUTE_SECONDS - now if starts else 0.0


@dataclass(frozen=True, slots=True)
class RemainingQuota:
    """What is left within a limit: `left` of `of`."""

    limit: LimitKind
    left: int
    of: int


@dataclass(slots=True, eq=False)
class _ActiveRun:
    """A run that counts as live, from before its start on, and the tokens that it has used."""

    caller: Caller
    costs_tokens: bool
    started_at: float
    run: Run | None = None
    token_counter: TokenUsageCounter = field(default_factory=TokenUsageCounter)
    charged_tokens: int = 0
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def counted(self) -> CountedRun:
        """The run as replicas count it."""
        return self.id, self.caller.visitor, self.caller.address

    def take_uncharged_tokens(self) -> int:
        """Return the tokens used since the last call. If they cannot be counted, the run is charged no more."""
        if self.run is None or not self.costs_tokens:
            return 0
        try:
            tokens = self.token_counter.update(self.run.events)
        except Exception:
            _LOG.exception("the tokens of run %s cannot be counted", self.run.id)
            self.costs_tokens = False
            return 0
        uncharged, self.charged_tokens = tokens - self.charged_tokens, tokens
        return uncharged


class RunLimiter:
    """Starts runs within the limits, and counts runs and tokens of each visitor. Thread-safe.

    `clock` returns seconds since the epoch. The counts are in memory: a restart forgets them. `common` are those of all
    replicas; while they cannot be asked, this one counts for itself.
    """

    def __init__(
        self, config: RunLimitConfig, *, clock: Callable[[], float] = time.time, common: CommonCounts | None = None
    ) -> None:
        self.config = config
        self._common = CommonLimits(config, common)
        self._clock = clock
        self._lock = threading.Lock()
        self._active_runs: list[_ActiveRun] = []
        self._starts: dict[str, deque[float]] = {}
        self._day = self._today()
        self._used_tokens: defaultdict[str, int] = defaultdict(int)

    def start(self, caller: Caller, begin: Callable[[], Run], *, costs_tokens: bool = True) -> Run:
        """Start a run with `begin`, if it is within the limits. Raises LimitReachedError.

        Of several concurrent starts only as many pass as the limits allow. A replay costs no tokens.
        """
        active_run = _ActiveRun(caller, costs_tokens, self._clock())
        with self._lock:
            self._charge_and_release()
            self._check(caller)
            self._active_runs.append(active_run)
            self._starts.setdefault(caller.visitor, deque()).append(active_run.started_at)
        try:
            self._common.check(active_run.counted, self._today(), self._seconds_to_midnight())
            active_run.run = begin()
        finally:
            if active_run.run is None:
                self._rollback_start(active_run)
        active_run.run.add_done_callback(lambda _: self._common.release(active_run.counted))
        return active_run.run

    def limit_error(self, caller: Caller) -> LimitReachedError | None:
        """Return the error that the start of a run would raise now; None if it would succeed."""
        with self._lock:
            self._charge_and_release()
            try:
                self._check(caller)
            except LimitReachedError as reached:
                return reached
        try:
            self._common.check(("", caller.visitor, caller.address), self._today(), self._seconds_to_midnight())
        except LimitReachedError as reached:
            return reached
        return None

    def live(self) -> list[CountedRun]:
        """Return the runs that are live on this replica."""
        with self._lock:
            self._charge_and_release()
            return [active_run.counted for active_run in self._active_runs]

    def _rollback_start(self, active_run: _ActiveRun) -> None:
        self._common.release(active_run.counted)
        with self._lock:
            self._active_runs.remove(active_run)
            starts = self._starts.get(active_run.caller.visitor, deque())
            if active_run.started_at in starts:
                starts.remove(active_run.started_at)

    def low_quotas(self, visitor: str) -> list[RemainingQuota]:
        """Return the quotas of which a visitor has only little left."""
        with self._lock:
            self._charge_and_release()
            own_tokens, all_tokens = self._used_tokens.get(visitor, 0), sum(self._used_tokens.values())
            own_starts = len(self._starts.get(visitor, ()))
            all_starts = len(self._all_starts())
        own = (own_tokens, all_tokens, own_starts, all_starts)
        own_tokens, all_tokens, own_starts, all_starts = self._common.usage(visitor, self._today()) or own
        counts = (
            (LimitKind.STARTS_PER_MINUTE, self.config.starts_per_minute, own_starts),
            (LimitKind.TOTAL_STARTS_PER_MINUTE, self.config.total_starts_per_minute, all_starts),
            (LimitKind.TOKENS_PER_DAY, self.config.tokens_per_day, own_tokens),
            (LimitKind.TOTAL_TOKENS_PER_DAY, self.config.total_tokens_per_day, all_tokens),
        )
        quotas = [RemainingQuota(limit, max(0, of - used), of) for limit, of, used in counts if of is not None]
        return [quota for quota in quotas if quota.left <= LOW_QUOTA_FRACTION * quota.of]

    def _charge_and_release(self) -> None:
        """Charge the tokens used since the last call; release ended runs and starts that are more than a minute ago."""
        if self._day != self._today():
            self._day = self._today()
            self._used_tokens.clear()
        live, has_charged = [], False
        for active_run in self._active_runs:
            # In this order, so that a run that is found to have ended is charged all of its tokens.
            if active_run.run is None or active_run.run.is_live:
                live.append(active_run)
            else:
                self._common.note_ended(active_run.counted)
            if tokens := active_run.take_uncharged_tokens():
                self._used_tokens[active_run.caller.visitor] += tokens
                has_charged = True
        self._active_runs = live
        if has_charged:
            self._common.set_tokens(self._day, self._used_tokens)
        now = self._clock()
        for visitor, starts in list(self._starts.items()):
            while starts and now - starts[0] >= MINUTE_SECONDS:
                starts.popleft()
            if not starts:
                del self._starts[visitor]

    def _check(self, caller: Caller) -> None:
        config, now = self.config, self._clock()
        own_starts, all_starts = self._starts.get(caller.visitor, deque()), self._all_starts()
        own_wait, total_wait = _seconds_to_next_start(own_starts, now), _seconds_to_next_start(all_starts, now)
        callers = [active_run.caller for active_run in self._active_runs]
        per_address = sum(other.address == caller.address for other in callers) if caller.address else 0
        per_visitor = sum(other.visitor == caller.visitor for other in callers)
        midnight = self._seconds_to_midnight()
        for limit, maximum, count, seconds in (
            (LimitKind.TOTAL_TOKENS_PER_DAY, config.total_tokens_per_day, sum(self._used_tokens.values()), midnight),
            (LimitKind.TOKENS_PER_DAY, config.tokens_per_day, self._used_tokens.get(caller.visitor, 0), midnight),
            (LimitKind.TOTAL_STARTS_PER_MINUTE, config.total_starts_per_minute, len(all_starts), total_wait),
            (LimitKind.STARTS_PER_MINUTE, config.starts_per_minute, len(own_starts), own_wait),
            (LimitKind.LIVE, config.live, len(self._active_runs), LIVE_LIMIT_RETRY_AFTER_SECONDS),
            (LimitKind.LIVE_PER_ADDRESS, config.live_per_address, per_address, LIVE_LIMIT_RETRY_AFTER_SECONDS),
            (LimitKind.LIVE_PER_VISITOR, config.live_per_visitor, per_visitor, LIVE_LIMIT_RETRY_AFTER_SECONDS),
        ):
            if maximum is not None and count >= maximum:
                raise LimitReachedError(limit, seconds)

    def _all_starts(self) -> list[float]:
        return [start for starts in self._starts.values() for start in starts]

    def _today(self) -> str:
        return datetime.fromtimestamp(self._clock(), UTC).date().isoformat()

    def _seconds_to_midnight(self) -> float:
        now = datetime.fromtimestamp(self._clock(), UTC)
        tomorrow = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        return (tomorrow - now).total_seconds()


def start_limited_run(
    limits: RunLimiter, caller: Caller, begin: Callable[[], Run], *, costs_tokens: bool = True
) -> Run:
    """Start a run for a caller within the limits, make the caller its owner, and log it. Raises LimitReachedError.

    Pages and endpoints start all runs through this function.
    """
    run = limits.start(caller, begin, costs_tokens=costs_tokens)
    run.owner = caller.visitor
    try:
        run_log.log_run(run)
    except Exception:  # the run has started, and its visitor gets it even if it cannot be logged
        _LOG.exception("run %s cannot be logged", run.id)
    return run
