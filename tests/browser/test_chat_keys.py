"""Scrolling, focus, keys and the Back button of the chat page."""

import re

from playwright.sync_api import Page, expect

from tests.support.browser_page import INPUT, ended, send
from tests.support.fake_openai import FakeOpenAI, Plan

LINES = [f" line{number}\n\n" for number in range(40)]


AT_REST = """async () => {
  const main = document.querySelector(".stMain"), top = main.scrollTop
  await new Promise((resolve) => setTimeout(resolve, 500))
  return main.scrollTop === top
}"""


def scroll_up(page: Page) -> None:
    page.mouse.move(400, 300)
    page.mouse.wheel(0, -600)
    expect(page.get_by_role("button", name="Latest")).to_be_visible()


def test_what_was_sent_comes_into_view_and_latest_goes_back_to_the_end(chat: Page, model: FakeOpenAI) -> None:
    model.plan = Plan(tokens=LINES)
    send(chat, "The first question")
    ended(chat)
    expect(chat.get_by_role("button", name="Latest")).to_have_count(0)
    # Streamlit scrolls an answer that came at once into view, whatever a person does meanwhile.
    chat.wait_for_function(AT_REST)
    scroll_up(chat)
    chat.get_by_role("button", name="Latest").click()
    expect(chat.get_by_role("button", name="Regenerate")).to_be_in_viewport()
    scroll_up(chat)
    plan = model.plan = Plan(tokens=LINES * 20, rate=1)
    send(chat, "The second question")
    expect(chat.get_by_role("main").get_by_text("The second question")).to_be_in_viewport()
    plan.rate = 20
    # The page goes on scrolling with the text, until somebody scrolls up.
    expect(chat.get_by_text("line30").last).to_be_in_viewport()
    scroll_up(chat)
    chat.locator(INPUT).press("Escape")
    ended(chat, 2)


def test_the_focus_is_where_one_writes_and_escape_stops_only_where_it_means_that(chat: Page, model: FakeOpenAI) -> None:
    expect(chat.locator(INPUT)).to_be_focused()
    send(chat, "One")
    ended(chat)
    chat.get_by_role("button", name="Edit").click()
    box = chat.get_by_label("Your question")
    expect(box).to_be_focused()
    box.press("Escape")
    expect(box).to_have_count(0)
    expect(chat.locator(INPUT)).to_be_focused()
    chat.get_by_role("button", name="Edit").click()
    expect(box).to_be_focused()
    model.plan = Plan(tokens=[f" mark{number}\n\n" for number in range(2_000)], rate=20)
    chat.keyboard.type(" and two")
    chat.keyboard.press("Control+Enter")
    expect(chat.get_by_role("main").get_by_text("One and two")).to_be_visible()

    # The answer streams on while Escape leaves the search and then the list of keys.
    expect(chat.get_by_text("mark3", exact=True)).to_be_visible()
    chat.keyboard.press("Control+k")
    expect(chat.get_by_label("Search conversations")).to_be_focused()
    chat.keyboard.press("Escape")
    keys = chat.get_by_role("cell", name="Search conversations")
    chat.get_by_role("button", name="Keys").click()
    expect(keys).to_be_visible()
    chat.keyboard.press("Escape")
    expect(keys).to_have_count(0)
    expect(chat.get_by_text(f"mark{model.answers[-1].sent + 20}", exact=True)).to_be_visible()
    expect(chat.get_by_text("This answer was stopped.")).to_have_count(0)
    assert model.answers[-1].hung_up_at is None
    chat.locator(INPUT).click()
    chat.keyboard.press("Escape")
    expect(chat.get_by_text("This answer was stopped.")).to_be_visible()
    ended(chat)
    chat.keyboard.press("Control+Shift+O")
    expect(chat.get_by_role("main").get_by_text("Ask anything.")).to_be_visible()


def test_one_back_leaves_a_conversation(chat: Page, model: FakeOpenAI) -> None:
    model.plan = Plan(tokens=["Well."])
    main = chat.get_by_role("main")
    for question in ("The first", "The second"):
        send(chat, question)
        expect(main.get_by_text(question)).to_be_visible()
        ended(chat)
        expect(chat).to_have_url(re.compile("conversation=.*run="))
        chat.get_by_role("button", name="New chat").click()
        expect(chat).not_to_have_url(re.compile("conversation="))
    for question in ("The first", "The second"):
        before = chat.url
        chat.get_by_role("button", name=question, exact=True).click()
        expect(main.get_by_text(question)).to_be_visible()
        expect(chat).not_to_have_url(before)
    chat.go_back()
    expect(main.get_by_text("The first")).to_be_visible()
    chat.go_back()
    expect(chat.get_by_role("main").get_by_text("Ask anything.")).to_be_visible()
    chat.go_back()
    expect(main.get_by_text("The second")).to_be_visible()
    chat.go_forward()
    chat.go_forward()
    expect(main.get_by_text("The first")).to_be_visible()
