"""One message of a conversation: a question or an answer."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Role(StrEnum):
    """Who wrote a message, in LangChain's words."""

    HUMAN = "human"
    AI = "ai"


class MessageStatus(StrEnum):
    """What an answer is doing, or how it ended. A question is always DONE."""

    WAITING = "waiting"
    """No run has begun to write it."""
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    """Somebody pressed Stop."""
    FAILED = "failed"
    """An error ended it before or after its first words."""
    CUT = "cut"
    """Whoever wrote it is gone, or the stream ended too soon."""

    @property
    def has_ended(self) -> bool:
        """Whether nothing more is to come."""
        return self not in (MessageStatus.WAITING, MessageStatus.RUNNING)


@dataclass(frozen=True, slots=True)
class Message:
    """A message, with those that stand at the same place of the conversation's tree."""

    id: str
    parent_id: str | None
    """The message before it; None for a first question."""
    role: Role
    text: str
    """As far as it has been written."""
    run_id: str | None
    """The run that writes or wrote it."""
    status: MessageStatus
    details: dict[str, Any]
    """JSON-ready notes of whoever wrote it: route, figures, sentence and remedy. From an imported file: anything."""
    created_at: float
    """Seconds since the epoch."""
    updated_at: float
    """Seconds since the epoch."""
    siblings: tuple[str, ...]
    """Ids of the messages at this place, itself among them, oldest first."""

    @property
    def index(self) -> int:
        """Which of its siblings this is, from 0."""
        return self.siblings.index(self.id)
