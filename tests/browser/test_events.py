import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ended, opened, send
from tests.fake_openai import FakeOpenAI, Plan

WORDS = [f" word{number}" for number in range(40)]


@pytest.fixture
def inspector(page: Page, weir_url: str, model: FakeOpenAI) -> Page:
    return opened(page, f"{weir_url}/events")


def test_an_answer_of_the_chat_opens_with_inspect(chat: Page, model: FakeOpenAI) -> None:
    model.plan = Plan(tokens=WORDS, category="math")
    send(chat, "25 * 17?")
    ended(chat)
    run = chat.url.partition("run=")[2]
    chat.get_by_role("link", name="Inspect").click()
    expect(chat.get_by_text(re.compile(r"smart_router · Done · \d+ events"))).to_be_visible()
    assert chat.url.endswith(f"/events?run={run}")
    expect(chat.get_by_text(re.compile(r"keeps (\d+) of \1 events"))).to_be_visible()


def test_a_run_is_watched_live_and_stopped(inspector: Page, model: FakeOpenAI) -> None:
    model.plan = Plan(tokens=WORDS * 20, rate=25)
    send(inspector, "Go on and on")
    expect(inspector.get_by_text(re.compile(r"smart_router · Writing · \d\d+ events"))).to_be_visible()
    inspector.get_by_role("button", name="Stop").click()
    expect(inspector.get_by_text(re.compile(r"smart_router · Stopped"))).to_be_visible()
    assert model.answers[0].ended.wait(2)


def test_a_filter_acts_on_the_record_and_shows_its_call(inspector: Page, model: FakeOpenAI) -> None:
    model.plan = Plan(tokens=WORDS)
    send(inspector, "Anything")
    expect(inspector.get_by_role("button", name="Recording")).to_be_visible()
    inspector.get_by_text("Filter, as").click()
    expect(inspector.get_by_text("version=")).to_be_in_viewport()
    types = inspector.get_by_role("combobox", name="Include types")
    types.press_sequentially("prompt", delay=30)
    expect(inspector.get_by_role("option", name="prompt")).to_be_visible()
    types.press("Enter")
    expect(inspector.get_by_text(re.compile(r"keeps 4 of \d+ events, in 4 rows"))).to_be_visible()
    expect(inspector.get_by_text("include_types=['prompt']")).to_be_visible()
    assert len(model.answers) == 1


def test_a_search_looks_into_payloads(inspector: Page, model: FakeOpenAI) -> None:
    send(inspector, "Where is the needle?")
    expect(inspector.get_by_text(re.compile(r"· Done ·"))).to_be_visible()
    box = inspector.get_by_label("Search names and payloads")
    box.fill("general_chain")
    box.press("Enter")
    expect(inspector.get_by_text(re.compile(r"in [1-5] rows"))).to_be_visible()


def test_a_recording_is_downloaded(inspector: Page, model: FakeOpenAI) -> None:
    send(inspector, "Anything")
    expect(inspector.get_by_text(re.compile(r"· Done ·"))).to_be_visible()
    with inspector.expect_download() as download:
        inspector.get_by_role("button", name="Recording").click()
    lines = download.value.path().read_text(encoding="utf-8").splitlines()
    assert '"weir-recording"' in lines[0]
    assert lines[-1] == '{"end":{"status":"done","failure":null}}'


def test_on_a_phone_nothing_is_wider_than_the_screen(page: Page, weir_url: str, model: FakeOpenAI) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    opened(page, f"{weir_url}/events")
    send(page, "Anything")
    expect(page.get_by_text(re.compile(r"· Done ·"))).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
