"""A conversation as a file: JSON, all branches. `docs/storage.md` describes the format.

{"format": "weir-conversation", "version": 1, "exported_at": …, "conversation": {…}, "messages": [{…}, …]}
"""

import json
import re
from collections.abc import Sequence
from itertools import islice
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from weir.storage.conversation import Conversation
from weir.storage.message import Message, MessageStatus, Role
from weir.storage.sanitize import sanitize_json

FORMAT = "weir-conversation"
VERSION = 1
MEDIA_TYPE = "application/json"
MAX_BYTES = 20_000_000
MAX_MESSAGES = 10_000
MAX_DEPTH = 16
"""How deep lists and objects may stand in each other in a message's details."""
MAX_DETAILS = 1_000
"""Values that a message's details may have."""
_MAX_TOKENS = 1_000_000
"""Strings, commas and brackets that a file may have: a few bytes of JSON each would become a hundred in memory."""
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[,\[{]', re.DOTALL)
_BEGINNING = 100
"""Bytes within which even a file that is cut off says what it is."""
_END_OF_TIME = 253_402_300_799
"""The last second of the year 9999: no calendar goes on after it."""


class UnreadableError(ValueError):
    """The file cannot be imported. Nothing has been changed."""

    def __init__(self) -> None:
        super().__init__(type(self).__doc__)


class TooLargeError(UnreadableError):
    """The file is too large, so it was not imported. A file may have 20 MB and 10,000 messages."""


class NotAWeirExportError(UnreadableError):
    """This is not a conversation exported from Weir, so it was not imported. Choose a `.json` file from Weir."""


class NewerFormatError(UnreadableError):
    """The file was exported from a newer version of Weir, so it was not imported. Update Weir, then try again."""


class DamagedError(UnreadableError):
    """The file is incomplete or was changed by hand, so it was not imported. Export the conversation anew."""


Time = Annotated[float, Field(ge=0, le=_END_OF_TIME, allow_inf_nan=False)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class _Head(_Part):
    format: Literal["weir-conversation"]
    version: Annotated[int, Field(ge=1)]


class ConversationHeader(_Part):
    """What a file says of the conversation itself."""

    title: Annotated[str, Field(max_length=200)]
    titled_by_hand: bool
    created_at: Time
    updated_at: Time
    leaf: int | None


class MessageRecord(_Part):
    """What a file says of one message."""

    id: int
    """Counts the file's messages."""
    parent: int | None
    role: Role
    text: str
    status: MessageStatus
    details: dict[str, Any]
    created_at: Time
    updated_at: Time


class ConversationFile(_Part):
    """The whole of a file, valid: parents come first, questions and answers alternate, the leaf is there."""

    conversation: ConversationHeader
    messages: Annotated[list[MessageRecord], Field(max_length=MAX_MESSAGES)]

    @model_validator(mode="after")
    def _is_a_tree(self) -> "ConversationFile":
        roles: dict[int | None, Role] = {None: Role.AI}
        for line in self.messages:
            if line.id in roles:
                raise ValueError("two messages have one id")
            if roles.get(line.parent) is not (Role.AI if line.role is Role.HUMAN else Role.HUMAN):
                raise ValueError("a parent is missing, comes later or has the wrong role")
            if not _is_modest(line.details):
                raise ValueError("details are too large")
            roles[line.id] = line.role
        if self.conversation.leaf not in roles or (self.conversation.leaf is None) != (not self.messages):
            raise ValueError("the leaf is not there")
        return self


def _is_modest(details: dict[str, Any]) -> bool:
    level: list[Any] = [details]
    values = 0
    for _ in range(MAX_DEPTH):
        deeper: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                deeper.extend(item.values())
            elif isinstance(item, list):
                deeper.extend(item)
        values += len(deeper)
        if values > MAX_DETAILS or not deeper:
            return values <= MAX_DETAILS
        level = deeper
    return False


def write(conversation: Conversation, messages: Sequence[Message], now: float) -> bytes:
    """Return a conversation as a file. `messages` are all of it, oldest first; `now` is seconds since the epoch.

    Neither the visitor nor the runs are in it: a file may be handed on, and a run's id opens its record.
    """
    numbers = {message.id: number for number, message in enumerate(messages, 1)}
    value = {
        "format": FORMAT,
        "version": VERSION,
        "exported_at": now,
        "conversation": {
            "title": conversation.title,
            "titled_by_hand": conversation.titled_by_hand,
            "created_at": conversation.created_at,
            "updated_at": conversation.updated_at,
            "leaf": None if conversation.leaf is None else numbers[conversation.leaf],
        },
        "messages": [
            {
                "id": numbers[message.id],
                "parent": None if message.parent_id is None else numbers[message.parent_id],
                "role": message.role,
                "text": message.text,
                "status": message.status,
                "details": message.details,
                "created_at": message.created_at,
                "updated_at": message.updated_at,
            }
            for message in messages
        ],
    }
    return json.dumps(sanitize_json(value), ensure_ascii=False, indent=1).encode()


def read(data: bytes) -> ConversationFile:
    """Return what a file says. Raises UnreadableError, whose text is for people."""
    if len(data) > MAX_BYTES or any(islice(_TOKEN.finditer(data), _MAX_TOKENS, None)):
        raise TooLargeError
    try:
        head = _Head.model_validate_json(data)
    except ValidationError:
        raise (DamagedError if FORMAT.encode() in data[:_BEGINNING] else NotAWeirExportError) from None
    if head.version > VERSION:
        raise NewerFormatError
    try:
        return ConversationFile.model_validate_json(data)
    except ValidationError as error:
        too_long = any(problem["type"] == "too_long" and problem["loc"] == ("messages",) for problem in error.errors())
        raise (TooLargeError if too_long else DamagedError) from None
