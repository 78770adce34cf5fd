"""Chains that hand each chunk straight on against LangChain's own: the events are the same."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import langchain_core.output_parsers
import langchain_core.runnables
import pytest
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable, RunnableGenerator, RunnableLambda

from tests.runs.test_callback_handler import emitted, recorded
from weir.core.run_event import RunEvent
from weir.llm.overrides import direct_str_parser
from weir.llm.overrides.direct_sequence import DirectRunnableSequence, merge_chunks
from weir.runs.methods import Method
from weir.runs.recorder import Recorder
from weir.runs.run import Status

PROMPT = ChatPromptTemplate.from_template("About {topic}")
INPUT = {"topic": "water"}
USAGE = {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}


def says(*parts: Any) -> Runnable[Any, Any]:
    """Return a step that yields these, whatever it is given; an exception among them it raises."""

    async def say(given: AsyncIterator[Any]) -> AsyncIterator[Any]:
        async for _ in given:
            for part in parts:
                if isinstance(part, Exception):
                    raise part
                yield part

    return RunnableGenerator(say, name="says")


def model() -> Runnable[Any, Any]:
    return GenericFakeChatModel(messages=iter([AIMessage("rain on the water", id="message")]))


def in_blocks() -> Runnable[Any, Any]:
    blocks = [{"type": "text", "text": "rain"}, {"type": "image", "url": "a"}, {"type": "text", "text": " falls"}]
    return says(AIMessageChunk(content=blocks[:2], id="message"), AIMessageChunk(content=blocks[2:], id="message"))


def with_usage() -> Runnable[Any, Any]:
    fields = {"id": "message", "response_metadata": {"model_name": "wet"}}
    return says(
        AIMessageChunk(content="ra", id="message"), AIMessageChunk(content="in", usage_metadata=USAGE, **fields)
    )


def whole() -> Runnable[Any, Any]:
    return says(AIMessage("rain", id="message"))


def text_alone() -> Runnable[Any, Any]:
    return says("rain", " on", " the water")


def nothing() -> Runnable[Any, Any]:
    return says()


def breaks() -> Runnable[Any, Any]:
    return says(AIMessageChunk(content="rain", id="message"), ValueError("too wet"))


def breaks_at_once() -> Runnable[Any, Any]:
    return says(ValueError("too wet"))


def of_two_kinds() -> Runnable[Any, Any]:
    """Chunks that cannot be added."""
    return says("rain", AIMessageChunk(content="falls", id="message"))


ANSWERS = [model, in_blocks, with_usage, whole, text_alone, nothing, breaks, breaks_at_once, of_two_kinds]


async def takes_the_first(given: AsyncIterator[str]) -> AsyncIterator[str]:
    async for chunk in given:
        yield chunk
        return


AFTER: list[list[Runnable[Any, Any]]] = [
    [],
    [RunnableLambda(str.upper)],
    [RunnableGenerator(takes_the_first, name="takes the first")],
]


async def events_of(chain: Runnable[Any, Any]) -> list[Any]:
    events: list[Any] = []
    # The last is LangChain's own, of a lambda that is given nothing.
    with contextlib.suppress(ValueError, UnboundLocalError):
        async for event in chain.astream_events(INPUT, version="v2"):
            events.append(event)  # noqa: PERF401
    return events


@pytest.mark.parametrize("after", AFTER, ids=["", "a lambda", "a step that leaves something"])
@pytest.mark.parametrize("answer", ANSWERS)
def test_a_chain_tells_what_langchains_own_tells(recorder: Recorder, answer: Any, after: list[Any]) -> None:
    def ours() -> Runnable[Any, Any]:
        return DirectRunnableSequence(PROMPT, answer(), direct_str_parser.DirectStrOutputParser(), *after)

    theirs: Runnable[Any, Any] = langchain_core.runnables.RunnableSequence(
        PROMPT, answer(), langchain_core.output_parsers.StrOutputParser(), *after
    )
    expected = emitted(asyncio.run(events_of(theirs)))
    assert emitted(asyncio.run(events_of(ours()))) == expected
    run = recorder.start(ours(), INPUT)
    assert run.wait(30)
    assert recorded(list(run.events))[: len(expected)] == expected
    assert len(expected) >= 3


def test_a_name_is_taken_from_the_config_or_from_the_sequence(recorder: Recorder) -> None:
    chain: Runnable[Any, Any] = DirectRunnableSequence(
        PROMPT, model(), direct_str_parser.DirectStrOutputParser(), name="wet"
    )
    runs = [recorder.start(chain, INPUT), recorder.start(chain.with_config(run_name="dry"), INPUT)]
    assert all(run.wait(30) for run in runs)
    assert [run.events[0].name for run in runs] == ["wet", "dry"]


@pytest.mark.parametrize("method", list(Method))
def test_every_method_runs_it(recorder: Recorder, method: Method) -> None:
    run = recorder.start(
        DirectRunnableSequence(PROMPT, model(), direct_str_parser.DirectStrOutputParser()), INPUT, method=method
    )
    assert run.wait(30)
    assert run.status is Status.DONE
    assert run.events[-1].data["output"] == "rain on the water"


def test_what_stops_it_reaches_the_step_that_waits(recorder: Recorder) -> None:
    closed: list[str] = []

    async def waits(given: AsyncIterator[Any]) -> AsyncIterator[str]:
        try:
            async for _ in given:
                yield "rain"
                await asyncio.Event().wait()
        finally:
            closed.append("waits")

    run = recorder.start(
        DirectRunnableSequence(PROMPT, RunnableGenerator(waits), direct_str_parser.DirectStrOutputParser()), INPUT
    )

    def is_said(event: RunEvent) -> bool:
        return event.event == "on_parser_stream"

    for batch in run.follow():
        if any(map(is_said, batch)):
            run.stop()
    assert run.status is Status.STOPPED
    assert closed == ["waits"]


def test_a_total_is_what_adding_one_by_one_gives() -> None:
    chunks = [
        AIMessageChunk(content="ra", id="message"),
        AIMessageChunk(content="in", usage_metadata=USAGE),
        AIMessageChunk(content="!", id="other"),
    ]
    assert merge_chunks(chunks) == chunks[0] + chunks[1] + chunks[2]
    assert merge_chunks([1, 2, 3]) == 6
    assert merge_chunks([{"a": 1}, {"b": 2}]) == {"b": 2}
    assert merge_chunks([]) is None
