"""Database tables. A change here needs a revision in `migrations/versions`; a test compares the two."""

from typing import Any

from sqlalchemy import JSON, BigInteger, Dialect, Double, ForeignKey, Index, Integer, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from weir.storage.sanitize import replace_unstorable, sanitize_json


class CleanText(TypeDecorator[str]):
    """Text column that sanitizes whatever is sent to the database, both to store it and to search for it."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else replace_unstorable(value)


class CleanJSON(TypeDecorator[dict[str, Any]]):
    """JSON column that sanitizes the objects that it stores."""

    impl = JSON
    cache_ok = True

    def process_bind_param(self, value: dict[str, Any] | None, dialect: Dialect) -> Any:  # noqa: ARG002
        return sanitize_json(value)


class Table(DeclarativeBase):
    """Base class of all tables. Times are seconds since the epoch."""

    type_annotation_map = {str: CleanText, float: Double, dict[str, Any]: CleanJSON}  # noqa: RUF012


class ConversationRow(Table):
    __tablename__ = "conversations"
    __table_args__ = (Index("conversations_of_visitor", "visitor", "updated_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    visitor: Mapped[str]
    title: Mapped[str]
    titled_by_hand: Mapped[bool]
    created_at: Mapped[float]
    updated_at: Mapped[float]
    deleted_at: Mapped[float | None]
    """Time of deletion, which can be undone until the conversation is purged."""
    leaf: Mapped[str | None]
    """Id of the current branch's last message."""
    options: Mapped[dict[str, Any] | None]
    """System prompt and parameters of the model; None in conversations from before they existed."""


class MessageRow(Table):
    __tablename__ = "messages"
    __table_args__ = (Index("messages_of_conversation", "conversation_id", "number"),)

    number: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    """Counts all messages in the order of their creation, so that a parent comes before its children."""
    id: Mapped[str] = mapped_column(unique=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    parent_id: Mapped[str | None] = mapped_column(ForeignKey("messages.id"), index=True)
    role: Mapped[str]
    run_id: Mapped[str | None]
    status: Mapped[str]
    owner: Mapped[str | None]
    """Id of the process that writes the answer. It stays after a cut and is None after any other end."""
    lease_until: Mapped[float | None]
    created_at: Mapped[float]
    updated_at: Mapped[float]
    # The columns that may be long come last: SQLite then reads the others without them.
    details: Mapped[dict[str, Any]]
    text: Mapped[str]


class AttachmentRow(Table):
    """A file that was sent with a question. Versions of the question share it."""

    __tablename__ = "attachments"

    id: Mapped[str] = mapped_column(primary_key=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    media_type: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    # The columns that may be long come last: SQLite then reads the others without them.
    thumbnail: Mapped[bytes]
    """A small picture of an image; empty for other files."""
    content: Mapped[bytes | None] = mapped_column(deferred=True)
    """None: the file it was imported from has left it out."""


class MessageAttachmentRow(Table):
    """Which attachments a question has, in their order."""

    __tablename__ = "message_attachments"

    message_id: Mapped[str] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    attachment_id: Mapped[str] = mapped_column(ForeignKey("attachments.id", ondelete="CASCADE"), index=True)


class FeedbackRow(Table):
    __tablename__ = "feedback"

    message_id: Mapped[str] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True)
    visitor: Mapped[str] = mapped_column(primary_key=True)
    thumb: Mapped[str]
    note: Mapped[str]
    created_at: Mapped[float]


class CorrectionRow(Table):
    __tablename__ = "corrections"
    __table_args__ = (Index("corrections_of_visitor", "visitor", "created_at"),)

    message_id: Mapped[str] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True)
    visitor: Mapped[str] = mapped_column(primary_key=True)
    question: Mapped[str]
    wrong: Mapped[str]
    right: Mapped[str]
    created_at: Mapped[float]
    in_golden_set: Mapped[bool]


class PresetRow(Table):
    """A named set of options of a visitor."""

    __tablename__ = "presets"
    __table_args__ = (Index("presets_of_visitor", "visitor", "name"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    visitor: Mapped[str]
    name: Mapped[str]
    deleted_at: Mapped[float | None]
    """Time of deletion, which can be undone."""
    options: Mapped[dict[str, Any]]


class RunRow(Table):
    """A run that has ended, as lists show it. Its events are in a file."""

    __tablename__ = "runs"
    __table_args__ = (
        Index("runs_of_owner", "owner", "created_at", "id"),
        Index("runs_of_folder", "folder", "bytes"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    folder: Mapped[str]
    """Id of the data folder that has the file: replicas with folders of their own may share a database."""
    owner: Mapped[str]
    chain: Mapped[str]
    page: Mapped[str]
    created_at: Mapped[float]
    status: Mapped[str]
    model: Mapped[str]
    seconds: Mapped[float]
    first_token: Mapped[float | None]
    tokens_per_second: Mapped[float | None]
    tokens_in: Mapped[int | None] = mapped_column(BigInteger)
    tokens_out: Mapped[int | None] = mapped_column(BigInteger)
    is_exact: Mapped[bool]
    cost: Mapped[float | None]
    events: Mapped[int] = mapped_column(BigInteger)
    findings: Mapped[int] = mapped_column(BigInteger)
    worst_finding: Mapped[str]
    bytes: Mapped[int] = mapped_column(BigInteger)
    """Size of the file."""
    is_shared: Mapped[bool]
    read_by_others: Mapped[bool]
    is_pinned: Mapped[bool]
    is_damaged: Mapped[bool]
    """Whether the file cannot be read; lists leave the run out."""
    deleted_at: Mapped[float | None]
    """Time of deletion, which can be undone until the run is purged."""
    ended_at: Mapped[float | None]
    stop_requested_at: Mapped[float | None]
    program: Mapped[str | None]
    """Name of the program that has sent it; None for a run of Weir's own."""
    program_id: Mapped[str | None]
    # The columns that may be long come last: SQLite then reads the others without them.
    input: Mapped[str]
    search_text: Mapped[str]
    """What a search looks into, in lower case."""
