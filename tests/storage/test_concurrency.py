import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import URL

from tests.support.conversations import ANN, ask, texts
from weir.storage.database import IN_MEMORY_URL
from weir.storage.records import MessageStatus
from weir.storage.repository import ConversationRepository, open_repository

THREADS = 8
UPDATES = 50


@pytest.fixture
def in_memory() -> ConversationRepository:
    return open_repository(IN_MEMORY_URL)


def write_at_once(repository: ConversationRepository) -> None:
    conversation = repository.create(ANN)
    question = repository.add_question(ANN, conversation, "Hello", parent=None)
    answers = [repository.answers.add(ANN, question, run_id=str(number)) for number in range(THREADS)]
    together = threading.Barrier(THREADS)

    def write(number: int) -> None:
        together.wait()
        text = ""
        for update in range(UPDATES):
            text += f"{number}:{update} "
            assert repository.answers.update(ANN, answers[number], text)
            assert repository.path(ANN, conversation)
        assert repository.answers.update(ANN, answers[number], text + "end", status=MessageStatus.DONE)

    with ThreadPoolExecutor(THREADS) as pool:
        for done in [pool.submit(write, number) for number in range(THREADS)]:
            done.result()
    for number, answer in enumerate(answers):
        repository.choose_branch(ANN, answer)
        written = repository.path(ANN, conversation)[-1]
        assert written.text == "".join(f"{number}:{update} " for update in range(UPDATES)) + "end"
        assert written.status is MessageStatus.DONE


@pytest.mark.slow
def test_threads_that_write_different_answers_lose_nothing(repository: ConversationRepository) -> None:
    write_at_once(repository)


@pytest.mark.slow
def test_threads_share_a_repository_in_memory(in_memory: ConversationRepository) -> None:
    write_at_once(in_memory)
    in_memory.close()


def test_threads_that_ask_in_one_conversation_at_once_are_all_kept(repository: ConversationRepository) -> None:
    conversation = repository.create(ANN)
    together = threading.Barrier(THREADS)

    def converse(number: int) -> None:
        together.wait()
        parent = None
        for turn in range(5):
            _, parent = ask(repository, conversation, f"{number}.{turn}", "yes", parent)

    with ThreadPoolExecutor(THREADS) as pool:
        for done in [pool.submit(converse, number) for number in range(THREADS)]:
            done.result()
    for root in repository.path(ANN, conversation)[0].siblings:
        repository.choose_branch(ANN, root)
        number = repository.path(ANN, conversation)[0].text.partition(".")[0]
        questions = texts(repository.path(ANN, conversation))[::2]
        assert questions == [f"{number}.{turn}" for turn in range(5)]


def test_a_waiting_answer_is_started_by_one_of_many(repository: ConversationRepository, url: URL) -> None:
    others = [open_repository(url) for _ in range(3)]
    conversation = repository.create(ANN)
    answer = repository.answers.add(ANN, repository.add_question(ANN, conversation, "Hello", parent=None))
    together = threading.Barrier(4)

    def start(one: ConversationRepository) -> bool:
        together.wait()
        return one.answers.start(ANN, answer, run_id=one.answers.owner)

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(start, [repository, *others])) == [False, False, False, True]
    for other in others:
        other.close()
