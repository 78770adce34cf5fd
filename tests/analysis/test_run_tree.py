import json
from typing import Any

from langchain_core.runnables import RunnableLambda, RunnableParallel

from weir.analysis.event_rows import folded_rows
from weir.analysis.run_tree import NodeStatus, run_tree
from weir.core.run_event import Component, RunEvent
from weir.runs.recorder import Recorder

ROOT = Component("chain", "root", (), (), {})
MODEL = Component("ChatOpenAI", "model", ("root",), (), {})


def event(at: float, kind: str, source: Component, **data: Any) -> RunEvent:
    return RunEvent(round(at * 10), at, kind, source, json.dumps(data).encode())


STORY = [
    event(0.0, "on_chain_start", ROOT, input="q"),
    event(0.5, "on_chat_model_start", MODEL),
    event(1.0, "on_chat_model_stream", MODEL, chunk={"type": "AIMessageChunk", "content": ""}),
    event(1.5, "on_chat_model_stream", MODEL, chunk={"type": "AIMessageChunk", "content": "rain"}),
    event(1.6, "on_chain_stream", ROOT, chunk="rain"),
    event(2.0, "on_chat_model_stream", MODEL, chunk={"type": "AIMessageChunk", "content": "\n"}),
    event(
        2.5,
        "on_chat_model_end",
        MODEL,
        output={"type": "ai", "content": "rain\n", "usage_metadata": {"output_tokens": 2}},
    ),
    event(3.0, "on_chain_error", ROOT, error={"type": "ValueError", "message": "too wet"}),
]


def test_a_node_has_its_times_chunks_tokens_and_error() -> None:
    root = run_tree(STORY)
    assert root is not None
    (model,) = root.children
    assert (model.started, model.time_to_first_chunk, model.last_chunk, model.duration) == (0.5, 1.0, 2.0, 2.0)
    assert (model.chunks, model.tokens_out, model.status, model.depth) == (3, 2, NodeStatus.DONE, 1)
    assert (root.status, root.error, root.duration) == (NodeStatus.FAILED, "ValueError: too wet", 3.0)


def test_a_node_without_an_end_is_running() -> None:
    root = run_tree(STORY[:4])
    assert root is not None
    assert [node.status for node in root.walk()] == [NodeStatus.RUNNING] * 2
    assert root.duration is None
    assert run_tree([]) is None


def test_the_tree_of_a_real_run_has_its_branches_under_their_parents(recorder: Recorder) -> None:
    def fails(_: str) -> str:
        raise KeyError("inner")

    shaky = RunnableLambda(fails).with_fallbacks([RunnableLambda(str.upper)])
    run = recorder.start(RunnableLambda(str) | RunnableParallel(loud=shaky, same=RunnableLambda(str)), "go")
    assert run.wait(30)
    root = run_tree(run.events)
    assert root is not None
    nodes = {node.name: node for node in root.walk()}
    assert [child.name for child in root.children] == ["str", "RunnableParallel<loud,same>"]
    assert nodes["fails"].status is NodeStatus.FAILED
    assert nodes["fails"].error == "KeyError: 'inner'"
    assert nodes["upper"].status is NodeStatus.DONE


def test_consecutive_streaming_events_fold_into_one_row_with_their_text_once() -> None:
    folded = folded_rows(STORY)
    assert [len(row.events) for row in folded] == [1, 1, 4, 1, 1]
    assert folded[2].names == "ChatOpenAI, chain"
    assert folded[2].preview == "rain⏎"
    assert [event for row in folded for event in row.events] == STORY


def test_a_row_of_one_event_shows_its_data() -> None:
    assert folded_rows(STORY)[0].preview == '{"input": "q"}'
