"""Conversation repository: the only access to stored conversations. Visitors see their own rows only."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import URL, Engine, delete, exists, or_, select, update
from sqlalchemy.orm import Session

from weir.storage import queries
from weir.storage.answers import AnswerRepository
from weir.storage.conversation_files import ConversationFiles
from weir.storage.database import create_database_engine, create_database_file, write_engine
from weir.storage.feedback import FeedbackRepository
from weir.storage.message_tree import choose_branch
from weir.storage.migrations.upgrade import upgrade
from weir.storage.queries import (
    execute_count,
    find_conversation,
    find_conversation_or_deleted,
    messages_of,
    new_id,
)
from weir.storage.records import (
    Attachment,
    Conversation,
    Message,
    MessageStatus,
    NewAttachment,
    Role,
    SearchHit,
)
from weir.storage.search_snippet import snippet
from weir.storage.storage_errors import ConversationNotFoundError, storage_errors
from weir.storage.stored_attachments import (
    MAX_TOTAL_BYTES,
    attachments_by_id,
    check_room,
    contents_of,
    link_attachments,
    store_attachments,
)
from weir.storage.stored_messages import (
    find_message,
    first_matches,
    insert_message,
    load_branch,
)
from weir.storage.tables import ConversationRow, MessageRow
from weir.storage.title import one_line, title_from_question
from weir.storage.transactions import Transactions

MAX_TITLE = 200
"""Characters of a title that a person writes; the rest is cut off."""
MAX_SEARCH = 200
"""Characters of a search text; the rest is cut off."""
TERMINAL_VISITOR = "terminal"
"""Visitor of the conversations that are begun in the terminal. No browser and no person who signs in has this id."""
_DAY_SECONDS = 86_400


class ConversationRepository:
    """The conversations of all visitors, in one database.

    Thread-safe: each call is one transaction. Ids are UUIDs as text.

    Each method raises StorageError if the database fails, and has then changed nothing. It raises
    ConversationNotFoundError if a conversation or message does not exist, is deleted or belongs to another visitor.
    """

    def __init__(
        self, engine: Engine, *, clock: Callable[[], float] = time.time, attachment_bytes: int = MAX_TOTAL_BYTES
    ) -> None:
        """`engine` comes from `create_database_engine`; `clock` returns seconds since the epoch.

        `attachment_bytes` bounds the attachments of all visitors together.
        """
        self.attachment_bytes = attachment_bytes
        self.engine = engine
        """The connection to the database, which has the index of runs too."""
        transactions = Transactions(engine)
        self._reading, self._writing = transactions.reading, transactions.writing
        self._clock = clock
        self.answers = AnswerRepository(transactions, clock)
        self.files = ConversationFiles(transactions, clock, attachment_bytes)
        self.feedback = FeedbackRepository(transactions, clock)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    # Conversations

    def create(self, visitor: str) -> str:
        """Create an empty conversation and return its id."""
        now = self._clock()
        row = ConversationRow(
            id=new_id(),
            visitor=visitor,
            title="",
            titled_by_hand=False,
            created_at=now,
            updated_at=now,
            deleted_at=None,
            leaf=None,
            options={},
        )
        with self._writing() as session:
            session.add(row)
            return row.id

    def conversations(
        self, visitor: str, search: str = "", *, limit: int = 50, offset: int = 0
    ) -> Sequence[Conversation]:
        """Return conversations, latest change first.

        With `search`, only those that have it in their title or in any message, ignoring case.
        """
        query = select(ConversationRow).where(ConversationRow.visitor == visitor, ConversationRow.deleted_at.is_(None))
        if text := search.strip()[:MAX_SEARCH]:
            in_messages = exists().where(
                MessageRow.conversation_id == ConversationRow.id, MessageRow.text.icontains(text, autoescape=True)
            )
            query = query.where(or_(ConversationRow.title.icontains(text, autoescape=True), in_messages))
        newest = query.order_by(ConversationRow.updated_at.desc(), ConversationRow.id).limit(limit).offset(offset)
        with self._reading() as session:
            return [queries.conversation(row) for row in session.scalars(newest)]

    def search_hits(self, visitor: str, conversations: Sequence[Conversation], search: str) -> Mapping[str, SearchHit]:
        """Return where a search first matches in each of a visitor's listed conversations, by their ids."""
        text = search.strip()[:MAX_SEARCH]
        if not text or not conversations:
            return {}
        with self._reading() as session:
            rows = first_matches(session, visitor, [conversation.id for conversation in conversations], text)
            return {row.conversation_id: SearchHit(row.id, snippet(row.text, text)) for row in rows}

    def deleted_conversations(self, visitor: str, *, limit: int = 50) -> Sequence[Conversation]:
        """Return the conversations that are deleted and not purged yet, latest deletion first."""
        query = (
            select(ConversationRow)
            .where(ConversationRow.visitor == visitor, ConversationRow.deleted_at.is_not(None))
            .order_by(ConversationRow.deleted_at.desc(), ConversationRow.id)
            .limit(limit)
        )
        with self._reading() as session:
            return [queries.conversation(row) for row in session.scalars(query)]

    def conversation(self, visitor: str, conversation_id: str) -> Conversation:
        """Return one conversation."""
        with self._reading() as session:
            return queries.conversation(find_conversation(session, visitor, conversation_id))

    def rename(self, visitor: str, conversation_id: str, title: str) -> None:
        """Set a conversation's title. A blank title restores the title of its first question."""
        custom_title = one_line(title)[:MAX_TITLE].strip()
        with self._writing() as session:
            row = find_conversation(session, visitor, conversation_id)
            row.title = custom_title or _title_of_first_question(session, conversation_id)
            row.titled_by_hand = bool(custom_title)

    def set_options(self, visitor: str, conversation_id: str, options: Mapping[str, Any]) -> None:
        """Store the options of a conversation, JSON values, in place of those that it has."""
        with self._writing() as session:
            find_conversation(session, visitor, conversation_id).options = dict(options)

    def delete(self, visitor: str, conversation_id: str) -> None:
        """Hide a conversation until it is purged. An answer that is being written in it is still saved."""
        with self._writing() as session:
            find_conversation(session, visitor, conversation_id).deleted_at = self._clock()

    def restore(self, visitor: str, conversation_id: str) -> None:
        """Undo a deletion. Does nothing if the conversation is not deleted."""
        with self._writing() as session:
            find_conversation_or_deleted(session, visitor, conversation_id).deleted_at = None

    def delete_for_good(self, visitor: str, conversation_id: str) -> None:
        """Remove a deleted conversation with all that belongs to it. Raises ConversationNotFoundError if it is not."""
        deleted = delete(ConversationRow).where(
            ConversationRow.id == conversation_id,
            ConversationRow.visitor == visitor,
            ConversationRow.deleted_at.is_not(None),
        )
        with self._writing() as session:
            if not execute_count(session, deleted):
                raise ConversationNotFoundError(conversation_id)

    def visitor_of(self, conversation_id: str) -> str:
        """Return whose conversation it is: for a program that acts for everybody who uses this database."""
        with self._reading() as session:
            row = session.get(ConversationRow, conversation_id)
            if row is None or row.deleted_at is not None:
                raise ConversationNotFoundError(conversation_id)
            return row.visitor

    def take_over(self, visitor: str, conversation_id: str) -> bool:
        """Give a visitor who knows its id a conversation that was begun in the terminal. Return whether it was one.

        While an answer of it is being written, it stays where it is.
        """
        live = exists().where(
            MessageRow.conversation_id == conversation_id,
            MessageRow.status == MessageStatus.RUNNING,
            MessageRow.lease_until > self._clock(),
        )
        change = (
            update(ConversationRow)
            .where(
                ConversationRow.id == conversation_id,
                ConversationRow.visitor == TERMINAL_VISITOR,
                ConversationRow.deleted_at.is_(None),
                ~live,
            )
            .values(visitor=visitor)
        )
        with self._writing() as session:
            return execute_count(session, change) == 1

    # Messages

    def path(self, visitor: str, conversation_id: str) -> Sequence[Message]:
        """Return the messages of the current branch, from the first question to the last answer."""
        with self._reading() as session:
            return load_branch(session, find_conversation(session, visitor, conversation_id), self._clock())

    def attachment_contents(self, visitor: str, attachment_ids: Sequence[str]) -> Mapping[str, bytes | None]:
        """Return the contents of attachments, by their ids: None for one that is not there any more.

        Those that do not exist, or are another visitor's, are left out.
        """
        with self._reading() as session:
            return contents_of(session, visitor, attachment_ids)

    def attachments(self, visitor: str, attachment_ids: Sequence[str]) -> Sequence[Attachment]:
        """Return a visitor's attachments of these ids; those that do not exist, or are another's, are left out."""
        with self._reading() as session:
            return attachments_by_id(session, visitor, attachment_ids)

    def check_room(self, visitor: str, files: Sequence[NewAttachment]) -> None:
        """Check that files can be stored. Raises AttachmentsFullError."""
        with self._reading() as session:
            check_room(session, visitor, files, max_total=self.attachment_bytes)

    def add_question(
        self,
        visitor: str,
        conversation_id: str,
        text: str,
        *,
        parent: str | None,
        files: Sequence[NewAttachment] = (),
        kept_files: Sequence[str] = (),
    ) -> str:
        """Add a question after the answer `parent`, or at the beginning with None, and return the question's id.

        Questions with the same parent are versions of each other. The branch that ends with the new question becomes
        the current one. The first question gives the conversation its title, or its first file does where it has no
        text. `files` are stored with it; `kept_files` are the ids of attachments of this conversation that it has too.
        Raises ValueError if `parent` is a question, and AttachmentsFullError.
        """
        with self._writing() as session:
            conversation = find_conversation(session, visitor, conversation_id)
            if parent is None:
                if conversation.leaf is None and not conversation.titled_by_hand:
                    conversation.title = title_from_question(text) or (one_line(files[0].name) if files else "")
            else:
                answer = find_message(session, visitor, parent)
                if answer.conversation_id != conversation_id:
                    raise ConversationNotFoundError(parent)
                if answer.role != Role.AI:
                    raise ValueError("a question follows an answer")
            now = self._clock()
            question_id = insert_message(session, conversation, parent, Role.HUMAN, MessageStatus.DONE, now, text=text)
            session.flush()
            stored = store_attachments(session, visitor, conversation_id, files, max_total=self.attachment_bytes)
            link_attachments(session, conversation_id, question_id, [*kept_files, *stored])
            return question_id

    def choose_branch(self, visitor: str, message_id: str) -> None:
        """Make a message's branch the current one, down to the latest message below it."""
        with self._writing() as session:
            message = find_message(session, visitor, message_id)
            conversation = find_conversation(session, visitor, message.conversation_id)
            choose_branch(session, conversation, message_id)

    # Housekeeping, for all visitors at once

    def purge(self, days: float) -> int:
        """Remove conversations that were deleted more than `days` ago for good; return how many."""
        old = delete(ConversationRow).where(ConversationRow.deleted_at < self._clock() - days * _DAY_SECONDS)
        with self._writing() as session:
            return execute_count(session, old)


def open_repository(
    url: URL, *, clock: Callable[[], float] = time.time, attachment_bytes: int = MAX_TOTAL_BYTES
) -> ConversationRepository:
    """Open the database, upgrade its tables and mark the answers of processes that are gone as cut.

    `clock` returns seconds since the epoch; `attachment_bytes` bounds the attachments of all visitors together. Raises
    StorageError; the app can then open IN_MEMORY_URL instead.
    """
    with storage_errors():
        create_database_file(url)
        engine = create_database_engine(url)
        try:
            upgrade(write_engine(engine))
            repository = ConversationRepository(engine, clock=clock, attachment_bytes=attachment_bytes)
            repository.answers.expire_leases()
        except BaseException:
            engine.dispose()
            raise
        return repository


def _title_of_first_question(session: Session, conversation_id: str) -> str:
    first = session.scalars(messages_of(conversation_id).limit(1)).one_or_none()
    return title_from_question(first.text) if first else ""
