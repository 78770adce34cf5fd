"""Threads of a graph: run, interrupted, resumed after a restart, forked; and what a chain cannot be given."""

import asyncio
import operator
import sqlite3
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.runnables import RunnableLambda
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, StateGraph
from langgraph.runtime import get_runtime
from pydantic import ValidationError

from tests.support.graphs import asking, looping, two_nodes
from weir.analysis.graph_state import checkpoints, interrupts, state_at, state_changes
from weir.runs.graph_options import GraphOptions, GraphOptionsError, configure_run, waiting_interrupts
from weir.runs.recorder import Recorder
from weir.runs.run import Run, Status


def run_with(recorder: Recorder, graph: Any, value: Any, **options: Any) -> tuple[Run, str]:
    configured = configure_run(graph, value, GraphOptions(**options))
    run = recorder.start(configured.runnable, configured.value, config=configured.config)
    assert run.wait(30)
    assert configured.thread_id is not None
    return run, configured.thread_id


def test_a_graph_with_a_checkpointer_gets_a_thread_of_its_own_and_is_resumed(recorder: Recorder) -> None:
    graph = asking()
    waiting, thread = run_with(recorder, graph, {"topic": "water"})
    assert waiting.status is Status.WAITING
    assert [asked["value"] for asked in interrupts(waiting)] == [{"question": "Is this right?"}]
    done, same = run_with(recorder, graph, None, thread_id=thread, resume="yes")
    assert (done.status, same, interrupts(done)) == (Status.DONE, thread, [])
    assert state_at(done.events, len(done.events))["texts"] == ["answered yes", "rain on water"]
    assert [change.node for change in state_changes(done.events)] == ["ask", "write"]


def test_a_run_is_resumed_after_a_restart_from_a_checkpointer_on_disk(recorder: Recorder, tmp_path: Path) -> None:
    def restarted() -> tuple[Any, sqlite3.Connection]:
        connection = sqlite3.connect(tmp_path / "threads.sqlite", check_same_thread=False)
        return asking(SqliteSaver(connection)), connection

    graph, connection = restarted()
    waiting, thread = run_with(recorder, graph, {"topic": "water"})
    connection.close()
    assert waiting.status is Status.WAITING
    graph, connection = restarted()
    [asked] = asyncio.run(waiting_interrupts(graph, thread))
    assert asked["value"] == {"question": "Is this right?"}
    done, _ = run_with(
        recorder, graph.with_config(tags=["a"]), None, thread_id=thread, resume={"fine": True}, context={}
    )
    connection.close()
    assert done.status is Status.DONE
    assert "answered {'fine': True}" in state_at(done.events, len(done.events))["texts"]


def test_a_run_is_forked_from_a_checkpoint_of_its_history(recorder: Recorder) -> None:
    graph = asking()
    first, thread = run_with(recorder, graph, {"topic": "water"})
    run_with(recorder, graph, None, thread_id=thread, resume="no")
    [fork] = [checkpoint for _, checkpoint, following in checkpoints(first.events) if following == ["ask"]]
    again, _ = run_with(recorder, graph, None, thread_id=thread, checkpoint_id=fork)
    assert again.status is Status.WAITING
    assert [event.name for event in again.events if event.event == "on_chain_start"] == ["LangGraph", "ask"]
    other, _ = run_with(recorder, graph, None, thread_id=thread, resume="yes")
    assert state_at(other.events, len(other.events))["texts"][0] == "answered yes"


def test_the_limit_of_steps_ends_a_graph(recorder: Recorder) -> None:
    configured = configure_run(looping(), {"topic": "water"}, GraphOptions(recursion_limit=2))
    run = recorder.start(configured.runnable, configured.value, config=configured.config)
    assert run.wait(30)
    assert run.failure is not None
    assert "GraphRecursionError" in run.failure.detail


def test_a_graph_gets_its_context(recorder: Recorder) -> None:
    class State(TypedDict):
        texts: Annotated[list[str], operator.add]

    class Context(TypedDict):
        name: str

    async def greet(state: State) -> State:
        return {"texts": [f"Hello, {get_runtime(Context).context['name']}"]}

    graph = StateGraph(State, Context).add_node(greet).add_edge(START, "greet").compile()
    configured = configure_run(graph, {"texts": []}, GraphOptions(context={"name": "Ada"}))
    run = recorder.start(configured.runnable, configured.value, config=configured.config)
    assert run.wait(30)
    assert state_at(run.events, len(run.events)) == {"texts": ["Hello, Ada"]}


@pytest.mark.parametrize(
    ("runnable", "options", "sentence"),
    [
        (RunnableLambda(str), {"thread_id": "one"}, "Only a graph has a thread"),
        (two_nodes(), {"thread_id": "one"}, "has no checkpointer"),
        (two_nodes(), {"resume": "yes"}, "has no checkpointer"),
        (asking(), {"resume": "yes"}, "Name the thread"),
        (asking(), {"checkpoint_id": "x"}, "Name the thread"),
    ],
)
def test_options_that_a_chain_has_no_use_for_are_refused(runnable: Any, options: Any, sentence: str) -> None:
    with pytest.raises(GraphOptionsError, match=sentence):
        configure_run(runnable, {}, GraphOptions(**options))


def test_options_are_bounded() -> None:
    for options in ({"recursion_limit": 0}, {"recursion_limit": 10**6}, {"thread_id": ""}, {"thread": "one"}):
        with pytest.raises(ValidationError):
            GraphOptions.model_validate(options)


def test_a_chain_keeps_its_input_and_takes_a_limit_of_steps() -> None:
    chain = RunnableLambda(str)
    configured = configure_run(chain, "a", GraphOptions(recursion_limit=7))
    assert (configured.runnable, configured.value, configured.config) == (chain, "a", {"recursion_limit": 7})
    assert asyncio.run(configured.runnable.ainvoke(configured.value, configured.config)) == "a"
