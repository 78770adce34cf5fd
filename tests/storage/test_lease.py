import pytest

from tests.storage.conftest import Clock
from tests.support.conversations import ANN
from weir.storage.lease import LEASE_SECONDS, effective_status
from weir.storage.records import MessageStatus
from weir.storage.repository import ConversationRepository


@pytest.fixture
def conversation(repository: ConversationRepository) -> str:
    return repository.create(ANN)


@pytest.fixture
def answer(repository: ConversationRepository, conversation: str) -> str:
    return repository.answers.add(ANN, repository.add_question(ANN, conversation, "Hello", parent=None), run_id="run")


def status(repository: ConversationRepository, conversation: str) -> MessageStatus:
    return repository.path(ANN, conversation)[-1].status


@pytest.mark.parametrize(
    ("stored", "lease_until", "read"),
    [
        (MessageStatus.RUNNING, 100.0, MessageStatus.RUNNING),
        (MessageStatus.RUNNING, 99.9, MessageStatus.CUT),
        (MessageStatus.RUNNING, None, MessageStatus.CUT),
        (MessageStatus.WAITING, None, MessageStatus.WAITING),
        (MessageStatus.DONE, 1.0, MessageStatus.DONE),
        (MessageStatus.STOPPED, None, MessageStatus.STOPPED),
    ],
)
def test_only_a_running_answer_without_a_lease_is_read_as_cut(
    stored: MessageStatus, lease_until: float | None, read: MessageStatus
) -> None:
    assert effective_status(stored, lease_until, 100.0) is read


def test_an_answer_is_cut_once_nobody_has_renewed_its_lease(
    repository: ConversationRepository, clock: Clock, conversation: str, answer: str
) -> None:
    for _ in range(3):
        clock.move(LEASE_SECONDS)
        assert status(repository, conversation) is MessageStatus.RUNNING
        assert repository.answers.expire_leases() == 0
        assert repository.answers.update(ANN, answer, "Wor")
    clock.move(LEASE_SECONDS + 0.1)
    assert status(repository, conversation) is MessageStatus.CUT
    assert repository.answers.expire_leases() == 1
    assert repository.answers.expire_leases() == 0
    assert status(repository, conversation) is MessageStatus.CUT


def test_a_process_that_was_only_late_takes_its_answer_up_again(
    repository: ConversationRepository,
    other_process: ConversationRepository,
    clock: Clock,
    conversation: str,
    answer: str,
) -> None:
    clock.move(LEASE_SECONDS + 1)
    assert other_process.answers.expire_leases() == 1
    assert repository.answers.update(ANN, answer, "World")
    assert status(other_process, conversation) is MessageStatus.RUNNING
    assert repository.answers.update(ANN, answer, "World!", status=MessageStatus.DONE)
    assert status(other_process, conversation) is MessageStatus.DONE


def test_only_the_process_that_writes_an_answer_may_change_it(
    repository: ConversationRepository, other_process: ConversationRepository, conversation: str, answer: str
) -> None:
    assert repository.answers.owner != other_process.answers.owner
    assert not other_process.answers.update(ANN, answer, "mine")
    assert not other_process.answers.update(ANN, answer, "mine", status=MessageStatus.DONE)
    assert repository.answers.update(ANN, answer, "World")


def test_the_owner_cannot_be_taken_for_another_after_a_cut_has_been_kept(
    repository: ConversationRepository,
    other_process: ConversationRepository,
    clock: Clock,
    conversation: str,
    answer: str,
) -> None:
    clock.move(LEASE_SECONDS + 1)
    other_process.answers.expire_leases()
    assert not other_process.answers.update(ANN, answer, "mine", status=MessageStatus.DONE)
    assert not other_process.answers.start(ANN, answer, run_id="mine")
    assert status(other_process, conversation) is MessageStatus.CUT
