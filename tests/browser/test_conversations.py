"""Stored conversations: after a refresh, a restart and a killed server, and who can read them."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.app_process import free_port, weir_process, with_preloaded_streamlit
from tests.support.browser_page import INPUT, ended, opened, send
from tests.support.fake_openai import FakeOpenAI, Plan
from weir.storage.database import IN_MEMORY_URL
from weir.storage.records import MessageStatus
from weir.storage.repository import open_repository

WORDS = [f" word{number}" for number in range(200)]


@pytest.fixture
def environment(model: FakeOpenAI, tmp_path: Path) -> dict[str, str]:
    return {
        "OPENAI_BASE_URL": model.url,
        "OPENAI_MODEL": "fake",
        "WEIR_DATA": str(tmp_path),
        "WEIR_RETRIES": "0",
    }


def test_a_conversation_survives_a_restart_of_the_server(
    page: Page, model: FakeOpenAI, environment: dict[str, str]
) -> None:
    port = free_port()
    with weir_process("", environment, port, with_preloaded_streamlit) as weir:
        opened(page, weir.url)
        send(page, "The first question")
        ended(page)
        send(page, "The second question")
        ended(page, 2)
    with weir_process("", environment, port, with_preloaded_streamlit):
        page.reload()
        ended(page, 2)
        main = page.get_by_role("main")
        expect(main.get_by_text("The first question")).to_be_visible()
        expect(main.get_by_text("Once upon a time.")).to_have_count(2)
        send(page, "The third question")
        ended(page, 3)
    sent = [message["content"] for message in model.answers[-1].body["messages"]]
    assert sent[1:] == [
        "The first question",
        "Once upon a time.",
        "The second question",
        "Once upon a time.",
        "The third question",
    ]


def test_a_killed_server_leaves_the_answer_up_to_the_last_seconds_marked_as_cut(
    page: Page, model: FakeOpenAI, environment: dict[str, str]
) -> None:
    model.plan = Plan(tokens=WORDS, rate=20)
    port = free_port()
    with weir_process("", environment, port) as weir:
        opened(page, weir.url)
        send(page, "Take your time")
        expect(page.get_by_text("word99")).to_be_visible()
        weir.process.kill()
        weir.process.wait()
    with weir_process("", environment, port, with_preloaded_streamlit):
        page.reload()
        expect(page.get_by_text(re.compile("Cut off$"))).to_be_visible()
        expect(page.get_by_text("Weir was restarted", exact=False)).to_be_visible()
        # 20 words a second: what came in the last two seconds and a half may be lost.
        expect(page.get_by_text("word49")).to_be_visible()
        model.plan = Plan()
        page.get_by_role("button", name="Retry").click()
        expect(page.get_by_text("Once upon a time.")).to_be_visible()


def test_two_visitors_never_see_each_others_conversations(
    chat: Page, stranger: Page, weir_url: str, model: FakeOpenAI
) -> None:
    send(chat, "A secret of mine")
    ended(chat)
    address = chat.url
    opened(stranger, weir_url)
    expect(stranger.get_by_text("Your conversations will appear here.")).to_be_visible()
    expect(stranger.get_by_text("A secret of mine")).to_have_count(0)
    conversation = re.search(r"conversation=([^&]+)", address)
    assert conversation
    opened(stranger, f"{weir_url}/?conversation={conversation[1]}")
    expect(stranger.get_by_text("There is no such conversation here")).to_be_visible()
    expect(stranger.get_by_text("A secret of mine")).to_have_count(0)
    mine = [cookie for cookie in stranger.context.cookies() if cookie["name"] == "weir_visitor"]
    assert [(cookie["httpOnly"], cookie["sameSite"]) for cookie in mine] == [(True, "Lax")]


def test_a_shared_run_shows_a_stranger_that_run_alone(
    chat: Page, stranger: Page, weir_url: str, model: FakeOpenAI
) -> None:
    send(chat, "A secret of mine")
    ended(chat)
    model.plan = Plan(tokens=WORDS[:60], rate=15)
    send(chat, "Share this")
    expect(chat.get_by_text("word9")).to_be_visible()
    run = re.search(r"run=([^&]+)", chat.url)
    assert run
    opened(stranger, f"{weir_url}/?run={run[1]}")
    expect(stranger.get_by_text("Share this")).to_be_visible()
    expect(stranger.get_by_text("word59")).to_be_visible()
    expect(stranger.get_by_role("link", name="Inspect", exact=True)).to_be_visible()
    expect(stranger.get_by_text("A secret of mine")).to_have_count(0)
    assert len(model.answers) == 2


def test_an_edited_first_question_is_a_branch_and_both_are_reachable(chat: Page, model: FakeOpenAI) -> None:
    model.plan = Plan(tokens=["The first branch."])
    send(chat, "One")
    ended(chat)
    model.plan = Plan(tokens=["Its second turn."])
    send(chat, "And more")
    ended(chat, 2)
    model.plan = Plan(tokens=["The second branch."])
    chat.get_by_role("button", name="Edit").first.click()
    chat.get_by_label("Your question").fill("Two")
    chat.get_by_role("button", name="Send", exact=True).click()
    expect(chat.get_by_text("The second branch.")).to_be_visible()
    expect(chat.get_by_text("Its second turn.")).to_have_count(0)
    chat.reload()
    expect(chat.get_by_text("The second branch.")).to_be_visible()
    chat.get_by_role("button", name="Earlier version").click()
    expect(chat.get_by_text("The first branch.")).to_be_visible()
    expect(chat.get_by_text("Its second turn.")).to_be_visible()


def test_the_route_is_explained_and_can_be_changed_and_compared(chat: Page, model: FakeOpenAI) -> None:
    model.plan = Plan(
        tokens=["As general."], structured='{"category": "general", "reason": "It is chat.", "confidence": 0.7}'
    )
    send(chat, "What is 25 * 17?")
    ended(chat)
    chat.get_by_role("button", name="Why General?").click()
    expect(chat.get_by_text(re.compile(r"General, classified by the model in \d+ ms"))).to_be_visible()
    expect(chat.get_by_text("It is chat.")).to_be_visible()
    expect(chat.get_by_text("Self-reported confidence 70%", exact=False)).to_be_visible()
    model.plan = Plan(tokens=["As math."])
    chat.get_by_role("button", name="Compare with math").click()
    expect(chat.get_by_text("As math.")).to_be_visible()
    expect(chat.get_by_text("As general.")).to_have_count(1)
    expect(chat.get_by_text("2 / 2")).to_be_visible()


def test_an_export_is_imported_again_with_its_branches(chat: Page, model: FakeOpenAI, tmp_path: Path) -> None:
    send(chat, "Keep me")
    ended(chat)
    chat.get_by_role("button", name="Regenerate").click()
    expect(chat.get_by_text("2 / 2")).to_be_visible()
    chat.get_by_test_id("stSidebar").get_by_test_id("stPopoverButton").first.click()
    with chat.expect_download() as download:
        chat.get_by_role("button", name="JSON, with all branches").click()
    download.value.save_as(tmp_path / "conversation.json")
    chat.keyboard.press("Escape")
    chat.get_by_role("button", name="New chat").click()
    expect(chat.get_by_role("main").get_by_text("Ask anything.")).to_be_visible()
    chat.get_by_role("button", name="Import").click()
    chat.locator("input[type=file]").set_input_files(tmp_path / "conversation.json")
    expect(chat.get_by_text("2 / 2")).to_be_visible()
    expect(chat.get_by_text("Once upon a time.")).to_be_visible()


def test_a_deleted_conversation_is_in_the_bin_until_it_is_deleted_for_good(chat: Page, model: FakeOpenAI) -> None:
    model.plan = Plan(tokens=["A needle in a haystack."])
    for question in ("Keep me", "Drop me"):
        send(chat, question)
        expect(chat.get_by_role("main").get_by_text(question)).to_be_visible()
        ended(chat)
        chat.get_by_test_id("stSidebar").get_by_test_id("stPopoverButton").first.click()
        chat.get_by_role("button", name="Delete", exact=True).click()
        expect(chat.get_by_role("main").get_by_text("Ask anything.")).to_be_visible()
    chat.reload()
    chat.get_by_role("button", name="Bin").click()
    expect(chat.get_by_text("kept for 30 days")).to_be_visible()
    chat.get_by_role("button", name="Delete for good").first.click()
    expect(chat.get_by_text("Drop me")).to_have_count(0)
    expect(chat.get_by_role("button", name="Restore")).to_have_count(1)
    chat.get_by_role("button", name="Restore").click()
    expect(chat.get_by_role("main").get_by_text("Keep me")).to_be_visible()
    sidebar = chat.get_by_test_id("stSidebar")
    expect(sidebar.get_by_text("Today")).to_be_visible()
    chat.get_by_label("Search conversations").fill("needle")
    chat.get_by_label("Search conversations").press("Enter")
    expect(sidebar.get_by_text("A needle in a haystack.")).to_be_visible()


def test_a_draft_belongs_to_its_conversation(chat: Page) -> None:
    send(chat, "The first")
    ended(chat)
    box = chat.locator(INPUT)
    box.fill("Not finished")
    chat.get_by_role("button", name="New chat").click()
    expect(box).to_have_value("")
    chat.get_by_role("button", name="The first", exact=True).click()
    expect(box).to_have_value("Not finished")
    chat.get_by_role("link", name="Streaming lab").click()
    expect(chat.get_by_text("Give a topic below")).to_be_visible()
    chat.get_by_role("link", name="Chat").click()
    expect(box).to_have_value("Not finished")
    box.press("Enter")
    ended(chat, 2)
    expect(chat.get_by_role("main").get_by_text("Not finished")).to_be_visible()
    expect(box).to_have_value("")
    chat.reload()
    ended(chat, 2)
    expect(box).to_have_value("")


def test_formulas_are_drawn_and_money_is_left_alone(chat: Page, model: FakeOpenAI) -> None:
    model.plan = Plan(tokens=["So \\", "(x^2", "\\) costs $5", " and $10.\n\n\\[ y", " = 2 \\]\n"])
    send(chat, "A formula")
    ended(chat)
    expect(chat.locator(".katex")).to_have_count(2)
    expect(chat.get_by_text("costs $5 and $10.", exact=False)).to_be_visible()


def test_the_routing_page_measures_the_local_classifier(page: Page, weir_url: str, model: FakeOpenAI) -> None:
    page.goto(f"{weir_url}/routing")
    page.get_by_role("button", name="Evaluate").click()
    expect(page.get_by_text("Confusion matrix")).to_be_visible()
    expect(page.get_by_text(re.compile(r"^9\d\.\d%$")).first).to_be_visible()
    assert model.seen == []


def test_a_search_leads_to_the_message_also_in_another_branch(chat: Page) -> None:
    repository = open_repository(IN_MEMORY_URL)
    conversation = repository.create("ann")
    parent: str | None = None
    for number in range(40):
        question = repository.add_question("ann", conversation, f"Question {number}", parent=parent)
        for text in ("The pearl", "Another version") if number == 7 else ("No news",):
            parent = repository.add_answer("ann", question)
            repository.update_answer("ann", parent, f"{text}. {'Words. ' * 100}", status=MessageStatus.DONE)
    file = {"name": "long.json", "mimeType": "application/json"}
    content = repository.export_json("ann", conversation)
    sidebar = chat.get_by_test_id("stSidebar")
    sidebar.get_by_role("button", name="Import").click()
    chat.locator("input[type=file]").set_input_files({**file, "buffer": content})
    expect(chat.get_by_text("Question 39")).to_be_in_viewport()

    chat.keyboard.press("Control+k")
    chat.keyboard.type("PEARL")
    chat.keyboard.press("Enter")
    expect(sidebar.get_by_text("The pearl.", exact=False)).to_be_visible()
    sidebar.locator("[class*=st-key-open-] button").first.click()
    expect(chat.get_by_role("main").get_by_text("The pearl.", exact=False)).to_be_in_viewport()
    expect(chat.get_by_text("Question 7", exact=True)).to_be_in_viewport()

    # What is sent afterwards is at the end, and the page goes there.
    send(chat, "And now?")
    expect(chat.get_by_text("Once upon a time.")).to_be_in_viewport()
