"""Files of questions in the browser: a text and an image that are sent, reloaded, edited and shared."""

import re

from playwright.sync_api import FilePayload, Page, expect

from tests.support.accessibility import await_script, faults_in_light_and_dark
from tests.support.browser_page import INPUT, ended, opened, send
from tests.support.fake_openai import FakeOpenAI, Plan
from tests.support.images import image

FIELD = "[data-testid=stChatInput] input[type=file]"
NAME = "<b>notes *x*.txt"
NOTES = FilePayload(name=NAME, mimeType="text/plain", buffer=b"Rain at noon.")
LAKE = FilePayload(name="lake.png", mimeType="image/png", buffer=image(size=(300, 200)))
PDF = FilePayload(name="a.pdf", mimeType="application/pdf", buffer=b"%PDF\xff\xfe")


def attach(page: Page, *files: FilePayload) -> None:
    """Put files into the input, and wait until they are uploaded."""
    page.locator(FIELD).set_input_files(files)
    chips = page.get_by_test_id("stChatInput").get_by_role("button", name=re.compile("^Remove"))
    expect(chips).to_have_count(len(files))


def expect_files(page: Page) -> None:
    """Expect the question with both files, the name as it was written, and the small picture loaded."""
    expect(page.get_by_text(f"{NAME} · 13 B")).to_be_visible()
    expect(page.get_by_role("img", name="lake.png")).to_have_js_property("naturalWidth", 240)


def test_a_text_and_an_image_are_sent_reloaded_edited_and_shared(
    chat: Page, stranger: Page, weir_url: str, model: FakeOpenAI
) -> None:
    model.plan = Plan(tokens=["It rains."])
    attach(chat, PDF)
    send(chat, "What do they show?")
    expect(chat.get_by_text("“a.pdf” is neither text in UTF-8")).to_be_visible()
    expect(chat.locator(INPUT)).to_have_value("What do they show?")
    assert not model.seen
    attach(chat, NOTES, LAKE)
    chat.locator(INPUT).press("Enter")
    ended(chat)
    text, _, picture, asked = model.answers[-1].body["messages"][-1]["content"]
    assert text["text"].endswith("Rain at noon.\n```")
    assert picture["image_url"]["url"].startswith("data:image/png;base64,")
    assert asked["text"] == "What do they show?"
    expect_files(chat)
    expect(chat).to_have_url(re.compile("run="))

    chat.reload()
    expect_files(chat)
    await_script(chat)
    assert faults_in_light_and_dark(chat) == []
    run = re.search(r"run=([^&]+)", chat.url)
    assert run
    opened(stranger, f"{weir_url}/?run={run[1]}")
    expect_files(stranger)

    chat.get_by_role("button", name="Edit").click()
    chat.get_by_test_id("stForm").get_by_role("button", name="lake.png").click()
    chat.get_by_role("button", name="Send", exact=True).click()
    expect(chat.get_by_text("2 / 2")).to_be_visible()
    expect(chat.get_by_role("img", name="lake.png")).to_have_count(0)
    ended(chat)
    assert model.answers[-1].body["messages"][-1]["content"].endswith("```\n\nWhat do they show?")
