"""The record against LangChain's own `astream_events`, event by event."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from langchain_core.callbacks import adispatch_custom_event
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable, RunnableConfig, RunnableGenerator, RunnableLambda, RunnableParallel
from langchain_core.tools import tool

from chains.router import smart_router
from streaming import plain
from streaming.events import Event
from streaming.recorder import Recorder
from streaming.run import Status

PROMPT = ChatPromptTemplate.from_template("About {topic}")
INPUT = {"topic": "water", "question": "Why is water wet?", "history": []}


def model(*answers: str) -> GenericFakeChatModel:
    return GenericFakeChatModel(messages=iter([AIMessage(answer, id=f"message-{answer}") for answer in answers]))


@tool
async def count_words(text: str) -> int:
    """Count the words of a text."""
    return len(text.split())


async def tells(text: str, config: RunnableConfig) -> str:
    await adispatch_custom_event("noticed", {"length": len(text)}, config=config)
    await adispatch_custom_event("noticed", "a second time", config=config)
    return text


async def breaks(chunks: AsyncIterator[str]) -> AsyncIterator[str]:
    async for chunk in chunks:
        yield chunk
        raise ValueError("too wet")


def plain_chain() -> Runnable[Any, Any]:
    return (PROMPT | model("rain on the water") | StrOutputParser()).with_config(
        run_name="story", tags=["mine"], metadata={"depth": 3}
    )


def parallel() -> Runnable[Any, Any]:
    async def loud(value: dict[str, str]) -> str:
        return value["topic"].upper()

    async def quiet(value: dict[str, str]) -> str:
        await asyncio.sleep(0.05)
        return value["topic"].lower()

    return RunnableParallel(loud=loud, quiet=quiet)


def router() -> Runnable[Any, Any]:
    async def classify(_: Any) -> str:
        return "general"

    return smart_router(model("Because it is water"), RunnableLambda(classify))


def with_tool() -> Runnable[Any, Any]:
    return PROMPT | model("rain on the water") | StrOutputParser() | count_words


def custom_events() -> Runnable[Any, Any]:
    return PROMPT | model("rain on the water") | StrOutputParser() | RunnableLambda(tells)


def failing() -> Runnable[Any, Any]:
    return PROMPT | model("rain on the water") | StrOutputParser() | RunnableGenerator(breaks)


CHAINS = [plain_chain, parallel, router, with_tool, custom_events, failing]


async def langchain_events(chain: Runnable[Any, Any]) -> tuple[list[Any], Exception | None]:
    events: list[Any] = []
    try:
        async for event in chain.astream_events(INPUT, version="v2"):
            events.append(event)  # noqa: PERF401
    except ValueError as error:
        return events, error
    return events, None


def comparable(event: str, name: str, tags: Any, metadata: Any, parents: Any, data: bytes, ids: dict[str, str]) -> Any:
    """Return an event with each run id replaced by the place of its first appearance, in the data too."""
    # How long the router's decision took is another figure each time.
    told = re.sub(r'"seconds":[-+.e\d]+', '"seconds":0', data.decode())
    for run_id, place in ids.items():
        told = told.replace(run_id, place)
    return event, name, list(tags), metadata, [ids[parent] for parent in parents], plain.loads(told.encode())


def numbered(run_ids: list[str]) -> dict[str, str]:
    return {run_id: f"run {place}" for place, run_id in enumerate(dict.fromkeys(run_ids))}


def recorded(events: list[Event]) -> list[Any]:
    ids = numbered([event.run_id for event in events])
    return [
        comparable(e.event, e.name, e.source.tags, e.source.metadata, e.source.parent_ids, e.payload, ids)
        for e in events
    ]


def emitted(events: list[Any]) -> list[Any]:
    ids = numbered([event["run_id"] for event in events])
    return [
        comparable(e["event"], e["name"], e["tags"], e["metadata"], e["parent_ids"], plain.dumps(e["data"]), ids)
        for e in events
    ]


@pytest.mark.parametrize("make", CHAINS)
def test_the_record_is_langchains_own_list_in_order_with_its_data(recorder: Recorder, make: Any) -> None:
    run = recorder.start(make(), INPUT)
    assert run.wait(5)
    theirs, error = asyncio.run(langchain_events(make()))
    mine = list(run.events)
    if error is not None:
        assert run.status is Status.FAILED
        # What Weir adds: an end for each component that LangChain leaves open.
        added = mine[len(theirs) :]
        assert all(event.event.endswith("_error") for event in added)
        assert len(added) == len({event.run_id for event in added}) == 4
        mine = mine[: len(theirs)]
    assert recorded(mine) == emitted(theirs)
    assert len(mine) > 5
