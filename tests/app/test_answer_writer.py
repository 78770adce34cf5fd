"""Answers are stored during their run, whether or not a page shows them."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pages.components.answer.stored_answer import STATUSES, describe, from_message
from tests.support.gate import Gate
from tests.support.odd_model import OddModel
from weir.analysis.answer_reader import answer_text
from weir.analysis.outcome import AnswerStatus
from weir.app.answer_writer import AnswerWriter
from weir.runs.recorder import Recorder
from weir.runs.run import Run
from weir.storage.answers import AnswerRepository
from weir.storage.database import FILE, database_url
from weir.storage.records import MessageStatus
from weir.storage.repository import ConversationRepository, open_repository
from weir.storage.storage_errors import StorageProblem

ME = "somebody"


class SlowWrite:
    """An `AnswerRepository.update` that blocks for one answer until the test releases it."""

    ID = "slow"

    def __init__(self, library: ConversationRepository) -> None:
        self.reached = threading.Event()
        self.go_on = threading.Event()
        self._answers = library.answers

    def update(self, visitor: str, answer_id: str, *args: Any, **more: Any) -> bool:
        if answer_id == self.ID:
            self.reached.set()
            return self.go_on.wait(200)
        return AnswerRepository.update(self._answers, visitor, answer_id, *args, **more)


@pytest.fixture
def slow(library: ConversationRepository, monkeypatch: pytest.MonkeyPatch) -> SlowWrite:
    slow_write = SlowWrite(library)
    monkeypatch.setattr(library.answers, "update", slow_write.update)
    return slow_write


@pytest.fixture
def ended(recorder: Recorder, library: ConversationRepository, answer: tuple[str, str]) -> Run:
    """The run of the answer, which has ended and is not stored yet."""
    gate = Gate()
    gate.open()
    run = recorder.start(gate.chain(), "go")
    assert run.wait(30)
    assert library.answers.start(ME, answer[1], run_id=run.id)
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
    return conversation, library.answers.add(ME, question)


def last_message(library: ConversationRepository, conversation: str) -> Any:
    return library.path(ME, conversation)[-1]


def test_text_is_kept_while_the_run_goes_on_and_its_figures_at_the_end(
    recorder: Recorder, library: ConversationRepository, answer: tuple[str, str]
) -> None:
    gate, writer = Gate(), AnswerWriter(library, interval_seconds=60)
    run = recorder.start(gate.chain(), "go")
    assert library.answers.start(ME, answer[1], run_id=run.id)
    writer.track(ME, answer[1], run, describe)
    first_word_of(run)
    writer.flush(answer[1])
    assert (last_message(library, answer[0]).text, last_message(library, answer[0]).status) == (
        "before ",
        MessageStatus.RUNNING,
    )
    gate.open()
    assert run.wait(30)
    writer.flush(answer[1])
    message = last_message(library, answer[0])
    assert (message.text, message.status) == ("before after", MessageStatus.DONE)
    ended = from_message(message)
    assert (ended.outcome.status, ended.figures.chunks) == (AnswerStatus.DONE, 2)
    writer.close()


def test_a_write_that_fails_is_told_and_tried_again(
    recorder: Recorder, library: ConversationRepository, answer: tuple[str, str], tmp_path: Path
) -> None:
    gate, writer = Gate(), AnswerWriter(library, interval_seconds=60)
    gate.open()
    run = recorder.start(gate.chain(), "go")
    assert library.answers.start(ME, answer[1], run_id=run.id)
    assert run.wait(30)
    writer.track(ME, answer[1], run, describe)
    with closing(sqlite3.connect(tmp_path / FILE)) as other:
        other.execute("BEGIN EXCLUSIVE")
        writer.flush(answer[1])
        assert writer.problem is not None
        assert writer.problem.problem is StorageProblem.LOCKED
        other.rollback()
    assert last_message(library, answer[0]).status is MessageStatus.RUNNING
    writer.flush(answer[1])
    assert writer.problem is None
    assert last_message(library, answer[0]).text == "before after"
    writer.close()


def test_an_answer_that_cannot_be_described_is_told_to_the_log_and_ends_with_its_text(
    recorder: Recorder, library: ConversationRepository, answer: tuple[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: Run, __: str) -> Any:
        raise TypeError("canary")

    gate, writer = Gate(), AnswerWriter(library, interval_seconds=0.01)
    gate.open()
    bad = recorder.start(gate.chain(), "go")
    assert library.answers.start(ME, answer[1], run_id=bad.id)
    writer.track(ME, answer[1], bad, fail)
    good = recorder.start(gate.chain(), "go")
    other = library.create(ME)
    other_answer = library.answers.add(ME, library.add_question(ME, other, "How?", parent=None))
    assert library.answers.start(ME, other_answer, run_id=good.id)
    writer.track(ME, other_answer, good, describe)
    assert bad.wait(30)
    assert good.wait(30)
    writer.close()
    assert (last_message(library, answer[0]).text, last_message(library, answer[0]).status) == (
        "before after",
        MessageStatus.DONE,
    )
    assert (last_message(library, other).text, last_message(library, other).status) == (
        "before after",
        MessageStatus.DONE,
    )
    (line,) = [line for line in caplog.records if line.levelname == "ERROR"]
    assert answer[1] in line.getMessage()
    assert line.exc_info


def test_an_answer_that_cannot_be_written_keeps_no_other_from_it(
    recorder: Recorder, library: ConversationRepository, answer: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(visitor: str, answer_id: str, *args: Any, **more: Any) -> bool:
        if answer_id == "odd":
            raise UnicodeEncodeError("utf-8", "\ud800", 0, 1, "no such character")
        return AnswerRepository.update(library.answers, visitor, answer_id, *args, **more)

    monkeypatch.setattr(library.answers, "update", refuse)
    gate, writer = Gate(), AnswerWriter(library, interval_seconds=0.01)
    gate.open()
    run = recorder.start(gate.chain(), "go")
    assert library.answers.start(ME, answer[1], run_id=run.id)
    writer.track(ME, "odd", run, describe)
    writer.track(ME, answer[1], run, describe)
    assert run.wait(30)
    writer.close()
    assert last_message(library, answer[0]).status is MessageStatus.DONE


def test_a_database_that_takes_its_time_for_one_answer_holds_no_other_up(
    library: ConversationRepository, answer: tuple[str, str], slow: SlowWrite, ended: Run
) -> None:
    writer = AnswerWriter(library, interval_seconds=0.01)
    writer.track(ME, SlowWrite.ID, ended, describe)
    assert slow.reached.wait(30)

    def track_and_flush() -> None:
        writer.track(ME, answer[1], ended, describe)
        writer.flush(answer[1])

    page = threading.Thread(target=track_and_flush)
    page.start()
    page.join(60)
    held_up = page.is_alive()
    slow.go_on.set()
    page.join(60)
    writer.close()
    assert not held_up
    assert last_message(library, answer[0]).status is MessageStatus.DONE


def test_an_answer_that_comes_while_the_process_ends_is_kept(
    library: ConversationRepository, answer: tuple[str, str], slow: SlowWrite, ended: Run
) -> None:
    writer = AnswerWriter(library, interval_seconds=60)
    writer.track(ME, SlowWrite.ID, ended, describe)
    closing = threading.Thread(target=writer.close)
    closing.start()
    assert slow.reached.wait(30)
    writer.track(ME, answer[1], ended, describe)
    slow.go_on.set()
    closing.join(60)
    assert last_message(library, answer[0]).status is MessageStatus.DONE


@pytest.mark.parametrize("status", [MessageStatus.STOPPED, MessageStatus.FAILED])
def test_an_answer_of_which_only_the_status_is_kept_is_no_victim_of_a_restart(
    library: ConversationRepository, answer: tuple[str, str], status: MessageStatus
) -> None:
    library.answers.update(ME, answer[1], "text", status=status)
    ended = from_message(last_message(library, answer[0]))
    assert STATUSES[ended.outcome.status] is status
    assert ended.outcome.message == "It is not known why this answer ended."


def test_what_is_live_when_the_process_ends_is_kept(
    recorder: Recorder, library: ConversationRepository, answer: tuple[str, str]
) -> None:
    gate, writer = Gate(), AnswerWriter(library, interval_seconds=60)
    run = recorder.start(gate.chain(), "go")
    assert library.answers.start(ME, answer[1], run_id=run.id)
    writer.track(ME, answer[1], run, describe)
    first_word_of(run)
    run.stop()
    gate.open()
    writer.close()
    assert (last_message(library, answer[0]).text, last_message(library, answer[0]).status) == (
        "before ",
        MessageStatus.STOPPED,
    )


@pytest.mark.parametrize(
    "details", [{}, {"mark": "DONE", "figures": "none", "decision": {"route": ["cooking"]}}, {"mark": 3}]
)
def test_details_of_an_imported_file_may_be_anything(
    library: ConversationRepository, answer: tuple[str, str], details: dict[str, Any]
) -> None:
    library.answers.update(ME, answer[1], "text", status=MessageStatus.DONE, details=details)
    ended = from_message(last_message(library, answer[0]))
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

    monkeypatch.setattr(library.answers, "update", fail)
    gate = Gate()
    run = recorder.start(gate.chain(), "go")
    writer = AnswerWriter(library, interval_seconds=60)
    writer.track(ME, answer[1], run, describe)
    for _ in range(3):
        writer.flush(answer[1])
    gate.open()
    assert run.wait(30)
    writer.close()
    assert [line.getMessage() for line in caplog.records] == [f"answer {answer[1]} cannot be stored"]


def test_an_answer_of_odd_text_with_odd_counts_is_kept(
    recorder: Recorder, library: ConversationRepository, answer: tuple[str, str]
) -> None:
    usage = {"input_tokens": "x", "output_tokens": [1], "total_tokens": None}
    model = OddModel(chunks=["half of a pair: \ud83d\0"], usage=usage, about={"usage": usage})
    run = recorder.start(model, "go")
    assert run.wait(30)
    assert library.answers.start(ME, answer[1], run_id=run.id)
    writer = AnswerWriter(library, interval_seconds=60)
    writer.track(ME, answer[1], run, describe)
    writer.flush(answer[1])
    writer.close()
    assert last_message(library, answer[0]).status is MessageStatus.DONE
    assert last_message(library, answer[0]).text.startswith("half of a pair: ")
    assert from_message(last_message(library, answer[0])) is not None
