"""Kinds of limits of runs, their configuration, and the error of a start that one of them prevents."""

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class RunLimitConfig:
    """Configuration of the limits; None means unlimited."""

    live: int | None = None
    live_per_address: int | None = None
    live_per_visitor: int | None = None
    starts_per_minute: int | None = None
    total_starts_per_minute: int | None = None
    tokens_per_day: int | None = None
    total_tokens_per_day: int | None = None


class LimitKind(Enum):
    """Kind of limit. The value is a sentence for people that says that it is reached."""

    LIVE = "Weir has reached its limit of live runs."
    LIVE_PER_ADDRESS = "Your address has reached its limit of live runs."
    LIVE_PER_VISITOR = "You have reached your limit of live runs."
    STARTS_PER_MINUTE = "You have reached your limit of runs within a minute."
    TOTAL_STARTS_PER_MINUTE = "All visitors together have reached the limit of runs within a minute."
    TOKENS_PER_DAY = "You have used your tokens for today."
    TOTAL_TOKENS_PER_DAY = "All visitors together have used the tokens for today."


class LimitReachedError(Exception):
    """A limit prevents the start of a run. The text says for people which limit, and when to try again."""

    def __init__(self, limit: LimitKind, seconds: float) -> None:
        self.limit = limit
        self.seconds = seconds
        """Seconds after which to try again."""
        super().__init__(f"{limit.value} {_retry_sentence(limit, seconds)}")


def _retry_sentence(limit: LimitKind, seconds: float) -> str:
    if limit in (LimitKind.LIVE, LimitKind.LIVE_PER_ADDRESS, LimitKind.LIVE_PER_VISITOR):
        return "Try again when one of them has ended."
    if seconds < 90:
        return f"Try again in {max(1, round(seconds))} s."
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"Try again in {f'{hours} h {minutes} min' if hours else f'{minutes} min'}, after midnight UTC."
