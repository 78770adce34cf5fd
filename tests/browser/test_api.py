"""What runs over HTTP opens in the app, and the other way round."""

import json
import urllib.request
from typing import Any

from playwright.sync_api import Page, expect

from tests.support.browser_page import ended, opened, send
from tests.support.fake_openai import FakeOpenAI, Plan

WORDS = [f" word{number}" for number in range(40)]


def called(url: str, body: Any = None) -> Any:
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(url, data, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)


def test_a_run_started_over_http_opens_live_in_the_app(page: Page, weir_url: str, model: FakeOpenAI) -> None:
    model.plan = Plan(tokens=WORDS, rate=15)
    run = called(f"{weir_url}/api/runs", {"chain": "story", "input": {"topic": "A river over HTTP"}})
    opened(page, f"{weir_url}{run['links']['page']}")
    expect(page.get_by_text("A river over HTTP")).to_be_visible()
    ended(page)
    expect(page.get_by_text("word38 word39")).to_be_visible()
    assert len(model.seen) == 1


def test_a_routed_answer_started_over_http_opens_in_the_chat(page: Page, weir_url: str, model: FakeOpenAI) -> None:
    model.plan = Plan(tokens=WORDS, category="math")
    run = called(f"{weir_url}/api/runs", {"chain": "smart_router", "input": {"question": "25 * 17 over HTTP?"}})
    opened(page, f"{weir_url}{run['links']['page']}")
    expect(page.get_by_text("25 * 17 over HTTP?")).to_be_visible()
    expect(page.get_by_role("link", name="Inspect", exact=True)).to_be_visible()


def test_an_answer_of_the_app_is_read_over_http(chat: Page, weir_url: str, model: FakeOpenAI) -> None:
    model.plan = Plan(tokens=WORDS)
    send(chat, "Hello")
    ended(chat)
    shown = called(f"{weir_url}/api/runs/{chat.url.partition('run=')[2]}")
    assert (shown["status"], shown["text"]) == ("done", "".join(WORDS))


def test_the_browsers_own_event_source_reads_the_stream(chat: Page, model: FakeOpenAI) -> None:
    model.plan = Plan(tokens=WORDS, rate=100)
    text = chat.evaluate(
        """() => new Promise((resolve, reject) => {
            const source = new EventSource("/api/sse?topic=water")
            let text = ""
            source.onmessage = (event) => { text += JSON.parse(event.data).content }
            source.addEventListener("done", () => { source.close(); resolve(text) })
            source.onerror = () => reject(new Error("the stream broke"))
        })"""
    )
    assert text == "".join(WORDS)


def test_the_documentation_is_drawn_under_the_policy(page: Page, weir_url: str, model: FakeOpenAI) -> None:
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.goto(f"{weir_url}/api/docs")
    expect(page.get_by_text("/chains/{name}/invoke")).to_be_visible()
    assert problems == []
