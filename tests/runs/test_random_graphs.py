"""Random graphs (nodes, branches, loops, fan-out, subgraphs) against LangChain's own list of events."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.runnables import RunnableLambda
from langgraph.graph import END, START, StateGraph
from langgraph.types import Send

from tests.support.graphs import State, fake_model, plan, shorten, write
from tests.support.parity import by_component, comparable_list, comparable_run, langchain_events
from weir.runs.background_loop import BackgroundLoop
from weir.runs.recorder import Recorder
from weir.runs.run import Status
from weir.runs.run_store import MemoryStore

pytestmark = pytest.mark.slow


async def chain_in_node(state: State) -> State:
    loud = RunnableLambda(lambda text: text.upper())
    return {"texts": [await (fake_model("a b") | RunnableLambda(lambda message: message.text) | loud).ainvoke("x")]}


async def breaks(state: State) -> State:
    raise ValueError("too wet")


NODES = {"plan": plan, "write": write, "shorten": shorten, "chain": chain_in_node}


@dataclass(frozen=True)
class Shape:
    """A graph: its nodes in a row, and what leads from each to others besides the next one."""

    nodes: tuple[str, ...]
    jumps: tuple[tuple[int, int], ...]
    """From and to; a jump back is a loop."""
    fan_out: tuple[int, ...]
    """Nodes that are sent to three times by the node before them."""
    inner: "Shape | None" = None
    """Subgraph that stands last."""
    fails: bool = False


def shapes(depth: int = 1) -> st.SearchStrategy[Shape]:
    numbers = st.integers(0, 3)
    return st.builds(
        Shape,
        nodes=st.lists(st.sampled_from(sorted(NODES)), min_size=1, max_size=4).map(tuple),
        jumps=st.lists(st.tuples(numbers, numbers), max_size=2, unique_by=lambda jump: jump[0]).map(tuple),
        fan_out=st.lists(st.integers(1, 3), max_size=1).map(tuple),
        inner=st.none() | shapes(depth - 1) if depth else st.none(),
        fails=st.sampled_from([False, False, False, True]),
    )


def build(shape: Shape) -> Any:
    graph = StateGraph(State)
    names = [f"{kind}{number}" for number, kind in enumerate(shape.nodes)]
    for name, kind in zip(names, shape.nodes, strict=True):
        graph.add_node(name, NODES[kind])
    if shape.inner:
        graph.add_node("inner", build(shape.inner))
        names.append("inner")
    if shape.fails:
        graph.add_node("breaks", breaks)
        names.append("breaks")
    graph.add_edge(START, names[0])
    jumps = dict(shape.jumps)
    for number, name in enumerate(names):
        following = names[number + 1] if number + 1 < len(names) else END
        if number + 1 in shape.fan_out and following != END:
            graph.add_conditional_edges(name, send_to(following), [following])
        elif jumps.get(number, len(names)) < len(names):
            jump = names[jumps[number]]
            graph.add_conditional_edges(name, choose(jump, following), [jump, following])
        else:
            graph.add_edge(name, following)
    return graph.compile()


def send_to(node: str) -> Any:
    def send(_: State) -> list[Send]:
        return [Send(node, {"topic": topic, "texts": ["sent"]}) for topic in ("rain", "snow", "hail")]

    return send


def choose(jump: str, following: str) -> Any:
    def decide(state: State) -> str:
        return jump if len(state.get("texts", ())) < 6 and state.get("round", 0) < 2 else following

    return decide


@pytest.fixture(scope="module")
def module_recorder() -> Any:
    loop = BackgroundLoop("test-random-graphs")
    yield Recorder(MemoryStore(budget=50_000_000), loop)
    loop.close()


TRIES = 20
"""Where a node fails beside others, how far those get is up to LangGraph's timing: until both have got equally far."""
SEEN: set[Shape] = set()
"""The graphs that are well: of the two hundred, a quarter have been drawn before."""


@settings(
    max_examples=200,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(shape=shapes())
def test_random_graphs_have_the_events_of_astream_events(module_recorder: Recorder, shape: Shape) -> None:
    if shape in SEEN:
        return
    parts = [shape, *filter(None, [shape.inner])]
    is_concurrent = any(part.fan_out for part in parts)
    for _ in range(TRIES if is_concurrent and any(part.fails for part in parts) else 1):
        ours, expected = events_of_both(module_recorder, shape)
        if is_concurrent:
            ours, expected = by_component(ours), by_component(expected)
        if ours == expected:
            break
    assert ours == expected
    SEEN.add(shape)


def events_of_both(recorder: Recorder, shape: Shape) -> tuple[list[str], list[str]]:
    """Run a graph with Weir and with LangChain; return the events of each."""
    config: Any = {"recursion_limit": 12}
    graph = build(shape)
    run = recorder.start(graph, {"topic": "water"}, config=config)
    assert run.wait(30)
    theirs, error = asyncio.run(langchain_events(graph, {"topic": "water"}, config))
    assert run.status is (Status.FAILED if error else Status.DONE)
    return comparable_run(run.events), comparable_list(theirs)
