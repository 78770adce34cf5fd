"""The events of the callback handlers, compared with those of LangChain's `astream_events` one by one."""

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

from chains.smart_router import smart_router
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


async def dispatch_events(text: str, config: RunnableConfig) -> str:
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
    return PROMPT | model("rain on the water") | StrOutputParser() | RunnableLambda(dispatch_events)


def failing() -> Runnable[Any, Any]:
    return PROMPT | model("rain on the water") | StrOutputParser() | RunnableGenerator(breaks)


def only_a_model() -> Runnable[Any, Any]:
    return RunnableLambda(lambda value: value["topic"]) | model("rain on the water")


def model_alone() -> Runnable[Any, Any]:
    return model("rain on the water").with_config(tags=["alone"])


def text_model() -> Runnable[Any, Any]:
    return PROMPT | FakeStreamingListLLM(responses=["rain"])


class Loud(Runnable[Any, str]):
    """Has no `stream` of its own, and calls no callbacks."""

    def invoke(self, input: Any, config: RunnableConfig | None = None, **_: Any) -> str:  # noqa: ARG002
        return str(input)


def root_without_callbacks() -> Runnable[Any, Any]:
    return Loud()


def lambda_in_a_thread() -> Runnable[Any, Any]:
    inner = PROMPT | model("rain on the water") | StrOutputParser()

    def shout(value: dict[str, str], config: RunnableConfig) -> str:
        return str(inner.invoke(value, config)).upper()

    return RunnableLambda(shout) | RunnableLambda(str.lower)


def invoked_inside() -> Runnable[Any, Any]:
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


def assigned_beside_the_input() -> Runnable[Any, Any]:
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
    root_without_callbacks,
    lambda_in_a_thread,
    invoked_inside,
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
    """Return an event with each run id replaced by a number in order of appearance, in the data too."""
    # The duration of the router's decision differs each time.
    text = re.sub(r'"seconds":[-+.e\d]+', '"seconds":0', data.decode())
    for run_id, number in ids.items():
        text = text.replace(run_id, number)
    return event, name, list(tags), metadata, [ids[parent] for parent in parents], serialization.loads(text.encode())


def numbered(run_ids: list[str]) -> dict[str, str]:
    return {run_id: f"run {number}" for number, run_id in enumerate(dict.fromkeys(run_ids))}


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
def test_events_are_those_of_astream_events_in_order_with_data(recorder: Recorder, make: Any) -> None:
    run = recorder.start(make(), input_of(make))
    assert run.wait(30)
    theirs, error = asyncio.run(langchain_events(make(), input_of(make)))
    ours = list(run.events)
    if error is not None:
        assert run.status is Status.FAILED
        # Weir adds an error event for each component that LangChain leaves open.
        added = ours[len(theirs) :]
        assert all(event.event.endswith("_error") for event in added)
        assert len(added) == len({event.run_id for event in added}) == 4
        ours = ours[: len(theirs)]
    else:
        assert run.status is Status.DONE
    assert recorded(ours) == emitted(theirs)
    assert len(ours) > 5 or make in (model_alone, root_without_callbacks)


def test_events_of_concurrent_components_are_in_order_for_each(recorder: Recorder) -> None:
    """Between concurrent components LangChain guarantees no order: it depends on how long its handlers take."""
    run = recorder.start(assigned_beside_the_input(), INPUT)
    assert run.wait(30)
    theirs, _ = asyncio.run(langchain_events(assigned_beside_the_input(), INPUT))

    def by_component(events: list[Any]) -> list[Any]:
        return sorted(([event[1], len(event[4]), event[0], event[5]] for event in events), key=lambda event: event[:2])

    assert by_component(recorded(list(run.events))) == by_component(emitted(theirs))


@pytest.mark.parametrize("method", [Method.STREAM, Method.ASTREAM_EVENTS])
@pytest.mark.parametrize("make", [plain_chain, only_a_model, branching, growing_json])
def test_events_are_the_same_for_other_streaming_methods(recorder: Recorder, make: Any, method: Method) -> None:
    run, other = recorder.start(make(), INPUT), recorder.start(make(), INPUT, method=method)
    assert run.wait(30)
    assert other.wait(30)
    assert recorded(list(run.events)) == recorded(list(other.events))
    assert run.status is other.status is Status.DONE


def test_handlers_of_the_callers_config_are_called_too(recorder: Recorder) -> None:
    calls: list[str] = []

    class RecordingHandler(BaseCallbackHandler):
        def on_llm_end(self, *_: Any, **__: Any) -> None:
            calls.append("model")

    manager = AsyncCallbackManager(handlers=[])
    manager.add_handler(RecordingHandler())
    configs: list[RunnableConfig] = [{"callbacks": manager}, {"callbacks": [RecordingHandler()]}]
    runs = [recorder.start(plain_chain(), INPUT, config=config) for config in configs]
    assert all(run.wait(30) for run in runs)
    assert calls == ["model", "model"]
    assert recorded(list(runs[0].events)) == recorded(list(runs[1].events))
