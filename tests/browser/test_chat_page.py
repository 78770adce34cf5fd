import re

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import TIMEOUT
from tests.support.browser_page import INPUT, ended, opened, send
from tests.support.fake_openai import FakeOpenAI, Fault, Plan
from weir.runs.failure import FailureKind

WORDS = [f" word{number}" for number in range(40)]
WHOLE = re.compile(r"word0 .*word39")


def test_a_question_is_routed_and_its_answer_has_figures_and_actions(chat: Page, model: FakeOpenAI) -> None:
    model.plan = Plan(tokens=WORDS, category="code", rate=100)
    send(chat, "Reverse a string in Python")
    expect(chat.get_by_text(re.compile(r"Code$"))).to_be_visible()
    ended(chat)
    expect(chat.get_by_text(WHOLE)).to_be_visible()
    expect(chat.get_by_text(re.compile(r"first token .* tokens/s · .* in · .* out"))).to_be_visible()
    expect(chat.get_by_role("button", name="Copy")).to_have_count(2)
    expect(chat.get_by_text("fake at 127.0.0.1")).to_be_visible()


def test_chat_sends_the_answers_so_far_to_the_model(chat: Page, model: FakeOpenAI) -> None:
    model.plan = Plan(tokens=["Paris."])
    send(chat, "Capital of France?")
    ended(chat)
    send(chat, "And of Spain?")
    ended(chat, 2)
    sent = [message["content"] for message in model.answers[-1].body["messages"]]
    assert sent[1:] == ["Capital of France?", "Paris.", "And of Spain?"]


@pytest.mark.parametrize("stalled", [False, True], ids=["streaming", "stalled"])
def test_stop_hangs_up_and_keeps_the_text(chat: Page, model: FakeOpenAI, stalled: bool) -> None:
    model.plan = Plan(tokens=WORDS * 100, rate=50, fault=Fault.STALL if stalled else None, at=10)
    send(chat, "Go on and on")
    expect(chat.get_by_text("word9")).to_be_visible()
    chat.get_by_role("button", name="Stop").click()
    (request,) = model.answers
    assert request.ended.wait(30)
    assert request.hung_up_at is not None
    ended(chat)
    expect(chat.get_by_text(re.compile(r"Stopped$"))).to_be_visible()
    expect(chat.get_by_text("word0 word1")).to_be_visible()
    expect(chat.get_by_role("button", name="Retry")).to_be_visible()


def test_escape_stops_too(chat: Page, model: FakeOpenAI) -> None:
    model.plan = Plan(tokens=WORDS * 100, rate=50)
    send(chat, "Go on and on")
    expect(chat.get_by_text("word9")).to_be_visible()
    chat.keyboard.press("Escape")
    expect(chat.get_by_text(re.compile(r"Stopped$"))).to_be_visible()
    assert model.answers[0].ended.wait(30)


def test_a_refresh_in_the_middle_goes_on_with_the_same_run(chat: Page, model: FakeOpenAI) -> None:
    model.plan = Plan(tokens=WORDS, rate=20)
    send(chat, "Take your time")
    expect(chat.get_by_text("word5")).to_be_visible()
    chat.reload()
    expect(chat.get_by_role("main").get_by_text("Take your time")).to_be_visible()
    ended(chat)
    expect(chat.get_by_text(WHOLE)).to_be_visible()
    assert len(model.answers) == 1


def test_a_refresh_brings_the_whole_conversation_back(chat: Page, model: FakeOpenAI) -> None:
    send(chat, "The first question")
    ended(chat)
    send(chat, "The second question")
    ended(chat, 2)
    chat.reload()
    ended(chat, 2)
    expect(chat.get_by_role("main").get_by_text("The first question")).to_be_visible()


def test_two_tabs_follow_one_run_and_a_third_sees_it_afterwards(
    chat: Page, model: FakeOpenAI, context: BrowserContext
) -> None:
    model.plan = Plan(tokens=WORDS, rate=4)
    send(chat, "Take your time")
    expect(chat.get_by_text("word3")).to_be_visible()
    second = opened(context.new_page(), chat.url)
    expect(second.get_by_text("word8")).to_be_visible()
    expect(chat.get_by_text("word39")).not_to_be_visible()
    for tab in (chat, second):
        ended(tab)
        expect(tab.get_by_text(WHOLE)).to_be_visible()
    third = opened(context.new_page(), chat.url)
    expect(third.get_by_text(WHOLE)).to_be_visible()
    assert len(model.answers) == 1


def test_leaving_the_page_and_coming_back_loses_nothing(chat: Page, model: FakeOpenAI) -> None:
    model.plan = Plan(tokens=WORDS, rate=20)
    send(chat, "Take your time")
    expect(chat.get_by_text("word3")).to_be_visible()
    chat.get_by_role("link", name="Streaming lab").click()
    expect(chat.get_by_text("Give a topic below")).to_be_visible()
    chat.get_by_role("link", name="Chat").click()
    ended(chat)
    expect(chat.get_by_text(WHOLE)).to_be_visible()
    assert len(model.answers) == 1


def test_a_question_sent_meanwhile_is_answered_next(chat: Page, model: FakeOpenAI) -> None:
    model.plan = Plan(tokens=WORDS, rate=25)
    send(chat, "The first question")
    expect(chat.get_by_text("word3")).to_be_visible()
    send(chat, "The second question")
    ended(chat, 2)
    expect(chat.get_by_text(WHOLE)).to_have_count(2)
    sent = [message["content"] for message in model.answers[-1].body["messages"]]
    assert sent[1:] == ["The first question", "".join(WORDS), "The second question"]


def test_a_question_that_waits_says_so_and_can_stop_the_answer_above(chat: Page, model: FakeOpenAI) -> None:
    model.plan = Plan(tokens=WORDS * 100, rate=25)
    send(chat, "The first question")
    expect(chat.get_by_text("word3").first).to_be_visible()
    send(chat, "The second question")
    expect(chat.get_by_text("Waiting for the answer above")).to_be_visible()
    model.plan = Plan(tokens=["The second answer."])
    chat.get_by_role("button", name="Stop it and go on").click()
    expect(chat.get_by_text("The second answer.")).to_be_visible()
    expect(chat.get_by_text("Waiting for the answer above")).to_have_count(0)
    expect(chat.get_by_text("This answer was stopped.")).to_be_visible()
    assert model.answers[0].hung_up_at is not None


def test_questions_that_wait_survive_a_refresh(chat: Page, model: FakeOpenAI) -> None:
    model.plan = Plan(tokens=WORDS, rate=25)
    send(chat, "The first question")
    expect(chat.get_by_text("word3")).to_be_visible()
    send(chat, "The second question")
    send(chat, "The third question")
    expect(chat.get_by_text("The third question")).to_be_visible()
    chat.reload()
    ended(chat, 3)
    expect(chat.get_by_text(WHOLE)).to_have_count(3)
    assert [seen.body["messages"][-1]["content"] for seen in model.answers] == [
        "The first question",
        "The second question",
        "The third question",
    ]


def test_nothing_of_a_stopped_answer_stays_when_it_is_asked_for_again(chat: Page, model: FakeOpenAI) -> None:
    model.plan = Plan(tokens=WORDS * 100, rate=50)
    send(chat, "Go on and on")
    expect(chat.get_by_text("word9")).to_be_visible()
    chat.get_by_role("button", name="Stop").click()
    chat.get_by_role("button", name="Retry").click()
    expect(chat.get_by_text("word5")).to_be_visible()
    expect(chat.get_by_text("This answer was stopped.")).to_have_count(0)
    expect(chat.get_by_role("button", name="Retry")).to_have_count(0)
    chat.get_by_role("button", name="Stop").click()
    ended(chat)


def test_chat_restores_a_deleted_conversation(chat: Page, model: FakeOpenAI) -> None:
    send(chat, "Hello")
    ended(chat)
    chat.get_by_role("button", name="Rename, export, delete").or_(
        chat.get_by_test_id("stSidebar").get_by_test_id("stPopoverButton").first
    ).first.click()
    chat.get_by_role("button", name="Delete").click()
    expect(chat.get_by_role("main").get_by_text("Ask anything.")).to_be_visible()
    chat.get_by_role("button", name="Undo").click()
    expect(chat.get_by_role("main").get_by_text("Hello")).to_be_visible()


def test_suggestions_start_a_conversation_and_make_room_for_it(chat: Page) -> None:
    chat.get_by_role("button", name="What is gravity?").click()
    ended(chat)
    expect(chat.get_by_role("button", name="What is 25 × 17?")).to_have_count(0)


def test_regenerate_asks_again(chat: Page, model: FakeOpenAI) -> None:
    send(chat, "Anything")
    ended(chat)
    model.plan = Plan(tokens=["Something else."])
    chat.get_by_role("button", name="Regenerate").click()
    expect(chat.get_by_text("Something else.")).to_be_visible()
    expect(chat.get_by_text("Once upon a time")).not_to_be_visible()


IN_THE_MIDDLE = [
    (Fault.CUT, FailureKind.CUT),
    (Fault.STALL, FailureKind.TIMEOUT),
    (Fault.NO_FINISH, FailureKind.UNFINISHED),
]


@pytest.mark.parametrize(("fault", "kind"), IN_THE_MIDDLE)
def test_an_error_in_the_middle_keeps_the_text_and_stays_out_of_the_history(
    chat: Page, model: FakeOpenAI, fault: Fault, kind: FailureKind
) -> None:
    model.plan = Plan(tokens=WORDS, fault=fault, at=8)
    send(chat, "Will this work?")
    expect(chat.get_by_text(re.compile(r"Cut off$"))).to_be_visible(timeout=TIMEOUT * 1000 + 30_000)
    expect(chat.get_by_text(kind.message)).to_be_visible()
    expect(chat.get_by_text("word0 word1 word2 word3 word4 word5 word6 word7")).to_be_visible()
    model.plan = Plan()
    send(chat, "Next")
    ended(chat, 2)
    sent = [message["content"] for message in model.answers[-1].body["messages"]]
    assert sent[1:] == ["Next"]


def test_chat_names_a_failed_classification_on_the_answer(chat: Page, model: FakeOpenAI) -> None:
    model.plan = Plan(tokens=WORDS, structured="no JSON")
    send(chat, "Hm?")
    ended(chat)
    expect(chat.get_by_text("The classification failed")).to_be_visible()
    expect(chat.get_by_text(WHOLE)).to_be_visible()


def test_a_link_to_no_run_says_so_and_the_chat_is_there(page: Page, weir_url: str) -> None:
    opened(page, f"{weir_url}/?run=00000000-0000-4000-8000-000000000000")
    expect(page.get_by_text("There is no run at this link")).to_be_visible()
    expect(page.get_by_role("button", name="What is 25 × 17?")).to_be_visible()


def test_the_chat_is_at_its_own_name_too(chat: Page, weir_url: str) -> None:
    send(chat, "Find me again")
    ended(chat)
    opened(chat, chat.url.replace("/?", "/chat?"))
    expect(chat.get_by_role("main").get_by_text("Find me again")).to_be_visible()
    ended(chat)


def test_markdown_in_an_answer_fetches_nothing_and_runs_nothing(chat: Page, model: FakeOpenAI) -> None:
    requested: list[str] = []
    chat.on("request", lambda request: requested.append(request.url))
    leak = f"{model.url}/leak.png"
    model.plan = Plan(
        tokens=[
            f"![x]({leak})\n\n",
            f'<img src="{leak}"><script>document.title = "owned"</script>\n\n',
            "[click](javascript:document.title='owned')\n\n",
            "The end",
        ]
    )
    send(chat, "Attack")
    expect(chat.get_by_text("The end")).to_be_visible()
    ended(chat)
    link = chat.get_by_text("click", exact=True)
    assert not (link.get_attribute("href") or "").startswith("javascript:")
    assert chat.title() != "owned"
    assert [seen for seen in model.seen if "leak" in str(seen.body)] == []
    failed = [url for url in requested if "leak" in url]
    assert all(
        chat.evaluate("url => performance.getEntriesByName(url).every(e => !e.transferSize)", url) for url in failed
    )


def test_a_question_is_shown_as_it_was_typed(chat: Page) -> None:
    send(chat, "# not a heading, **not bold**, :red[not red] and <b>no HTML</b>")
    expect(chat.get_by_text("# not a heading, **not bold**, :red[not red] and <b>no HTML</b>")).to_be_visible()
    ended(chat)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_nothing_is_wider_than_the_screen(page: Page, weir_url: str, model: FakeOpenAI, scheme: str) -> None:
    model.plan = Plan(tokens=["A", "verylongword" * 30, "\n\n```\n", "code " * 60, "\n```\n"])
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": 390, "height": 800})
    opened(page, weir_url)
    send(page, "Hello")
    ended(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    expect(page.locator(INPUT)).to_be_in_viewport()
