"""What a newcomer meets in the first minute: what Weir is, a picture of it, and a tour on recordings."""

import re

import httpx
from playwright.sync_api import Page, expect

from tests.support.browser_page import opened
from tests.support.fake_openai import FakeOpenAI
from weir import __version__

PICTURE = re.compile(r"One recorded story, twice\. With streaming the first word is there after .*, without it after")


def test_the_empty_chat_says_what_weir_is_and_shows_it(chat: Page) -> None:
    expect(chat.get_by_text("Weir shows what a LangChain chain streams")).to_be_visible()
    picture = chat.get_by_role("img", name=PICTURE)
    expect(picture).to_be_visible()
    texts = picture.locator("p")
    expect(texts.nth(1)).not_to_be_empty()
    before = picture.bounding_box()
    expect(texts.nth(0)).not_to_be_empty()
    assert texts.nth(0).inner_text() == texts.nth(1).inner_text()
    after = picture.bounding_box()
    assert before
    assert after
    assert after["height"] == before["height"]


def test_with_reduced_motion_the_picture_stands_still(page: Page, weir_url: str, model: FakeOpenAI) -> None:
    page.emulate_media(reduced_motion="reduce")
    opened(page, weir_url)
    texts = page.get_by_role("img", name=PICTURE).locator("p")
    expect(texts.nth(1)).not_to_be_empty()
    assert texts.nth(0).inner_text() == texts.nth(1).inner_text()


def test_about_is_reached_from_every_page_and_leads_through_a_tour(
    page: Page, weir_url: str, model: FakeOpenAI
) -> None:
    page.set_viewport_size({"width": 1440, "height": 900})
    opened(page, f"{weir_url}/partial_json")
    page.get_by_role("link", name="About").click()
    expect(page.get_by_role("heading", level=1, name="About Weir")).to_be_visible()
    expect(page.get_by_text(f"Version: {__version__}")).to_be_visible()
    assert httpx.get(f"{weir_url}/api/docs").status_code == 200
    page.get_by_role("button", name="Take the tour").click()
    expect(page.get_by_text("Tour, 1 of 4.")).to_be_visible()
    expect(page.get_by_text(re.compile("Without streaming you would have waited"))).to_be_visible()
    page.get_by_role("button", name="Next", exact=True).click()
    expect(page.get_by_text("Tour, 2 of 4.")).to_be_visible()
    expect(page.get_by_role("radio", name="Data")).to_be_checked()
    page.get_by_role("button", name="Next", exact=True).click()
    expect(page.get_by_text("Tour, 3 of 4.")).to_be_visible()
    expect(page.get_by_role("radio", name="Doctor")).to_be_checked()
    page.get_by_role("button", name="Next", exact=True).click()
    expect(page.get_by_text("Tour, 4 of 4.")).to_be_visible()
    expect(page.get_by_role("button", name="Replay")).to_be_visible()
    expect(page.get_by_role("button", name="Next", exact=True)).to_have_count(0)
    page.get_by_role("button", name="End the tour").click()
    expect(page.get_by_text("Tour, 4 of 4.")).to_have_count(0)
    expect(page.get_by_role("button", name="Replay")).to_be_visible()
    assert model.seen == []
