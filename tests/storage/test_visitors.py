import inspect
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.support.conversations import ANN, BOB, ask
from weir.storage.records import Rating
from weir.storage.repository import ConversationRepository
from weir.storage.storage_errors import ConversationNotFoundError

FOR_ALL_VISITORS = {"answers.expire_leases", "purge", "close", "visitor_of"}
WITHOUT_ID = {
    "create",
    "conversations",
    "deleted_conversations",
    "feedback.corrections",
    "files.import_json",
    "check_room",
}
WITH_RESULT = {"search_hits", "take_over", "attachments", "attachment_contents"}
"""Methods that give nothing of another visitor's, and raise nothing."""


@dataclass(frozen=True)
class OtherVisitorsIds:
    """Ids of rows that belong to another visitor."""

    conversation: str
    question: str
    answer: str


CALLS: dict[str, Callable[[ConversationRepository, OtherVisitorsIds], object]] = {
    "conversation": lambda repository, it: repository.conversation(BOB, it.conversation),
    "rename": lambda repository, it: repository.rename(BOB, it.conversation, "mine"),
    "delete": lambda repository, it: repository.delete(BOB, it.conversation),
    "delete_for_good": lambda repository, it: repository.delete_for_good(BOB, it.conversation),
    "set_options": lambda repository, it: repository.set_options(BOB, it.conversation, {"temperature": 1.0}),
    "restore": lambda repository, it: repository.restore(BOB, it.conversation),
    "path": lambda repository, it: repository.path(BOB, it.conversation),
    "add_question": lambda repository, it: repository.add_question(BOB, it.conversation, "mine", parent=None),
    "answers.add": lambda repository, it: repository.answers.add(BOB, it.question),
    "answers.start": lambda repository, it: repository.answers.start(BOB, it.answer, run_id="mine"),
    "answers.update": lambda repository, it: repository.answers.update(BOB, it.answer, "mine"),
    "choose_branch": lambda repository, it: repository.choose_branch(BOB, it.question),
    "feedback.set": lambda repository, it: repository.feedback.set(BOB, it.answer, Rating.UP),
    "feedback.clear": lambda repository, it: repository.feedback.clear(BOB, it.answer),
    "feedback.of_conversation": lambda repository, it: repository.feedback.of_conversation(BOB, it.conversation),
    "feedback.add_correction": lambda repository, it: repository.feedback.add_correction(
        BOB, it.answer, wrong="math", right="code"
    ),
    "feedback.set_in_golden_set": lambda repository, it: repository.feedback.set_in_golden_set(BOB, it.answer, True),
    "files.export_json": lambda repository, it: repository.files.export_json(BOB, it.conversation),
    "files.export_markdown": lambda repository, it: repository.files.export_markdown(BOB, it.conversation),
}


def public_methods(part: object, prefix: str = "") -> dict[str, list[str]]:
    """Return the parameters of the methods of an object of Weir's and of its public parts, by their names."""
    found = {
        prefix + name: list(inspect.signature(method).parameters)
        for name, method in inspect.getmembers(type(part), inspect.isfunction)
        if not name.startswith("_")
    }
    for name, value in vars(part).items():
        if not name.startswith("_") and type(value).__module__.startswith("weir."):
            found |= public_methods(value, f"{prefix}{name}.")
    return found


def test_every_method_takes_the_visitor_first_or_is_housekeeping(repository: ConversationRepository) -> None:
    methods = public_methods(repository)
    assert {name for name, parameters in methods.items() if parameters[1:2] != ["visitor"]} == FOR_ALL_VISITORS
    assert set(CALLS) == set(methods) - FOR_ALL_VISITORS - WITHOUT_ID - WITH_RESULT
    assert set(methods) >= FOR_ALL_VISITORS | WITHOUT_ID | WITH_RESULT


@pytest.mark.parametrize("name", CALLS)
def test_rows_of_another_visitor_are_not_found_and_not_changed(repository: ConversationRepository, name: str) -> None:
    conversation = repository.create(ANN)
    question, answer = ask(repository, conversation, "Hello", "World")
    waiting = repository.answers.add(ANN, question)
    repository.feedback.add_correction(ANN, answer, wrong="math", right="code")
    repository.feedback.set(ANN, answer, Rating.DOWN)
    before = (
        repository.files.export_json(ANN, conversation),
        repository.feedback.of_conversation(ANN, conversation),
        repository.feedback.corrections(ANN),
    )
    for target in (answer, waiting):
        with pytest.raises(ConversationNotFoundError):
            CALLS[name](repository, OtherVisitorsIds(conversation, question, target))
    after = (
        repository.files.export_json(ANN, conversation),
        repository.feedback.of_conversation(ANN, conversation),
        repository.feedback.corrections(ANN),
    )
    assert after == before


def test_lists_hold_a_visitors_own_only(repository: ConversationRepository) -> None:
    conversation = repository.create(ANN)
    _, answer = ask(repository, conversation, "Hello", "World")
    repository.feedback.add_correction(ANN, answer, wrong="math", right="code")
    assert repository.conversations(BOB) == []
    assert repository.conversations(BOB, "hello") == []
    assert repository.feedback.corrections(BOB) == []
    listed = repository.conversations(ANN)
    assert repository.search_hits(ANN, listed, "hello")[conversation].snippet == "Hello"
    assert repository.search_hits(BOB, listed, "hello") == {}
    assert not repository.take_over(BOB, conversation)
    repository.delete(ANN, conversation)
    assert [deleted.id for deleted in repository.deleted_conversations(ANN)] == [conversation]
    assert repository.deleted_conversations(BOB) == []


def test_a_deleted_conversation_of_another_visitor_cannot_be_brought_back(repository: ConversationRepository) -> None:
    conversation = repository.create(ANN)
    repository.delete(ANN, conversation)
    with pytest.raises(ConversationNotFoundError):
        repository.restore(BOB, conversation)
