"""Log lines at the start and the end of a run."""

import logging

import pytest
from langchain_core.runnables import RunnableLambda

from weir.access.caller import Caller
from weir.access.limits import RunLimitConfig, RunLimiter, start_limited_run
from weir.runs.recorder import Recorder

ANN = Caller.from_identity("ann")


def test_run_log_has_metrics_and_no_question_or_error_text(
    recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(_: str) -> str:
        raise ValueError("a canary of an error")

    caplog.set_level(logging.INFO, "weir.access.run_log")
    limits = RunLimiter(RunLimitConfig(live=1))
    run = start_limited_run(
        limits, ANN, lambda: recorder.start(RunnableLambda(fails), "a canary of a question", name="broken")
    )
    assert run.wait(30)
    recorder.start(RunnableLambda(str), "go").wait(30)
    start, end = caplog.records
    assert start.getMessage() == "run started"
    assert vars(end) | {"run": run.id, "chain": "broken", "status": "failed", "failure": "internal"} == vars(end)
    assert (end.levelname, vars(end)["visitor"]) == ("WARNING", ANN.visitor)
    assert "canary" not in "".join(str(vars(record)) for record in caplog.records)


def test_run_starts_even_if_it_cannot_be_logged(
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
        assert run.wait(30)
    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert f"run {run.id} cannot be logged" in errors
