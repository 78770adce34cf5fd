"""Rules of a run's record that hold for all writers."""

from itertools import count, pairwise
from typing import Any

import pytest
from langchain_core.runnables import RunnableLambda

from tests.support.gate import Gate
from weir.core.run_event import Component, RunEvent
from weir.runs import recording_file
from weir.runs.background_loop import BackgroundLoop
from weir.runs.memory_run import MemoryRun
from weir.runs.methods import Method
from weir.runs.recorder import Recorder
from weir.runs.run import Run, Status
from weir.runs.run_store import MemoryStore, RunEvictedError


def nothing() -> None: ...


def new_run(run_id: str = "id-1", value: Any = "", **kwargs: Any) -> MemoryRun:
    return MemoryRun(
        run_id, "story", value, context={}, created_at=12.5, cancel=nothing, on_last_reader_left=nothing, **kwargs
    )


def event(seq: int, at: float) -> RunEvent:
    return RunEvent(seq, at, "on_chain_stream", Component("story", "id-1", (), (), {}), b'{"chunk":"a"}')


def times(run: Run) -> list[float]:
    return [one.elapsed for one in run.events]


def test_an_event_that_is_stamped_before_the_last_one_gets_its_time() -> None:
    run = new_run()
    for seq, at in enumerate([-1.0, 0.5, 0.2, float("nan"), 0.7, 0.6]):
        assert run.append(event(seq, at)) is run.events[-1]
    assert times(run) == [0.0, 0.5, 0.5, 0.5, 0.7, 0.7]


def test_a_run_ends_no_earlier_than_its_last_event() -> None:
    run = new_run(clock=lambda: 1.0)
    run.append(event(0, 3.0))
    run.close(Status.DONE, None)
    assert run.ended_at == 3.0


def failing(_: Any) -> str:
    raise ValueError("the first way is closed")


def failing_late(value: str) -> str:
    raise ValueError(f"no way from {value}")


@pytest.mark.parametrize("method", Method)
@pytest.mark.parametrize("fails", [False, True], ids=["survived", "failed"])
def test_time_never_goes_back_in_the_record_of_a_failure(method: Method, fails: bool, loop: BackgroundLoop) -> None:
    # Each look at this clock takes a second, so the order of the looks is in the times.
    ticks = count()
    recorder = Recorder(MemoryStore(budget=1_000_000), loop, clock=lambda: float(next(ticks)))
    chain = RunnableLambda(failing).with_fallbacks([RunnableLambda(str.strip)]) | RunnableLambda(
        failing_late if fails else str
    )
    run = recorder.start(chain, " go ", method=method)
    assert run.wait(30)
    assert run.status is (Status.FAILED if fails else Status.DONE)
    assert any(one.event.endswith("_error") for one in run.events)
    assert all(later >= earlier for earlier, later in pairwise(times(run)))
    assert run.ended_at is not None
    assert run.ended_at >= times(run)[-1]
    opened = recording_file.from_jsonl(b"".join(recording_file.to_jsonl(run)))
    assert times(opened) == times(run)


def test_what_a_chain_names_itself_can_be_opened_again(recorder: Recorder) -> None:
    chain = RunnableLambda(str.strip).with_config(
        run_name="half \ud800 pair " + "x" * 2_000, tags=["\udfff", "a" * 2_000]
    )
    run = recorder.start(chain, "\ud800 go", name="\ud83d" + "y" * 2_000)
    assert run.wait(30)
    opened = recording_file.from_jsonl(b"".join(recording_file.to_jsonl(run)))
    assert opened.name == run.name == "\ufffd" + "y" * 998 + "…"
    assert opened.events[0].name.startswith("half \ufffd pair xx")
    assert set(opened.events[0].component.tags) == {"\ufffd", "a" * 999 + "…"}


def test_the_memory_of_a_run_has_what_its_components_take_once() -> None:
    run = new_run()
    before = run.size
    large = Component("story", "id-1", (), ("tag",) * 100, {"key": "value" * 100})
    for seq in range(3):
        run.append(RunEvent(seq, 0.0, "on_chain_stream", large, b"{}"))
    assert before + large.size < run.size < before + 2 * large.size


def test_a_recording_that_is_larger_than_the_store_takes_nobody_elses_room() -> None:
    store = MemoryStore(budget=20_000)
    others = new_run()
    others.close(Status.DONE, None)
    store.add(others)
    large = new_run("rec-1", "x" * 30_000)
    large.close(Status.DONE, None)
    store.add(large)
    assert store.runs() == [others]
    with pytest.raises(RunEvictedError):
        store.get("rec-1")


def test_done_callback_is_called_once(recorder: Recorder) -> None:
    gate = Gate()
    run = recorder.start(gate.chain(), "go")
    called: list[Run] = []
    run.add_done_callback(called.append)
    assert gate.reached.wait(30)
    assert called == []
    run.stop()
    assert run.wait(30)
    run.add_done_callback(called.append)
    # Callbacks are called after readers are woken, on the recorder's thread, so before the next run there.
    recorder.start(RunnableLambda(str), "go").wait(30)
    assert called == [run, run]


def test_done_callback_that_fails_is_logged_and_the_others_are_called(
    recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(_: Run) -> None:
        raise ValueError("no")

    gate = Gate()
    run = recorder.start(gate.chain(), "go")
    called: list[Run] = []
    for callback in (fails, called.append):
        run.add_done_callback(callback)
    assert gate.reached.wait(30)
    gate.open()
    assert run.wait(30)
    for callback in (fails, called.append):
        run.add_done_callback(callback)
    recorder.start(RunnableLambda(str), "go").wait(30)
    assert called == [run, run]
    assert [record.getMessage() for record in caplog.records] == [f"a done callback of run {run.id} failed"] * 2
