from typing import Any

import pytest
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableLambda

from chains.calculator import calculator
from chains.route_classification import Classification
from chains.smart_router import smart_router


async def answered(question: str, category: str = "math") -> list[Any]:
    model = GenericFakeChatModel(messages=iter([AIMessage("It is five hundred.")]))
    chain = smart_router(model, RunnableLambda(lambda _: Classification(category=category), name="classify"))
    return [event async for event in chain.astream_events({"question": question, "history": []}, version="v2")]


def text(events: list[Any]) -> str:
    return "".join(e["data"]["chunk"] for e in events if e["event"] == "on_chain_stream" and not e["parent_ids"])


def prompt(events: list[Any]) -> list[str]:
    return [
        message.text for message in next(e for e in events if e["event"] == "on_prompt_end")["data"]["output"].messages
    ]


async def test_the_result_stands_in_the_answer_whatever_the_model_says() -> None:
    events = await answered("What is 25 × 17?")
    assert text(events) == "25 × 17 = **425**\n\nIt is five hundred."
    chunks = [e for e in events if e["event"] == "on_chain_stream" and not e["parent_ids"]]
    assert len(chunks) > 3


async def test_the_calculator_is_a_tool_of_the_run_tree() -> None:
    events = await answered("What is 25 × 17?")
    started, ended = [e for e in events if e["name"] == "calculator"]
    assert (started["event"], ended["event"]) == ("on_tool_start", "on_tool_end")
    assert started["parent_ids"] == [events[0]["run_id"]]
    assert (started["data"]["input"], ended["data"]["output"]) == ({"expression": "25 × 17"}, "425")


async def test_the_model_gets_the_result_and_only_says_it() -> None:
    system, human = prompt(await answered("What is 25 × 17?"))
    assert "calculate nothing" in system
    assert human == "What is 25 × 17?\n(The calculator says 25 × 17 = 425.)"


async def test_a_problem_with_an_expression_in_it_is_solved_step_by_step() -> None:
    system, human = prompt(await answered("A field is 25 × 17 metres. How long is its fence?"))
    assert "step by step" in system
    assert human.endswith("(The calculator says 25 × 17 = 425.)")


@pytest.mark.parametrize(
    ("question", "category"), [("What is a prime number?", "math"), ("Call 555-1234", "math"), ("25 × 17", "code")]
)
async def test_without_an_expression_or_on_another_route_nothing_changes(question: str, category: str) -> None:
    events = await answered(question, category)
    assert not [e for e in events if e["event"].startswith("on_tool")]
    assert text(events) == "It is five hundred."
    assert prompt(events)[-1] == question


async def test_the_tool_says_so_where_there_is_nothing_to_calculate() -> None:
    assert await calculator.ainvoke({"expression": "2^10"}) == "1024"
    assert await calculator.ainvoke({"expression": "rain"}) == "This is no arithmetic expression."
