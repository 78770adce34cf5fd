"""Feedback on messages, and corrections of the routes that questions took. Visitors see their own rows only."""

from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import delete, select

from weir.storage.queries import find_conversation, upsert
from weir.storage.records import Correction, Feedback, Rating, Role
from weir.storage.storage_errors import ConversationNotFoundError
from weir.storage.stored_messages import find_message
from weir.storage.tables import CorrectionRow, FeedbackRow, MessageRow
from weir.storage.transactions import Transactions


class FeedbackRepository:
    """The feedback and corrections of all visitors: `ConversationRepository.feedback`, whose rules hold here too."""

    def __init__(self, transactions: Transactions, clock: Callable[[], float]) -> None:
        self._reading, self._writing = transactions.reading, transactions.writing
        self._clock = clock

    def set(self, visitor: str, message_id: str, thumb: Rating, note: str = "") -> None:
        """Save a visitor's feedback on a message. It replaces earlier feedback."""
        values = {"thumb": thumb, "note": note, "created_at": self._clock()}
        with self._writing() as session:
            find_message(session, visitor, message_id)
            upsert(session, FeedbackRow, {"message_id": message_id, "visitor": visitor}, values)

    def clear(self, visitor: str, message_id: str) -> None:
        """Remove a visitor's feedback on a message."""
        with self._writing() as session:
            find_message(session, visitor, message_id)
            session.execute(
                delete(FeedbackRow).where(FeedbackRow.message_id == message_id, FeedbackRow.visitor == visitor)
            )

    def of_conversation(self, visitor: str, conversation_id: str) -> Mapping[str, Feedback]:
        """Return a visitor's feedback on a conversation's messages, by message id."""
        query = (
            select(FeedbackRow)
            .join(MessageRow, MessageRow.id == FeedbackRow.message_id)
            .where(MessageRow.conversation_id == conversation_id, FeedbackRow.visitor == visitor)
        )
        with self._reading() as session:
            find_conversation(session, visitor, conversation_id)
            return {row.message_id: _feedback(row) for row in session.scalars(query)}

    def add_correction(self, visitor: str, answer_id: str, *, wrong: str, right: str) -> None:
        """Save the route that an answer's question should have taken. It replaces an earlier correction.

        Raises ValueError if `answer_id` is a question.
        """
        with self._writing() as session:
            answer = find_message(session, visitor, answer_id)
            if answer.parent_id is None or answer.role != Role.AI:
                raise ValueError("a correction is of an answer")
            question = find_message(session, visitor, answer.parent_id).text
            values = {
                "question": question,
                "wrong": wrong,
                "right": right,
                "created_at": self._clock(),
                "in_golden_set": False,
            }
            upsert(session, CorrectionRow, {"message_id": answer_id, "visitor": visitor}, values)

    def set_in_golden_set(self, visitor: str, answer_id: str, value: bool) -> None:
        """Set whether the router is tested with this correction as an example."""
        with self._writing() as session:
            row = session.get(CorrectionRow, (answer_id, visitor))
            if row is None:
                raise ConversationNotFoundError(answer_id)
            row.in_golden_set = value

    def corrections(self, visitor: str) -> Sequence[Correction]:
        """Return a visitor's corrections, oldest first."""
        query = select(CorrectionRow).where(CorrectionRow.visitor == visitor).order_by(CorrectionRow.created_at)
        with self._reading() as session:
            return [_correction(row) for row in session.scalars(query)]


def _feedback(row: FeedbackRow) -> Feedback:
    return Feedback(message_id=row.message_id, thumb=Rating(row.thumb), note=row.note, created_at=row.created_at)


def _correction(row: CorrectionRow) -> Correction:
    return Correction(
        message_id=row.message_id,
        question=row.question,
        wrong=row.wrong,
        right=row.right,
        created_at=row.created_at,
        in_golden_set=row.in_golden_set,
    )
