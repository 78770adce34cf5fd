"""Attachments within a transaction: storing files with a question, within bounds, and reading them."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from sqlalchemy import ColumnElement, case, func, insert, select
from sqlalchemy.orm import Session

from weir.storage.queries import new_id
from weir.storage.records import Attachment, NewAttachment
from weir.storage.tables import AttachmentRow, ConversationRow, MessageAttachmentRow
from weir.storage.title import one_line

MAX_NAME = 100
"""Characters of a file's name; the rest is cut off."""
MAX_VISITOR_BYTES = 50_000_000
"""Bytes of all attachments of one visitor, those in the bin included."""
MAX_TOTAL_BYTES = 500_000_000
"""Bytes of the attachments of all visitors together, unless the settings say otherwise."""


class AttachmentsFullError(Exception):
    """There is no room for the files. `message` is for people."""

    message: ClassVar[str]

    def __init__(self) -> None:
        super().__init__(self.message)


class VisitorFullError(AttachmentsFullError):
    """The visitor has as many bytes of attachments as one may have."""

    message = (
        "Your conversations have 50 MB of files, the most that is kept. Delete one with large files for good, from the "
        "bin too."
    )


class AllFullError(AttachmentsFullError):
    """All visitors together have as many bytes of attachments as the operator allows."""

    message = "There is no room for further files here. Send the question without them, or ask who runs this Weir."


def store_attachments(
    session: Session, visitor: str, conversation_id: str, files: Sequence[NewAttachment], *, max_total: int
) -> list[str]:
    """Store files in a visitor's conversation, and return their ids. Raises AttachmentsFullError."""
    if not files:
        return []
    check_room(session, visitor, files, max_total=max_total)
    ids = [new_id() for _ in files]
    rows = [
        {
            "id": attachment_id,
            "conversation_id": conversation_id,
            "name": one_line(file.name)[:MAX_NAME],
            "media_type": file.media_type,
            "size": file.size,
            "thumbnail": file.thumbnail,
            "content": file.content,
        }
        for attachment_id, file in zip(ids, files, strict=True)
    ]
    session.execute(insert(AttachmentRow), rows)
    return ids


def link_attachments(session: Session, conversation_id: str, message_id: str, attachment_ids: Sequence[str]) -> None:
    """Give a question attachments of its conversation, in this order; ids of others are left out."""
    known = select(AttachmentRow.id).where(
        AttachmentRow.conversation_id == conversation_id, AttachmentRow.id.in_(attachment_ids)
    )
    found = set(session.scalars(known)) if attachment_ids else set()
    ids = [one for one in dict.fromkeys(attachment_ids) if one in found]
    links = [{"message_id": message_id, "number": number, "attachment_id": one} for number, one in enumerate(ids)]
    if links:
        session.execute(insert(MessageAttachmentRow), links)


def check_room(session: Session, visitor: str, files: Sequence[NewAttachment], *, max_total: int) -> None:
    """Check that a visitor may store these files. Raises AttachmentsFullError."""
    added = sum(len(file.content or b"") for file in files)
    size = case((AttachmentRow.content.is_(None), 0), else_=AttachmentRow.size)
    total = select(func.coalesce(func.sum(size), 0)).select_from(AttachmentRow)
    own = total.join(ConversationRow, ConversationRow.id == AttachmentRow.conversation_id)
    if session.scalars(own.where(ConversationRow.visitor == visitor)).one() + added > MAX_VISITOR_BYTES:
        raise VisitorFullError
    if session.scalars(total).one() + added > max_total:
        raise AllFullError


def attachments_of(session: Session, message_ids: Sequence[str]) -> Mapping[str, tuple[Attachment, ...]]:
    """Return the attachments of messages, by the messages' ids; messages without any are left out."""
    query = (
        select(MessageAttachmentRow.message_id, AttachmentRow)
        .join(AttachmentRow, AttachmentRow.id == MessageAttachmentRow.attachment_id)
        .where(MessageAttachmentRow.message_id.in_(message_ids))
        .order_by(MessageAttachmentRow.message_id, MessageAttachmentRow.number)
    )
    found: dict[str, tuple[Attachment, ...]] = {}
    for message_id, row in session.execute(query):
        found[message_id] = (*found.get(message_id, ()), _attachment(row))
    return found


def attachments_by_id(session: Session, visitor: str, attachment_ids: Sequence[str]) -> list[Attachment]:
    """Return the attachments of these ids in a visitor's conversations; others are left out."""
    query = select(AttachmentRow).where(AttachmentRow.id.in_(attachment_ids), _is_of(visitor))
    found = {row.id: _attachment(row) for row in session.scalars(query)}
    return [found[one] for one in attachment_ids if one in found]


def contents_of(session: Session, visitor: str, attachment_ids: Sequence[str]) -> Mapping[str, bytes | None]:
    """Return the contents of a visitor's attachments, by their ids; those that do not exist are left out."""
    query = select(AttachmentRow.id, AttachmentRow.content)
    found = session.execute(query.where(AttachmentRow.id.in_(attachment_ids), _is_of(visitor)))
    return {row.id: row.content for row in found}


def _is_of(visitor: str) -> ColumnElement[bool]:
    mine = select(ConversationRow.id).where(ConversationRow.visitor == visitor, ConversationRow.deleted_at.is_(None))
    return AttachmentRow.conversation_id.in_(mine)


def _attachment(row: AttachmentRow) -> Attachment:
    return Attachment(row.id, row.name, row.media_type, row.size, row.thumbnail)
