from typing import Any

import pytest
from langchain_core.exceptions import ModelAuthenticationError
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableLambda

from chains.router import ROUTE_EVENT, Classification, Route, smart_router


def router(classify: Any) -> Any:
    model = GenericFakeChatModel(messages=iter([AIMessage("It is 425, as you can see.")]))
    return smart_router(model, RunnableLambda(classify, name="classify"))


async def events_of(chain: Any, question: str = "What is 25 * 17?") -> list[Any]:
    value = {"question": question, "history": [("human", "hi"), ("ai", "hello")]}
    return [event async for event in chain.astream_events(value, version="v2")]


async def test_the_tree_is_smart_router_over_classify_and_the_specialist() -> None:
    events = await events_of(router(lambda _: Classification(category="math")))
    root = events[0]
    assert root["name"] == "smart_router"
    children = [e["name"] for e in events if e["event"].endswith("_start") and e["parent_ids"] == [root["run_id"]]]
    assert children == ["classify", "math_chain"]


async def test_the_router_streams_word_by_word() -> None:
    events = await events_of(router(lambda _: Classification(category="math")))
    chunks = [e["data"]["chunk"] for e in events if e["event"] == "on_chain_stream" and not e["parent_ids"]]
    assert "".join(chunks) == "It is 425, as you can see."
    assert len(chunks) > 5


@pytest.mark.parametrize("route", list(Route))
async def test_each_route_is_told_before_its_answer_and_asks_with_its_own_prompt(route: Route) -> None:
    events = await events_of(router(lambda _: Classification(category=route.value)))
    names = [event["name"] for event in events]
    told = names.index(ROUTE_EVENT)
    assert events[told]["data"] == {"route": route.value, "fallback": False, "reason": ""}
    assert told < names.index(f"{route}_chain")
    prompts = [e["data"]["output"].to_messages() for e in events if e["event"] == "on_prompt_end"]
    texts = [message.text for message in prompts[0]]
    assert texts == [route.prompt, "hi", "hello", "What is 25 * 17?"]


@pytest.mark.parametrize("bad", [None, {"category": "cooking"}, ValueError("no JSON")])
async def test_a_classification_that_fails_goes_to_general_and_says_so(bad: Any) -> None:
    def classify(_: Any) -> Any:
        if isinstance(bad, Exception):
            raise bad
        return bad

    events = await events_of(router(classify))
    told = next(event["data"] for event in events if event["name"] == ROUTE_EVENT)
    assert told["route"] == "general"
    assert told["fallback"]
    assert "classification" in told["reason"]


async def test_a_failure_that_the_answer_would_share_is_not_hidden() -> None:
    def classify(_: Any) -> Any:
        raise ModelAuthenticationError("wrong key")

    with pytest.raises(ModelAuthenticationError):
        await events_of(router(classify))


def test_a_route_owns_its_label_icon_and_prompt() -> None:
    assert {route.value: route.label for route in Route} == {"math": "Math", "code": "Code", "general": "General"}
    assert all(route.icon.startswith(":material/") and "language of the question" in route.prompt for route in Route)
