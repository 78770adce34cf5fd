"""What all pages share: places that do not move, a phone, a low window, and what a screen reader is told."""

import re
from typing import Any, Literal

from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE
from tests.support.browser_page import INPUT, ended, opened, record_shifts, recorded_shifts, send
from tests.support.fake_openai import FakeOpenAI, Fault, Plan

PAGES = {
    "": "Chat",
    "story": "Streaming lab",
    "events": "Inspector",
    "partial_json": "Structured output",
    "routing": "Router accuracy",
    "http_client": "API client",
}
"""Addresses and titles."""
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
BOTTOM = "[data-testid=stBottom]"
LINKS = "[data-testid=stTopNavLink]"
COLUMNS = range(8)
TABLE = (
    f"| {' | '.join(f'a long heading {n}' for n in COLUMNS)} |\n|{'---|' * 8}\n"
    f"| {' | '.join('cell' * 6 for _ in COLUMNS)} |\n"
)


def ready(page: Page, url: str) -> None:
    page.goto(url)
    expect(page.locator("h1")).to_be_visible()
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")


PLACES = """links => [...document.querySelectorAll(links)].map(link => {
    const box = link.getBoundingClientRect();
    return `${Math.round(box.x)},${Math.round(box.y)}`;
}).join(" ")"""


def await_places(page: Page, expected: str) -> None:
    """Wait until the links stand where they are expected: fonts and the sidebar move them while they come and go."""
    page.wait_for_function(f"([links, expected]) => ({PLACES})(links) === expected", arg=[LINKS, expected])


def announced(page: Page) -> str:
    """Return what the page's live region says, as a screen reader gets it."""
    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    by_id = {node["nodeId"]: node for node in nodes}

    def text(node: dict[str, Any]) -> str:
        own = node.get("name", {}).get("value", "") if node.get("role", {}).get("value") == "StaticText" else ""
        return own + "".join(text(by_id[child]) for child in node.get("childIds", ()) if child in by_id)

    session.detach()
    return "|".join(text(node) for node in nodes if node.get("role", {}).get("value") == "status")


def await_announcement(page: Page, words: str) -> None:
    for _ in range(300):
        if words in announced(page):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"{announced(page)!r} has no {words!r}")


def test_navigation_and_titles_stay_where_they_are(page: Page, weir_url: str, model: FakeOpenAI) -> None:
    page.set_viewport_size({"width": 1440, "height": 900})
    ready(page, f"{weir_url}/about")
    page.wait_for_function(f"links => window.placed === (window.placed = ({PLACES})(links))", arg=LINKS, polling=500)
    links = page.evaluate("placed")
    assert len(links.split()) >= len(PAGES)
    tops = set()
    # The chat comes last: its sidebar is closed below.
    for title in (*list(PAGES.values())[1:], PAGES[""]):
        page.get_by_role("link", name=title).click()
        expect(page.get_by_role("heading", level=1, name=title)).to_be_visible()
        expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
        await_places(page, links)
        box = page.locator("h1").bounding_box()
        assert box
        tops.add((round(box["y"]), round(box["height"])))
        expect(page.locator("h1")).to_have_count(1)
        expect(page).to_have_title(f"{title} · Weir")
    page.get_by_test_id("stSidebar").hover()
    page.get_by_test_id("stSidebarCollapseButton").get_by_role("button").click()
    expect(page.get_by_test_id("stExpandSidebarButton")).to_be_visible()
    await_places(page, links)
    assert len(tops) == 1


def test_each_page_opens_at_its_top_on_a_phone_and_the_drawer_closes_once_one_is_chosen(
    phone: Page, weir_url: str, model: FakeOpenAI
) -> None:
    for name in PAGES:
        ready(phone, f"{weir_url}/{name}")
        expect(phone.locator("h1")).to_be_in_viewport(ratio=1)
        phone.wait_for_timeout(500)
        expect(phone.locator("h1")).to_be_in_viewport(ratio=1)
    phone.get_by_test_id("stExpandSidebarButton").click()
    expect(phone.get_by_test_id("stSidebar")).to_have_attribute("data-collapsed", "false")
    phone.get_by_test_id("stSidebarNavLink").nth(2).click()
    phone.wait_for_url("**/events")
    expect(phone.get_by_test_id("stSidebar")).to_have_attribute("data-collapsed", "true")
    phone.reload()
    expect(phone.get_by_test_id("stSidebar")).to_have_attribute("data-collapsed", "true")


def test_what_is_fixed_leaves_a_phone_to_the_text(phone: Page, weir_url: str, model: FakeOpenAI) -> None:
    opened(phone, weir_url)
    box = phone.locator(BOTTOM).bounding_box()
    assert box
    assert box["height"] <= 0.18 * PHONE["height"]
    model.plan = Plan(tokens=[TABLE, *["\n\nword"] * 200], rate=20)
    send(phone, "a table")
    expect(phone.get_by_role("button", name="Stop")).to_be_visible()
    box = phone.locator(BOTTOM).bounding_box()
    assert box
    assert box["height"] <= 0.18 * PHONE["height"]
    expect(phone.locator("table")).to_be_visible()
    assert phone.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert phone.locator("table").evaluate("table => table.scrollWidth > table.clientWidth")
    expect(phone.locator("[data-testid^=stChatMessageAvatar]").first).to_be_hidden()
    phone.get_by_role("button", name="Stop").click()
    ended(phone)
    expect(phone.get_by_role("button", name="Stop")).to_have_count(0)


def test_in_a_low_window_the_input_leaves_room_and_in_a_narrow_one_nothing_is_wider(
    page: Page, weir_url: str, model: FakeOpenAI
) -> None:
    page.set_viewport_size({"width": 720, "height": 450})
    opened(page, weir_url)
    model.plan = Plan(tokens=["A", "verylongword" * 30, "\n\n```\n", "code " * 60, "\n```\n", *["word\n\n"] * 60])
    send(page, "a long answer")
    ended(page)
    page.locator(INPUT).scroll_into_view_if_needed()
    expect(page.locator(INPUT)).to_be_in_viewport()
    page.mouse.move(300, 200)
    page.mouse.wheel(0, -800)
    expect(page.locator(INPUT)).not_to_be_in_viewport()
    page.set_viewport_size({"width": 390, "height": 800})
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        expect(page.get_by_test_id("stApp")).to_have_css("color-scheme", scheme)
        page.wait_for_function("() => document.documentElement.scrollWidth <= 390")
    expect(page.locator(INPUT)).to_be_in_viewport()


def test_a_screen_reader_is_told_of_an_answers_start_and_end(chat: Page, model: FakeOpenAI) -> None:
    model.plan = Plan(tokens=[" word"] * 40, rate=10)
    send(chat, "What is a weir?")
    await_announcement(chat, "Answering …")
    ended(chat)
    await_announcement(chat, "Answer complete.")
    model.plan = Plan(tokens=[" word"] * 40, fault=Fault.CUT, at=5)
    send(chat, "And again?")
    ended(chat, 2)
    await_announcement(chat, "Cut off: The connection")
    assert announced(chat).count("|") == 0


def test_nothing_moves_much_or_is_wider_than_a_phone_while_json_is_written(
    page: Page, weir_url: str, model: FakeOpenAI
) -> None:
    page.set_viewport_size(PHONE)
    opened(page, f"{weir_url}/partial_json")
    model.plan = Plan(structured_tokens=['{"name": "', *["Sea "] * 100, '"}'], rate=30)
    send(page, "the sea")
    expect(page.get_by_text("Waiting for the first chunk").or_(page.get_by_text("chunks · the last"))).to_be_visible()
    record_shifts(page)
    expect(page.get_by_text(re.compile(r"^[4-9]\d chunks"))).to_be_visible()
    assert max(recorded_shifts(page), default=0) < 0.05
    expect(page.get_by_role("button", name="Replay").first).to_be_visible()
    page.wait_for_function("width => document.documentElement.scrollWidth <= width", arg=PHONE["width"])
