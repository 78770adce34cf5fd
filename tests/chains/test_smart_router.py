from typing import Any

import pytest
from langchain_core.exceptions import ModelAuthenticationError
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableLambda

from chains.classifier.local_classifier import LocalClassifier
from chains.route_classification import (
    Classification,
    DecidedBy,
    fixed_route,
    local_classifier,
)
from chains.routes import DEFAULT_ROUTES, Route
from chains.smart_router import ROUTE_EVENT, RouteDecision, smart_router
from weir.llm.history import trim_history


def router(classify: Any) -> Any:
    model = GenericFakeChatModel(messages=iter([AIMessage("It is 425, as you can see.")]))
    return smart_router(model, RunnableLambda(classify, name="classify"))


async def events_of(chain: Any, question: str = "What is a weir?") -> list[Any]:
    value = {"question": question, "history": [("human", "hi"), ("ai", "hello")]}
    return [event async for event in chain.astream_events(value, version="v2")]


async def test_the_tree_is_smart_router_over_classify_and_the_specialist() -> None:
    events = await events_of(router(lambda _: Classification(category="math")), "What is 25 * 17?")
    root = events[0]
    assert root["name"] == "smart_router"
    children = [e["name"] for e in events if e["event"].endswith("_start") and e["parent_ids"] == [root["run_id"]]]
    assert children == ["classify", "calculator", "math_chain"]


async def test_the_router_streams_word_by_word() -> None:
    events = await events_of(router(lambda _: Classification(category="math")))
    chunks = [e["data"]["chunk"] for e in events if e["event"] == "on_chain_stream" and not e["parent_ids"]]
    assert "".join(chunks) == "It is 425, as you can see."
    assert len(chunks) > 5


@pytest.mark.parametrize("route", list(DEFAULT_ROUTES), ids=str)
async def test_each_route_is_told_before_its_answer_and_asks_with_its_own_prompt(route: Route) -> None:
    events = await events_of(router(lambda _: Classification(category=route.name)))
    names = [event["name"] for event in events]
    route_at = names.index(ROUTE_EVENT)
    decision = RouteDecision.model_validate(events[route_at]["data"])
    assert (decision.route, decision.fallback, decision.by) == (route.name, False, DecidedBy.MODEL)
    assert 0 < decision.seconds < 5
    assert route_at < names.index(f"{route}_chain")
    prompts = [e["data"]["output"].to_messages() for e in events if e["event"] == "on_prompt_end"]
    texts = [message.text for message in prompts[0]]
    assert texts == [route.prompt, "hi", "hello", "What is a weir?"]


@pytest.mark.parametrize("bad", [None, {"category": "cooking"}, ValueError("no JSON")])
async def test_a_classification_that_fails_goes_to_general_and_says_so(bad: Any) -> None:
    def classify(_: Any) -> Any:
        if isinstance(bad, Exception):
            raise bad
        return bad

    events = await events_of(router(classify))
    route = next(event["data"] for event in events if event["name"] == ROUTE_EVENT)
    assert route["route"] == "general"
    assert route["fallback"]
    assert "classification" in route["reason"]


async def test_a_failure_that_the_answer_would_share_is_not_hidden() -> None:
    def classify(_: Any) -> Any:
        raise ModelAuthenticationError("wrong key")

    with pytest.raises(ModelAuthenticationError):
        await events_of(router(classify))


def test_a_route_owns_its_label_icon_and_prompt() -> None:
    routes = list(DEFAULT_ROUTES)
    assert {route.name: route.label for route in routes} == {"math": "Math", "code": "Code", "general": "General"}
    assert all(route.icon.startswith(":material/") and "language of the question" in route.prompt for route in routes)


async def test_the_local_classifier_gives_the_same_decision_with_probabilities() -> None:
    model = GenericFakeChatModel(messages=iter([AIMessage("It is 425.")]))
    events = await events_of(smart_router(model, local_classifier(LocalClassifier())), "What is 25 * 17?")
    decision = RouteDecision.model_validate(next(e["data"] for e in events if e["name"] == ROUTE_EVENT))
    assert (decision.route, decision.by) == ("math", DecidedBy.LOCAL)
    assert decision.probabilities is not None
    assert sum(decision.probabilities.values()) == pytest.approx(1.0)
    assert decision.probabilities["math"] > 0.5


async def test_a_persons_choice_takes_the_classifiers_place() -> None:
    model = GenericFakeChatModel(messages=iter([AIMessage("It is 425.")]))
    events = await events_of(smart_router(model, fixed_route("code")))
    decision = RouteDecision.model_validate(next(e["data"] for e in events if e["name"] == ROUTE_EVENT))
    assert (decision.route, decision.by) == ("code", DecidedBy.PERSON)


def test_a_history_is_cut_to_the_window_from_a_question_on() -> None:
    history = [(role, f"{role} {number} " + "word " * 50) for number in range(40) for role in ("human", "ai")]
    trimmed = trim_history(history, 1_000)
    assert trimmed == history[-len(trimmed) :]
    assert 4 <= len(trimmed) < 40
    assert trimmed[0][0] == "human"
    assert trim_history(history[:2], 1_000) == history[:2]
    assert trim_history([], 1_000) == []
    assert trim_history(history, 1_000, {len(history) - 4: 900}) == history[-2:]
