"""The language of the pages: the browser's own, and the one that its person chooses."""

import re

from playwright.sync_api import Browser, expect

from tests.support.browser_page import opened
from tests.support.fake_openai import FakeOpenAI, Fault, Plan


def test_a_browser_in_indonesian_and_its_person_who_chooses_english(
    browser: Browser, weir_url: str, model: FakeOpenAI
) -> None:
    with browser.new_context(locale="id-ID") as context:
        page = opened(context.new_page(), weir_url)
        main = page.get_by_role("main")
        expect(page.get_by_role("heading", level=1, name="Obrolan")).to_be_visible()
        expect(page.locator("html")).to_have_attribute("lang", "id")
        expect(page.get_by_role("img", name=re.compile("Satu cerita rekaman, dua kali"))).to_contain_text(
            re.compile(r"\d,\d s")
        )

        model.plan = Plan(fault=Fault.CUT, at=2)
        page.get_by_placeholder("Ajukan pertanyaan").fill("Halo")
        page.get_by_placeholder("Ajukan pertanyaan").press("Enter")
        expect(main.get_by_text("Koneksi ke model terputus sebelum jawaban lengkap.")).to_be_visible()
        expect(main.get_by_role("button", name="Coba lagi")).to_be_visible()

        # What a component draws in the browser is in the language, too.
        page.get_by_role("link", name="Inspektor").click()
        page.get_by_role("button", name="Sebuah cerita").click()
        expect(page.locator(".waterfall .cells")).to_contain_text("lama")
        expect(page.get_by_role("button", name="Perbesar")).to_be_visible()

        # A link holds in every language.
        page.goto(f"{weir_url}/story?view=Race")
        expect(page.get_by_role("radio", name="Balapan")).to_be_checked()

        page.get_by_role("link", name="Tentang").click()
        page.get_by_role("radio", name="English").click()
        expect(page.get_by_role("heading", level=1, name="About Weir")).to_be_visible()
        expect(page.locator("html")).to_have_attribute("lang", "en")
        page.reload()
        expect(page.get_by_role("heading", level=1, name="About Weir")).to_be_visible()
        expect(page.get_by_role("radio", name="English")).to_be_checked()
