"""The record against LangChain's own `astream_events`, event by event."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from langchain_core.callbacks import (
    AsyncCallbackManager,
    BaseCallbackHandler,
    CallbackManagerForRetrieverRun,
    adispatch_custom_event,
)
from langchain_core.documents import Document
from langchain_core.language_models import FakeStreamingListLLM, GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import JsonOutputParser, StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import (
    Runnable,
    RunnableBranch,
    RunnableConfig,
    RunnableGenerator,
    RunnableLambda,
    RunnableParallel,
    RunnablePassthrough,
)
from langchain_core.tools import tool

from chains.router import smart_router
from weir.core import serialization
from weir.core.run_event import RunEvent
from weir.runs.methods import Method
from weir.runs.recorder import Recorder
from weir.runs.run import Status

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


def only_a_model() -> Runnable[Any, Any]:
    return RunnableLambda(lambda value: value["topic"]) | model("rain on the water")


def model_alone() -> Runnable[Any, Any]:
    return model("rain on the water").with_config(tags=["alone"])


def text_model() -> Runnable[Any, Any]:
    return PROMPT | FakeStreamingListLLM(responses=["rain"])


class Loud(Runnable[Any, str]):
    """Has no stream of its own, and tells no callback of anything."""

    def invoke(self, input: Any, config: RunnableConfig | None = None, **_: Any) -> str:  # noqa: ARG002
        return str(input)


def untold_root() -> Runnable[Any, Any]:
    return Loud()


def lambda_in_a_thread() -> Runnable[Any, Any]:
    inner = PROMPT | model("rain on the water") | StrOutputParser()

    def shout(value: dict[str, str], config: RunnableConfig) -> str:
        return str(inner.invoke(value, config)).upper()

    return RunnableLambda(shout) | RunnableLambda(str.lower)


def asked_for_a_whole_answer() -> Runnable[Any, Any]:
    inner = PROMPT | model("rain on the water") | StrOutputParser()

    async def ask(value: dict[str, str], config: RunnableConfig) -> str:
        return str(await inner.ainvoke(value, config))

    return RunnableLambda(ask)


class Shelf(BaseRetriever):
    """Finds one document about anything."""

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:  # noqa: ARG002
        return [Document(page_content=f"all about {query}", metadata={"shelf": 3})]


def retrieving() -> Runnable[Any, Any]:
    return RunnableLambda(lambda value: value["topic"]) | Shelf()


@tool
def breaks_down(text: str) -> str:
    """Fail on any text."""
    raise ValueError(f"cannot do {text}")


def failing_tool() -> Runnable[Any, Any]:
    return RunnableLambda(lambda value: value["topic"]) | breaks_down.with_fallbacks([count_words])


def branching() -> Runnable[Any, Any]:
    wet = PROMPT | model("rain on the water") | StrOutputParser()
    return RunnableBranch((lambda value: "water" in value["topic"], wet), RunnableLambda(str))


def mapped() -> Runnable[Any, Any]:
    async def quiet(word: str) -> str:
        return word.lower()

    return RunnableLambda(lambda value: value["question"].split()[:1]) | RunnableLambda(quiet).map()


def growing_json() -> Runnable[Any, Any]:
    return PROMPT | model('{"title": "Rain on the water", "wet": true}') | JsonOutputParser()


def kept_beside_the_input() -> Runnable[Any, Any]:
    return RunnablePassthrough.assign(story=PROMPT | model("rain on the water") | StrOutputParser())


CHAINS = [
    plain_chain,
    parallel,
    router,
    with_tool,
    custom_events,
    failing,
    only_a_model,
    model_alone,
    text_model,
    untold_root,
    lambda_in_a_thread,
    asked_for_a_whole_answer,
    retrieving,
    failing_tool,
    branching,
    mapped,
    growing_json,
]


async def langchain_events(chain: Runnable[Any, Any], value: Any) -> tuple[list[Any], Exception | None]:
    events: list[Any] = []
    try:
        async for event in chain.astream_events(value, version="v2"):
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
    return event, name, list(tags), metadata, [ids[parent] for parent in parents], serialization.loads(told.encode())


def numbered(run_ids: list[str]) -> dict[str, str]:
    return {run_id: f"run {place}" for place, run_id in enumerate(dict.fromkeys(run_ids))}


def recorded(events: list[RunEvent]) -> list[Any]:
    ids = numbered([event.run_id for event in events])
    return [
        comparable(e.event, e.name, e.component.tags, e.component.metadata, e.component.parent_ids, e.payload, ids)
        for e in events
    ]


def emitted(events: list[Any]) -> list[Any]:
    ids = numbered([event["run_id"] for event in events])
    return [
        comparable(
            e["event"], e["name"], e["tags"], e["metadata"], e["parent_ids"], serialization.dumps(e["data"]), ids
        )
        for e in events
    ]


def input_of(make: Any) -> Any:
    return "Why is water wet?" if make is model_alone else INPUT


@pytest.mark.parametrize("make", CHAINS)
def test_the_record_is_langchains_own_list_in_order_with_its_data(recorder: Recorder, make: Any) -> None:
    run = recorder.start(make(), input_of(make))
    assert run.wait(5)
    theirs, error = asyncio.run(langchain_events(make(), input_of(make)))
    mine = list(run.events)
    if error is not None:
        assert run.status is Status.FAILED
        # What Weir adds: an end for each component that LangChain leaves open.
        added = mine[len(theirs) :]
        assert all(event.event.endswith("_error") for event in added)
        assert len(added) == len({event.run_id for event in added}) == 4
        mine = mine[: len(theirs)]
    else:
        assert run.status is Status.DONE
    assert recorded(mine) == emitted(theirs)
    assert len(mine) > 5 or make in (model_alone, untold_root)


def test_what_goes_on_side_by_side_is_told_in_order_for_each_component(recorder: Recorder) -> None:
    """Between two that run at once LangChain keeps no order: it depends on how long its own handlers take."""
    run = recorder.start(kept_beside_the_input(), INPUT)
    assert run.wait(5)
    theirs, _ = asyncio.run(langchain_events(kept_beside_the_input(), INPUT))

    def by_component(events: list[Any]) -> list[Any]:
        return sorted(([event[1], len(event[4]), event[0], event[5]] for event in events), key=lambda event: event[:2])

    assert by_component(recorded(list(run.events))) == by_component(emitted(theirs))


@pytest.mark.parametrize("method", [Method.STREAM, Method.ASTREAM_EVENTS])
@pytest.mark.parametrize("make", [plain_chain, only_a_model, branching, growing_json])
def test_other_ways_to_stream_leave_the_same_record(recorder: Recorder, make: Any, method: Method) -> None:
    run, other = recorder.start(make(), INPUT), recorder.start(make(), INPUT, method=method)
    assert run.wait(5)
    assert other.wait(5)
    assert recorded(list(run.events)) == recorded(list(other.events))
    assert run.status is other.status is Status.DONE


def test_handlers_of_the_caller_hear_of_the_run_as_well(recorder: Recorder) -> None:
    heard: list[str] = []

    class Ear(BaseCallbackHandler):
        def on_llm_end(self, *_: Any, **__: Any) -> None:
            heard.append("model")

    manager = AsyncCallbackManager(handlers=[])
    manager.add_handler(Ear())
    configs: list[RunnableConfig] = [{"callbacks": manager}, {"callbacks": [Ear()]}]
    runs = [recorder.start(plain_chain(), INPUT, config=config) for config in configs]
    assert all(run.wait(5) for run in runs)
    assert heard == ["model", "model"]
    assert recorded(list(runs[0].events)) == recorded(list(runs[1].events))
