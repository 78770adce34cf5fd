"""Phases of components and rows of waterfalls, from recorded graphs and from events at given times."""

import json
from typing import Any

import pytest

from tests.support.graphs import agent, agent_with_failing_tool, failing, fan_out, looping, with_subgraph
from weir.analysis.component_phases import Activity, node_phases
from weir.analysis.run_tree import RunNode, run_tree
from weir.analysis.waterfall_rows import MARKS_OF_ROW, waterfall
from weir.core.run_event import Component, RunEvent
from weir.core.serialization import dumps
from weir.runs.recorder import Recorder


def tree_of(recorder: Recorder, graph: Any) -> tuple[RunNode, float]:
    asks = {"messages": [("user", "hi")]}
    value = asks if "model" in graph.nodes else {"topic": "water"}
    run = recorder.start(graph, value)
    assert run.wait(30)
    root = run_tree(run.events)
    assert root is not None
    return root, run.events[-1].elapsed


def rows_of(recorder: Recorder, graph: Any) -> list[dict[str, Any]]:
    return list(waterfall(*tree_of(recorder, graph))["rows"])


def test_an_agent_has_a_group_of_each_node_and_a_row_for_each_visit(recorder: Recorder) -> None:
    root, end = tree_of(recorder, agent())
    value = waterfall(root, end)
    rows = value["rows"]
    assert {row["name"] for row in rows} >= {"model", "tools", "multiply", "count_letters"}
    assert all(rows[row["parent"]]["depth"] == row["depth"] - 1 for row in rows[1:])
    models = [row["phases"][::3] for row in rows if row["kind"] == "chat_model"]
    assert models == [["waiting", "calling"], ["waiting", "writing"]]
    assert [step for step, _ in value["steps"]] == [1, 2, 3, 4, 5, 6, 7]
    assert value["axis"] >= max(row["end"] for row in rows)


@pytest.mark.parametrize(
    ("make", "name", "visits"), [(fan_out, "write", 3), (looping, "write", 3), (with_subgraph, "inner", 0)]
)
def test_a_node_that_is_visited_often_is_one_group(recorder: Recorder, make: Any, name: str, visits: int) -> None:
    first = next(row for row in rows_of(recorder, make()) if row["name"] == name)
    assert first.get("group", 0) == visits


@pytest.mark.parametrize("make", [failing, agent_with_failing_tool])
def test_what_failed_is_said(recorder: Recorder, make: Any) -> None:
    breaks = next(row for row in rows_of(recorder, make()) if row["name"] == "breaks")
    assert breaks["phases"][0] == "failed"


def model_tree(times: list[float]) -> RunNode:
    model = Component("ChatModel", "0", (), (), {})
    events = [RunEvent(0, 0.0, "on_chat_model_start", model, b"{}")]
    events += [
        RunEvent(seq, at, "on_chat_model_stream", model, b'{"chunk":"word"}') for seq, at in enumerate(times, start=1)
    ]
    tree = run_tree(events)
    assert tree is not None
    return tree


def test_marks_are_merged_where_they_are_dense_and_lose_no_chunk() -> None:
    for count in (10, 24_000):
        tree = model_tree([0.5 + number / 1_000 for number in range(count)])
        value = waterfall(tree, 25.0)
        marks = value["rows"][0]["marks"]
        assert len(marks) // 3 == min(count, len(marks) // 3)
        assert len(marks) // 3 <= MARKS_OF_ROW
        assert sum(marks[1::3]) == count
        assert len(dumps(value)) < 20_000


def test_the_axis_of_a_live_run_grows_in_steps() -> None:
    axes = {waterfall(model_tree([0.1]), 0.1 * number, live=True)["axis"] for number in range(1, 100)}
    assert sorted(axes) == [1.0, 1.5, 2.25, 3.375, 5.0625, 7.5938, 11.3906]


def test_phases_of_a_model_begin_with_their_chunks() -> None:
    root, node = Component("g", "0", (), (), {}), Component("model", "1", ("0",), ("graph:step:4",), {})
    model = Component("ChatModel", "2", ("0", "1"), (), {})
    call = {"type": "AIMessageChunk", "content": "", "tool_call_chunks": [{"name": "f", "args": ""}]}
    thought = {"type": "AIMessageChunk", "content": "", "additional_kwargs": {"reasoning_content": "hm"}}
    timed: list[tuple[float, str, Component, Any]] = [
        (0.0, "on_chain_start", root, {}),
        (0.1, "on_chain_start", node, {}),
        (0.1, "on_chat_model_start", model, {}),
        *((at, "on_chat_model_stream", model, {"chunk": thought}) for at in (0.5, 0.6)),
        (0.8, "on_chat_model_stream", model, {"chunk": {"type": "AIMessageChunk", "content": "text"}}),
        *((at, "on_chat_model_stream", model, {"chunk": call}) for at in (1.0, 1.2)),
    ]
    events = [RunEvent(seq, at, name, of, json.dumps(data).encode()) for seq, (at, name, of, data) in enumerate(timed)]
    tree = run_tree(events)
    assert tree is not None
    called = tree.children[0].children[0]
    assert [(phase.activity, phase.start, phase.end) for phase in node_phases(called, 2.0)] == [
        (Activity.WAITING, 0.1, 0.5),
        (Activity.THINKING, 0.5, 0.8),
        (Activity.WRITING, 0.8, 1.0),
        (Activity.CALLING, 1.0, 2.0),
    ]
