"""A conversation: a tree of messages, of which one branch is current."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Conversation:
    """What a list of conversations shows of one."""

    id: str
    title: str
    """One line; empty until something has been asked."""
    titled_by_hand: bool
    """Whether a person chose the title."""
    created_at: float
    """Seconds since the epoch."""
    updated_at: float
    """Seconds since the epoch when a question or an answer was last begun in it."""
    leaf: str | None
    """Id of the current branch's last message; None while it is empty."""
