"""Messages within a transaction: finding a visitor's, reading them with their attachments, and inserting them."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from weir.storage.lease import effective_status
from weir.storage.message_tree import MessageTree, load_tree
from weir.storage.queries import find_conversation, messages_of, new_id
from weir.storage.records import Attachment, Message, MessageStatus, Role
from weir.storage.storage_errors import ConversationNotFoundError
from weir.storage.stored_attachments import attachments_of
from weir.storage.tables import ConversationRow, MessageRow


def find_message(session: Session, visitor: str, message_id: str) -> MessageRow:
    """Return a message of a visitor's conversation. Raises ConversationNotFoundError."""
    row = session.scalars(select(MessageRow).where(MessageRow.id == message_id)).one_or_none()
    if row is None:
        raise ConversationNotFoundError(message_id)
    find_conversation(session, visitor, row.conversation_id)
    return row


def load_branch(session: Session, conversation: ConversationRow, now: float) -> list[Message]:
    """Return the messages of the current branch at the time `now`, from the first question to the last answer."""
    tree = load_tree(session, conversation.id)
    path = tree.path(conversation.leaf)
    rows = {row.id: row for row in session.scalars(select(MessageRow).where(MessageRow.id.in_(path)))}
    files = attachments_of(session, path)
    return [_message(rows[node], tree, now, files.get(node, ())) for node in path]


def load_messages(session: Session, conversation_id: str, now: float) -> list[Message]:
    """Return the messages of all branches at the time `now`, oldest first."""
    tree = load_tree(session, conversation_id)
    rows = list(session.scalars(messages_of(conversation_id)))
    files = attachments_of(session, [row.id for row in rows])
    return [_message(row, tree, now, files.get(row.id, ())) for row in rows]


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


def _message(row: MessageRow, tree: MessageTree, now: float, attachments: tuple[Attachment, ...] = ()) -> Message:
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
