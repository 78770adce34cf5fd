import pytest

from tests.storage.conftest import Clock
from tests.support.conversations import ANN
from weir.storage.lease import LEASE, effective_status
from weir.storage.message import MessageStatus
from weir.storage.repository import ConversationRepository


@pytest.fixture
def conversation(library: ConversationRepository) -> str:
    return library.create(ANN)


@pytest.fixture
def answer(library: ConversationRepository, conversation: str) -> str:
    return library.add_answer(ANN, library.add_question(ANN, conversation, "Hello", parent=None), run_id="run")


def status(library: ConversationRepository, conversation: str) -> MessageStatus:
    return library.path(ANN, conversation)[-1].status


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
    library: ConversationRepository, clock: Clock, conversation: str, answer: str
) -> None:
    for _ in range(3):
        clock.move(LEASE)
        assert status(library, conversation) is MessageStatus.RUNNING
        assert library.expire_leases() == 0
        assert library.update_answer(ANN, answer, "Wor")
    clock.move(LEASE + 0.1)
    assert status(library, conversation) is MessageStatus.CUT
    assert library.expire_leases() == 1
    assert library.expire_leases() == 0
    assert status(library, conversation) is MessageStatus.CUT


def test_a_process_that_was_only_late_takes_its_answer_up_again(
    library: ConversationRepository, other_process: ConversationRepository, clock: Clock, conversation: str, answer: str
) -> None:
    clock.move(LEASE + 1)
    assert other_process.expire_leases() == 1
    assert library.update_answer(ANN, answer, "World")
    assert status(other_process, conversation) is MessageStatus.RUNNING
    assert library.update_answer(ANN, answer, "World!", status=MessageStatus.DONE)
    assert status(other_process, conversation) is MessageStatus.DONE


def test_only_the_process_that_writes_an_answer_may_change_it(
    library: ConversationRepository, other_process: ConversationRepository, conversation: str, answer: str
) -> None:
    assert library.owner != other_process.owner
    assert not other_process.update_answer(ANN, answer, "mine")
    assert not other_process.update_answer(ANN, answer, "mine", status=MessageStatus.DONE)
    assert library.update_answer(ANN, answer, "World")


def test_the_owner_cannot_be_taken_for_another_after_a_cut_has_been_kept(
    library: ConversationRepository, other_process: ConversationRepository, clock: Clock, conversation: str, answer: str
) -> None:
    clock.move(LEASE + 1)
    other_process.expire_leases()
    assert not other_process.update_answer(ANN, answer, "mine", status=MessageStatus.DONE)
    assert not other_process.start_answer(ANN, answer, run_id="mine")
    assert status(other_process, conversation) is MessageStatus.CUT
