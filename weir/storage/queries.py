"""Queries within a transaction: a visitor's conversation, its messages, and what the tables share."""

import uuid
from typing import Any

from sqlalchemy import Executable, Select, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from weir.storage.records import Conversation
from weir.storage.storage_errors import ConversationNotFoundError
from weir.storage.tables import ConversationRow, MessageRow, Table


def new_id() -> str:
    """Return an id for a conversation or message."""
    return str(uuid.uuid4())


def find_conversation(session: Session, visitor: str, conversation_id: str) -> ConversationRow:
    """Return a visitor's conversation. Raises ConversationNotFoundError."""
    row = find_conversation_or_deleted(session, visitor, conversation_id)
    if row.deleted_at is not None:
        raise ConversationNotFoundError(conversation_id)
    return row


def find_conversation_or_deleted(session: Session, visitor: str, conversation_id: str) -> ConversationRow:
    """Return a visitor's conversation, deleted or not. Raises ConversationNotFoundError."""
    query = select(ConversationRow).where(ConversationRow.id == conversation_id, ConversationRow.visitor == visitor)
    row = session.scalars(query).one_or_none()
    if row is None:
        raise ConversationNotFoundError(conversation_id)
    return row


def messages_of(conversation_id: str) -> Select[MessageRow]:
    """Select a conversation's messages, oldest first."""
    return select(MessageRow).where(MessageRow.conversation_id == conversation_id).order_by(MessageRow.number)


def upsert(session: Session, table: type[Table], key: dict[str, Any], values: dict[str, Any]) -> None:
    """Insert a row, or update the row with the same key."""
    dialect_insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    statement = dialect_insert(table).values(**key, **values)
    session.execute(statement.on_conflict_do_update(index_elements=list(key), set_=values))


def execute_count(session: Session, change: Executable) -> int:
    """Execute a change and return how many rows it changed."""
    result = session.execute(change, execution_options={"synchronize_session": False})
    return int(result.rowcount)  # type: ignore[attr-defined]


def conversation(row: ConversationRow) -> Conversation:
    """Return the record of a row."""
    return Conversation(
        id=row.id,
        title=row.title,
        titled_by_hand=row.titled_by_hand,
        created_at=row.created_at,
        updated_at=row.updated_at,
        leaf=row.leaf,
        options=row.options or {},
    )
