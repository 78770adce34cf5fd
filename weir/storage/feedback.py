"""What a visitor thinks of an answer."""

from dataclasses import dataclass
from enum import StrEnum


class Rating(StrEnum):
    """Whether an answer was good."""

    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Feedback:
    """A visitor's opinion of one message."""

    message_id: str
    thumb: Rating
    note: str
    created_at: float
    """Seconds since the epoch, of the latest change."""
