import inspect
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.support.conversations import ANN, BOB, ask
from weir.storage.feedback import Rating
from weir.storage.not_found import ConversationNotFoundError
from weir.storage.repository import ConversationRepository

FOR_ALL_VISITORS = {"expire_leases", "purge", "close"}
WITHOUT_ID = {"create", "conversations", "corrections", "import_json"}


@dataclass(frozen=True)
class Theirs:
    """Ids of another visitor's."""

    conversation: str
    question: str
    answer: str


CALLS: dict[str, Callable[[ConversationRepository, Theirs], object]] = {
    "conversation": lambda library, it: library.conversation(BOB, it.conversation),
    "rename": lambda library, it: library.rename(BOB, it.conversation, "mine"),
    "delete": lambda library, it: library.delete(BOB, it.conversation),
    "undo_delete": lambda library, it: library.restore(BOB, it.conversation),
    "path": lambda library, it: library.path(BOB, it.conversation),
    "add_question": lambda library, it: library.add_question(BOB, it.conversation, "mine", parent=None),
    "add_answer": lambda library, it: library.add_answer(BOB, it.question),
    "start_answer": lambda library, it: library.start_answer(BOB, it.answer, run_id="mine"),
    "update_answer": lambda library, it: library.update_answer(BOB, it.answer, "mine"),
    "choose_branch": lambda library, it: library.choose_branch(BOB, it.question),
    "set_feedback": lambda library, it: library.set_feedback(BOB, it.answer, Rating.UP),
    "clear_feedback": lambda library, it: library.clear_feedback(BOB, it.answer),
    "feedback_of": lambda library, it: library.feedback_of(BOB, it.conversation),
    "add_correction": lambda library, it: library.add_correction(BOB, it.answer, wrong="math", right="code"),
    "set_in_golden_set": lambda library, it: library.set_in_golden_set(BOB, it.answer, True),
    "export_json": lambda library, it: library.export_json(BOB, it.conversation),
    "export_markdown": lambda library, it: library.export_markdown(BOB, it.conversation),
}


def test_every_method_takes_the_visitor_first_or_is_housekeeping() -> None:
    methods = {
        name: list(inspect.signature(method).parameters)
        for name, method in inspect.getmembers(ConversationRepository, inspect.isfunction)
        if not name.startswith("_")
    }
    assert {name for name, parameters in methods.items() if parameters[1:2] != ["visitor"]} == FOR_ALL_VISITORS
    assert set(CALLS) == set(methods) - FOR_ALL_VISITORS - WITHOUT_ID


@pytest.mark.parametrize("name", CALLS)
def test_what_is_another_visitors_is_not_found_and_stays_as_it_is(library: ConversationRepository, name: str) -> None:
    conversation = library.create(ANN)
    question, answer = ask(library, conversation, "Hello", "World")
    waiting = library.add_answer(ANN, question)
    library.add_correction(ANN, answer, wrong="math", right="code")
    library.set_feedback(ANN, answer, Rating.DOWN)
    before = (library.export_json(ANN, conversation), library.feedback_of(ANN, conversation), library.corrections(ANN))
    for target in (answer, waiting):
        with pytest.raises(ConversationNotFoundError):
            CALLS[name](library, Theirs(conversation, question, target))
    after = (library.export_json(ANN, conversation), library.feedback_of(ANN, conversation), library.corrections(ANN))
    assert after == before


def test_lists_hold_a_visitors_own_only(library: ConversationRepository) -> None:
    conversation = library.create(ANN)
    _, answer = ask(library, conversation, "Hello", "World")
    library.add_correction(ANN, answer, wrong="math", right="code")
    assert library.conversations(BOB) == []
    assert library.conversations(BOB, "hello") == []
    assert library.corrections(BOB) == []


def test_a_deleted_conversation_of_another_visitor_cannot_be_brought_back(library: ConversationRepository) -> None:
    conversation = library.create(ANN)
    library.delete(ANN, conversation)
    with pytest.raises(ConversationNotFoundError):
        library.restore(BOB, conversation)
