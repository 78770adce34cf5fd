"""Runs of LangSmith's clients, without a clock of their own: live, settled, lost, continued, refused."""

import pytest

from tests.runs.test_langsmith_trace import (
    MODEL_PATCH,
    MODEL_POST,
    OPERATIONS,
    PARSER_POST,
    ROOT,
    ROOT_PATCH,
    ROOT_POST,
)
from tests.support.clock import Clock
from weir.analysis.metrics import run_metrics
from weir.analysis.outcome import AnswerStatus, outcome
from weir.archive.run_archive import RunArchive
from weir.runs import langsmith_programs
from weir.runs.attached_program import Program, ProgramState
from weir.runs.attached_programs import SILENCE_SECONDS, AttachedPrograms
from weir.runs.langsmith_operations import Operation, read_batch
from weir.runs.langsmith_programs import SETTLE_SECONDS, SILENCE_OF_RUN_SECONDS, LangSmithPrograms
from weir.runs.run import Run, Status

OWNER = "owner"


@pytest.fixture
def langsmith(programs: AttachedPrograms) -> LangSmithPrograms:
    return LangSmithPrograms(programs)


def receive(langsmith: LangSmithPrograms, *operations: Operation, owner: str = OWNER) -> None:
    langsmith.receive(owner, "langsmith-py/1.0", operations, 1_000)


def only_program(programs: AttachedPrograms) -> Program:
    (program,) = programs.of_owners([OWNER])
    return program


def run_of(archive: RunArchive) -> Run:
    return archive.get(ROOT)


def test_a_run_is_live_until_its_root_has_ended(
    langsmith: LangSmithPrograms, programs: AttachedPrograms, archive: RunArchive
) -> None:
    for number, operation in enumerate(OPERATIONS, start=1):
        receive(langsmith, operation)
        assert run_of(archive).is_live == (number < len(OPERATIONS))
    assert run_of(archive).status is Status.DONE
    assert (only_program(programs).runs, only_program(programs).live) == (1, {})
    before = len(run_of(archive).events)
    receive(langsmith, *OPERATIONS)
    assert len(run_of(archive).events) == before


def test_what_comes_after_the_root_is_waited_for(
    langsmith: LangSmithPrograms, programs: AttachedPrograms, archive: RunArchive, clock: Clock
) -> None:
    receive(langsmith, ROOT_POST, MODEL_POST, PARSER_POST, ROOT_PATCH)
    programs.check()
    assert run_of(archive).is_live
    receive(langsmith, MODEL_PATCH)
    clock.advance(SETTLE_SECONDS + 1)
    programs.check()
    assert run_of(archive).status is Status.DONE
    assert [event.event for event in run_of(archive).events][-2:] == ["on_parser_error", "on_chain_end"]


def test_a_silent_run_is_lost_and_goes_on(
    langsmith: LangSmithPrograms, programs: AttachedPrograms, archive: RunArchive, clock: Clock
) -> None:
    receive(langsmith, ROOT_POST, MODEL_POST)
    clock.advance(SILENCE_SECONDS + 1)
    programs.check()
    # A model may take its time.
    assert run_of(archive).is_live
    assert only_program(programs).state is ProgramState.LIVE
    clock.advance(SILENCE_OF_RUN_SECONDS)
    programs.check()
    assert outcome(run_of(archive), run_metrics(run_of(archive).events)).status is AnswerStatus.LOST
    assert only_program(programs).state is ProgramState.QUIET
    receive(langsmith, *OPERATIONS)
    assert run_of(archive).status is Status.DONE
    assert sum(event.event.endswith(("_start", "_end")) for event in run_of(archive).events) == 6


def test_a_run_of_another_owner_stays_as_it_is(langsmith: LangSmithPrograms, archive: RunArchive) -> None:
    receive(langsmith, ROOT_POST)
    receive(langsmith, *OPERATIONS, owner="somebody else")
    assert run_of(archive).is_live
    assert run_of(archive).owner == OWNER
    assert len(run_of(archive).events) == 2


def test_an_operation_without_the_roots_id_finds_its_run(langsmith: LangSmithPrograms, archive: RunArchive) -> None:
    receive(langsmith, ROOT_POST, MODEL_POST)
    receive(langsmith, *read_batch(b'{"patch":[{"id":"mmmmmmmm","end_time":"2026-11-28T10:00:02Z"}]}'))
    assert run_of(archive).events[-1].event == "on_chat_model_end"


def test_what_waits_for_its_root_takes_no_more_than_its_room(
    langsmith: LangSmithPrograms, archive: RunArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(langsmith_programs, "MAX_WAITING_BYTES", 1_500)
    for number in range(5):
        receive(langsmith, Operation(f"child-{number:04}", f"root-{number:05}", MODEL_POST.fields))
    assert len(langsmith._runs) == 2
    assert archive.runs() == []


def test_secrets_are_hidden_and_a_record_that_is_full_is_refused(
    langsmith: LangSmithPrograms, programs: AttachedPrograms, archive: RunArchive
) -> None:
    receive(langsmith, Operation(ROOT, ROOT, ROOT_POST.fields | {"inputs": {"topic": "a-secret-of-weirs"}}))
    assert b"a-secret-of-weirs" not in run_of(archive).events[0].payload
    for number in range(200):
        text = {"inputs": {"text": "x" * 100_000}}
        receive(langsmith, Operation(f"child-{number:04}", ROOT, MODEL_POST.fields | text))
    assert run_of(archive).status is Status.FAILED
    assert only_program(programs).refused == 1
    assert only_program(programs).live == {}
