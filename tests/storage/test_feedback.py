import pytest

from tests.storage.conftest import Clock
from tests.support.conversations import ANN, ask
from weir.storage.records import Rating
from weir.storage.repository import ConversationRepository
from weir.storage.storage_errors import ConversationNotFoundError


def test_feedback_is_one_opinion_that_can_change(repository: ConversationRepository, clock: Clock) -> None:
    conversation = repository.create(ANN)
    _, answer = ask(repository, conversation, "Hello", "World")
    assert repository.feedback.of_conversation(ANN, conversation) == {}
    repository.feedback.set(ANN, answer, Rating.UP)
    clock.move(1)
    repository.feedback.set(ANN, answer, Rating.DOWN, "wrong planet")
    feedback = repository.feedback.of_conversation(ANN, conversation)[answer]
    assert (feedback.thumb, feedback.note, feedback.created_at) == (Rating.DOWN, "wrong planet", clock.now)
    repository.feedback.clear(ANN, answer)
    repository.feedback.clear(ANN, answer)
    assert repository.feedback.of_conversation(ANN, conversation) == {}


def test_a_correction_keeps_the_question_and_can_change(repository: ConversationRepository, clock: Clock) -> None:
    conversation = repository.create(ANN)
    _, first = ask(repository, conversation, "Sort a list", "…")
    _, second = ask(repository, conversation, "Count", "…", parent=first)
    repository.feedback.add_correction(ANN, first, wrong="math", right="general")
    repository.feedback.add_correction(ANN, first, wrong="math", right="code")
    clock.move(1)
    repository.feedback.add_correction(ANN, second, wrong="code", right="math")
    assert [
        (correction.question, correction.wrong, correction.right) for correction in repository.feedback.corrections(ANN)
    ] == [
        ("Sort a list", "math", "code"),
        ("Count", "code", "math"),
    ]
    repository.feedback.set_in_golden_set(ANN, first, True)
    assert [correction.in_golden_set for correction in repository.feedback.corrections(ANN)] == [True, False]
    with pytest.raises(ConversationNotFoundError):
        repository.feedback.set_in_golden_set(ANN, "other", True)


def test_a_correction_is_of_an_answer(repository: ConversationRepository) -> None:
    question, _ = ask(repository, repository.create(ANN), "Hello", "World")
    with pytest.raises(ValueError, match="a correction is of an answer"):
        repository.feedback.add_correction(ANN, question, wrong="math", right="code")
