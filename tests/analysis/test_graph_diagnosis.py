"""The doctor for graphs: planted causes, each found once at its node, and sound graphs without a finding."""

import json
import operator
import re
from collections.abc import Callable
from typing import Annotated, Any, TypedDict

import pytest
from langchain.agents import create_agent
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph

from tests.support.graphs import (
    ScriptedModel,
    agent,
    branching,
    fan_out,
    looping,
    multiply,
    tool_call,
    two_nodes,
    with_subgraph,
    words,
)
from weir.analysis.finding import Finding, IssueKind
from weir.analysis.graph_diagnosis import run_findings
from weir.analysis.run_tree import run_tree
from weir.core.run_event import Component, RunEvent
from weir.runs.recorder import Recorder

WHOLE = {"stream_mode": ["updates", "messages", "custom"], "subgraphs": True}
"""How a graph is read so that nothing of it is left out."""


def findings_of(recorder: Recorder, graph: Any, value: Any = None, **config: Any) -> list[Finding]:
    run = recorder.start(graph, value or {"topic": "water"}, config=RunnableConfig(**config))  # type: ignore[typeddict-item]
    assert run.wait(30)
    root = run_tree(run.events)
    assert root is not None
    return [finding for finding in run_findings(root, run.events) if finding.kind is not IssueKind.NO_USAGE]


def agent_that_repeats() -> Any:
    call = tool_call("multiply", '{"a": 2, ', '"b": 3}')
    again = tool_call("multiply", '{"b": 3, ', '"a": 2}', index=1)
    return create_agent(ScriptedModel(answers=[call, again, words("It is 6")]), [multiply])


PLANTED: dict[str, tuple[Callable[[], Any], dict[str, Any], IssueKind, str]] = {
    "a node that calls a model": (
        lambda: two_nodes().bind(stream_mode=["updates", "custom"]),
        {},
        IssueKind.NODE_INVOKES,
        'write gave one chunk at [0-9.]+ s; GenericFakeChatModel in it wrote 5 .*modes "updates", "custom"',
    ),
    "a writer without its mode": (
        lambda: two_nodes().bind(stream_mode=["updates", "messages"]),
        {},
        IssueKind.NO_CUSTOM_MODE,
        '1 value went to the stream writer.* in the modes "updates", "messages"',
    ),
    "a hidden subgraph": (
        lambda: with_subgraph().bind(stream_mode=WHOLE["stream_mode"]),
        {},
        IssueKind.HIDDEN_SUBGRAPH,
        "inner runs a graph of its own, whose 2 changes of state",
    ),
    "a step limit nearly reached": (
        lambda: looping().bind(**WHOLE),
        {"recursion_limit": 7},
        IssueKind.STEP_LIMIT,
        "taken 6 of its 7 steps",
    ),
    "the same call again": (
        agent_that_repeats,
        {},
        IssueKind.SAME_CALL,
        r'multiply was called 2 times with \{"a":2,"b":3\}',
    ),
}


@pytest.mark.parametrize(("make", "config", "kind", "evidence"), PLANTED.values(), ids=PLANTED)
def test_a_planted_cause_is_found(
    recorder: Recorder, make: Callable[[], Any], config: dict[str, Any], kind: IssueKind, evidence: str
) -> None:
    value = {"messages": [("user", "2 * 3?")]} if make is agent_that_repeats else None
    (finding,) = findings_of(recorder, make(), value, **config)
    assert finding.kind is kind
    assert re.search(evidence, finding.evidence)


@pytest.mark.parametrize("make", [two_nodes, branching, looping, fan_out, with_subgraph])
def test_a_graph_that_is_read_whole_has_no_findings(recorder: Recorder, make: Callable[[], Any]) -> None:
    assert findings_of(recorder, make().bind(**WHOLE)) == []


def test_a_sound_agent_has_no_findings(recorder: Recorder) -> None:
    assert findings_of(recorder, agent(), {"messages": [("user", "What is 25 * 17?")]}) == []


class Count(TypedDict):
    count: Annotated[int, operator.add]


def counting(until: int) -> Any:
    graph = StateGraph(Count).add_node("add", lambda _: {"count": 1}).add_edge(START, "add")
    return graph.add_conditional_edges("add", lambda state: END if state["count"] >= until else "add").compile()


@pytest.mark.parametrize(("steps", "limit", "found"), [(8, 10, True), (7, 10, False), (20, None, False), (2, 2, False)])
def test_a_step_limit_is_near_from_four_fifths_on(
    recorder: Recorder, steps: int, limit: int | None, found: bool
) -> None:
    graph = counting(steps) if limit is None else counting(steps).with_config(recursion_limit=limit)
    kinds = [finding.kind for finding in findings_of(recorder, graph, {"count": 0})]
    assert kinds == ([IssueKind.STEP_LIMIT] if found else [])


def tool_run(*spans: tuple[float, float], end: float) -> list[Finding]:
    """Return the findings of a run with a call of a tool in each of these spans, each with other arguments."""
    root = Component("LangGraph", "root", (), (), {})
    timed: list[tuple[float, str, Component, dict[str, Any]]] = [(0.0, "on_chain_start", root, {})]
    for number, (began, ended) in enumerate(spans):
        tool = Component("search", f"tool-{number}", ("root",), (), {})
        timed.append((began, "on_tool_start", tool, {"input": {"query": number}}))
        timed.append((ended, "on_tool_end", tool, {"output": "found"}))
    timed = [*sorted(timed, key=lambda one: one[0]), (end, "on_chain_end", root, {})]
    events = [RunEvent(seq, at, name, of, json.dumps(data).encode()) for seq, (at, name, of, data) in enumerate(timed)]
    tree = run_tree(events)
    assert tree is not None
    return run_findings(tree, events)


def test_a_tool_that_takes_most_of_the_time_is_found() -> None:
    (finding,) = tool_run((1.0, 2.0), (2.5, 6.5), end=8.0)
    assert finding.kind is IssueKind.SLOW_TOOL
    assert finding.evidence == "search took 5.00 s of 8.00 s in 2 calls, the longest 4.00 s."
    assert finding.node.run_id == "tool-1"


@pytest.mark.parametrize(
    ("spans", "end"),
    [([(1.0, 4.0), (1.0, 4.5)], 8.0), ([(0.0, 0.3)], 0.4), ([], 1.0)],
    ids=["two at the same time", "quick", "none"],
)
def test_a_tool_that_takes_less_is_not_found(spans: list[tuple[float, float]], end: float) -> None:
    assert tool_run(*spans, end=end) == []
