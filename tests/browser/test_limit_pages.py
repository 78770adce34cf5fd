"""Limits as a visitor meets them: told before, and when they are reached nothing that was typed is lost."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.app_process import weir_process, with_preloaded_streamlit
from tests.support.browser_page import INPUT, ended, opened, send
from tests.support.fake_openai import FakeOpenAI, Plan


@pytest.fixture
def environment(model: FakeOpenAI, tmp_path: Path) -> dict[str, str]:
    return {
        "OPENAI_BASE_URL": model.url,
        "OPENAI_API_KEY": "sk-canary-of-the-key",
        "OPENAI_MODEL": "fake",
        "WEIR_DATA": str(tmp_path),
        "WEIR_RETRIES": "0",
        "WEIR_ROUTER": "local",
    }


def test_tokens_are_told_before_they_end_and_the_question_waits_where_there_are_none(
    page: Page, model: FakeOpenAI, environment: dict[str, str]
) -> None:
    model.plan = Plan(tokens=[" word"] * 900)
    with weir_process("", environment | {"WEIR_TOKENS_PER_DAY": "1000"}, command=with_preloaded_streamlit) as weir:
        opened(page, weir.url)
        expect(page.get_by_text("tokens left today")).to_have_count(0)
        send(page, "The first question")
        ended(page)
        expect(page.get_by_text(re.compile(r"~\d+ of 1,000 tokens left today"))).to_be_visible()
        send(page, "The second question")
        ended(page, 2)
        send(page, "The third question")
        expect(page.get_by_text("You have used your tokens for today.")).to_be_visible()
        page.reload()
        main = page.get_by_role("main")
        expect(main.get_by_text("The third question")).to_be_visible()
        expect(main.get_by_role("button", name="Try again")).to_be_visible()
        opened(page, f"{weir.url}/events")
        send(page, "A topic that is not lost")
        expect(page.get_by_text("You have used your tokens for today.")).to_be_visible()
        expect(page.locator(INPUT)).to_have_value("A topic that is not lost")
        opened(page, f"{weir.url}/story")
        send(page, "A story that waits")
        expect(page.get_by_text("You have used your tokens for today.")).to_be_visible()
        expect(page.get_by_text("A story that waits")).to_be_visible()
        expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
        expect(page.get_by_role("combobox", name="LangChain method")).to_be_visible()
        opened(page, f"{weir.url}/http_client")
        send(page, "A story over HTTP")
        expect(page.get_by_text("You have used your tokens for today.")).to_be_visible()
        expect(page.get_by_text("A story over HTTP")).to_be_visible()
        assert page.request.get(f"{weir.url}/api/stream?topic=rain").status == 429
    assert len(model.seen) == 2


def test_the_log_has_runs_and_requests_as_json_and_no_text_and_a_question_without_a_place_is_tried_again(
    page: Page, model: FakeOpenAI, environment: dict[str, str]
) -> None:
    more = {"WEIR_LOG": "json", "WEIR_MAX_RUNS_PER_VISITOR": "1"}
    with weir_process("", environment | more, command=with_preloaded_streamlit) as weir:
        opened(page, weir.url)
        send(page, "A canary of a question")
        ended(page)
        assert page.request.get(f"{weir.url}/api/stream?topic=a+canary+of+a+topic").ok
        assert page.request.get(f"{weir.url}/api/runs/none").status == 404
        model.plan = Plan(status=500, message="a canary of an error")
        assert page.request.get(f"{weir.url}/api/stream?topic=rain").status == 502

        model.plan = Plan(tokens=[" word"] * 2_000, rate=5, burst=5)
        send(page, "A long answer, please")
        expect(page.get_by_text("word word").first).to_be_visible()
        other = opened(page.context.new_page(), weir.url)
        send(other, "Me too")
        expect(other.get_by_text("You have reached your limit of live runs.")).to_be_visible()
        page.get_by_role("button", name="Stop").click()
        ended(page, 2)
        model.plan = Plan(tokens=["Well then."])
        other.get_by_role("button", name="Try again").click()
        expect(other.get_by_text("Well then.")).to_be_visible()
    lines = [json.loads(line) for line in weir.log.splitlines() if line.startswith("{")]
    others = [line for line in weir.log.splitlines() if line.strip() and not line.startswith("{")]
    assert [line for line in others if "Streamlit app" not in line and "URL:" not in line] == []
    assert "canary" not in weir.log
    assert "Once upon" not in weir.log
    started_lines = [line for line in lines if line["message"] == "run started"]
    over = {line["run"]: line for line in lines if line["message"] == "run ended"}
    assert [line["chain"] for line in started_lines] == [
        "smart_router",
        "story",
        "story",
        "smart_router",
        "smart_router",
    ]
    assert set(over) == {line["run"] for line in started_lines}
    first, _, last = (over[line["run"]] for line in started_lines[:3])
    assert (first["status"], first["failure"], last["status"], last["failure"]) == ("done", None, "failed", "server")
    assert first["tokens"] > 5
    assert 0 < first["first_token_seconds"] <= first["seconds"]
    assert first["visitor"] == last["visitor"]
    requests = [line for line in lines if line["message"] == "api request"]
    assert [(line["path"], line["status"]) for line in requests] == [
        ("/api/stream", 200),
        ("/api/runs/none", 404),
        ("/api/stream", 502),
    ]
    assert any(
        requests[1]["reference"] in line["message"] for line in lines if line["logger"] == "weir.api.problem_details"
    )
