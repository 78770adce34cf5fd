import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import PydanticOutputParser, StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable, RunnableLambda, RunnableParallel
from pydantic import BaseModel

from weir.analysis.finding import Finding, IssueKind
from weir.analysis.run_tree import run_tree
from weir.analysis.stream_diagnosis import findings, flows
from weir.core.run_event import Component, RunEvent
from weir.runs.recorder import Recorder

STORY = "Once upon a time there was a weir in a river"


class Fact(BaseModel):
    text: str
    sure: bool


def model(answer: str = STORY, **more: Any) -> GenericFakeChatModel:
    return GenericFakeChatModel(messages=iter([AIMessage(answer)]), **more)


PROMPT = ChatPromptTemplate.from_template("About {topic}")


async def calls_invoke(value: Any) -> str:
    return await (PROMPT | model() | StrOutputParser()).ainvoke(value)


async def passes_on(chunks: AsyncIterator[str]) -> AsyncIterator[str]:
    async for chunk in chunks:
        yield chunk.upper()


def findings_of(recorder: Recorder, chain: Runnable[Any, Any]) -> list[Finding]:
    run = recorder.start(chain, {"topic": "water"})
    assert run.wait(30)
    root = run_tree(run.events)
    assert root is not None
    return [finding for finding in findings(root) if finding.kind is not IssueKind.NO_USAGE]


BUFFERING: dict[str, tuple[Any, IssueKind, str]] = {
    "a lambda that calls invoke": (lambda: RunnableLambda(calls_invoke), IssueKind.INVOKES, "calls_invoke"),
    "a lambda that calls invoke, in a sequence": (
        lambda: RunnableLambda(calls_invoke) | RunnableLambda(str.upper),
        IssueKind.INVOKES,
        "calls_invoke",
    ),
    "a plain lambda after the parser": (
        lambda: PROMPT | model() | StrOutputParser() | RunnableLambda(str.upper),
        IssueKind.WHOLE_INPUT,
        "upper",
    ),
    "a Pydantic parser that needs its last field": (
        lambda: PROMPT | model('{"text": "water is wet", "sure": true}') | PydanticOutputParser(pydantic_object=Fact),
        IssueKind.WHOLE_PARSER,
        "PydanticOutputParser",
    ),
    "a model that does not stream": (
        lambda: PROMPT | model(STORY * 20, disable_streaming=True) | StrOutputParser(),
        IssueKind.MODEL_IN_ONE,
        "GenericFakeChatModel",
    ),
    "the same answer on two branches": (
        lambda: RunnableParallel(one=PROMPT | model(), other=PROMPT | model()),
        IssueKind.TWICE,
        "GenericFakeChatModel",
    ),
}


@pytest.mark.parametrize(("make", "kind", "name"), BUFFERING.values(), ids=BUFFERING)
def test_the_component_that_does_not_stream_is_found(recorder: Recorder, make: Any, kind: IssueKind, name: str) -> None:
    (finding,) = findings_of(recorder, make())
    assert finding.kind is kind
    assert finding.node.name == name
    assert name in finding.evidence


@pytest.mark.parametrize(
    "chain",
    [
        lambda: PROMPT | model() | StrOutputParser(),
        lambda: PROMPT | model() | StrOutputParser() | passes_on,
        lambda: RunnableLambda(lambda _: PROMPT | model() | StrOutputParser()),
        lambda: RunnableLambda(str) | RunnableLambda(str.upper),
    ],
    ids=["plain", "generator step", "lambda that returns its chain", "no model"],
)
def test_a_chain_that_streams_has_no_findings(recorder: Recorder, chain: Any) -> None:
    assert findings_of(recorder, chain()) == []


def test_flows_count_what_goes_in_and_out_of_each_step(recorder: Recorder) -> None:
    run = recorder.start(PROMPT | model() | StrOutputParser() | RunnableLambda(str.upper), {"topic": "water"})
    assert run.wait(30)
    root = run_tree(run.events)
    assert root is not None
    words = len(STORY.split()) * 2 - 1
    assert [(flow.node.name, flow.chunks_in, flow.chunks_out) for flow in flows(root)] == [
        ("RunnableSequence", None, 1),
        ("ChatPromptTemplate", None, 0),
        ("GenericFakeChatModel", 0, words),
        ("StrOutputParser", words, words),
        ("upper", words, 1),
    ]


MODEL = Component("ChatOpenAI", "model", (), (), {})


def model_run(arrivals: Sequence[float], *, reason: str | None = "stop", usage: bool = True) -> list[Finding]:
    output: dict[str, Any] = {
        "content": "x",
        "usage_metadata": {"input_tokens": 1, "output_tokens": 5} if usage else None,
        "response_metadata": {"model_provider": "openai", "finish_reason": reason},
    }
    timed: list[tuple[float, str, dict[str, Any]]] = [
        (0.0, "start", {}),
        *((at, "stream", {"chunk": {"content": f"word {at}"}}) for at in arrivals),
    ]
    timed.append((arrivals[-1], "end", {"output": output}))
    events = [
        RunEvent(seq, at, f"on_chat_model_{stage}", MODEL, json.dumps(data).encode())
        for seq, (at, stage, data) in enumerate(timed)
    ]
    root = run_tree(events)
    assert root is not None
    return findings(root)


STEADY = [0.5 + number / 20 for number in range(20)]


def test_a_steady_model_has_no_findings() -> None:
    assert model_run(STEADY) == []


def test_a_stall_is_found_at_its_event() -> None:
    (finding,) = model_run([at if at < 1 else at + 3 for at in STEADY])
    assert finding.kind is IssueKind.STALL
    assert "3.05 s from 0.95 s on; its median gap is 50 ms" in finding.evidence
    assert finding.seq == 11


def test_a_short_gap_is_not_a_stall() -> None:
    assert model_run([0.5 + number / 1000 * 3 + (0.1 if number > 10 else 0) for number in range(20)]) == []


def test_bursts_are_found() -> None:
    bursts = [second + number / 10_000 for second in (1.0, 2.0, 3.0) for number in range(20)]
    (finding,) = model_run(bursts)
    assert finding.kind is IssueKind.BURSTS
    assert "60 chunks of ChatOpenAI arrived in 3 bursts" in finding.evidence


def test_a_fast_model_has_no_bursts() -> None:
    assert model_run([0.1 + number / 5_000 for number in range(200)]) == []


def test_missing_usage_and_finish_reason_are_found() -> None:
    assert {finding.kind for finding in model_run(STEADY, reason=None, usage=False)} == {
        IssueKind.NO_USAGE,
        IssueKind.NO_FINISH_REASON,
    }


def test_a_tool_call_that_is_written_for_long_is_no_silence() -> None:
    """Its pieces arrive evenly between two texts."""
    component = Component("model", "model", (), (), {})

    def chunk(at: float, text: str, arguments: str = "") -> RunEvent:
        pieces = [{"name": None, "args": arguments, "id": None, "index": 0}] if arguments else []
        message = {"type": "AIMessageChunk", "content": text, "tool_call_chunks": pieces}
        return RunEvent(0, at, "on_chat_model_stream", component, json.dumps({"chunk": message}).encode())

    start = RunEvent(0, 0.0, "on_chat_model_start", component, b"{}")
    texts = [chunk(0.02 * number, "a") for number in range(1, 10)]
    calls = [chunk(0.2 + 0.02 * number, "", '{"a"') for number in range(100)]
    tree = run_tree([start, *texts, *calls, chunk(2.2, "b")])
    assert tree is not None
    assert [finding for finding in findings(tree) if finding.kind is IssueKind.STALL] == []
