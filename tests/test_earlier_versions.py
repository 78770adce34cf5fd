"""Recordings, databases and exports that an earlier Weir made open as before."""

import sqlite3
from pathlib import Path

import pytest

from pages.components.answer.stored_answer import from_message
from weir.analysis.answer_reader import answer_text
from weir.analysis.outcome import AnswerStatus
from weir.runs.failure_sentences import FailureKind
from weir.runs.recording_file import from_jsonl
from weir.runs.run import Status
from weir.storage.database import database_url
from weir.storage.records import Message, Rating
from weir.storage.repository import ConversationRepository, open_repository

FIXTURES = Path(__file__).parent / "fixtures" / "weir-0.1.0"
SAMPLES = Path(__file__).parents[1] / "pages" / "assets" / "recordings"
VISITOR = "v" * 32


def check(messages: list[Message]) -> None:
    question, answer, _, failed = messages
    assert (question.text, answer.text) == ("What is 25 × 17?", "It is *425*, I think.")
    whole, cut = from_message(answer), from_message(failed)
    assert whole.outcome.status is AnswerStatus.DONE
    assert whole.decision is not None
    assert (whole.decision.route, whole.decision.by) == ("math", "person")
    assert whole.figures.chunks > 0
    assert cut.outcome.status is AnswerStatus.FAILED
    assert cut.outcome.message == "The connection to the model was cut."
    assert cut.outcome.kind is FailureKind.CUT


@pytest.fixture
def repository(tmp_path: Path) -> ConversationRepository:
    with sqlite3.connect(tmp_path / "weir.db") as database:
        database.executescript((FIXTURES / "weir.sql").read_text(encoding="utf-8"))
    database.close()
    return open_repository(database_url(tmp_path, None))


def test_a_database_of_version_0_1_opens_as_before(repository: ConversationRepository) -> None:
    [conversation] = repository.conversations(VISITOR)
    assert conversation.title == "What is 25 × 17?"
    messages = repository.path(VISITOR, conversation.id)
    check(list(messages))
    [feedback] = repository.feedback.of_conversation(VISITOR, conversation.id).values()
    assert (feedback.thumb, feedback.note) == (Rating.UP, "right")
    [correction] = repository.feedback.corrections(VISITOR)
    assert (correction.wrong, correction.right) == ("general", "math")
    repository.close()


def test_an_export_of_version_0_1_is_imported_as_before(repository: ConversationRepository) -> None:
    imported = repository.files.import_json(VISITOR, (FIXTURES / "conversation.json").read_bytes())
    check(list(repository.path(VISITOR, imported)))
    repository.close()


def test_a_recording_of_version_0_1_opens_as_before() -> None:
    run = from_jsonl((FIXTURES / "run.jsonl").read_bytes())
    assert (run.status, run.name, run.context) == (Status.DONE, "smart_router", {"page": "chat"})
    assert answer_text(run.events) == "It is *425*, I think."


def test_the_kind_of_a_recorded_failure_is_read_as_before() -> None:
    run = from_jsonl((SAMPLES / "5-a-model-that-died.jsonl").read_bytes())
    assert run.failure is not None
    assert run.failure.kind is FailureKind.CUT
