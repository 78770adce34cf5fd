"""State, picture and questions of a graph, read from its recorded events."""

import json
from typing import Any

import pytest

from tests.support.graphs import THREAD, asking, branching, failing, fan_out, looping, with_subgraph
from weir.analysis.graph_state import (
    checkpoints,
    graph_shape,
    interrupts,
    state_at,
    state_changes,
    state_steps,
    thread_of,
)
from weir.core.run_event import Component, RunEvent
from weir.runs.recorder import Recorder
from weir.runs.run import Run

ROOT = Component("LangGraph", "root", (), (), {})


def recorded(recorder: Recorder, graph: Any, **more: Any) -> Run:
    run = recorder.start(graph, {"topic": "water"}, **more)
    assert run.wait(30)
    return run


def test_the_shape_has_nodes_edges_and_visits(recorder: Recorder) -> None:
    shape = graph_shape(recorded(recorder, looping()).events)
    assert shape is not None
    assert {name: visits.count for name, visits in shape.nodes.items() if visits.count} == {"plan": 3, "write": 3}
    assert ("write", "plan", True) in shape.edges
    assert ("plan", "write", False) in shape.edges
    assert {visits.status for visits in shape.nodes.values() if visits.count} == {"visited"}


def test_a_node_is_at_work_waiting_or_failed(recorder: Recorder) -> None:
    run = recorded(recorder, failing())
    work = [number for number, event in enumerate(run.events) if event.event == "on_weir_tasks"]
    at_work, failed = graph_shape(run.events[: work[0] + 1]), graph_shape(run.events)
    waiting = graph_shape(recorded(recorder, asking(), config=THREAD).events)
    assert at_work is not None
    assert failed is not None
    assert waiting is not None
    assert at_work.nodes["plan"].status == "at work"
    assert failed.nodes["breaks"].status == "failed"
    assert waiting.nodes["ask"].status == "waiting"


def test_state_is_known_after_each_step(recorder: Recorder) -> None:
    run = recorded(recorder, branching())
    changes = state_changes(run.events)
    assert [(change.node, change.update) for change in changes] == [
        ("plan", {"round": 1}),
        ("write", {"texts": ["rain on water"]}),
    ]
    assert state_at(run.events, changes[1].seq) == {"topic": "water", "round": 1, "texts": []}
    assert state_at(run.events, len(run.events))["texts"] == ["rain on water"]
    assert state_at(run.events, 0) is None


def test_steps_have_the_state_after_them(recorder: Recorder) -> None:
    run = recorded(recorder, fan_out())
    steps = state_steps(run.events)
    assert [step.nodes for step in steps] == [[], ["plan"], ["write"], ["shorten"]]
    assert [len(step.changes) for step in steps] == [0, 1, 3, 1]
    states = [state_at(run.events, step.seq) for step in steps]
    assert [len(state["texts"]) for state in states] == [0, 0, 3, 6]
    failed = state_steps(recorded(recorder, failing()).events)
    assert [step.nodes for step in failed] == [[], ["plan"]]
    inner = state_steps(recorded(recorder, with_subgraph()).events)
    assert [(step.nodes, len(step.changes)) for step in inner] == [([], 0), (["plan"], 1), (["inner"], 3)]


def test_changes_of_a_subgraph_have_its_namespace(recorder: Recorder) -> None:
    changes = state_changes(recorded(recorder, with_subgraph()).events)
    assert [(len(change.namespace), change.node) for change in changes] == [
        (0, "plan"),
        (1, "plan"),
        (1, "write"),
        (0, "inner"),
    ]


def test_a_run_that_does_not_wait_asks_nothing(recorder: Recorder) -> None:
    run = recorded(recorder, branching())
    assert (interrupts(run), thread_of(run), checkpoints(run.events)) == ([], None, [])


@pytest.mark.parametrize("payload", [None, 1, [], {}, {"a": None}, {"__interrupt__": 5}, {"config": []}, {"nodes": 3}])
@pytest.mark.parametrize("mode", ["updates", "values", "tasks", "checkpoints", "graph"])
def test_odd_payloads_of_an_opened_recording_are_read(mode: str, payload: Any) -> None:
    data = json.dumps({"namespace": "x", "payload": payload}).encode()
    events = [RunEvent(0, 0.0, f"on_weir_{mode}", ROOT, data)]
    state_changes(events)
    state_steps(events)
    state_at(events, 1)
    checkpoints(events)
    graph_shape(events)
