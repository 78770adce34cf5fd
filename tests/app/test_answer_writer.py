"""Answers are kept while they are written, whoever looks."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from langchain_core.runnables import RunnableGenerator

from pages.components.answer.stored_answer import STATUSES, describe, from_message
from tests.support.odd_model import OddModel
from weir.analysis.metrics import answer_text
from weir.analysis.outcome import AnswerStatus
from weir.app.answer_writer import AnswerWriter
from weir.runs.recorder import Recorder
from weir.runs.run import Run
from weir.storage.database import FILE, database_url
from weir.storage.records import MessageStatus
from weir.storage.repository import ConversationRepository, open_repository
from weir.storage.storage_errors import StorageProblem

ME = "somebody"


class Gate:
    """A chain that writes a word and the rest when the test says so."""

    def __init__(self) -> None:
        self.open = threading.Event()

    def chain(self) -> Any:
        async def words(inputs: AsyncIterator[Any]) -> AsyncIterator[str]:
            async for _ in inputs:
                yield "before "
                await asyncio.to_thread(self.open.wait, 10)
                yield "after"

        return RunnableGenerator(words)


class SlowWrite:
    """A library's writing that takes its time for one answer, until the test says so."""

    ID = "slow"

    def __init__(self, library: ConversationRepository) -> None:
        self.asked = threading.Event()
        self.go_on = threading.Event()
        self._library = library

    def update_answer(self, visitor: str, answer_id: str, *args: Any, **more: Any) -> bool:
        if answer_id == self.ID:
            self.asked.set()
            return self.go_on.wait(20)
        return ConversationRepository.update_answer(self._library, visitor, answer_id, *args, **more)


@pytest.fixture
def slow(library: ConversationRepository, monkeypatch: pytest.MonkeyPatch) -> SlowWrite:
    found = SlowWrite(library)
    monkeypatch.setattr(library, "update_answer", found.update_answer)
    return found


@pytest.fixture
def ended(recorder: Recorder, library: ConversationRepository, answer: tuple[str, str]) -> Run:
    """The run of the answer, which has ended and is not kept yet."""
    gate = Gate()
    gate.open.set()
    run = recorder.start(gate.chain(), "go")
    assert run.wait(5)
    assert library.start_answer(ME, answer[1], run_id=run.id)
    return run


def first_word_of(run: Run) -> None:
    """Wait until the first word has been recorded."""
    for _ in run.follow():
        if answer_text(run.events):
            return


@pytest.fixture
def library(tmp_path: Path) -> Iterator[ConversationRepository]:
    opened = open_repository(database_url(tmp_path, None))
    yield opened
    opened.close()


@pytest.fixture
def answer(library: ConversationRepository) -> tuple[str, str]:
    conversation = library.create(ME)
    question = library.add_question(ME, conversation, "Why?", parent=None)
    return conversation, library.add_answer(ME, question)


def kept(library: ConversationRepository, conversation: str) -> Any:
    return library.path(ME, conversation)[-1]


def test_text_is_kept_while_the_run_goes_on_and_its_figures_at_the_end(
    recorder: Recorder, library: ConversationRepository, answer: tuple[str, str]
) -> None:
    gate, keeper = Gate(), AnswerWriter(library, every=60)
    run = recorder.start(gate.chain(), "go")
    assert library.start_answer(ME, answer[1], run_id=run.id)
    keeper.track(ME, answer[1], run, describe)
    first_word_of(run)
    keeper.flush(answer[1])
    assert (kept(library, answer[0]).text, kept(library, answer[0]).status) == ("before ", MessageStatus.RUNNING)
    gate.open.set()
    assert run.wait(5)
    keeper.flush(answer[1])
    message = kept(library, answer[0])
    assert (message.text, message.status) == ("before after", MessageStatus.DONE)
    ended = from_message(message)
    assert (ended.outcome.status, ended.figures.chunks) == (AnswerStatus.DONE, 2)
    keeper.close()


def test_a_write_that_fails_is_told_and_tried_again(
    recorder: Recorder, library: ConversationRepository, answer: tuple[str, str], tmp_path: Path
) -> None:
    gate, keeper = Gate(), AnswerWriter(library, every=60)
    gate.open.set()
    run = recorder.start(gate.chain(), "go")
    assert library.start_answer(ME, answer[1], run_id=run.id)
    assert run.wait(5)
    keeper.track(ME, answer[1], run, describe)
    with closing(sqlite3.connect(tmp_path / FILE)) as other:
        other.execute("BEGIN EXCLUSIVE")
        keeper.flush(answer[1])
        assert keeper.problem is not None
        assert keeper.problem.problem is StorageProblem.LOCKED
        other.rollback()
    assert kept(library, answer[0]).status is MessageStatus.RUNNING
    keeper.flush(answer[1])
    assert keeper.problem is None
    assert kept(library, answer[0]).text == "before after"
    keeper.close()


def test_an_answer_that_cannot_be_described_is_told_to_the_log_and_ends_with_its_text(
    recorder: Recorder, library: ConversationRepository, answer: tuple[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: Run, __: str) -> Any:
        raise TypeError("canary")

    gate, keeper = Gate(), AnswerWriter(library, every=0.01)
    gate.open.set()
    bad = recorder.start(gate.chain(), "go")
    assert library.start_answer(ME, answer[1], run_id=bad.id)
    keeper.track(ME, answer[1], bad, fail)
    good = recorder.start(gate.chain(), "go")
    other = library.create(ME)
    other_answer = library.add_answer(ME, library.add_question(ME, other, "How?", parent=None))
    assert library.start_answer(ME, other_answer, run_id=good.id)
    keeper.track(ME, other_answer, good, describe)
    assert bad.wait(5)
    assert good.wait(5)
    keeper.close()
    assert (kept(library, answer[0]).text, kept(library, answer[0]).status) == ("before after", MessageStatus.DONE)
    assert (kept(library, other).text, kept(library, other).status) == ("before after", MessageStatus.DONE)
    (line,) = [line for line in caplog.records if line.levelname == "ERROR"]
    assert answer[1] in line.getMessage()
    assert line.exc_info


def test_an_answer_that_cannot_be_written_keeps_no_other_from_it(
    recorder: Recorder, library: ConversationRepository, answer: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(visitor: str, answer_id: str, *args: Any, **more: Any) -> bool:
        if answer_id == "odd":
            raise UnicodeEncodeError("utf-8", "\ud800", 0, 1, "no such character")
        return ConversationRepository.update_answer(library, visitor, answer_id, *args, **more)

    monkeypatch.setattr(library, "update_answer", refuse)
    gate, keeper = Gate(), AnswerWriter(library, every=0.01)
    gate.open.set()
    run = recorder.start(gate.chain(), "go")
    assert library.start_answer(ME, answer[1], run_id=run.id)
    keeper.track(ME, "odd", run, describe)
    keeper.track(ME, answer[1], run, describe)
    assert run.wait(5)
    keeper.close()
    assert kept(library, answer[0]).status is MessageStatus.DONE


def test_a_database_that_takes_its_time_for_one_answer_holds_no_other_up(
    library: ConversationRepository, answer: tuple[str, str], slow: SlowWrite, ended: Run
) -> None:
    keeper = AnswerWriter(library, every=0.01)
    keeper.track(ME, SlowWrite.ID, ended, describe)
    assert slow.asked.wait(5)

    def keep_and_settle() -> None:
        keeper.track(ME, answer[1], ended, describe)
        keeper.flush(answer[1])

    page = threading.Thread(target=keep_and_settle)
    page.start()
    page.join(5)
    held_up = page.is_alive()
    slow.go_on.set()
    page.join(5)
    keeper.close()
    assert not held_up
    assert kept(library, answer[0]).status is MessageStatus.DONE


def test_an_answer_that_comes_while_the_process_ends_is_kept(
    library: ConversationRepository, answer: tuple[str, str], slow: SlowWrite, ended: Run
) -> None:
    keeper = AnswerWriter(library, every=60)
    keeper.track(ME, SlowWrite.ID, ended, describe)
    closing = threading.Thread(target=keeper.close)
    closing.start()
    assert slow.asked.wait(5)
    keeper.track(ME, answer[1], ended, describe)
    slow.go_on.set()
    closing.join(5)
    assert kept(library, answer[0]).status is MessageStatus.DONE


@pytest.mark.parametrize("status", [MessageStatus.STOPPED, MessageStatus.FAILED])
def test_an_answer_of_which_only_the_status_is_kept_is_no_victim_of_a_restart(
    library: ConversationRepository, answer: tuple[str, str], status: MessageStatus
) -> None:
    library.update_answer(ME, answer[1], "text", status=status)
    ended = from_message(kept(library, answer[0]))
    assert STATUSES[ended.outcome.status] is status
    assert ended.outcome.sentence == "It is not known why this answer ended."


def test_what_is_live_when_the_process_ends_is_kept(
    recorder: Recorder, library: ConversationRepository, answer: tuple[str, str]
) -> None:
    gate, keeper = Gate(), AnswerWriter(library, every=60)
    run = recorder.start(gate.chain(), "go")
    assert library.start_answer(ME, answer[1], run_id=run.id)
    keeper.track(ME, answer[1], run, describe)
    first_word_of(run)
    run.stop()
    gate.open.set()
    keeper.close()
    assert (kept(library, answer[0]).text, kept(library, answer[0]).status) == ("before ", MessageStatus.STOPPED)


@pytest.mark.parametrize(
    "details", [{}, {"mark": "DONE", "figures": "none", "decision": {"route": "cooking"}}, {"mark": 3}]
)
def test_details_of_an_imported_file_may_be_anything(
    library: ConversationRepository, answer: tuple[str, str], details: dict[str, Any]
) -> None:
    library.update_answer(ME, answer[1], "text", status=MessageStatus.DONE, details=details)
    ended = from_message(kept(library, answer[0]))
    assert (ended.text, ended.outcome.status, ended.decision) == ("text", AnswerStatus.DONE, None)


def test_an_answer_that_cannot_be_written_is_logged_once_however_often_it_is_tried(
    recorder: Recorder,
    library: ConversationRepository,
    answer: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: Any, **__: Any) -> bool:
        raise RuntimeError("no")

    monkeypatch.setattr(library, "update_answer", fail)
    gate = Gate()
    run = recorder.start(gate.chain(), "go")
    keeper = AnswerWriter(library, every=60)
    keeper.track(ME, answer[1], run, describe)
    for _ in range(3):
        keeper.flush(answer[1])
    gate.open.set()
    assert run.wait(5)
    keeper.close()
    assert [line.getMessage() for line in caplog.records] == [f"answer {answer[1]} is not kept"]


def test_an_answer_of_odd_text_with_odd_counts_is_kept(
    recorder: Recorder, library: ConversationRepository, answer: tuple[str, str]
) -> None:
    usage = {"input_tokens": "x", "output_tokens": [1], "total_tokens": None}
    model = OddModel(chunks=["half of a pair: \ud83d\0"], usage=usage, about={"usage": usage})
    run = recorder.start(model, "go")
    assert run.wait(5)
    assert library.start_answer(ME, answer[1], run_id=run.id)
    keeper = AnswerWriter(library, every=60)
    keeper.track(ME, answer[1], run, describe)
    keeper.flush(answer[1])
    keeper.close()
    assert kept(library, answer[0]).status is MessageStatus.DONE
    assert kept(library, answer[0]).text.startswith("half of a pair: ")
    assert from_message(kept(library, answer[0])) is not None
