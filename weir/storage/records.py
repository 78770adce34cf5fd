"""Values that the repository returns: conversations, messages, feedback and corrections."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

TRASH_DAYS = 30
"""Days for which deleted conversations and presets can be restored."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation as lists show it, without its messages. These are a tree, of which one branch is current."""

    id: str
    title: str
    """One line; empty until the first question."""
    titled_by_hand: bool
    """Whether a person chose the title."""
    created_at: float
    """Seconds since the epoch."""
    updated_at: float
    """Seconds since the epoch, of the latest new question or answer."""
    leaf: str | None
    """Id of the current branch's last message; None while the conversation is empty."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """System prompt and parameters of the model, as JSON values. From an imported file: any JSON."""


class Role(StrEnum):
    """Author of a message, in LangChain's words."""

    HUMAN = "human"
    AI = "ai"


class MessageStatus(StrEnum):
    """Status of an answer. A question is always DONE."""

    WAITING = "waiting"
    """No run has started to write it."""
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    """Somebody pressed Stop."""
    FAILED = "failed"
    """An error ended it, before or after its first words."""
    CUT = "cut"
    """Its process is gone, or the stream ended too soon."""

    @property
    def has_ended(self) -> bool:
        """Whether the text is final."""
        return self not in (MessageStatus.WAITING, MessageStatus.RUNNING)


@dataclass(frozen=True, slots=True)
class NewAttachment:
    """A file that is stored with a question."""

    name: str
    media_type: str
    content: bytes | None
    """None: it is not there, as that of an image in an exported conversation."""
    size: int
    """Bytes that the file has, or had."""
    thumbnail: bytes = b""
    """A small picture of an image."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that was sent with a question, without its content."""

    id: str
    name: str
    """One line."""
    media_type: str
    size: int
    """Bytes."""
    thumbnail: bytes
    """A small picture of an image; empty for other files."""


@dataclass(frozen=True, slots=True)
class Message:
    """A question or an answer, with the ids of its siblings in the conversation's tree."""

    id: str
    parent_id: str | None
    """The message before it; None for a first question."""
    role: Role
    text: str
    """The text so far."""
    run_id: str | None
    """The run that writes or wrote it."""
    status: MessageStatus
    details: dict[str, Any]
    """JSON-ready notes about the answer: route, figures, message and hint. From an imported file: any JSON."""
    created_at: float
    """Seconds since the epoch."""
    updated_at: float
    """Seconds since the epoch."""
    siblings: tuple[str, ...]
    """Ids of the messages with the same parent, this one included, oldest first."""
    attachments: tuple[Attachment, ...] = ()
    """The files that were sent with a question."""

    @property
    def index(self) -> int:
        """Position among its siblings, from 0."""
        return self.siblings.index(self.id)


@dataclass(frozen=True, slots=True)
class SearchHit:
    """The first message of a conversation in which a search has found something."""

    message_id: str
    snippet: str
    """The text around the match, as one line."""


class Rating(StrEnum):
    """Thumb up or down."""

    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Feedback:
    """A visitor's rating of a message, with an optional note."""

    message_id: str
    thumb: Rating
    note: str
    created_at: float
    """Seconds since the epoch, of the latest change."""


@dataclass(frozen=True, slots=True)
class Correction:
    """A visitor's correction of the router: the route that a question should have taken."""

    message_id: str
    """The answer that came from the wrong route."""
    question: str
    wrong: str
    """The route that was taken."""
    right: str
    """The route that should have been taken."""
    created_at: float
    """Seconds since the epoch, of the latest change."""
    in_golden_set: bool
    """Whether the router is tested with this example."""
