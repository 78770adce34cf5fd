"""Answers: added to a question, started, and written under a lease. Visitors see their own rows only."""

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, select, update

from weir.storage.lease import lease_expiry
from weir.storage.queries import execute_count, find_conversation
from weir.storage.records import MessageStatus, Role
from weir.storage.storage_errors import ConversationNotFoundError
from weir.storage.stored_messages import find_message, insert_message
from weir.storage.tables import ConversationRow, MessageRow
from weir.storage.transactions import Transactions


class AnswerRepository:
    """The answers of all visitors: `ConversationRepository.answers`, whose rules hold here too."""

    def __init__(self, transactions: Transactions, clock: Callable[[], float]) -> None:
        self.owner = str(uuid.uuid4())
        """Id of this process, stored with the answers that it writes."""
        self._writing = transactions.writing
        self._clock = clock

    def add(self, visitor: str, question_id: str, *, run_id: str | None = None) -> str:
        """Add an empty answer to a question and return its id. Answers to one question are versions of each other.

        With `run_id` its status is RUNNING; without, it is WAITING until `start`. The branch that ends with it
        becomes the current one. Raises ValueError if `question_id` is an answer.
        """
        with self._writing() as session:
            question = find_message(session, visitor, question_id)
            if question.role != Role.HUMAN:
                raise ValueError("an answer follows a question")
            conversation = find_conversation(session, visitor, question.conversation_id)
            now = self._clock()
            if run_id is None:
                return insert_message(session, conversation, question_id, Role.AI, MessageStatus.WAITING, now)
            return insert_message(
                session,
                conversation,
                question_id,
                Role.AI,
                MessageStatus.RUNNING,
                now,
                run_id=run_id,
                owner=self.owner,
                lease_until=lease_expiry(now),
            )

    def start(self, visitor: str, answer_id: str, *, run_id: str) -> bool:
        """Set a waiting answer to RUNNING, written by this run. Return False if it was not waiting any more."""
        values = {"status": MessageStatus.RUNNING, "run_id": run_id, "owner": self.owner}
        return self._update(visitor, answer_id, MessageRow.status == MessageStatus.WAITING, values | self._lease())

    def update(
        self,
        visitor: str,
        answer_id: str,
        text: str,
        *,
        status: MessageStatus = MessageStatus.RUNNING,
        details: Mapping[str, Any] | None = None,
    ) -> bool:
        """Save an answer's text so far, and its details unless None, in one UPDATE.

        RUNNING renews the lease: call it every few seconds, with or without new text. Any other status ends the answer.
        Any process can end an answer that waits. Returns False and changes nothing if the answer has ended already or
        another process writes it. Raises ValueError for WAITING.
        """
        if status is MessageStatus.WAITING:
            raise ValueError("an update does not make an answer wait")
        is_owner = MessageRow.owner == self.owner
        values: dict[str, Any] = {"text": text, "status": status}
        if details is not None:
            values["details"] = dict(details)
        if status is MessageStatus.RUNNING:
            return self._update(visitor, answer_id, is_owner, values | self._lease())
        release = {"owner": None, "lease_until": None, "updated_at": self._clock()}
        writable = is_owner | (MessageRow.status == MessageStatus.WAITING)
        return self._update(visitor, answer_id, writable, values | release)

    def expire_leases(self) -> int:
        """Store CUT for the answers whose lease has expired; return how many.

        Reading does not depend on it: an expired lease is read as CUT anyway.
        """
        now = self._clock()
        expired = (
            update(MessageRow)
            .where(MessageRow.status == MessageStatus.RUNNING, MessageRow.lease_until < now)
            .values(status=MessageStatus.CUT)  # the owner stays: a process that was only late can go on
        )
        with self._writing() as session:
            return execute_count(session, expired)

    def _lease(self) -> dict[str, float]:
        now = self._clock()
        return {"lease_until": lease_expiry(now), "updated_at": now}

    def _update(self, visitor: str, answer_id: str, writable: ColumnElement[bool], values: dict[str, Any]) -> bool:
        conversations = select(ConversationRow.id).where(ConversationRow.visitor == visitor)
        change = (
            update(MessageRow)
            .where(MessageRow.id == answer_id, MessageRow.conversation_id.in_(conversations), writable)
            .values(**values)
        )
        with self._writing() as session:
            if execute_count(session, change):
                return True
            answer = select(MessageRow.id).where(MessageRow.id == answer_id)
            if session.scalar(answer.where(MessageRow.conversation_id.in_(conversations))) is None:
                raise ConversationNotFoundError(answer_id)
            return False
