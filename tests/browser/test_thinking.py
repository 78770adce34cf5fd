"""What a model thinks before it answers, on chat and story: folded while it streams, kept when it is stopped."""

import re

from playwright.sync_api import Page, expect

from tests.support.browser_page import ended, opened, send
from tests.support.fake_openai import FakeOpenAI, Plan

THOUGHTS = [f"thought {number} " for number in range(200)]


def test_thinking_streams_folded_and_is_kept(chat: Page, weir_url: str, model: FakeOpenAI) -> None:
    model.plan = Plan(reasoning=THOUGHTS[:30], rate=5, tokens=["Water ", "that ", "flows."])
    send(chat, "What is a river?")
    expect(chat.get_by_text(re.compile(r"^Thinking · \d+ s · ~\d+ tokens · waited"))).to_be_visible()
    thinking = chat.get_by_test_id("stExpander").filter(has_text="Thinking")
    expect(thinking.get_by_text("thought 3")).to_be_hidden()
    ended(chat)
    chat.reload()
    expect(chat.get_by_text("Water that flows.")).to_be_visible()
    expect(
        chat.get_by_text(re.compile(r"waited .* · thought .* \(30 tokens\) · wrote .* \(\d+ tokens\)"))
    ).to_be_visible()
    thinking.get_by_text("Thinking").click()
    expect(thinking.get_by_text("thought 29")).to_be_visible()

    model.plan = Plan(reasoning=THOUGHTS, rate=10)
    opened(chat, f"{weir_url}/story")
    send(chat, "A river")
    thinking.get_by_text("Thinking").click()
    expect(thinking.get_by_text("thought 5")).to_be_visible()
    expect(chat.get_by_text(re.compile(r"^Thinking · \d+ s$"))).to_be_visible()
    chat.get_by_role("button", name="Stop").click()
    ended(chat)
    # What a reader has unfolded stays so.
    expect(thinking.get_by_text("thought 5")).to_be_visible()
    expect(chat.get_by_text("This answer was stopped.")).to_be_visible()
    [request] = [seen for seen in model.answers if "A river" in str(seen.body["messages"])]
    assert request.ended.wait(30)
    assert request.hung_up_at is not None or request.sent == 0
