"""Tool calls read from a recorded agent: arguments in pieces, results, errors."""

from tests.support.graphs import agent, agent_with_failing_tool
from weir.analysis.run_snapshot import RunSnapshot
from weir.analysis.tool_calls import tool_calls
from weir.runs.recorder import Recorder
from weir.runs.run import Run

QUESTION = {"messages": [("user", "What is 25 * 17?")]}


def recorded(recorder: Recorder, chain: object) -> Run:
    run = recorder.start(chain, QUESTION)  # type: ignore[arg-type]
    assert run.wait(30)
    return run


def test_calls_have_arguments_in_pieces_times_and_results(recorder: Recorder) -> None:
    run = recorded(recorder, agent())
    multiply, count = tool_calls(run.events)
    assert (multiply.name, multiply.arguments, multiply.result, multiply.status) == (
        "multiply",
        '{"a": 25, "b": 17}',
        "425",
        "done",
    )
    assert (count.name, count.arguments, count.result) == ("count_letters", '{"text": "ab"}', "2")
    assert multiply.started is not None
    assert multiply.ended is not None
    assert multiply.written_from <= multiply.written_to <= multiply.started <= multiply.ended


def test_a_call_grows_while_its_arguments_are_written(recorder: Recorder) -> None:
    run = recorded(recorder, agent())
    first = next(number for number, event in enumerate(run.events) if event.event == "on_chat_model_stream")
    [call] = tool_calls(run.events[: first + 2])
    assert (call.name, call.arguments, call.status) == ("multiply", '{"a": 2', "called")


def test_a_tool_that_fails_has_its_error(recorder: Recorder) -> None:
    [call] = tool_calls(recorded(recorder, agent_with_failing_tool()).events)
    assert (call.status, call.error) == ("failed", "ValueError: cannot do it")
    snapshot = RunSnapshot()
    assert snapshot.root is None
