"""The run list in the browser, from the first run to a server that was killed and started again."""

import re
import signal
from pathlib import Path

import httpx
from playwright.sync_api import Locator, Page, expect

from tests.support.accessibility import faults
from tests.support.app_process import free_port, weir_process, with_preloaded_streamlit
from tests.support.browser_page import opened, send
from tests.support.fake_openai import FakeOpenAI, Plan

WORDS = [f" word{number}" for number in range(30)]


def rows(page: Page) -> Locator:
    return page.get_by_role("main").get_by_role("row").filter(has=page.get_by_role("checkbox"))


def story_over_http(url: str, topic: str) -> str:
    with httpx.Client(base_url=f"{url}/api", timeout=60) as client:
        run = client.post("/runs", json={"chain": "story", "input": {"topic": topic}}).json()
        client.get(f"/runs/{run['id']}/events")
        return str(run["id"])


def test_runs_are_listed_opened_compared_deleted_and_there_after_a_kill(
    page: Page, model: FakeOpenAI, tmp_path: Path
) -> None:
    environment = {
        "OPENAI_BASE_URL": model.url,
        "OPENAI_API_KEY": "sk-test",
        "OPENAI_MODEL": "fake",
        "WEIR_DATA": str(tmp_path),
    }
    port = free_port()
    # Killed below: one from a preloaded Python would hold the port for a moment longer.
    with weir_process("", environment, port) as weir:
        opened(page, f"{weir.url}/events")
        expect(page.get_by_text("--record run.jsonl")).to_be_visible()
        expect(page.get_by_role("button", name="A story")).to_be_visible()

        # A live run is on top, and its row is the same once it has ended.
        model.plan = Plan(tokens=WORDS * 40, rate=20, category="math")
        send(page, "Why is it slow?")
        page.get_by_role("button", name="All runs").click()
        expect(rows(page)).to_have_text([re.compile("smart_router.*Why is it slow.*Writing")])
        model.plan = Plan(tokens=WORDS)
        for topic in ("rain", "snow"):
            story_over_http(weir.url, topic)
        expect(rows(page)).to_have_text([re.compile("Writing"), re.compile("snow"), re.compile("rain")])
        page.get_by_role("link", name="Why is it slow").click()
        page.get_by_role("button", name="Stop", exact=True).click()
        expect(page.get_by_text(re.compile(r"smart_router.*Stopped"))).to_be_visible()
        page.get_by_role("button", name="All runs").click()
        expect(rows(page)).to_have_text([re.compile("snow"), re.compile("rain"), re.compile("Stopped")])
        expect(page.get_by_text("First token p50")).to_be_visible()

        assert faults(page) == []

        # A row is a link, also by keyboard; its run opens, and Back leads to the list.
        page.get_by_role("link", name="snow").focus()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        expect(page.get_by_text(re.compile(r"story.*Done.*\d+ events"))).to_be_visible()
        link = page.url
        assert "run=" in link
        page.get_by_role("button", name="All runs").click()

        page.get_by_label("Choose story: rain").check()
        page.get_by_label("Choose story: snow").check()
        page.get_by_role("button", name="Compare the two").click()
        expect(
            page.get_by_text("second ÷ first").or_(page.get_by_role("button", name="End the comparison")).first
        ).to_be_visible()
        page.get_by_role("button", name="All runs").click()

        page.get_by_label("Search runs").fill("RAIN story")
        expect(rows(page)).to_have_text([re.compile("rain")])
        page.get_by_label("Search runs").fill("")
        page.get_by_role("button", name="Run", exact=True).click()
        expect(rows(page)).to_have_text([re.compile("smart_router"), re.compile("story"), re.compile("story")])

        page.get_by_role("button", name="Pin story: rain").click()
        expect(page.get_by_role("button", name="Pin story: rain")).to_have_attribute("aria-pressed", "true")
        page.get_by_role("button", name="Delete story: snow").click()
        expect(page.get_by_text("One run was deleted.")).to_be_visible()
        expect(rows(page)).to_have_count(2)
        page.get_by_role("button", name="Undo").click()
        expect(rows(page)).to_have_count(3)
        page.get_by_role("button", name="Delete story: snow").click()
        expect(rows(page)).to_have_count(2)
        weir.process.send_signal(signal.SIGKILL)

    with weir_process("", environment, port, with_preloaded_streamlit) as weir:
        page.goto(link)
        expect(page.get_by_text(re.compile(r"story.*Done.*\d+ events"))).to_be_visible()
        page.get_by_role("button", name="All runs").click()
        expect(rows(page)).to_have_text([re.compile("rain"), re.compile("Why is it slow.*Stopped")])
        expect(page.get_by_role("button", name="Pin story: rain")).to_have_attribute("aria-pressed", "true")
