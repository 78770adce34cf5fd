import pytest

from tests.support.conversations import ANN, ask, texts
from weir.storage.records import MessageStatus
from weir.storage.repository import ConversationRepository


def test_a_waiting_answer_is_started_once_and_can_be_ended_by_anyone(
    repository: ConversationRepository, other_process: ConversationRepository
) -> None:
    conversation = repository.create(ANN)
    question = repository.add_question(ANN, conversation, "Hello", parent=None)
    answer = repository.answers.add(ANN, question)
    assert repository.path(ANN, conversation)[-1].status is MessageStatus.WAITING
    assert not repository.answers.update(ANN, answer, "too early")
    assert repository.answers.start(ANN, answer, run_id="first")
    assert not repository.answers.start(ANN, answer, run_id="second")
    started = repository.path(ANN, conversation)[-1]
    assert (started.status, started.run_id) == (MessageStatus.RUNNING, "first")
    with pytest.raises(ValueError, match="does not make an answer wait"):
        repository.answers.update(ANN, answer, "", status=MessageStatus.WAITING)
    waiting = repository.answers.add(ANN, question)
    assert other_process.answers.update(ANN, waiting, "", status=MessageStatus.STOPPED)
    assert not repository.answers.start(ANN, waiting, run_id="third")


def test_an_answer_that_has_ended_is_not_written_any_more(repository: ConversationRepository) -> None:
    conversation = repository.create(ANN)
    question, answer = ask(repository, conversation, "Hello", "World")
    assert not repository.answers.update(ANN, answer, "late")
    assert not repository.answers.update(ANN, answer, "later", status=MessageStatus.STOPPED)
    assert not repository.answers.update(ANN, question, "other words")
    assert texts(repository.path(ANN, conversation)) == ["Hello", "World"]


def test_an_update_without_details_leaves_them(repository: ConversationRepository) -> None:
    conversation = repository.create(ANN)
    answer = repository.answers.add(ANN, repository.add_question(ANN, conversation, "Hello", parent=None), run_id="run")
    repository.answers.update(ANN, answer, "", details={"route": "math"})
    repository.answers.update(ANN, answer, "World", status=MessageStatus.DONE)
    assert repository.path(ANN, conversation)[-1].details == {"route": "math"}


def test_an_answer_being_written_is_saved_although_its_conversation_is_deleted(
    repository: ConversationRepository,
) -> None:
    conversation = repository.create(ANN)
    answer = repository.answers.add(ANN, repository.add_question(ANN, conversation, "Hello", parent=None), run_id="run")
    repository.delete(ANN, conversation)
    assert repository.answers.update(ANN, answer, "World", status=MessageStatus.DONE)
    repository.restore(ANN, conversation)
    assert texts(repository.path(ANN, conversation)) == ["Hello", "World"]
