"""Lanes of a graph's waterfall, from recorded graphs and from events at given times."""

import json
from typing import Any

import pytest

from tests.support.graphs import agent, agent_with_failing_tool, failing, fan_out, with_subgraph
from weir.analysis.graph_lanes import Activity, graph_spans, step_starts
from weir.analysis.run_tree import RunNode, run_tree
from weir.core.run_event import Component, RunEvent
from weir.runs.recorder import Recorder


def tree_of(recorder: Recorder, graph: Any) -> tuple[RunNode, float]:
    asks = {"messages": [("user", "hi")]}
    value = asks if "model" in graph.nodes else {"topic": "water"}
    run = recorder.start(graph, value)
    assert run.wait(10)
    root = run_tree(run.events)
    assert root is not None
    return root, run.events[-1].elapsed


def test_an_agent_has_a_lane_for_its_model_and_each_tool(recorder: Recorder) -> None:
    root, end = tree_of(recorder, agent())
    spans = graph_spans(root, end)
    assert list(dict.fromkeys(span.lane for span in spans)) == [
        "Noting.before_model",
        "model",
        "Noting.after_model",
        "tools: multiply",
        "tools: count_letters",
    ]
    model = [span.activity for span in spans if span.lane == "model"]
    assert model == [Activity.WAITING, Activity.CALLING, Activity.WAITING, Activity.WRITING]
    assert {span.step for span in spans if span.lane == "model"} == {2, 6}
    assert list(step_starts(root)) == [1, 2, 3, 4, 5, 6, 7]
    assert all(0 <= span.start <= span.end <= end for span in spans)


@pytest.mark.parametrize(
    ("make", "lanes"),
    [(fan_out, {"plan", "write", "shorten"}), (with_subgraph, {"plan", "inner / plan", "inner / write"})],
)
def test_a_graph_has_a_lane_for_each_node(recorder: Recorder, make: Any, lanes: set[str]) -> None:
    assert {span.lane for span in graph_spans(*tree_of(recorder, make()))} == lanes


@pytest.mark.parametrize(("make", "lane"), [(failing, "breaks"), (agent_with_failing_tool, "tools: breaks")])
def test_what_failed_is_said(recorder: Recorder, make: Any, lane: str) -> None:
    spans = graph_spans(*tree_of(recorder, make()))
    assert [span.activity for span in spans if span.lane == lane] == [Activity.FAILED]


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
    assert [(span.activity, span.start, span.end, span.step) for span in graph_spans(tree, 2.0)] == [
        (Activity.WAITING, 0.1, 0.5, 1),
        (Activity.THINKING, 0.5, 0.8, 1),
        (Activity.WRITING, 0.8, 1.0, 1),
        (Activity.CALLING, 1.0, 2.0, 1),
    ]
