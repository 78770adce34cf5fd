"""A LangSmith trace becomes one recording, in whatever order its operations come."""

import itertools
from typing import Any

import pytest

from weir.analysis.metrics import run_metrics
from weir.analysis.run_tree import NodeStatus, RunNode, run_tree
from weir.core.run_event import RunEvent
from weir.runs import langsmith_trace
from weir.runs.langsmith_operations import IngestError, Operation
from weir.runs.langsmith_trace import Trace
from weir.runs.langsmith_values import MAX_EVENT, error_of
from weir.runs.recording_decoder import Decoder
from weir.runs.recording_lines import End
from weir.runs.run import Status

ROOT, MODEL, PARSER = "r" * 8, "m" * 8, "p" * 8


def at(seconds: float) -> str:
    return f"2026-11-28T10:00:{seconds:09.6f}Z"


def post(run_id: str, started: float, parent: str = ROOT, run_type: str = "chain", **fields: Any) -> Operation:
    about = {"name": run_id[0], "run_type": run_type, "start_time": at(started), "parent_run_id": parent}
    return Operation(run_id, ROOT, about | fields)


def patch(run_id: str, ended: float, **fields: Any) -> Operation:
    return Operation(run_id, ROOT, {"end_time": at(ended), "outputs": {"output": run_id[0]}} | fields)


ROOT_POST = post(ROOT, 1.0, "", inputs={"input": ""})
MODEL_POST = post(MODEL, 1.1, run_type="llm", inputs={"messages": [[{"role": "user", "content": "hi"}]]})
TOKEN = [{"name": "start", "time": at(1.1)}, {"name": "new_token", "time": at(1.5)}]
MODEL_PATCH = patch(MODEL, 3.0, events=TOKEN, outputs={"choices": [{"message": {"content": "Once"}}]})
PARSER_POST = post(PARSER, 1.6, run_type="parser", inputs={"input": ""})
PARSER_PATCH = patch(PARSER, 3.1)
ROOT_PATCH = patch(ROOT, 3.2, inputs={"topic": "rain"})
OPERATIONS = (ROOT_POST, MODEL_POST, PARSER_POST, MODEL_PATCH, PARSER_PATCH, ROOT_PATCH)


def recorded(*batches: tuple[Operation, ...]) -> tuple[list[RunEvent], End]:
    """Return the events and the end of the recording that these requests make. Every line is valid."""
    trace, lines = Trace(ROOT), list[bytes]()
    for batch in batches:
        for operation in batch:
            trace.take(operation)
        if trace.root is not None:
            lines += [] if lines else [trace.header()]
            lines += trace.lines()
    trace.adopt()
    decoder = Decoder()
    *decoded, end = map(decoder.decode, [*lines, *trace.lines(), *trace.closing_lines()])
    assert isinstance(end, End)
    return [line for line in decoded if isinstance(line, RunEvent)], end


def tree_of(events: list[RunEvent]) -> RunNode:
    root = run_tree(events)
    assert root is not None
    return root


def times_of(root: RunNode) -> list[tuple[str, float, float, list[float]]]:
    return [
        (node.name, round(node.started, 3), round(node.ended or 0.0, 3), [round(at, 3) for at in node.chunk_times])
        for node in root.walk()
    ]


WHOLE = [("r", 0.0, 2.2, []), ("m", 0.1, 2.0, [0.5]), ("p", 0.6, 2.1, [])]


@pytest.mark.parametrize(
    "batches",
    [
        (OPERATIONS,),
        tuple((one,) for one in OPERATIONS),
        # As JavaScript's client sends a parser: once, with its end.
        ((ROOT_POST, MODEL_POST), (PARSER_POST, PARSER_PATCH, MODEL_PATCH, ROOT_PATCH)),
        # Twice, and a child before its parent.
        ((MODEL_POST,), (ROOT_POST, ROOT_POST), OPERATIONS, OPERATIONS),
        ((PARSER_POST, MODEL_POST, MODEL_PATCH), (PARSER_PATCH, ROOT_POST), (ROOT_PATCH,)),
    ],
)
def test_batches_make_the_same_tree_with_the_same_times(batches: tuple[tuple[Operation, ...], ...]) -> None:
    events, end = recorded(*batches)
    assert end.status is Status.DONE
    assert times_of(tree_of(events)) == WHOLE
    assert sum(event.event.endswith(("_start", "_end")) for event in events) == 6
    assert run_metrics(events).time_to_first_token == pytest.approx(0.5)


def test_any_order_of_operations_makes_the_same_tree() -> None:
    for order in itertools.permutations(OPERATIONS[1:5]):
        assert times_of(tree_of(recorded((ROOT_POST,), *((one,) for one in order), (ROOT_PATCH,))[0])) == WHOLE


def test_what_has_not_ended_is_closed_with_the_run() -> None:
    events, end = recorded((ROOT_POST, MODEL_POST, post("s" * 8, 1.2, "u" * 8)), (ROOT_PATCH,))
    assert end.status is Status.DONE
    statuses = {node.name: node.status for node in tree_of(events).walk()}
    # That whose parent never came is under the root.
    assert statuses == {"r": NodeStatus.DONE, "m": NodeStatus.INTERRUPTED, "s": NodeStatus.INTERRUPTED}


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        ("ValueError('no')Traceback (most recent call last):\n\n  File", Status.FAILED, "ValueError: no"),
        ("no\n\nTypeError: no\n    at file.mjs:1:1", Status.FAILED, "TypeError: no"),
        ("no", Status.FAILED, "Error: no"),
        ("CancelledError()", Status.STOPPED, "CancelledError: "),
        ("GraphInterrupt((Interrupt(value='?'),))", Status.WAITING, "Interrupted: This component waits for a person"),
    ],
)
def test_an_error_ends_the_run_as_its_class_says(error: str, status: Status, kind: str) -> None:
    events, end = recorded((ROOT_POST, patch(ROOT, 2.0, error=error)))
    assert end.status is status
    assert tree_of(events).error.startswith(kind)


def test_messages_and_usage_are_as_in_other_recordings() -> None:
    message = {"content": "Once", "usage_metadata": {"input_tokens": 2, "output_tokens": 3}, "tool_calls": []}
    kwargs = {"lc": 1, "type": "constructor", "id": ["langchain_core", "messages", "AIMessage"], "kwargs": message}
    ended = patch(MODEL, 2.0, outputs={"generations": [[{"text": "Once", "message": kwargs}]]})
    events, _ = recorded((ROOT_POST, MODEL_POST, ended, ROOT_PATCH))
    output = next(event.get("output") for event in events if event.event == "on_chat_model_end")
    assert output == {"type": "ai", "content": "Once", "usage_metadata": {"input_tokens": 2, "output_tokens": 3}}
    assert (run_metrics(events).tokens_in, run_metrics(events).tokens_out) == (2, 3)


def test_a_large_or_deep_value_is_bounded() -> None:
    deep: Any = 1
    for _ in range(500):
        deep = {"a": deep}
    large = post(MODEL, 1.1, inputs={"text": "x" * 500_000}, extra={"metadata": {"deep": deep}})
    deep_end, other = patch(MODEL, 2.0, outputs={"deep": deep}), post(PARSER, 2.1, inputs={"text": "x" * 500_000})
    events, _ = recorded((ROOT_POST, large, deep_end, other), (PARSER_PATCH, ROOT_PATCH))
    assert max(len(event.payload) for event in events) < MAX_EVENT
    assert len(events) == 7
    assert events[4].get("input") == events[5].get("input")
    assert events[4].get("input")["text"].endswith("(498,000 characters more)")


def test_components_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(langsmith_trace, "MAX_COMPONENTS", 1)
    trace = Trace(ROOT)
    trace.take(ROOT_POST)
    with pytest.raises(IngestError):
        trace.take(MODEL_POST)


def test_components_that_contain_each_other_end_too() -> None:
    events, _ = recorded((ROOT_POST, post(MODEL, 1.1, PARSER), post(PARSER, 1.2, MODEL), ROOT_PATCH))
    assert tree_of(events).children == []


def test_an_error_without_a_class_is_one() -> None:
    assert error_of("") == {"type": "Error", "message": ""}
