"""What a newcomer meets in the first minute: what Weir is, a picture of it, and a tour on recordings."""

import re

import httpx
from playwright.sync_api import Page, expect

from tests.support.browser_page import opened
from tests.support.fake_openai import FakeOpenAI
from weir import __version__

PICTURE = re.compile(r"One recorded story, twice\. With streaming the first word is there after .*, without it after")


def test_the_empty_chat_says_what_weir_is_and_shows_it_moving_only_where_motion_is_wanted(
    page: Page, weir_url: str, model: FakeOpenAI
) -> None:
    page.emulate_media(reduced_motion="reduce")
    opened(page, weir_url)
    expect(page.get_by_text("Weir shows what a LangChain chain streams")).to_be_visible()
    picture = page.get_by_role("img", name=PICTURE)
    texts = picture.locator("p")
    expect(texts.nth(1)).not_to_be_empty()
    whole = texts.nth(1).inner_text()
    assert texts.nth(0).inner_text() == whole
    height = "picture => picture.getBoundingClientRect().height"
    still = picture.evaluate(height)

    page.emulate_media(reduced_motion="no-preference")
    page.reload()
    # Word by word on one side, and on the other at the end.
    expect(texts.nth(1)).not_to_be_empty()
    expect(texts.nth(1)).to_have_text(whole)
    expect(texts.nth(0)).to_have_text(whole)
    assert picture.evaluate(height) == still


def test_about_is_reached_from_every_page_and_leads_through_a_tour(
    page: Page, weir_url: str, model: FakeOpenAI
) -> None:
    page.set_viewport_size({"width": 1440, "height": 900})
    opened(page, f"{weir_url}/http_client")
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
    expect(page.get_by_role("button", name="Replay").first).to_be_visible()
    expect(page.get_by_role("button", name="Next", exact=True)).to_have_count(0)
    page.get_by_role("button", name="End the tour").click()
    expect(page.get_by_text("Tour, 4 of 4.")).to_have_count(0)
    expect(page.get_by_role("button", name="Replay").first).to_be_visible()
    assert model.seen == []
