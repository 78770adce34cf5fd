"""A recorded stream, told again by every method without a model."""

import pytest

from chains.registry import prepare_replay
from weir.analysis import method_race
from weir.analysis.answer_reader import answer_text
from weir.analysis.metrics import run_metrics
from weir.runs.methods import Method
from weir.runs.recorder import Recorder
from weir.runs.run import Run, Status

PIECES = [(0.1 + number * 0.01, f" word{number}") for number in range(20)]
VALUE = {"topic": "t", "words": 1, "tone": "warm"}


def replay(recorder: Recorder, method: Method, pieces: list[tuple[float, str]]) -> Run:
    ready = prepare_replay(pieces, VALUE, usage=(7, 20), streaming=method.needs_streaming_model)
    line = None if method.is_async else ready.connections
    return recorder.start(ready.runnable, ready.inputs, method=method, connections=line)


@pytest.mark.parametrize("method", Method)
def test_every_method_tells_it_with_its_own_timing(recorder: Recorder, method: Method) -> None:
    run = replay(recorder, method, PIECES)
    assert run.wait(30)
    seen = run_metrics(run.events)
    assert answer_text(run.events) == "".join(piece for _, piece in PIECES)
    assert (seen.tokens_in, seen.tokens_out, seen.exact) == (7, 20, True)
    assert seen.time_to_first_token is not None
    assert seen.time_to_first_token >= (0.1 if method.streams else PIECES[-1][0])


@pytest.mark.parametrize("method", Method)
def test_stop_wakes_it(recorder: Recorder, method: Method) -> None:
    run = replay(recorder, method, [(60.0, "late")])
    run.stop()
    assert run.wait(0.5)
    assert run.status is Status.STOPPED


def test_what_was_recorded_can_be_told_again(recorder: Recorder) -> None:
    run = replay(recorder, Method.ASTREAM_EVENTS, PIECES)
    assert run.wait(30)
    again = method_race.timed_chunks(run)
    assert [piece for _, piece in again] == [piece for _, piece in PIECES]
    assert all(0 <= at < run.events[-1].elapsed for at, _ in again)
