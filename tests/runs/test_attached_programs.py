"""What programs send is taken in once, in order, from whom it belongs to; what does not fit stops nobody else."""

import threading
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.support.clock import Clock
from weir.analysis.metrics import run_metrics
from weir.analysis.outcome import AnswerStatus, outcome
from weir.archive.run_archive import RunArchive
from weir.core import serialization
from weir.runs.attach_request import AttachError
from weir.runs.attached_program import ProgramState
from weir.runs.attached_programs import (
    MAX_PROGRAMS,
    SILENCE_SECONDS,
    AttachedPrograms,
)
from weir.runs.run import Run, Status
from weir.runs.run_store import RunNotFoundError
from weir.storage.database import database_url
from weir.storage.repository import open_repository

OWNER, PROGRAM, OTHER = "owner", "a" * 32, "b" * 32
RUN = str(uuid.uuid4())
END = {"end": {"status": "done", "failure": None}}


def header(run_id: str = RUN) -> dict[str, Any]:
    run = {"id": run_id, "name": "chain", "created_at": 1.0, "input": {"topic": "rain"}, "context": {"via": "http"}}
    return {"format": "weir-recording", "version": 1, "run": run}


def event(seq: int, text: str = "a", run_id: str = RUN, **changed: Any) -> dict[str, Any]:
    name = "on_chat_model_start" if seq == 0 else "on_chat_model_stream"
    data = {"input": {}} if seq == 0 else {"chunk": {"type": "AIMessageChunk", "content": text}}
    common = {"name": "m", "run_id": run_id, "parent_ids": [], "tags": [], "metadata": {}}
    return {"seq": seq, "at": seq / 10, "event": name, **common, "data": data} | changed


def body(*sections: tuple[int, Any], run_id: str = RUN, program: str = PROGRAM, **report: Any) -> bytes:
    lines: list[Any] = [{"program": {"id": program, "name": "app.py", "pid": 7} | report}]
    for number, part in sections:
        lines += [{"run": run_id, "line": number}, *part]
    return b"".join(line if isinstance(line, bytes) else serialization.dumps(line) + b"\n" for line in lines)


def texts(run: Run) -> list[str]:
    return [event.get("chunk")["content"] for event in run.events[1:]]


def test_lines_are_taken_in_once_whatever_is_sent_again(programs: AttachedPrograms, archive: RunArchive) -> None:
    assert programs.receive(OWNER, body((0, [header(), event(0), event(1)]))) == {"runs": {RUN: {"next": 3}}}
    assert programs.receive(OWNER, body((0, [header(), event(0), event(1)]))) == {"runs": {RUN: {"next": 3}}}
    # From the middle of what is here on, and beyond.
    assert programs.receive(OWNER, body((2, [event(1), event(2, "b")]))) == {"runs": {RUN: {"next": 4}}}
    run = archive.get(RUN)
    assert run.is_live
    assert texts(run) == ["a", "b"]
    assert programs.receive(OWNER, body((4, [END]))) == {"runs": {RUN: {"next": 5}}}
    assert run.status is Status.DONE
    # The answer to the last lines was lost on the way.
    assert programs.receive(OWNER, body((4, [END]))) == {"runs": {RUN: {"next": 5}}}
    assert archive.get(RUN) is run


def test_a_gap_is_asked_for_again(programs: AttachedPrograms, archive: RunArchive) -> None:
    assert programs.receive(OWNER, body((3, [event(2)]))) == {"runs": {RUN: {"next": 0}}}
    with pytest.raises(RunNotFoundError):
        archive.get(RUN)
    programs.receive(OWNER, body((0, [header(), event(0)])))
    assert programs.receive(OWNER, body((4, [event(3)]))) == {"runs": {RUN: {"next": 2}}}


def test_times_are_the_senders_and_the_context_is_weirs(programs: AttachedPrograms, archive: RunArchive) -> None:
    programs.receive(OWNER, body((0, [header(), event(0), event(1, at=5.25), event(2, at=7.5)])))
    run = archive.get(RUN)
    assert [event.elapsed for event in run.events] == [0.0, 5.25, 7.5]
    assert (run.owner, run.is_shared, run.can_stop(OWNER), run.context["via"]) == (OWNER, False, False, "attach")
    assert (run.created_at, run.input) == (1.0, {"topic": "rain"})
    assert run.elapsed >= 7.5


def test_silence_is_lost_contact_and_contact_that_returns_goes_on(
    programs: AttachedPrograms, archive: RunArchive, clock: Clock
) -> None:
    programs.receive(OWNER, body((0, [header(), event(0), event(1, "a")])))
    clock.advance(SILENCE_SECONDS - 1)
    programs.check()
    assert archive.get(RUN).is_live
    clock.advance(2)
    programs.check()
    (program,) = programs.of_owners([OWNER])
    lost = archive.get(RUN)
    assert (program.state, lost.status, lost.failure) == (ProgramState.LOST, Status.ABANDONED, None)
    assert outcome(lost, run_metrics(lost.events)).status is AnswerStatus.LOST
    archive.flush()
    assert programs.receive(OWNER, body((3, [event(2, "b")]))) == {"runs": {RUN: {"next": 4}}}
    run = archive.get(RUN)
    assert run.is_live
    assert program.state is ProgramState.LIVE
    programs.receive(OWNER, body((4, [event(3, "c"), END])))
    archive.flush()
    assert (archive.get(RUN).status, texts(archive.get(RUN))) == (Status.DONE, ["a", "b", "c"])
    assert archive.index.find(RUN).status == "done"  # type: ignore[union-attr]


def test_a_run_goes_on_after_weir_was_started_anew(tmp_path: Path) -> None:
    repository = open_repository(database_url(tmp_path, None))
    archive = RunArchive(10**6, engine=repository.engine, folder=tmp_path, budget=10**6)
    AttachedPrograms(archive).receive(OWNER, body((0, [header(), event(0), event(1, "a")])))
    archive.get(RUN).stop()
    archive.close(10)
    again = RunArchive(10**6, engine=repository.engine, folder=tmp_path, budget=10**6)
    programs = AttachedPrograms(again)
    assert programs.receive(OWNER, body((3, [event(2, "b"), END]))) == {"runs": {RUN: {"next": 5}}}
    again.close(10)
    third = RunArchive(10**6, engine=repository.engine, folder=tmp_path, budget=10**6)
    run = third.get(RUN)
    assert (run.status, texts(run), run.owner, run.is_shared) == (Status.DONE, ["a", "b"], OWNER, False)
    assert third.index.find(RUN).program == "app.py"  # type: ignore[union-attr]
    third.close(10)
    repository.close()


@pytest.mark.parametrize("ended", [False, True])
def test_a_program_cannot_write_into_the_run_of_another(
    programs: AttachedPrograms, archive: RunArchive, ended: bool
) -> None:
    programs.receive(OWNER, body((0, [header(), event(0), *([END] if ended else [])])))
    before = archive.get(RUN)
    answer = programs.receive(OWNER, body((0, [header(), event(0), event(1)]), program=OTHER))
    assert "not this program's" in answer["runs"][RUN]["refused"]
    with pytest.raises(AttachError):
        programs.receive("somebody else", body((2, [event(1)])))
    archive.flush()
    archive.delete([OWNER], [RUN])
    answer = programs.receive(OWNER, body((0, [header(), event(0)]), program="c" * 32))
    assert "refused" in answer["runs"][RUN]
    assert len(before.events) == 1


WRONG_LINES: list[Any] = [
    event(1) | {"seq": 5},
    event(1) | {"at": -1.0},
    event(1) | {"event": "no event"},
    event(1) | {"parent_ids": [RUN]},
    b'{"seq":1,"at":NaN}\n',
    b'{"seq":1,' + b"[" * 5_000 + b"\n",
    b"\xff\xfe\n",
    b"[]\n",
    header(),
]


@pytest.mark.parametrize("wrong", WRONG_LINES, ids=range(len(WRONG_LINES)))
def test_a_line_that_does_not_fit_ends_its_run_and_no_other(
    programs: AttachedPrograms, archive: RunArchive, wrong: Any
) -> None:
    other = str(uuid.uuid4())
    lines = [{"run": other, "line": 0}, header(other), event(0, run_id=other), event(1, run_id=other)]
    sent = body((0, [header(), event(0), wrong])) + b"".join(serialization.dumps(line) + b"\n" for line in lines)
    answer = programs.receive(OWNER, sent)
    assert answer["runs"][RUN]["refused"].startswith("Line 3 of this recording")
    assert answer["runs"][other] == {"next": 3}
    assert (archive.get(RUN).status, len(archive.get(RUN).events)) == (Status.ABANDONED, 1)
    assert archive.get(other).is_live
    # It is not looked at again.
    assert "refused" in programs.receive(OWNER, body((2, [event(1)])))["runs"][RUN]


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"{}\n",
        b'{"program":7}\n',
        b'{"program":{"id":"short","name":"a"}}\n',
        body(name="a" * 2_000),
        body(pid=-1),
        body(started_at=1e300),
        body() + b'{"seq":0}\n',
        body() + b'{"run":"../../etc","line":0}\n',
        body() + b'{"run":"' + RUN.encode() + b'","line":true}\n',
        body() + b'{"run":' + b"[" * 300 + b"\n",
        body(*[(0, [])] * 1_001),
    ],
)
def test_a_request_that_is_not_the_tails_is_refused_with_a_sentence(programs: AttachedPrograms, sent: bytes) -> None:
    with pytest.raises(AttachError, match=r"^(The|A) "):
        programs.receive(OWNER, sent)


def test_secrets_of_weir_are_hidden_in_all_that_a_program_sends(
    programs: AttachedPrograms, archive: RunArchive
) -> None:
    secret = "a-secret-of-weirs"
    begun = header() | {"run": header()["run"] | {"name": secret, "input": secret}}
    failed = {"end": {"status": "failed", "failure": {"kind": "internal", "detail": f"it was {secret}"}}}
    lines = [begun, event(0, tags=[secret], metadata={"key": secret}), event(1, secret), failed]
    programs.receive(OWNER, body((0, lines), command=f"app.py --key {secret}"))
    run = archive.get(RUN)
    everything = serialization.dumps([event.as_dict() for event in run.events]).decode() + repr(run.__dict__)
    assert secret not in everything
    assert run.failure is not None
    assert run.failure.detail == "it was •••"
    assert programs.of_owners([OWNER])[0].report.command == "app.py --key •••"


def test_the_oldest_programs_that_are_gone_make_room(programs: AttachedPrograms, clock: Clock) -> None:
    for number in range(MAX_PROGRAMS):
        programs.receive(OWNER, body(program=f"{number:032x}", ended=number < 2))
        clock.advance(0.001)
    programs.receive(OWNER, body(program=OTHER))
    ids = {program.report.id for program in programs.of_owners([OWNER])}
    assert len(ids) == MAX_PROGRAMS
    assert f"{0:032x}" not in ids
    programs.receive(OWNER, body(program="c" * 32))
    with pytest.raises(AttachError, match="live programs already"):
        programs.receive(OWNER, body(program="d" * 32))
    assert programs.of_owners(["somebody else"]) == []


def test_a_run_for_which_there_is_no_room_ends_and_its_program_is_told() -> None:
    archive = RunArchive(30_000)
    programs = AttachedPrograms(archive)
    programs.receive(OWNER, body((0, [header(), event(0)])))
    answer = programs.receive(OWNER, body((2, [event(1, "x" * 40_000), event(2)])))
    assert "no room" in answer["runs"][RUN]["refused"]
    archive.close(10)


def test_two_runs_that_need_each_others_room_do_not_wait_for_each_other() -> None:
    archive = RunArchive(200_000)
    programs = AttachedPrograms(archive)

    def send(program: str) -> None:
        for _ in range(20):
            run_id = str(uuid.uuid4())
            lines = [header(run_id), *(event(n, "x" * 5_000, run_id) for n in range(20))]
            programs.receive(OWNER, body((0, lines), run_id=run_id, program=program))

    threads = [threading.Thread(target=send, args=(letter * 32,)) for letter in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    archive.close(10)


def test_a_program_that_ends_leaves_no_live_run(programs: AttachedPrograms, archive: RunArchive) -> None:
    programs.receive(OWNER, body((0, [header(), event(0)])))
    programs.receive(OWNER, body(ended=True))
    (program,) = programs.of_owners([OWNER])
    assert (program.state, archive.get(RUN).status) == (ProgramState.ENDED, Status.ABANDONED)
