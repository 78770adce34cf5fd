"""A run ends with its chain, whatever the chain raises, and other runs go on."""

from typing import Any

import pytest
from langchain_core.runnables import Runnable, RunnableLambda, RunnableParallel

from weir.analysis.answer_reader import answer_text
from weir.runs.failure_sentences import FailureKind
from weir.runs.methods import Method
from weir.runs.recorder import Recorder
from weir.runs.run import Run, Status


class SpeechlessError(Exception):
    def __str__(self) -> str:
        raise ValueError("planned by the test")


class OddError(Exception):
    """Has a `response` that is not an HTTP response."""

    def __init__(self) -> None:
        super().__init__("planned by the test")
        self.response = type("Response", (), {"headers": None})()


ENDS: list[type[BaseException]] = [SystemExit, KeyboardInterrupt, SpeechlessError, OddError]


def raising(kind: type[BaseException]) -> Runnable[Any, Any]:
    def fail(_: Any) -> str:
        raise kind

    return RunnableLambda(fail)


def raising_beside_another(kind: type[BaseException]) -> Runnable[Any, Any]:
    """Raise in a task that LangChain starts."""

    async def fail(_: Any) -> str:
        raise kind

    async def well(_: Any) -> str:
        return "well"

    return RunnableParallel(well=RunnableLambda(well), ill=RunnableLambda(fail))


def check(run: Run, recorder: Recorder) -> None:
    assert run.wait(30)
    assert run.status is Status.FAILED
    assert run.failure is not None
    assert run.failure.kind is FailureKind.INTERNAL
    opened = [event.run_id for event in run.events if event.event.endswith("_start")]
    closed = [event.run_id for event in run.events if event.event.endswith(("_end", "_error"))]
    assert sorted(opened) == sorted(closed)
    well = recorder.start(RunnableLambda(str), 7)
    assert well.wait(30)
    assert (well.status, answer_text(well.events)) == (Status.DONE, "7")


@pytest.mark.parametrize("kind", ENDS)
@pytest.mark.parametrize("method", Method)
def test_a_chain_that_raises_anything_has_failed(recorder: Recorder, method: Method, kind: type[BaseException]) -> None:
    run = recorder.start(raising(kind), 1, method=method)
    check(run, recorder)
    assert run.failure is not None
    assert (kind.__name__ if issubclass(kind, Exception) else "ChainExitError") in run.failure.detail


@pytest.mark.parametrize("kind", ENDS)
@pytest.mark.parametrize("method", [Method.ASTREAM, Method.ASTREAM_EVENTS])
def test_so_has_one_that_raises_in_a_task_of_its_own(
    recorder: Recorder, method: Method, kind: type[BaseException]
) -> None:
    check(recorder.start(raising_beside_another(kind), 1, method=method), recorder)
