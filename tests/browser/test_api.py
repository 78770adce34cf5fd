"""What runs over HTTP opens in the app, and the other way round."""

import json
import re
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


def test_what_runs_over_http_opens_in_the_app_and_the_other_way_round(
    page: Page, weir_url: str, model: FakeOpenAI
) -> None:
    model.plan = Plan(tokens=WORDS, rate=15)
    run = called(f"{weir_url}/api/runs", {"chain": "story", "input": {"topic": "A river over HTTP"}})
    opened(page, f"{weir_url}{run['links']['page']}")
    expect(page.get_by_text("A river over HTTP")).to_be_visible()
    ended(page)
    expect(page.get_by_text("word38 word39")).to_be_visible()
    assert len(model.seen) == 1

    # A routed answer opens in the chat.
    model.plan = Plan(tokens=WORDS, category="math")
    run = called(f"{weir_url}/api/runs", {"chain": "smart_router", "input": {"question": "25 * 17 over HTTP?"}})
    opened(page, f"{weir_url}{run['links']['page']}")
    expect(page.get_by_text("25 * 17 over HTTP?")).to_be_visible()
    expect(page.get_by_role("link", name="Inspect", exact=True)).to_be_visible()

    # The browser's own EventSource reads a stream.
    model.plan = Plan(tokens=WORDS, rate=100)
    text = page.evaluate(
        """() => new Promise((resolve, reject) => {
            const source = new EventSource("/api/sse?topic=water")
            let text = ""
            source.onmessage = (event) => { text += JSON.parse(event.data).content }
            source.addEventListener("done", () => { source.close(); resolve(text) })
            source.onerror = () => reject(new Error("the stream broke"))
        })"""
    )
    assert text == "".join(WORDS)

    # An answer of the app is read over HTTP.
    model.plan = Plan(tokens=WORDS)
    page.get_by_role("button", name="New chat").click()
    expect(page.get_by_role("main").get_by_text("Ask anything.")).to_be_visible()
    expect(page).not_to_have_url(re.compile("run="))
    send(page, "Hello")
    ended(page)
    page.wait_for_url(re.compile("run="))
    shown = called(f"{weir_url}/api/runs/{page.url.partition('run=')[2]}")
    assert (shown["status"], shown["text"]) == ("done", "".join(WORDS))


def test_the_documentation_is_drawn_under_the_policy(page: Page, weir_url: str, model: FakeOpenAI) -> None:
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.goto(f"{weir_url}/api/docs")
    expect(page.get_by_text("/chains/{name}/invoke")).to_be_visible()
    assert problems == []
