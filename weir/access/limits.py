"""How much visitors may ask of the model: runs at once, runs a minute, tokens a day; each alone and all together.

A run that has begun is never ended by a limit: what it takes beyond one is taken off the next start. A day's tokens can
so be exceeded, by no more than the runs that are live at that moment still write.
"""

import logging
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum

from weir.access.caller import Caller
from weir.analysis.token_counter import TokenUsageCounter
from weir.runs.run import Run

_LOG = logging.getLogger(__name__)

MINUTE = 60.0
LIVE_LIMIT_RETRY_AFTER_SECONDS = 5.0
"""Seconds after which to try again for a place among live runs: nobody knows when one of them ends."""

LOW_QUOTA_FRACTION = 0.2
"""Of what a visitor may use, the part that is left when it is first told."""


@dataclass(frozen=True, slots=True)
class RunLimitConfig:
    """The limits; None is none."""

    live: int | None = None
    live_per_address: int | None = None
    live_per_visitor: int | None = None
    starts_per_minute: int | None = None
    total_starts_per_minute: int | None = None
    tokens_per_day: int | None = None
    total_tokens_per_day: int | None = None


class LimitKind(Enum):
    """A limit; the value says that it is reached."""

    LIVE = "Weir has as many runs live as it may have."
    LIVE_PER_ADDRESS = "There are as many runs live from your address as there may be."
    LIVE_PER_VISITOR = "You have as many runs live as you may have."
    STARTS_PER_MINUTE = "You have started as many runs within a minute as you may."
    TOTAL_STARTS_PER_MINUTE = "All visitors together have started as many runs within a minute as they may."
    TOKENS_PER_DAY = "You have used your tokens for today."
    TOTAL_TOKENS_PER_DAY = "All visitors together have used the tokens for today."


class LimitReachedError(Exception):
    """A run was not started because of a limit; the text is a sentence that says which, and when it frees."""

    def __init__(self, limit: LimitKind, seconds: float) -> None:
        self.limit = limit
        self.seconds = seconds
        """Until it is worth trying again."""
        super().__init__(f"{limit.value} {_when(limit, seconds)}")


def _when(limit: LimitKind, seconds: float) -> str:
    if limit in (LimitKind.LIVE, LimitKind.LIVE_PER_ADDRESS, LimitKind.LIVE_PER_VISITOR):
        return "Try again when one of them has ended."
    if seconds < 90:
        return f"Try again in {max(1, round(seconds))} s."
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"Try again in {f'{hours} h {minutes} min' if hours else f'{minutes} min'}, after midnight UTC."


def _until_one_is_over(starts: Collection[float], now: float) -> float:
    """Return the seconds until the first of so many starts is a minute ago."""
    return min(starts) + MINUTE - now if starts else 0.0


@dataclass(frozen=True, slots=True)
class RemainingQuota:
    """What is left within a limit: so many of so many."""

    limit: LimitKind
    left: int
    of: int


@dataclass(slots=True, eq=False)
class _ActiveRun:
    """A run that counts as live, from before it begins, and what it has used."""

    party: Caller
    costs_tokens: bool
    since: float
    run: Run | None = None
    tally: TokenUsageCounter = field(default_factory=TokenUsageCounter)
    charged: int = 0

    def uncharged(self) -> int:
        """Return the tokens that the run has used since the last call. A run that cannot be counted uses no more."""
        if self.run is None or not self.costs_tokens:
            return 0
        try:
            tokens = self.tally.update(self.run.events)
        except Exception:
            _LOG.exception("the tokens of run %s cannot be counted any further", self.run.id)
            self.costs_tokens = False
            return 0
        used, self.charged = tokens - self.charged, tokens
        return used


class RunLimiter:
    """Counts what each visitor asks for, and begins runs within the quota. For any thread.

    `clock` gives seconds since the epoch. What was used is kept in memory: a restart forgets it.
    """

    def __init__(self, quota: RunLimitConfig, *, clock: Callable[[], float] = time.time) -> None:
        self.quota = quota
        self._clock = clock
        self._lock = threading.Lock()
        self._places: list[_ActiveRun] = []
        self._starts: dict[str, deque[float]] = {}
        self._day = self._today()
        self._used: defaultdict[str, int] = defaultdict(int)

    def start(self, party: Caller, begin: Callable[[], Run], *, costs_tokens: bool = True) -> Run:
        """Begin a run, if it is within the quota. Raises LimitReachedError.

        Of several that come at once only as many pass as there are places. A replay costs no tokens.
        """
        place = _ActiveRun(party, costs_tokens, self._clock())
        with self._lock:
            self._charge_and_release()
            self._check(party)
            self._places.append(place)
            self._starts.setdefault(party.visitor, deque()).append(place.since)
        try:
            place.run = begin()
        finally:
            if place.run is None:
                self._rollback_start(place)
        return place.run

    def limit_error(self, party: Caller) -> LimitReachedError | None:
        """Return why a run could not be started now; None if it could."""
        with self._lock:
            self._charge_and_release()
            try:
                self._check(party)
            except LimitReachedError as reached:
                return reached
        return None

    def _rollback_start(self, place: _ActiveRun) -> None:
        with self._lock:
            self._places.remove(place)
            starts = self._starts.get(place.party.visitor, deque())
            if place.since in starts:
                starts.remove(place.since)

    def low_quotas(self, visitor: str) -> list[RemainingQuota]:
        """Return what is left to a visitor within the limits of which only little is left."""
        with self._lock:
            self._charge_and_release()
            own, every = self._used.get(visitor, 0), sum(self._used.values())
            starts = len(self._starts.get(visitor, ()))
            all_starts = len(self._all_starts())
        counts = (
            (LimitKind.STARTS_PER_MINUTE, self.quota.starts_per_minute, starts),
            (LimitKind.TOTAL_STARTS_PER_MINUTE, self.quota.total_starts_per_minute, all_starts),
            (LimitKind.TOKENS_PER_DAY, self.quota.tokens_per_day, own),
            (LimitKind.TOTAL_TOKENS_PER_DAY, self.quota.total_tokens_per_day, every),
        )
        left = [RemainingQuota(limit, max(0, of - used), of) for limit, of, used in counts if of is not None]
        return [found for found in left if found.left <= LOW_QUOTA_FRACTION * found.of]

    def _charge_and_release(self) -> None:
        """Charge what was used since the last time, and give up the places of runs that have ended."""
        if self._day != self._today():
            self._day = self._today()
            self._used.clear()
        live = []
        for place in self._places:
            # In this order: what an ended run is charged with is all of it.
            if place.run is None or place.run.is_live:
                live.append(place)
            if tokens := place.uncharged():
                self._used[place.party.visitor] += tokens
        self._places = live
        now = self._clock()
        for visitor, starts in list(self._starts.items()):
            while starts and now - starts[0] >= MINUTE:
                starts.popleft()
            if not starts:
                del self._starts[visitor]

    def _check(self, party: Caller) -> None:
        quota, now = self.quota, self._clock()
        starts, every_start = self._starts.get(party.visitor, deque()), self._all_starts()
        own_wait, every_wait = _until_one_is_over(starts, now), _until_one_is_over(every_start, now)
        per_address = sum(place.party.address == party.address for place in self._places) if party.address else 0
        own = sum(place.party.visitor == party.visitor for place in self._places)
        for limit, most, count, seconds in (
            (LimitKind.TOTAL_TOKENS_PER_DAY, quota.total_tokens_per_day, sum(self._used.values()), self._to_midnight()),
            (LimitKind.TOKENS_PER_DAY, quota.tokens_per_day, self._used.get(party.visitor, 0), self._to_midnight()),
            (LimitKind.TOTAL_STARTS_PER_MINUTE, quota.total_starts_per_minute, len(every_start), every_wait),
            (LimitKind.STARTS_PER_MINUTE, quota.starts_per_minute, len(starts), own_wait),
            (LimitKind.LIVE, quota.live, len(self._places), LIVE_LIMIT_RETRY_AFTER_SECONDS),
            (LimitKind.LIVE_PER_ADDRESS, quota.live_per_address, per_address, LIVE_LIMIT_RETRY_AFTER_SECONDS),
            (LimitKind.LIVE_PER_VISITOR, quota.live_per_visitor, own, LIVE_LIMIT_RETRY_AFTER_SECONDS),
        ):
            if most is not None and count >= most:
                raise LimitReachedError(limit, seconds)

    def _all_starts(self) -> list[float]:
        return [moment for starts in self._starts.values() for moment in starts]

    def _today(self) -> str:
        return datetime.fromtimestamp(self._clock(), UTC).date().isoformat()

    def _to_midnight(self) -> float:
        now = datetime.fromtimestamp(self._clock(), UTC)
        tomorrow = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        return (tomorrow - now).total_seconds()
