"""Finding rows within a transaction, each by the visitor whose it is, and turning them into values."""

from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from weir.storage.conversation import Conversation
from weir.storage.correction import Correction
from weir.storage.feedback import Feedback, Rating
from weir.storage.lease import effective_status
from weir.storage.message import Message, MessageStatus, Role
from weir.storage.message_tree import MessageTree
from weir.storage.not_found import ConversationNotFoundError
from weir.storage.tables import ConversationRow, CorrectionRow, FeedbackRow, MessageRow, Table


def find_conversation(session: Session, visitor: str, conversation_id: str) -> ConversationRow:
    """Return a visitor's conversation. Raises NotKeptError."""
    row = find_conversation_or_deleted(session, visitor, conversation_id)
    if row.deleted_at is not None:
        raise ConversationNotFoundError(conversation_id)
    return row


def find_conversation_or_deleted(session: Session, visitor: str, conversation_id: str) -> ConversationRow:
    """Return a visitor's conversation, be it deleted or not. Raises NotKeptError."""
    wanted = select(ConversationRow).where(ConversationRow.id == conversation_id, ConversationRow.visitor == visitor)
    row = session.scalars(wanted).one_or_none()
    if row is None:
        raise ConversationNotFoundError(conversation_id)
    return row


def find_message(session: Session, visitor: str, message_id: str) -> MessageRow:
    """Return a message of a visitor's conversation. Raises NotKeptError."""
    row = session.scalars(select(MessageRow).where(MessageRow.id == message_id)).one_or_none()
    if row is None:
        raise ConversationNotFoundError(message_id)
    find_conversation(session, visitor, row.conversation_id)
    return row


def messages_of(conversation_id: str) -> Select[MessageRow]:
    """Select a conversation's messages, in the order in which they were begun."""
    return select(MessageRow).where(MessageRow.conversation_id == conversation_id).order_by(MessageRow.number)


def load_tree(session: Session, conversation_id: str) -> MessageTree:
    """Return the shape of a conversation."""
    nodes = session.execute(messages_of(conversation_id).with_only_columns(MessageRow.id, MessageRow.parent_id))
    return MessageTree((node, parent) for node, parent in nodes)


def upsert(session: Session, table: type[Table], key: dict[str, Any], values: dict[str, Any]) -> None:
    """Insert a row, or change the one that has its key."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    session.execute(insert(table).values(**key, **values).on_conflict_do_update(index_elements=list(key), set_=values))


def conversation(row: ConversationRow) -> Conversation:
    """Return a row's value."""
    return Conversation(
        id=row.id,
        title=row.title,
        titled_by_hand=row.titled_by_hand,
        created_at=row.created_at,
        updated_at=row.updated_at,
        leaf=row.leaf,
    )


def message(row: MessageRow, tree: MessageTree, now: float) -> Message:
    """Return a row's value as it is to be read at `now`, in seconds since the epoch."""
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
    )


def feedback(row: FeedbackRow) -> Feedback:
    """Return a row's value."""
    return Feedback(message_id=row.message_id, thumb=Rating(row.thumb), note=row.note, created_at=row.created_at)


def correction(row: CorrectionRow) -> Correction:
    """Return a row's value."""
    return Correction(
        message_id=row.message_id,
        question=row.question,
        wrong=row.wrong,
        right=row.right,
        created_at=row.created_at,
        in_golden_set=row.in_golden_set,
    )
