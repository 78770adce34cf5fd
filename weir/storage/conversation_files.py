"""Conversations as files: exported as JSON or Markdown, imported from JSON. Visitors see their own rows only."""

from collections.abc import Callable

from sqlalchemy import insert
from sqlalchemy.orm import Session

from weir.storage import json_export, markdown_export
from weir.storage.json_export import ConversationFile
from weir.storage.queries import conversation, find_conversation, new_id
from weir.storage.records import MessageStatus
from weir.storage.stored_attachments import contents_of, link_attachments, store_attachments
from weir.storage.stored_messages import load_branch, load_messages
from weir.storage.tables import ConversationRow, MessageRow
from weir.storage.title import one_line
from weir.storage.transactions import Transactions


class ConversationFiles:
    """Export and import for all visitors: `ConversationRepository.files`, whose rules hold here too."""

    def __init__(self, transactions: Transactions, clock: Callable[[], float], attachment_bytes: int) -> None:
        """`attachment_bytes` bounds the attachments of all visitors together."""
        self._reading, self._writing = transactions.reading, transactions.writing
        self._clock = clock
        self._attachment_bytes = attachment_bytes

    def export_json(self, visitor: str, conversation_id: str) -> bytes:
        """Return a conversation with all its branches as a `weir-conversation` file."""
        with self._reading() as session:
            record = conversation(find_conversation(session, visitor, conversation_id))
            now = self._clock()
            messages = load_messages(session, conversation_id, now)
            exported = {one.id for message in messages for one in message.attachments if json_export.has_text(one)}
            texts = contents_of(session, visitor, sorted(exported))
        return json_export.write(record, messages, now, texts)

    def export_markdown(self, visitor: str, conversation_id: str) -> str:
        """Return a conversation's current branch as Markdown."""
        with self._reading() as session:
            row = find_conversation(session, visitor, conversation_id)
            return markdown_export.write(row.title, load_branch(session, row, self._clock()))

    def import_json(self, visitor: str, data: bytes) -> str:
        """Save a `weir-conversation` file as a new conversation and return its id.

        Raises json_export.UnreadableError or AttachmentsFullError, whose text is for people, before anything is
        changed.
        """
        file = json_export.read(data)
        with self._writing() as session:
            conversation_id, ids = _insert_file(session, visitor, file, self._clock())
            files = [one.new() for one in file.attachments]
            stored = store_attachments(session, visitor, conversation_id, files, max_total=self._attachment_bytes)
            for message in file.messages:
                mine = [stored[number] for number in message.attachments]
                link_attachments(session, conversation_id, ids[message.id], mine)
            return conversation_id


def _insert_file(session: Session, visitor: str, file: ConversationFile, now: float) -> tuple[str, dict[int, str]]:
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
