"""Common limits: the limits of several replicas together, which each of them asks before a run starts."""

import logging
import threading
from collections.abc import Mapping, Sequence
from typing import Protocol

from weir.access.limit_kinds import LimitKind, LimitReachedError, RunLimitConfig

_LOG = logging.getLogger(__name__)

CountedRun = tuple[str, str, str]
"""A run as replicas count it: an id, and its caller's visitor and address."""


class CommonCounts(Protocol):
    """Counts of all replicas together (`weir.replicas.shared_counts`). Methods that ask raise ConnectionError."""

    def reserve(
        self,
        run: CountedRun,
        limits: Sequence[tuple[str, int | None, int]],
        *,
        day: str,
        seconds_to_midnight: float,
        released: Sequence[CountedRun] = (),
    ) -> tuple[str, float] | None: ...

    def usage(self, visitor: str, day: str) -> tuple[int, int, int, int]: ...
    def release(self, run: CountedRun) -> None: ...
    def set_tokens(self, day: str, used: Mapping[str, int]) -> None: ...


class CommonLimits:
    """The limits of all replicas; none without `counts`. While these cannot be asked each counts for itself."""

    def __init__(self, config: RunLimitConfig, counts: CommonCounts | None) -> None:
        self._config = config
        self._counts = counts
        self._is_alone = False
        self._lock = threading.Lock()
        self._ended: list[CountedRun] = []
        """Runs that have ended, of which the counts may not know yet."""

    def check(self, run: CountedRun, day: str, seconds_to_midnight: float) -> None:
        """Count a run; without an id only ask. Raises LimitReachedError."""
        if self._counts is None:
            return
        with self._lock:
            ended, self._ended = self._ended, []
        try:
            reached = self._counts.reserve(
                run, self._maxima(), day=day, seconds_to_midnight=seconds_to_midnight, released=ended
            )
        except ConnectionError as error:
            self._note_alone(error)
            return
        self._note_alone(None)
        if reached is not None:
            raise LimitReachedError(LimitKind[reached[0]], max(0.0, reached[1]))

    def usage(self, visitor: str, day: str) -> tuple[int, int, int, int] | None:
        """Return the visitor's tokens, all tokens, the visitor's starts, all starts; None if nobody can be asked."""
        config = self._config
        quotas = (config.starts_per_minute, config.total_starts_per_minute, config.tokens_per_day)
        if self._counts is None or all(quota is None for quota in (*quotas, config.total_tokens_per_day)):
            return None
        try:
            return self._counts.usage(visitor, day)
        except ConnectionError as error:
            self._note_alone(error)
            return None

    def release(self, run: CountedRun) -> None:
        """Report that a run has ended."""
        if self._counts is not None:
            self._counts.release(run)

    def note_ended(self, run: CountedRun) -> None:
        """Note a run that has ended, so that it does not count at the next start."""
        if self._counts is not None:
            with self._lock:
                self._ended.append(run)

    def set_tokens(self, day: str, used: Mapping[str, int]) -> None:
        """Report how many tokens visitors have used of this replica on a day."""
        if self._counts is not None:
            self._counts.set_tokens(day, used)

    def _note_alone(self, error: ConnectionError | None) -> None:
        if (error is not None) != self._is_alone:
            self._is_alone = error is not None
            if error is not None:
                _LOG.warning("this replica counts runs and tokens for itself: %s", error)
            else:
                _LOG.warning("all replicas count runs and tokens together again")

    def _maxima(self) -> list[tuple[str, int | None, int]]:
        """Return the limits in the order in which they are looked at, with the place of each in the script's keys."""
        config = self._config
        return [
            (LimitKind.TOTAL_TOKENS_PER_DAY.name, config.total_tokens_per_day, 6),
            (LimitKind.TOKENS_PER_DAY.name, config.tokens_per_day, 7),
            (LimitKind.TOTAL_STARTS_PER_MINUTE.name, config.total_starts_per_minute, 4),
            (LimitKind.STARTS_PER_MINUTE.name, config.starts_per_minute, 5),
            (LimitKind.LIVE.name, config.live, 1),
            (LimitKind.LIVE_PER_ADDRESS.name, config.live_per_address, 3),
            (LimitKind.LIVE_PER_VISITOR.name, config.live_per_visitor, 2),
        ]
