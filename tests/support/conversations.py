"""Short ways to say who said what."""

from collections.abc import Sequence

from weir.storage.message import Message, MessageStatus
from weir.storage.repository import ConversationRepository

ANN = "ann"
BOB = "bob"


def ask(
    library: ConversationRepository, conversation: str, question: str, answer: str, parent: str | None = None
) -> tuple[str, str]:
    """Keep a question and its whole answer; return their ids."""
    asked = library.add_question(ANN, conversation, question, parent=parent)
    answered = library.add_answer(ANN, asked, run_id="run")
    assert library.update_answer(ANN, answered, answer, status=MessageStatus.DONE)
    return asked, answered


def texts(messages: Sequence[Message]) -> list[str]:
    return [message.text for message in messages]
