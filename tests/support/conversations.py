"""Helpers that fill a conversation repository."""

from collections.abc import Sequence

from weir.storage.records import Message, MessageStatus
from weir.storage.repository import ConversationRepository

ANN = "ann"
BOB = "bob"


def ask(
    repository: ConversationRepository, conversation: str, question: str, answer: str, parent: str | None = None
) -> tuple[str, str]:
    """Add a question with a finished answer; return their ids."""
    question_id = repository.add_question(ANN, conversation, question, parent=parent)
    answer_id = repository.answers.add(ANN, question_id, run_id="run")
    assert repository.answers.update(ANN, answer_id, answer, status=MessageStatus.DONE)
    return question_id, answer_id


def texts(messages: Sequence[Message]) -> list[str]:
    return [message.text for message in messages]
