"""The agent of the catalogue, on a scripted server that calls its tools in argument chunks."""

import httpx2
import pytest
from langchain_core.tools import ToolException

from chains.agent import agent, calculate, count_letter, weekday
from tests.llm.test_chat_model import settings_for
from tests.support.fake_openai import FakeOpenAI, Plan
from weir.analysis.answer_reader import answer_text
from weir.analysis.metrics import run_metrics
from weir.llm.chat_model import chat_model, configured_endpoint
from weir.runs.recorder import Recorder
from weir.runs.run import Status

THOUGHT = ["I need ", "the calculator."]
FAILS = Plan(reasoning=THOUGHT, tool_calls=[("calculate", ['{"expression": ', '"25 x 17"}'])])
PARALLEL = Plan(
    tool_calls=[
        ("calculate", ['{"expression": ', '"25 * ', '17"}']),
        ("weekday", ['{"date": "2026-', '11-28"}']),
    ]
)
ANSWERS = Plan(tokens=["It is ", "425, ", "on a Saturday."])


@pytest.mark.parametrize(("expression", "value"), [("25 * 17", 425), ("-(1 + 2) / 2", -1.5), ("7 // 2 + 7 % 2", 4)])
async def test_the_calculator_computes(expression: str, value: float) -> None:
    assert await calculate.ainvoke({"expression": expression}) == value


@pytest.mark.parametrize(
    "expression", ["2 ** 999", "a", "f(1)", "1 / 0", "1 +", "9" * 16, "'a' * 9", "True", "1" * 300]
)
async def test_the_calculator_refuses_all_but_arithmetic(expression: str) -> None:
    raising = calculate.model_copy(update={"handle_tool_error": False})
    with pytest.raises(ToolException):
        await raising.ainvoke({"expression": expression})


async def test_the_other_tools() -> None:
    assert await weekday.ainvoke({"date": "2026-11-28"}) == "Saturday"
    assert "no date" in await weekday.ainvoke({"date": "yesterday"})
    assert await count_letter.ainvoke({"text": "Strawberry", "letter": "r"}) == 3


def test_an_agent_reasons_calls_tools_and_tries_a_failed_one_again(
    recorder: Recorder, http: httpx2.AsyncClient, openai_server: FakeOpenAI
) -> None:
    openai_server.plan = Plan(turns=[FAILS, PARALLEL, ANSWERS])
    settings = settings_for(openai_server.url)
    model = chat_model(configured_endpoint(settings), settings, http)
    run = recorder.start(agent(model), {"messages": [("user", "What is 25 * 17?")]})
    assert run.wait(30)
    assert run.status is Status.DONE
    assert answer_text(run.events) == "It is 425, on a Saturday."
    results = [event.data["output"] for event in run.events if event.event == "on_tool_end"]
    assert [result.get("status") for result in results].count("error") == 1
    assert (
        sorted(str(result["content"]) for result in results)[-1]
        == "This cannot be computed: invalid syntax (<unknown>, line 1)."
    )
    metrics = run_metrics(run.events)
    assert metrics.reasoning_tokens == 2
    assert metrics.time_to_first_token is not None
