"""How a visitor's run begins: within the limits, with an owner, and a line in the log at both ends."""

import logging

import pytest
from langchain_core.runnables import RunnableLambda

from tests.runs.test_recorder import Gate
from weir.access.caller import Caller
from weir.access.limits import LimitReachedError, RunLimitConfig, RunLimiter, start_limited_run
from weir.runs.recorder import Recorder
from weir.runs.run import Run
from weir.runs.run_store import RunNotSharedError, get_readable_run

ANN, BEN = Caller.from_identity("ann"), Caller.from_identity("ben")


def test_a_party_says_to_nobody_who_it_is_and_is_the_same_each_time() -> None:
    assert Caller.from_identity("ann") == ANN != BEN
    assert "ann" not in ANN.visitor


def test_a_run_is_its_visitors_and_only_theirs_once_it_is_not_shared(recorder: Recorder) -> None:
    run = start_limited_run(RunLimiter(RunLimitConfig()), ANN, lambda: recorder.start(RunnableLambda(str), "go"))
    assert get_readable_run(recorder.store, run.id, BEN.visitor) is run
    run.is_shared = False
    assert get_readable_run(recorder.store, run.id, ANN.visitor) is run
    for other in (BEN.visitor, ""):
        with pytest.raises(RunNotSharedError):
            get_readable_run(recorder.store, run.id, other)


def test_a_run_of_nobody_that_is_not_shared_is_read_by_nobody(recorder: Recorder) -> None:
    run = recorder.start(RunnableLambda(str), "go")
    run.is_shared = False
    assert not run.can_read("")


def test_a_run_is_stopped_by_its_visitor_alone_and_one_of_nobody_by_whoever_may_read_it(recorder: Recorder) -> None:
    run = start_limited_run(RunLimiter(RunLimitConfig()), ANN, lambda: recorder.start(RunnableLambda(str), "go"))
    assert run.can_stop(ANN.visitor)
    assert not run.can_stop(BEN.visitor)
    assert not run.can_stop("")
    nobodys = recorder.start(RunnableLambda(str), "go")
    assert nobodys.can_stop(BEN.visitor)
    nobodys.is_shared = False
    assert not nobodys.can_stop(BEN.visitor)


def test_whoever_wants_to_know_is_told_once_that_a_run_has_ended(recorder: Recorder) -> None:
    gate = Gate()
    run = recorder.start(gate.chain(), "go")
    told: list[Run] = []
    run.add_done_callback(told.append)
    assert gate.reached.wait(5)
    assert told == []
    run.stop()
    assert run.wait(5)
    run.add_done_callback(told.append)
    # What is called at the end is called after readers are woken, on the recorder's thread: its next turn comes later.
    recorder.start(RunnableLambda(str), "go").wait(5)
    assert told == [run, run]


def test_the_log_tells_what_a_run_was_and_never_what_was_said(
    recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(_: str) -> str:
        raise ValueError("a canary of an error")

    caplog.set_level(logging.INFO, "weir.access.run_log")
    limits = RunLimiter(RunLimitConfig(live=1))
    run = start_limited_run(
        limits, ANN, lambda: recorder.start(RunnableLambda(fails), "a canary of a question", name="broken")
    )
    assert run.wait(5)
    recorder.start(RunnableLambda(str), "go").wait(5)
    begun, over = caplog.records
    assert begun.getMessage() == "run started"
    assert vars(over) | {"run": run.id, "chain": "broken", "status": "failed", "failure": "internal"} == vars(over)
    assert (over.levelname, vars(over)["visitor"]) == ("WARNING", ANN.visitor)
    assert "canary" not in "".join(str(vars(record)) for record in caplog.records)


def test_a_start_beyond_a_limit_is_no_run(recorder: Recorder) -> None:
    gate = Gate()
    limits = RunLimiter(RunLimitConfig(live=1))
    run = start_limited_run(limits, ANN, lambda: recorder.start(gate.chain(), "go"))
    assert limits.limit_error(ANN) is not None
    with pytest.raises(LimitReachedError):
        start_limited_run(limits, BEN, lambda: recorder.start(RunnableLambda(str), "go"))
    assert recorder.store.runs() == [run]
    run.stop()
    assert run.wait(5)
    assert limits.limit_error(ANN) is None


def test_a_run_begins_though_nothing_can_be_logged_of_it(
    recorder: Recorder, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(logging.Handler):
        def emit(self, _: logging.LogRecord) -> None:
            raise OSError("no space left on device")

    caplog.set_level(logging.INFO, "weir.access.run_log")
    monkeypatch.setattr(logging.getLogger("weir.access.run_log"), "handlers", [Full()])
    limits = RunLimiter(RunLimitConfig(live=1))
    for _ in range(2):
        run = start_limited_run(limits, ANN, lambda: recorder.start(RunnableLambda(str), "go"))
        assert run.wait(5)
    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert f"run {run.id} cannot be logged" in errors


def test_of_several_callbacks_at_a_runs_end_one_that_fails_is_logged_and_the_others_are_called(
    recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(_: Run) -> None:
        raise ValueError("no")

    gate = Gate()
    run = recorder.start(gate.chain(), "go")
    called: list[Run] = []
    for callback in (fails, called.append):
        run.add_done_callback(callback)
    assert gate.reached.wait(5)
    gate.open()
    assert run.wait(5)
    for callback in (fails, called.append):
        run.add_done_callback(callback)
    recorder.start(RunnableLambda(str), "go").wait(5)
    assert called == [run, run]
    assert [record.getMessage() for record in caplog.records] == [f"a done callback of run {run.id} failed"] * 2
