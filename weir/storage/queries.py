"""Queries within a transaction: finding a visitor's rows, inserting rows, and turning rows into records."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Executable, Select, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from weir.storage.json_export import ConversationFile
from weir.storage.lease import effective_status
from weir.storage.message_tree import MessageTree
from weir.storage.records import Attachment, Conversation, Message, MessageStatus, Role
from weir.storage.storage_errors import ConversationNotFoundError
from weir.storage.tables import ConversationRow, MessageRow, Table
from weir.storage.title import one_line


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


def find_message(session: Session, visitor: str, message_id: str) -> MessageRow:
    """Return a message of a visitor's conversation. Raises ConversationNotFoundError."""
    row = session.scalars(select(MessageRow).where(MessageRow.id == message_id)).one_or_none()
    if row is None:
        raise ConversationNotFoundError(message_id)
    find_conversation(session, visitor, row.conversation_id)
    return row


def messages_of(conversation_id: str) -> Select[MessageRow]:
    """Select a conversation's messages, oldest first."""
    return select(MessageRow).where(MessageRow.conversation_id == conversation_id).order_by(MessageRow.number)


def load_tree(session: Session, conversation_id: str) -> MessageTree:
    """Return the tree of a conversation's message ids."""
    nodes = session.execute(messages_of(conversation_id).with_only_columns(MessageRow.id, MessageRow.parent_id))
    return MessageTree((node, parent) for node, parent in nodes)


def first_matches(session: Session, visitor: str, conversation_ids: Sequence[str], search: str) -> list[MessageRow]:
    """Return the first message of each conversation that has the search text, ignoring case."""
    first = (
        select(func.min(MessageRow.number))
        .join(ConversationRow, ConversationRow.id == MessageRow.conversation_id)
        .where(
            ConversationRow.visitor == visitor,
            MessageRow.conversation_id.in_(conversation_ids),
            MessageRow.text.icontains(search, autoescape=True),
        )
        .group_by(MessageRow.conversation_id)
    )
    return list(session.scalars(select(MessageRow).where(MessageRow.number.in_(first))))


def upsert(session: Session, table: type[Table], key: dict[str, Any], values: dict[str, Any]) -> None:
    """Insert a row, or update the row with the same key."""
    dialect_insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    statement = dialect_insert(table).values(**key, **values)
    session.execute(statement.on_conflict_do_update(index_elements=list(key), set_=values))


def execute_count(session: Session, change: Executable) -> int:
    """Execute a change and return how many rows it changed."""
    result = session.execute(change, execution_options={"synchronize_session": False})
    return int(result.rowcount)  # type: ignore[attr-defined]


def insert_message(
    session: Session,
    conversation: ConversationRow,
    parent: str | None,
    role: Role,
    status: MessageStatus,
    now: float,
    *,
    text: str = "",
    run_id: str | None = None,
    owner: str | None = None,
    lease_until: float | None = None,
) -> str:
    """Insert a message, whose branch becomes the current one, and return its id."""
    row = MessageRow(
        id=new_id(),
        conversation_id=conversation.id,
        parent_id=parent,
        role=role,
        run_id=run_id,
        status=status,
        owner=owner,
        lease_until=lease_until,
        created_at=now,
        updated_at=now,
        details={},
        text=text,
    )
    session.add(row)
    conversation.leaf = row.id
    conversation.updated_at = now
    return row.id


def insert_file(session: Session, visitor: str, file: ConversationFile, now: float) -> tuple[str, dict[int, str]]:
    """Insert an imported file, without its attachments, as a visitor's new conversation, changed at `now`.

    Everything gets a new id. An answer that was being written when the file was exported becomes CUT. Return the id of
    the conversation and, by the numbers in the file, those of its messages.
    """
    conversation_id = new_id()
    ids = {message.id: new_id() for message in file.messages}
    header = file.conversation
    session.add(
        ConversationRow(
            id=conversation_id,
            visitor=visitor,
            title=one_line(header.title),
            titled_by_hand=header.titled_by_hand,
            created_at=header.created_at,
            updated_at=now,
            deleted_at=None,
            leaf=None if header.leaf is None else ids[header.leaf],
            options=header.options,
        )
    )
    session.flush()
    rows = [
        {
            "id": ids[message.id],
            "conversation_id": conversation_id,
            "parent_id": None if message.parent is None else ids[message.parent],
            "role": message.role,
            "text": message.text,
            "status": message.status if message.status.has_ended else MessageStatus.CUT,
            "details": message.details,
            "created_at": message.created_at,
            "updated_at": message.updated_at,
        }
        for message in file.messages
    ]
    if rows:
        session.execute(insert(MessageRow), rows)
    return conversation_id, ids


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


def message(row: MessageRow, tree: MessageTree, now: float, attachments: tuple[Attachment, ...] = ()) -> Message:
    """Return the record of a row at the time `now`, in seconds since the epoch."""
    return Message(
        id=row.id,
        parent_id=row.parent_id,
        role=Role(row.role),
        text=row.text,
        run_id=row.run_id,
        status=effective_status(MessageStatus(row.status), row.lease_until, now),
        details=row.details,
        created_at=row.created_at,
        updated_at=row.updated_at,
        siblings=tree.siblings(row.id),
        attachments=attachments,
    )
