"""A run's link in two browsers: what it shows, and that it can be taken back."""

import re

from playwright.sync_api import Page, expect

from tests.support.browser_page import ended, opened, send
from tests.support.fake_openai import FakeOpenAI, Plan

WORDS = [f" word{number}" for number in range(3_000)]
GONE = "This link is not shared any more"


def run_of(page: Page) -> str:
    page.wait_for_url(re.compile("run="))
    match = re.search(r"run=([^&]+)", page.url)
    assert match
    return match[1]


def press_link(page: Page, label: str) -> None:
    page.get_by_role("button", name="Share", exact=True).last.click()
    page.get_by_role("button", name=label).click()
    page.keyboard.press("Escape")


def test_a_link_that_was_taken_back_says_so_and_is_good_again_when_shared_again(
    chat: Page, stranger: Page, weir_url: str, model: FakeOpenAI
) -> None:
    send(chat, "Share this")
    ended(chat)
    run = run_of(chat)
    chat.context.grant_permissions(["clipboard-read", "clipboard-write"])
    chat.get_by_role("button", name="Share", exact=True).last.click()
    expect(chat.get_by_text("including earlier messages that were sent to the model", exact=False)).to_be_visible()
    chat.get_by_role("button", name="Copy link").click()
    expect(chat.get_by_role("button", name="Copied")).to_be_visible()
    chat.keyboard.press("Escape")
    stranger.goto(chat.evaluate("navigator.clipboard.readText()"))
    assert stranger.url.startswith(f"{weir_url}/?run={run}")
    expect(stranger.get_by_text("Once upon a time.")).to_be_visible()
    expect(stranger.get_by_role("button", name="Share", exact=True)).to_have_count(0)
    press_link(chat, "Stop sharing")
    chat.get_by_role("button", name="Share", exact=True).last.click()
    expect(chat.get_by_text("Only you can open this link.")).to_be_visible()
    for page in ("", "events"):
        stranger.goto(f"{weir_url}/{page}?run={run}")
        expect(stranger.get_by_text(GONE)).to_be_visible()
        expect(stranger.get_by_text("Share this")).to_have_count(0)
        expect(stranger.get_by_text("Once upon a time.")).to_have_count(0)
    assert stranger.request.get(f"{weir_url}/api/runs/{run}").status == 410
    assert chat.request.get(f"{weir_url}/api/runs/{run}").status == 200
    opened(chat, f"{weir_url}/events?run={run}")
    expect(chat.get_by_text("smart_router").first).to_be_visible()
    press_link(chat, "Share again")
    stranger.goto(f"{weir_url}/?run={run}")
    expect(stranger.get_by_text("Once upon a time.")).to_be_visible()


def test_whoever_is_looking_sees_no_more_of_a_run_once_it_is_taken_back(
    page: Page, stranger: Page, weir_url: str, model: FakeOpenAI
) -> None:
    model.plan = Plan(tokens=WORDS, rate=1, burst=12)
    opened(page, f"{weir_url}/story")
    send(page, "Share this")
    expect(page.get_by_text("word9")).to_be_visible()
    run = run_of(page)
    lookers = {"events": stranger.context.new_page(), "story": stranger}
    for seen_on, looker in lookers.items():
        looker.goto(f"{weir_url}/{seen_on}?run={run}")
        expect(looker.get_by_text("StrOutputParser" if seen_on == "events" else "word9").first).to_be_visible()
    # An answer has its link once it has ended; the Events page has it at all times.
    inspector = opened(page.context.new_page(), f"{weir_url}/events?run={run}")
    press_link(inspector, "Stop sharing")
    for looker in lookers.values():
        expect(looker.get_by_text(GONE)).to_be_visible()
        expect(looker.get_by_text("word9")).to_have_count(0)
        expect(looker.get_by_text("Share this")).to_have_count(0)
        expect(looker.get_by_text("StrOutputParser")).to_have_count(0)
    page.get_by_role("button", name="Stop").click()
    ended(page)
    expect(page.get_by_text("word9")).to_be_visible()


def take_back(page: Page) -> None:
    """Stop sharing a run, and wait until that is so."""
    press_link(page, "Stop sharing")
    page.get_by_role("button", name="Share", exact=True).last.click()
    expect(page.get_by_text("Only you can open this link.")).to_be_visible()


def test_a_page_that_was_open_saves_and_shows_no_more_of_a_run_that_has_ended_and_was_taken_back(
    page: Page, stranger: Page, weir_url: str, model: FakeOpenAI
) -> None:
    model.plan = Plan(tokens=["Once upon a time."])
    opened(page, f"{weir_url}/events")
    send(page, "Share this")
    expect(page.get_by_role("button", name="Replay")).to_be_visible()
    stranger.goto(f"{weir_url}/events?run={run_of(page)}")
    expect(stranger.get_by_role("button", name="Replay")).to_be_visible()

    def saved() -> str:
        with stranger.expect_download() as got:
            stranger.get_by_role("button", name="Recording", exact=True).click()
        return got.value.path().read_text(encoding="utf-8")

    assert "Once upon a time." in saved()
    take_back(page)
    (line,) = saved().splitlines()
    assert GONE in line
    stranger.get_by_text("Latency", exact=True).click()
    expect(stranger.get_by_text(GONE)).to_be_visible()


def test_the_json_page_that_was_open_shows_no_more_of_a_run_that_has_ended_and_was_taken_back(
    page: Page, stranger: Page, weir_url: str, model: FakeOpenAI
) -> None:
    model.plan = Plan(structured_tokens=['{"name": ', '"Sea"}'])
    opened(page, f"{weir_url}/partial_json")
    send(page, "Share this")
    expect(page.get_by_role("button", name="Replay")).to_be_visible()
    stranger.goto(f"{weir_url}/partial_json?run={run_of(page)}")
    expect(stranger.get_by_role("button", name="Replay")).to_be_visible()
    take_back(page)
    stranger.get_by_text("Current chunk", exact=True).click()
    expect(stranger.get_by_text(GONE)).to_be_visible()
    expect(stranger.locator(".wj")).to_have_count(0)


def status(page: Page, weir_url: str, run: str) -> str:
    run_status: str = page.request.get(f"{weir_url}/api/runs/{run}").json()["status"]
    return run_status


def test_whoever_has_a_link_cannot_stop_the_run_and_its_owner_can_by_the_same_link(
    page: Page, stranger: Page, weir_url: str, model: FakeOpenAI
) -> None:
    for begun_on, shows in (("partial_json", "the last at"), ("story", "word9")):
        model.plan = Plan(tokens=WORDS, structured_tokens=['{"name": "', *WORDS], rate=1, burst=12)
        opened(page, f"{weir_url}/{begun_on}")
        send(page, "Share this")
        run = run_of(page)
        stranger.goto(f"{weir_url}/{begun_on}?run={run}")
        expect(stranger.get_by_text(shows).first).to_be_visible()
        expect(stranger.get_by_role("button", name="Stop")).to_have_count(0)
        assert stranger.request.delete(f"{weir_url}/api/runs/{run}").status == 403
        assert status(page, weir_url, run) == "running"
        if begun_on == "story":
            break
        page.goto(f"{weir_url}/{begun_on}?run={run}")
        expect(page.get_by_text(shows).first).to_be_visible()
        page.get_by_role("button", name="Stop").click()
        expect(page.get_by_text("Stopped").first).to_be_visible()
        assert status(page, weir_url, run) == "stopped"

    # A story of one's own on the page of a linked one leaves that alone.
    model.plan = Plan(tokens=["My own."])
    send(stranger, "Another")
    ended(stranger)
    expect(stranger.get_by_text("My own.")).to_be_visible()
    assert status(page, weir_url, run) == "running"
    # The page of the HTTP client has no Stop for a linked run either.
    stranger.goto(f"{weir_url}/http_client?run={run}")
    expect(stranger.locator("[data-part=frames]").get_by_text(re.compile(r"word\d")).first).to_be_visible()
    expect(stranger.get_by_role("button", name="Break the connection")).to_be_enabled()
    expect(stranger.get_by_role("button", name="Stop")).to_be_disabled()
    send(page, "Another")
    ended(page)
    assert status(page, weir_url, run) == "stopped"


def test_a_race_of_ones_own_on_the_page_of_a_linked_one_leaves_that_alone(
    page: Page, stranger: Page, weir_url: str, model: FakeOpenAI
) -> None:
    model.plan = Plan(tokens=WORDS, rate=1, burst=12)
    opened(page, f"{weir_url}/story?view=Race")
    send(page, "Share this")
    page.wait_for_url(re.compile("race="))
    opened(stranger, page.url)
    expect(stranger.get_by_text("word9").first).to_be_visible()
    expect(stranger.get_by_role("button", name="Stop")).to_have_count(0)
    model.plan = Plan(tokens=["My own."])
    send(stranger, "Another")
    expect(stranger.get_by_text("done after")).to_have_count(5)
    expect(page.get_by_text("writing ·").first).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    # A lane whose model is silent until the whole answer is there may have given up before.
    expect(page.get_by_text("stopped after").first).to_be_visible()
    expect(page.get_by_text(re.compile("(writing|waiting) ·"))).to_have_count(0)
