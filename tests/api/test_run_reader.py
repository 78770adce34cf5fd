"""Readers that resume on a replica whose copy of a run may not have all that they have had."""

import pytest

from weir.api.problem_details import ApiError, StreamAlreadyCompleteError
from weir.api.run_reader import MAX_AHEAD, RunReader, end_number
from weir.core.run_event import Component, RunEvent
from weir.replicas.remote_run import RemoteRun
from weir.runs.failure_sentences import Failure, FailureKind
from weir.runs.recording_encoder import encode
from weir.runs.recording_lines import End, Header, RecordingError
from weir.runs.run import Status

GONE = Failure(FailureKind.SERVER_GONE)


def lines(count: int) -> list[bytes]:
    component = Component("story", "root", (), (), {})
    return [encode(RunEvent(number, number / 10, "on_chain_stream", component, b"{}")) for number in range(count)]


def copy(events: int, end: End | None = None) -> RemoteRun:
    """Return a copy with so many events."""
    asked: list[str] = []
    run = RemoteRun(Header("run", "story", 1.0, "hi", {}), ask_stop=asked.append, keep=asked.append)
    run.feed(1, lines(events))
    if end is not None:
        run.feed(events + 1, [encode(end)])
    return run


@pytest.mark.parametrize("after", [0, 4, 5, 40])
def test_a_live_copy_may_be_behind_its_reader(after: int) -> None:
    assert RunReader.resume(copy(5), "ann", str(after)).after == after


def test_an_id_that_no_run_of_this_length_has_is_refused() -> None:
    with pytest.raises(ApiError):
        RunReader.resume(copy(5), "ann", str(MAX_AHEAD + 6))


def test_who_has_the_end_gets_nothing_more() -> None:
    run = copy(5, End(Status.DONE, None))
    assert end_number(run) == 5
    with pytest.raises(StreamAlreadyCompleteError):
        RunReader.resume(run, "ann", "5")


@pytest.mark.parametrize("after", [4, 5, 9])
def test_who_had_more_than_was_sent_on_still_gets_the_end(after: int) -> None:
    run = copy(5, End(Status.FAILED, GONE))
    assert RunReader.resume(run, "ann", str(after)).after == after
    with pytest.raises(StreamAlreadyCompleteError):
        RunReader.resume(run, "ann", str(end_number(run)))


def test_lines_that_are_there_are_skipped_and_a_gap_is_an_error() -> None:
    run = copy(3)
    run.feed(1, lines(5))
    assert [event.seq for event in run.events] == list(range(5))
    with pytest.raises(RecordingError):
        run.feed(9, lines(9)[8:])


def test_a_reader_and_stop_are_passed_on_to_the_replica_that_runs_it() -> None:
    asked: list[str] = []
    run = RemoteRun(Header("run", "story", 1.0, "hi", {}), ask_stop=lambda _: asked.append("stop"), keep=asked.append)
    with run.reading():
        assert asked == ["run"]
    assert asked == ["run", "run"]
    run.stop()
    assert asked[2:] == ["stop"]
    assert run.is_live
