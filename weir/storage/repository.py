"""All that is kept, and the only way to it. Every method for a visitor sees that visitor's rows alone."""

import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import ColumnElement, Engine, Executable, delete, exists, insert, or_, select, update
from sqlalchemy.orm import Session

from weir.storage import json_export, markdown_export, queries
from weir.storage.conversation import Conversation
from weir.storage.correction import Correction
from weir.storage.database_engine import write_engine
from weir.storage.feedback import Feedback, Rating
from weir.storage.lease import lease_expiry
from weir.storage.message import Message, MessageStatus, Role
from weir.storage.not_found import ConversationNotFoundError
from weir.storage.queries import find_conversation, find_conversation_or_deleted, find_message, load_tree
from weir.storage.storage_error import StorageError, StorageProblem, storage_errors
from weir.storage.tables import ConversationRow, CorrectionRow, FeedbackRow, MessageRow
from weir.storage.title import one_line, title_from_question

MAX_TITLE = 200
"""Characters kept of a title that a person writes."""
MAX_SEARCH = 200
"""Characters that are looked for at most."""
_DAY = 86_400
"""Seconds."""


class ConversationRepository:
    """The conversations of all visitors, in one database.

    Any number of threads may call it; each call is one transaction. Each may raise StorageError, and has then changed
    nothing. What is not there, deleted or another visitor's raises NotKeptError. Ids are UUIDs as text.
    """

    def __init__(self, engine: Engine, *, clock: Callable[[], float] = time.time) -> None:
        """`engine` is one that `make_engine` has made; `clock` gives seconds since the epoch."""
        self.owner = str(uuid.uuid4())
        """Stands for this process in the answers that it writes."""
        self._engine = engine
        self._writing_engine = write_engine(engine)
        self._clock = clock

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    # Conversations

    def create(self, visitor: str) -> str:
        """Begin an empty conversation and return its id."""
        now = self._clock()
        row = ConversationRow(
            id=_new_id(),
            visitor=visitor,
            title="",
            titled_by_hand=False,
            created_at=now,
            updated_at=now,
            deleted_at=None,
            leaf=None,
        )
        with self._writing() as session:
            session.add(row)
            return row.id

    def conversations(
        self, visitor: str, search: str = "", *, limit: int = 50, offset: int = 0
    ) -> Sequence[Conversation]:
        """Return conversations, those with the latest change first.

        With `search` only those that have it in their title or in any message, in upper or lower case.
        """
        found = select(ConversationRow).where(ConversationRow.visitor == visitor, ConversationRow.deleted_at.is_(None))
        if wanted := search.strip()[:MAX_SEARCH]:
            said = exists().where(
                MessageRow.conversation_id == ConversationRow.id, MessageRow.text.icontains(wanted, autoescape=True)
            )
            found = found.where(or_(ConversationRow.title.icontains(wanted, autoescape=True), said))
        newest = found.order_by(ConversationRow.updated_at.desc(), ConversationRow.id).limit(limit).offset(offset)
        with self._reading() as session:
            return [queries.conversation(row) for row in session.scalars(newest)]

    def conversation(self, visitor: str, conversation_id: str) -> Conversation:
        """Return one conversation."""
        with self._reading() as session:
            return queries.conversation(find_conversation(session, visitor, conversation_id))

    def rename(self, visitor: str, conversation_id: str, title: str) -> None:
        """Give a conversation a title; a blank one gives it that of its first question again."""
        chosen = one_line(title)[:MAX_TITLE].strip()
        with self._writing() as session:
            row = find_conversation(session, visitor, conversation_id)
            row.title = chosen or _title_of_first(session, conversation_id)
            row.titled_by_hand = bool(chosen)

    def delete(self, visitor: str, conversation_id: str) -> None:
        """Hide a conversation until it is purged. An answer that is being written in it goes on being kept."""
        with self._writing() as session:
            find_conversation(session, visitor, conversation_id).deleted_at = self._clock()

    def restore(self, visitor: str, conversation_id: str) -> None:
        """Bring a deleted conversation back; does nothing to one that is there."""
        with self._writing() as session:
            find_conversation_or_deleted(session, visitor, conversation_id).deleted_at = None

    # Messages

    def path(self, visitor: str, conversation_id: str) -> Sequence[Message]:
        """Return the messages of the current branch, from the first question to the last answer."""
        with self._reading() as session:
            conversation = find_conversation(session, visitor, conversation_id)
            tree = load_tree(session, conversation_id)
            path = tree.path(conversation.leaf)
            found = {row.id: row for row in session.scalars(select(MessageRow).where(MessageRow.id.in_(path)))}
            now = self._clock()
            return [queries.message(found[node], tree, now) for node in path]

    def add_question(self, visitor: str, conversation_id: str, text: str, *, parent: str | None) -> str:
        """Ask something after the answer `parent`, or first of all with None, and return the question's id.

        A question with the same parent as another is another version of it. The branch that ends with the new question
        becomes current. The first question of all gives the conversation its title. Raises ValueError where `parent` is
        a question.
        """
        with self._writing() as session:
            conversation = find_conversation(session, visitor, conversation_id)
            if parent is None:
                if conversation.leaf is None and not conversation.titled_by_hand:
                    conversation.title = title_from_question(text)
            else:
                before = find_message(session, visitor, parent)
                if before.conversation_id != conversation_id:
                    raise ConversationNotFoundError(parent)
                if before.role != Role.AI:
                    raise ValueError("a question follows an answer")
            return self._add(session, conversation, parent, Role.HUMAN, text=text, status=MessageStatus.DONE)

    def add_answer(self, visitor: str, question_id: str, *, run_id: str | None = None) -> str:
        """Make room for an answer to a question and return its id; a further answer is another version of it.

        With a run it is being written from now on; without one it waits for `start_answer`. The branch that ends with
        it becomes current. Raises ValueError where `question_id` is an answer.
        """
        with self._writing() as session:
            question = find_message(session, visitor, question_id)
            if question.role != Role.HUMAN:
                raise ValueError("an answer follows a question")
            conversation = find_conversation(session, visitor, question.conversation_id)
            status = MessageStatus.RUNNING if run_id else MessageStatus.WAITING
            return self._add(session, conversation, question_id, Role.AI, status=status, run_id=run_id)

    def start_answer(self, visitor: str, answer_id: str, *, run_id: str) -> bool:
        """Say that a run has begun to write a waiting answer; False where it was not waiting any more."""
        begun = {"status": MessageStatus.RUNNING, "run_id": run_id, "owner": self.owner}
        return self._update(visitor, answer_id, MessageRow.status == MessageStatus.WAITING, begun | self._lease())

    def update_answer(
        self,
        visitor: str,
        answer_id: str,
        text: str,
        *,
        status: MessageStatus = MessageStatus.RUNNING,
        details: Mapping[str, Any] | None = None,
    ) -> bool:
        """Keep an answer as far as it has been written, and its details unless None; one UPDATE.

        RUNNING renews the lease, so it is to be called every few seconds, with or without new text; any other status
        ends the answer. False where it has ended already or another process writes it: then nothing is changed. An
        answer that waits can be ended by anyone. Raises ValueError for WAITING.
        """
        if status is MessageStatus.WAITING:
            raise ValueError("an answer that has begun does not wait")
        mine = MessageRow.owner == self.owner
        values: dict[str, Any] = {"text": text, "status": status}
        if details is not None:
            values["details"] = dict(details)
        if status is MessageStatus.RUNNING:
            return self._update(visitor, answer_id, mine, values | self._lease())
        ended = {"owner": None, "lease_until": None, "updated_at": self._clock()}
        return self._update(visitor, answer_id, mine | (MessageRow.status == MessageStatus.WAITING), values | ended)

    def choose_branch(self, visitor: str, message_id: str) -> None:
        """Make the branch current that goes through a message, down to what was written last below it."""
        with self._writing() as session:
            message = find_message(session, visitor, message_id)
            conversation = find_conversation(session, visitor, message.conversation_id)
            conversation.leaf = load_tree(session, conversation.id).latest_leaf_below(message_id)

    # Opinions

    def set_feedback(self, visitor: str, message_id: str, thumb: Rating, note: str = "") -> None:
        """Keep what a visitor thinks of a message, in place of what they thought before."""
        said = {"thumb": thumb, "note": note, "created_at": self._clock()}
        with self._writing() as session:
            find_message(session, visitor, message_id)
            queries.upsert(session, FeedbackRow, {"message_id": message_id, "visitor": visitor}, said)

    def clear_feedback(self, visitor: str, message_id: str) -> None:
        """Forget what a visitor thinks of a message."""
        with self._writing() as session:
            find_message(session, visitor, message_id)
            session.execute(
                delete(FeedbackRow).where(FeedbackRow.message_id == message_id, FeedbackRow.visitor == visitor)
            )

    def feedback_of(self, visitor: str, conversation_id: str) -> Mapping[str, Feedback]:
        """Return what a visitor thinks of a conversation's messages, by the message's id."""
        said = (
            select(FeedbackRow)
            .join(MessageRow, MessageRow.id == FeedbackRow.message_id)
            .where(MessageRow.conversation_id == conversation_id, FeedbackRow.visitor == visitor)
        )
        with self._reading() as session:
            find_conversation(session, visitor, conversation_id)
            return {row.message_id: queries.feedback(row) for row in session.scalars(said)}

    def add_correction(self, visitor: str, answer_id: str, *, wrong: str, right: str) -> None:
        """Keep where the question of an answer should have gone, in place of an earlier correction.

        Raises ValueError where `answer_id` is a question.
        """
        with self._writing() as session:
            answer = find_message(session, visitor, answer_id)
            if answer.parent_id is None or answer.role != Role.AI:
                raise ValueError("a correction is of an answer")
            question = find_message(session, visitor, answer.parent_id).text
            told = {
                "question": question,
                "wrong": wrong,
                "right": right,
                "created_at": self._clock(),
                "in_golden_set": False,
            }
            queries.upsert(session, CorrectionRow, {"message_id": answer_id, "visitor": visitor}, told)

    def set_in_golden_set(self, visitor: str, answer_id: str, value: bool) -> None:
        """Note whether a correction has become an example that the router is tested with."""
        with self._writing() as session:
            row = session.get(CorrectionRow, (answer_id, visitor))
            if row is None:
                raise ConversationNotFoundError(answer_id)
            row.in_golden_set = value

    def corrections(self, visitor: str) -> Sequence[Correction]:
        """Return a visitor's corrections, oldest first."""
        told = select(CorrectionRow).where(CorrectionRow.visitor == visitor).order_by(CorrectionRow.created_at)
        with self._reading() as session:
            return [queries.correction(row) for row in session.scalars(told)]

    # Files

    def export_json(self, visitor: str, conversation_id: str) -> bytes:
        """Return a whole conversation, all branches, as a `weir-conversation` file."""
        with self._reading() as session:
            conversation = queries.conversation(find_conversation(session, visitor, conversation_id))
            tree = load_tree(session, conversation_id)
            now = self._clock()
            messages = [
                queries.message(row, tree, now) for row in session.scalars(queries.messages_of(conversation_id))
            ]
        return json_export.write(conversation, messages, now)

    def export_markdown(self, visitor: str, conversation_id: str) -> str:
        """Return a conversation's current branch to be read."""
        return markdown_export.write(
            self.conversation(visitor, conversation_id).title, self.path(visitor, conversation_id)
        )

    def import_json(self, visitor: str, data: bytes) -> str:
        """Keep a `weir-conversation` file as a new conversation and return its id.

        Raises transfer.UnreadableError, whose text is for people, before anything is changed.
        """
        read = json_export.read(data)
        now = self._clock()
        conversation_id = _new_id()
        ids = {message.id: _new_id() for message in read.messages}
        lines = [
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
            for message in read.messages
        ]
        about = read.conversation
        row = ConversationRow(
            id=conversation_id,
            visitor=visitor,
            title=one_line(about.title),
            titled_by_hand=about.titled_by_hand,
            created_at=about.created_at,
            updated_at=now,
            deleted_at=None,
            leaf=None if about.leaf is None else ids[about.leaf],
        )
        with self._writing() as session:
            session.add(row)
            session.flush()
            if lines:
                session.execute(insert(MessageRow), lines)
        return conversation_id

    # Housekeeping, for all visitors at once

    def expire_leases(self) -> int:
        """Mark the answers whose lease has run out as cut; return how many. Reading does not need it."""
        now = self._clock()
        dead = (
            update(MessageRow)
            .where(MessageRow.status == MessageStatus.RUNNING, MessageRow.lease_until < now)
            .values(status=MessageStatus.CUT)  # its owner stays: who was only late may go on
        )
        with self._writing() as session:
            return _count(session, dead)

    def purge(self, days: float) -> int:
        """Remove for good what was deleted more than `days` ago; return how many conversations that were."""
        old = delete(ConversationRow).where(ConversationRow.deleted_at < self._clock() - days * _DAY)
        with self._writing() as session:
            return _count(session, old)

    # Transactions

    @contextmanager
    def _reading(self) -> Iterator[Session]:
        with storage_errors(), Session(self._engine) as session:
            try:
                yield session
            except ValueError as error:  # what is read is no JSON or no role: nothing that Weir has written
                raise StorageError(StorageProblem.CORRUPT) from error

    @contextmanager
    def _writing(self) -> Iterator[Session]:
        with storage_errors(), Session(self._writing_engine, expire_on_commit=False) as session, session.begin():
            yield session

    def _lease(self) -> dict[str, float]:
        now = self._clock()
        return {"lease_until": lease_expiry(now), "updated_at": now}

    def _update(self, visitor: str, answer_id: str, writable: ColumnElement[bool], values: dict[str, Any]) -> bool:
        theirs = select(ConversationRow.id).where(ConversationRow.visitor == visitor)
        change = (
            update(MessageRow)
            .where(MessageRow.id == answer_id, MessageRow.conversation_id.in_(theirs), writable)
            .values(**values)
        )
        with self._writing() as session:
            if _count(session, change):
                return True
            there = select(MessageRow.id).where(MessageRow.id == answer_id, MessageRow.conversation_id.in_(theirs))
            if session.scalar(there) is None:
                raise ConversationNotFoundError(answer_id)
            return False

    def _add(
        self,
        session: Session,
        conversation: ConversationRow,
        parent: str | None,
        role: Role,
        *,
        status: MessageStatus,
        text: str = "",
        run_id: str | None = None,
    ) -> str:
        now = self._clock()
        row = MessageRow(
            id=_new_id(),
            conversation_id=conversation.id,
            parent_id=parent,
            role=role,
            run_id=run_id,
            status=status,
            owner=self.owner if run_id else None,
            lease_until=lease_expiry(now) if run_id else None,
            created_at=now,
            updated_at=now,
            details={},
            text=text,
        )
        session.add(row)
        conversation.leaf = row.id
        conversation.updated_at = now
        return row.id


def _new_id() -> str:
    return str(uuid.uuid4())


def _title_of_first(session: Session, conversation_id: str) -> str:
    first = session.scalars(queries.messages_of(conversation_id).limit(1)).one_or_none()
    return title_from_question(first.text) if first else ""


def _count(session: Session, change: Executable) -> int:
    """Execute a change and return how many rows it changed."""
    result = session.execute(change, execution_options={"synchronize_session": False})
    return int(result.rowcount)  # type: ignore[attr-defined]
