"""JSON export and import of a conversation with all its branches. `docs/storage.md` describes the format.

{"format": "weir-conversation", "version": 1, "exported_at": …, "conversation": {…}, "messages": [{…}, …],
 "attachments": [{…}, …]}
"""

import json
import re
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from weir.storage.records import Attachment, Conversation, Message, MessageStatus, NewAttachment, Role
from weir.storage.sanitize import replace_unstorable, sanitize_json

FORMAT = "weir-conversation"
VERSION = 1
MEDIA_TYPE = "application/json"
MAX_BYTES = 20_000_000
MAX_MESSAGES = 10_000
MAX_DEPTH = 16
"""Nesting depth of lists and objects in a message's details."""
MAX_ATTACHMENTS = 20
"""Attachments of a message."""
TEXT_TYPE = "text/plain"
"""Media type of an attachment that is text."""
MAX_DETAILS = 1_000
"""Number of values in a message's details."""
_MAX_TOKENS = 1_000_000
"""Strings, commas and brackets that a file may have: a few bytes of JSON become about a hundred in memory."""
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[,\[{]', re.DOTALL)
_FORMAT_WITHIN = 100
"""Bytes at the start of a file in which its format is looked for, if the file cannot be parsed."""
_MAX_TIME = 253_402_300_799
"""The last second of the year 9999, the last year that `datetime` supports."""


class UnreadableError(ValueError):
    """The file cannot be imported. Nothing has been changed. `message` is for people."""

    message: ClassVar[str] = "The file cannot be imported."

    def __init__(self) -> None:
        super().__init__(self.message)


class TooLargeError(UnreadableError):
    """The file exceeds MAX_BYTES, MAX_MESSAGES or the number of JSON tokens."""

    message = "The file is too large, so it was not imported. A file may have 20 MB and 10,000 messages."


class NotAWeirExportError(UnreadableError):
    """The file is not a `weir-conversation`."""

    message = "This is not a conversation exported from Weir, so it was not imported. Choose a `.json` file from Weir."


class NewerFormatError(UnreadableError):
    """The file has a later version of the format."""

    message = "The file was exported from a newer version of Weir, so it was not imported. Update Weir, then try again."


class DamagedError(UnreadableError):
    """The file is a `weir-conversation`, but incomplete or inconsistent."""

    message = "The file is incomplete or was changed by hand, so it was not imported. Export the conversation again."


Time = Annotated[float, Field(ge=0, le=_MAX_TIME, allow_inf_nan=False)]


class _FileModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class _FormatHeader(_FileModel):
    format: Literal["weir-conversation"]
    version: Annotated[int, Field(ge=1)]


class ConversationHeader(_FileModel):
    """The conversation's own fields in a file."""

    title: Annotated[str, Field(max_length=200)]
    titled_by_hand: bool
    created_at: Time
    updated_at: Time
    leaf: int | None
    options: dict[str, Any] = Field(default_factory=dict)


class AttachmentRecord(_FileModel):
    """An attachment in a file."""

    name: Annotated[str, Field(max_length=200)]
    media_type: Annotated[str, Field(max_length=100)]
    size: Annotated[int, Field(ge=0, le=MAX_BYTES)]
    text: str | None = None
    """What a text file has. Images are left out: None."""

    def new(self) -> NewAttachment:
        """Return it as it is stored."""
        if self.text is None:
            return NewAttachment(self.name, self.media_type, None, self.size)
        content = replace_unstorable(self.text).encode()
        return NewAttachment(self.name, TEXT_TYPE, content, len(content))


class MessageRecord(_FileModel):
    """A message in a file."""

    id: int
    """Number of the message within the file."""
    parent: int | None
    role: Role
    text: str
    status: MessageStatus
    details: dict[str, Any]
    created_at: Time
    updated_at: Time
    attachments: Annotated[list[int], Field(max_length=MAX_ATTACHMENTS)] = Field(default_factory=list)
    """Places in the file's list, from 0."""


class ConversationFile(_FileModel):
    """A valid file: parents come before children, questions and answers alternate, and the leaf exists."""

    conversation: ConversationHeader
    messages: Annotated[list[MessageRecord], Field(max_length=MAX_MESSAGES)]
    attachments: Annotated[list[AttachmentRecord], Field(max_length=MAX_MESSAGES)] = Field(default_factory=list)

    @model_validator(mode="after")
    def _is_a_tree(self) -> "ConversationFile":
        roles: dict[int | None, Role] = {None: Role.AI}
        for message in self.messages:
            if message.id in roles:
                raise ValueError("two messages have the same id")
            if roles.get(message.parent) is not (Role.AI if message.role is Role.HUMAN else Role.HUMAN):
                raise ValueError("a parent is missing, comes later or has the wrong role")
            if not all(0 <= place < len(self.attachments) for place in message.attachments):
                raise ValueError("an attachment does not exist")
            if not _within_bounds(message.details):
                raise ValueError("details are too large")
            roles[message.id] = message.role
        if not _within_bounds(self.conversation.options):
            raise ValueError("options are too large")
        if self.conversation.leaf not in roles or (self.conversation.leaf is None) != (not self.messages):
            raise ValueError("the leaf does not exist")
        return self


def _within_bounds(details: dict[str, Any]) -> bool:
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


def has_text(attachment: Attachment) -> bool:
    """Whether a file has the content of an attachment: text. Of images it has the names, as it would be too large."""
    return attachment.media_type == TEXT_TYPE


def write(
    conversation: Conversation, messages: Sequence[Message], now: float, texts: Mapping[str, bytes | None]
) -> bytes:
    """Return a conversation as a file. `messages` are all its messages, oldest first; `now` is seconds since the epoch.

    `texts` are the contents of the attachments that have text, by their ids. The file has neither the visitor nor the
    run ids: it may be passed on, and a run's id opens its recording.
    """
    numbers = {message.id: number for number, message in enumerate(messages, 1)}
    # Versions of a question share theirs.
    attachments = {one.id: one for message in messages for one in message.attachments}
    places = {attachment_id: place for place, attachment_id in enumerate(attachments)}
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
            "options": dict(conversation.options),
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
                "attachments": [places[one.id] for one in message.attachments],
            }
            for message in messages
        ],
        "attachments": [_attachment(one, texts) for one in attachments.values()],
    }
    return json.dumps(sanitize_json(value), ensure_ascii=False, indent=1).encode()


def _attachment(attachment: Attachment, texts: Mapping[str, bytes | None]) -> dict[str, Any]:
    content = texts.get(attachment.id)
    known = {"name": attachment.name, "media_type": attachment.media_type, "size": attachment.size}
    return known if content is None else known | {"text": content.decode(errors="replace")}


def read(data: bytes) -> ConversationFile:
    """Parse a file. Raises UnreadableError, whose text is for people."""
    if len(data) > MAX_BYTES or any(islice(_TOKEN.finditer(data), _MAX_TOKENS, None)):
        raise TooLargeError
    try:
        header = _FormatHeader.model_validate_json(data)
    except ValidationError:
        raise (DamagedError if FORMAT.encode() in data[:_FORMAT_WITHIN] else NotAWeirExportError) from None
    if header.version > VERSION:
        raise NewerFormatError
    try:
        return ConversationFile.model_validate_json(data)
    except ValidationError as error:
        too_long = any(problem["type"] == "too_long" and problem["loc"] == ("messages",) for problem in error.errors())
        raise (TooLargeError if too_long else DamagedError) from None
