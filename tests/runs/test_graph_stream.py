"""The record of graphs and agents: LangChain's own events one by one, and what the graph reports beside them."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langgraph.types import Command

from tests.support.graphs import (
    GRAPHS,
    THREAD,
    agent,
    agent_with_failing_tool,
    asking,
    asking_in_subgraph,
    failing,
    fan_out,
    hands_over,
    two_nodes,
    with_subgraph,
)
from tests.support.parity import by_component, comparable_list, comparable_run, langchain_events
from weir.runs.methods import Method
from weir.runs.recorder import Recorder
from weir.runs.run import Run, Status

CONCURRENT = (fan_out, agent)
"""Graphs whose nodes run at the same time. LangChain guarantees no order between them."""


def input_of(make: Callable[[], Any]) -> Any:
    question = {"messages": [HumanMessage("What is 25 * 17?", id="question")]}
    return question if make in (agent, agent_with_failing_tool) else {"topic": "water"}


def reports(run: Run, mode: str) -> list[Any]:
    return [event.data for event in run.events if event.event == f"on_weir_{mode}"]


@pytest.mark.parametrize("make", GRAPHS)
def test_a_graph_has_the_events_of_astream_events(recorder: Recorder, make: Callable[[], Any]) -> None:
    run = recorder.start(make(), input_of(make))
    assert run.wait(30)
    theirs, error = asyncio.run(langchain_events(make(), input_of(make)))
    ours, expected = comparable_run(run.events), comparable_list(theirs)
    assert run.status is (Status.FAILED if error else Status.DONE)
    if make in CONCURRENT:
        assert by_component(ours) == by_component(expected)
    else:
        assert ours == expected
    assert len(ours) > 5


@pytest.mark.parametrize(
    "arguments",
    [
        {"stream_mode": "messages"},
        {"stream_mode": ["updates", "custom"]},
        {"stream_mode": "values", "subgraphs": True},
        {"stream_mode": ["messages", "custom"], "subgraphs": True},
    ],
    ids=str,
)
def test_a_graph_yields_what_it_is_bound_to_yield(recorder: Recorder, arguments: dict[str, Any]) -> None:
    run = recorder.start(with_subgraph().bind(**arguments), {"topic": "water"})
    assert run.wait(30)
    theirs, error = asyncio.run(langchain_events(with_subgraph().bind(**arguments), {"topic": "water"}))
    assert error is None
    # A graph's chunks and what its nodes do come at the same time: LangGraph guarantees no order between them.
    assert by_component(comparable_run(run.events)) == by_component(comparable_list(theirs))


@pytest.mark.parametrize("make", [asking, asking_in_subgraph])
def test_an_interrupted_and_resumed_graph_has_the_events_of_astream_events(
    recorder: Recorder, make: Callable[[], Any]
) -> None:
    graph, other = make(), make()
    for value, status in (({"topic": "water"}, Status.WAITING), (Command(resume="yes"), Status.DONE)):
        run = recorder.start(graph, value, config=THREAD)
        assert run.wait(30)
        theirs, error = asyncio.run(langchain_events(other, value, THREAD))
        assert error is None
        assert comparable_run(run.events) == comparable_list(theirs)
        assert (run.status, run.failure) == (status, None)


@pytest.mark.parametrize("method", [Method.ASTREAM, Method.ASTREAM_EVENTS])
def test_an_interrupt_ends_a_run_as_waiting_whatever_the_method(recorder: Recorder, method: Method) -> None:
    run = recorder.start(asking(), {"topic": "water"}, config=THREAD, method=method)
    assert run.wait(30)
    assert run.status is Status.WAITING
    [error] = [event for event in run.events if event.event == "on_chain_error"]
    assert (error.name, error.data["error"]["type"]) == ("ask", "Interrupted")


def test_a_graph_reports_updates_values_custom_data_and_tasks(recorder: Recorder) -> None:
    run = recorder.start(two_nodes(), {"topic": "water"})
    assert run.wait(30)
    assert [report["payload"] for report in reports(run, "updates")] == [
        {"plan": {"round": 1}},
        {"write": {"texts": ["rain on water"]}},
    ]
    assert reports(run, "values")[-1]["payload"] == {"topic": "water", "round": 1, "texts": ["rain on water"]}
    assert reports(run, "custom") == [{"namespace": [], "payload": {"planning": "water"}}]
    assert [task["payload"]["name"] for task in reports(run, "tasks")] == ["plan", "plan", "write", "write"]
    assert all(event.run_id == run.id for event in run.events if event.event.startswith("on_weir_"))


def test_a_subgraph_reports_with_its_namespace(recorder: Recorder) -> None:
    run = recorder.start(with_subgraph(), {"topic": "water"})
    assert run.wait(30)
    inner = [report for report in reports(run, "updates") if report["namespace"]]
    assert [[*report["payload"]] for report in inner] == [["plan"], ["write"]]
    assert all(report["namespace"][0].startswith("inner:") for report in inner)
    assert [[*report["payload"]] for report in reports(run, "updates") if not report["namespace"]] == [
        ["plan"],
        ["inner"],
    ]
    assert len(reports(run, "custom")) == 2


def test_checkpoints_name_the_step_that_a_run_can_go_on_from(recorder: Recorder) -> None:
    run = recorder.start(asking(), {"topic": "water"}, config=THREAD)
    assert run.wait(30)
    checkpoints = [report["payload"] for report in reports(run, "checkpoints")]
    assert [checkpoint["next"] for checkpoint in checkpoints] == [["__start__"], ["plan"], ["ask"]]
    assert all(checkpoint["config"]["configurable"]["checkpoint_id"] for checkpoint in checkpoints)


def test_a_node_that_hands_over_to_the_graph_around_it_has_not_failed(recorder: Recorder) -> None:
    run = recorder.start(hands_over(), {"topic": "water"})
    assert run.wait(30)
    assert run.status is Status.DONE
    errors = [event.data["error"] for event in run.events if event.event == "on_chain_error"]
    assert {error["type"] for error in errors} == {"Interrupted"}
    assert {error["message"] for error in errors} == {"This component handed over to the graph around it."}


def test_a_failing_node_is_the_origin_of_the_failure(recorder: Recorder) -> None:
    run = recorder.start(failing(), {"topic": "water"})
    assert run.wait(30)
    assert run.failure is not None
    assert "too wet" in run.failure.detail
    assert [event.name for event in run.events if event.event == "on_chain_error"] == ["breaks", "LangGraph"]


def test_a_graph_inside_of_a_chain_has_the_events_of_astream_events(recorder: Recorder) -> None:
    from langchain_core.runnables import RunnableLambda

    def make() -> Any:
        return RunnableLambda(lambda value: value) | two_nodes()

    run = recorder.start(make(), {"topic": "water"})
    assert run.wait(30)
    theirs, _ = asyncio.run(langchain_events(make(), {"topic": "water"}))
    assert comparable_run(run.events) == comparable_list(theirs)
