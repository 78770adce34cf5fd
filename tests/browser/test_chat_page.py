import re

from playwright.sync_api import BrowserContext, Page, expect

from tests.support.browser_page import ended, opened, send
from tests.support.fake_openai import FakeOpenAI, Fault, Plan

WORDS = [f" word{number}" for number in range(40)]
WHOLE = re.compile(r"word0 .*word39")


def slowly(words: list[str] = WORDS) -> Plan:
    """Answer five words at once and then two a second: `plan.rate = 0` lets the others come."""
    return Plan(tokens=words, rate=2, burst=5)


def contents(model: FakeOpenAI) -> list[str]:
    """Return what the model was sent last, without the system prompt."""
    return [message["content"] for message in model.answers[-1].body["messages"]][1:]


def test_a_conversation_from_its_first_question_to_its_return_from_the_bin(chat: Page, model: FakeOpenAI) -> None:
    main = chat.get_by_role("main")
    model.plan = Plan(tokens=WORDS, category="code", rate=100)
    first = "Write a Python function that checks if a number is even"
    chat.get_by_role("button", name=first).click()
    expect(chat.get_by_text(re.compile(r"Code$"))).to_be_visible()
    ended(chat)
    expect(chat.get_by_text(WHOLE)).to_be_visible()
    expect(chat.get_by_text(re.compile(r"first token .* tokens/s · .* in · .* out"))).to_be_visible()
    expect(chat.get_by_role("button", name="Copy")).to_have_count(2)
    expect(chat.get_by_text("fake at 127.0.0.1")).to_be_visible()
    # The suggestions have made room for it.
    expect(chat.get_by_role("button", name="What is 25 × 17?")).to_have_count(0)

    # The answers so far are sent; a question is shown as it was typed.
    typed = "# not a heading, **not bold**, :red[not red] and <b>no HTML</b>"
    model.plan = Plan(tokens=["Paris."])
    send(chat, typed)
    expect(main.get_by_text(typed)).to_be_visible()
    ended(chat, 2)
    assert contents(model) == [first, "".join(WORDS), typed]

    model.plan = Plan(tokens=["Something else."])
    chat.get_by_role("button", name="Regenerate").last.click()
    expect(chat.get_by_text("Something else.")).to_be_visible()
    expect(chat.get_by_text("Paris.")).to_have_count(0)
    ended(chat, 2)

    # A failed classification is on the answer, which is there.
    model.plan = Plan(tokens=["A third."], structured="no JSON")
    send(chat, "Hm?")
    ended(chat, 3)
    expect(chat.get_by_text("The classification failed")).to_be_visible()
    expect(chat.get_by_text("A third.")).to_be_visible()

    # All of it is there again after a refresh, and at the page's own name.
    expect(chat).to_have_url(re.compile("conversation=.*run="))
    opened(chat, chat.url.replace("/?", "/chat?"))
    ended(chat, 3)
    expect(main.get_by_text(typed)).to_be_visible()

    chat.get_by_test_id("stSidebar").get_by_test_id("stPopoverButton").first.click()
    chat.get_by_role("button", name="Delete", exact=True).click()
    expect(main.get_by_text("Ask anything.")).to_be_visible()
    chat.get_by_role("button", name="Undo").click()
    expect(main.get_by_text(typed)).to_be_visible()


def test_stop_and_escape_hang_up_keep_the_text_and_leave_nothing_when_it_is_asked_for_again(
    chat: Page, model: FakeOpenAI
) -> None:
    stopped, retry = chat.get_by_text("This answer was stopped."), chat.get_by_role("button", name="Retry")
    for number, fault in enumerate((None, Fault.STALL, None)):
        words = [f" round{number}word{word}" for word in range(4_000)]
        model.plan = Plan(tokens=words, rate=50, fault=fault, at=10)
        if number == 0:
            send(chat, "Go on and on")
        else:
            retry.click()
        expect(chat.get_by_text(f"round{number}word9")).to_be_visible()
        expect(stopped).to_have_count(0)
        expect(retry).to_have_count(0)
        if number < 2:
            chat.get_by_role("button", name="Stop").click()
        else:
            chat.keyboard.press("Escape")
        expect(chat.get_by_text(re.compile(r"Stopped$"))).to_be_visible()
        assert model.answers[number].ended.wait(30)
        assert model.answers[number].hung_up_at is not None
        ended(chat)
        expect(chat.get_by_text(f"round{number}word0 round{number}word1")).to_be_visible()
        expect(stopped).to_be_visible()
        expect(retry).to_be_visible()


def test_a_live_answer_goes_on_over_a_refresh_in_another_tab_and_while_its_page_is_left(
    chat: Page, model: FakeOpenAI, context: BrowserContext
) -> None:
    plan = model.plan = slowly()
    send(chat, "Take your time")
    expect(chat.get_by_text("word4")).to_be_visible()
    chat.reload()
    expect(chat.get_by_role("main").get_by_text("Take your time")).to_be_visible()
    expect(chat.get_by_text("word4")).to_be_visible()
    second = opened(context.new_page(), chat.url)
    expect(second.get_by_text("word4")).to_be_visible()
    chat.get_by_role("link", name="Streaming lab").click()
    expect(chat.get_by_text("Give a topic below")).to_be_visible()
    chat.get_by_role("link", name="Chat").click()
    for tab in (chat, second):
        expect(tab.get_by_text("word4")).to_be_visible()
    plan.rate = 0
    for tab in (chat, second):
        ended(tab)
        expect(tab.get_by_text(WHOLE)).to_be_visible()
    # Whoever comes afterwards sees it too.
    opened(second, chat.url)
    expect(second.get_by_text(WHOLE)).to_be_visible()
    assert len(model.answers) == 1


def test_questions_wait_for_the_answer_above_over_a_refresh_and_can_stop_it(chat: Page, model: FakeOpenAI) -> None:
    waiting = chat.get_by_text("Waiting for the answer above")
    plan = model.plan = slowly()
    send(chat, "The first question")
    expect(chat.get_by_text("word4")).to_be_visible()
    send(chat, "The second question")
    expect(waiting.first).to_be_visible()
    send(chat, "The third question")
    expect(chat.get_by_text("The third question")).to_be_visible()
    chat.reload()
    expect(waiting.first).to_be_visible()
    plan.rate = 0
    ended(chat, 3)
    expect(chat.get_by_text(WHOLE)).to_have_count(3)
    expect(waiting).to_have_count(0)
    words = "".join(WORDS)
    assert contents(model) == ["The first question", words, "The second question", words, "The third question"]
    assert len(model.answers) == 3

    model.plan = slowly([f" drop{number}" for number in range(4_000)])
    send(chat, "The fourth question")
    expect(chat.get_by_text("drop4")).to_be_visible()
    send(chat, "The fifth question")
    expect(waiting).to_be_visible()
    model.plan = Plan(tokens=["The fifth answer."])
    chat.get_by_role("button", name="Stop it and go on").click()
    expect(chat.get_by_text("The fifth answer.")).to_be_visible()
    expect(waiting).to_have_count(0)
    expect(chat.get_by_text("This answer was stopped.")).to_be_visible()
    assert model.answers[3].hung_up_at is not None
