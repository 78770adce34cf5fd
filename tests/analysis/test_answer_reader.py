"""The answer of a run: what its root writes, and in a graph what its last model writes."""

import json
from typing import Any

from tests.support.graphs import ScriptedModel, State, agent, tool_call, two_nodes, words
from weir.analysis.answer_reader import AnswerReader, answer_chunks, answer_text
from weir.analysis.metrics import run_metrics
from weir.analysis.run_tree import run_tree
from weir.core.run_event import Component, RunEvent
from weir.runs.recorder import Recorder

GRAPH = Component("LangGraph", "root", (), (), {"ls_integration": "langgraph"})
CHAIN = Component("chain", "root", (), (), {})


def model(name: str) -> Component:
    return Component("model", name, ("root",), (), {})


def event(at: float, kind: str, source: Component, **data: Any) -> RunEvent:
    return RunEvent(0, at, kind, source, json.dumps(data).encode())


def writes(at: float, name: str, text: str) -> RunEvent:
    chunk = {"type": "AIMessageChunk", "content": text}
    return event(at, "on_chat_model_stream", model(name), chunk=chunk)


def calls(at: float, name: str, arguments: str) -> RunEvent:
    piece = {"type": "tool_call_chunk", "name": None, "args": arguments, "id": None, "index": 0}
    chunk = {"type": "AIMessageChunk", "content": "", "tool_call_chunks": [piece]}
    return event(at, "on_chat_model_stream", model(name), chunk=chunk)


def thinks(at: float, name: str, text: str) -> RunEvent:
    chunk = {"type": "AIMessageChunk", "content": "", "additional_kwargs": {"reasoning_content": text}}
    return event(at, "on_chat_model_stream", model(name), chunk=chunk)


def started(source: Component, *names: str) -> list[RunEvent]:
    models = [event(0.0, "on_chat_model_start", model(name)) for name in names]
    return [event(0.0, "on_chain_start", source, input="q"), *models]


def test_the_answer_of_a_graph_is_that_of_the_model_that_began_to_write_last() -> None:
    events = [
        *started(GRAPH, "one", "two"),
        writes(1.0, "one", "Let me "),
        writes(2.0, "two", "It is "),
        writes(2.5, "one", "look."),
        writes(3.0, "two", "425."),
    ]
    assert answer_text(events) == "It is 425."
    assert [at.elapsed for at, _ in answer_chunks(events)] == [2.0, 3.0]
    metrics = run_metrics(events)
    assert (metrics.time_to_first_token, metrics.inter_token_latencies) == (2.0, (1.0,))
    assert (metrics.chunks, metrics.characters) == (2, 10)


def test_a_reader_of_a_live_graph_learns_that_another_answer_begins() -> None:
    reader = AnswerReader()
    events = [*started(GRAPH, "one", "two"), writes(1.0, "one", "a"), writes(2.0, "two", "b"), writes(3.0, "one", "c")]
    read = [(reader.read(event), reader.begins_anew) for event in events]
    assert read[-3:] == [("a", False), ("b", True), ("", False)]


def test_the_answer_of_a_chain_is_never_that_of_a_model_inside_of_it() -> None:
    events = [*started(CHAIN, "one"), writes(1.0, "one", '{"category": "math"}')]
    assert answer_text(events) == ""
    assert run_metrics(events).time_to_first_token is None


def test_a_recorded_graph_and_agent_have_an_answer_and_figures(recorder: Recorder) -> None:
    for chain, value, answer in (
        (two_nodes(), {"topic": "water"}, "rain on water"),
        (agent(), {"messages": [("user", "What is 25 * 17?")]}, "It is 425 "),
    ):
        run = recorder.start(chain, value)
        assert run.wait(30)
        assert answer_text(run.events) == answer
        metrics = run_metrics(run.events)
        assert metrics.characters == len(answer)
        assert metrics.time_to_first_token is not None
        assert metrics.inter_token_latencies


def test_the_pieces_of_a_tool_call_have_times_and_count_as_tokens() -> None:
    events = [*started(GRAPH, "one"), *(calls(1.0 + number, "one", '{"a"') for number in range(3))]
    root = run_tree(events)
    assert root is not None
    [node] = root.children
    assert (list(node.chunk_times), node.tool_chunks) == ([1.0, 2.0, 3.0], 3)
    assert node.tokens_per_second == 1.0
    assert run_metrics(events).tokens_out == 3


def test_thinking_is_a_phase_of_its_own_with_time_and_tokens() -> None:
    usage = {"input_tokens": 5, "output_tokens": 9, "output_token_details": {"reasoning": 6}}
    output = {"type": "ai", "content": "ab", "usage_metadata": usage}
    events = [
        *started(GRAPH, "one"),
        thinks(1.0, "one", "Let me "),
        thinks(2.0, "one", "see."),
        writes(2.5, "one", "a"),
        writes(4.0, "one", "b"),
    ]
    live = run_metrics(events)
    assert (live.time_to_first_reasoning, live.thinking_seconds, live.reasoning_tokens) == (1.0, 1.5, 2)
    assert (live.time_to_first_token, live.tokens_out) == (2.5, 4)
    ended = run_metrics([*events, event(5.0, "on_chat_model_end", model("one"), output=output)])
    assert (ended.reasoning_tokens, ended.tokens_out, ended.thinking_seconds) == (6, 9, 1.5)
    root = run_tree(events)
    assert root is not None
    assert (root.children[0].reasoning, root.children[0].text) == ("Let me see.", "ab")


def test_an_agent_that_only_calls_tools_so_far_is_not_silent(recorder: Recorder) -> None:
    from langgraph.graph import START, StateGraph

    scripted = ScriptedModel(answers=[tool_call("multiply", '{"a": ', "1}"), words("never")])

    async def ask(state: State) -> State:
        await scripted.ainvoke(state["topic"])
        return {}

    run = recorder.start(StateGraph(State).add_node(ask).add_edge(START, "ask").compile(), {"topic": "water"})
    assert run.wait(30)
    root = run_tree(run.events)
    assert root is not None
    [node] = [node for node in root.walk() if node.is_model]
    assert (node.tool_chunks, len(node.chunk_times)) == (3, 3)
