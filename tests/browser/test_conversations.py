"""Stored conversations: after a refresh and a killed server, in the bin and in a file, and who can read them."""

import re
from pathlib import Path

from playwright.sync_api import FilePayload, Page, expect

from tests.support.app_process import free_port, weir_process, with_preloaded_streamlit
from tests.support.browser_page import INPUT, ended, opened, send
from tests.support.fake_openai import FakeOpenAI, Plan
from weir.storage.database import IN_MEMORY_URL
from weir.storage.records import MessageStatus
from weir.storage.repository import open_repository

WORDS = [f" word{number}" for number in range(200)]


def test_a_server_that_is_killed_and_started_again_is_found_by_the_page_itself_with_the_conversation(
    page: Page, model: FakeOpenAI, tmp_path: Path
) -> None:
    environment = {"OPENAI_BASE_URL": model.url, "OPENAI_MODEL": "fake", "WEIR_DATA": str(tmp_path)}
    port = free_port()
    # Killed below: one from a preloaded Python would hold the port for a moment longer.
    with weir_process("", environment, port) as weir:
        model.plan = Plan(tokens=["Once upon a time."])
        opened(page, weir.url)
        send(page, "The first question")
        ended(page)
        model.plan = Plan(tokens=WORDS, rate=20)
        send(page, "Take your time")
        expect(page.get_by_text("word79")).to_be_visible()
        weir.process.kill()
        weir.process.wait()
    with weir_process("", environment, port, with_preloaded_streamlit):
        expect(page.get_by_text(re.compile("Cut off$"))).to_be_visible(timeout=30_000)
        expect(page.get_by_text("Weir was restarted")).to_be_visible()
        # 20 words a second: what came in the last two seconds and a half may be lost.
        expect(page.get_by_text(re.compile("word0 word1 .*word29"))).to_be_visible()
        model.plan = Plan(tokens=["All is well."])
        page.get_by_role("button", name="Retry").click()
        expect(page.get_by_text("All is well.")).to_be_visible()
        sent = [message["content"] for message in model.answers[-1].body["messages"]]
        assert sent[1:] == ["The first question", "Once upon a time.", "Take your time"]


def test_a_stranger_sees_the_shared_run_alone_and_no_conversation(
    chat: Page, stranger: Page, weir_url: str, model: FakeOpenAI
) -> None:
    send(chat, "A secret of mine")
    ended(chat)
    opened(stranger, weir_url)
    expect(stranger.get_by_text("Your conversations will appear here.")).to_be_visible()
    expect(stranger.get_by_text("A secret of mine")).to_have_count(0)
    mine = [cookie for cookie in stranger.context.cookies() if cookie["name"] == "weir_visitor"]
    assert [(cookie["httpOnly"], cookie["sameSite"]) for cookie in mine] == [(True, "Lax")]
    conversation = re.search(r"conversation=([^&]+)", chat.url)
    assert conversation
    opened(stranger, f"{weir_url}/?conversation={conversation[1]}")
    expect(stranger.get_by_text("There is no such conversation here")).to_be_visible()
    expect(stranger.get_by_text("A secret of mine")).to_have_count(0)

    before = chat.url
    model.plan = Plan(tokens=WORDS[:60], rate=15)
    send(chat, "Share this")
    expect(chat.get_by_text("word9")).to_be_visible()
    expect(chat).not_to_have_url(before)
    run = re.search(r"run=([^&]+)", chat.url)
    assert run
    opened(stranger, f"{weir_url}/?run={run[1]}")
    expect(stranger.get_by_text("Share this")).to_be_visible()
    expect(stranger.get_by_text("word59")).to_be_visible()
    expect(stranger.get_by_role("link", name="Inspect", exact=True)).to_be_visible()
    expect(stranger.get_by_text("A secret of mine")).to_have_count(0)
    assert len(model.answers) == 2


def test_an_edited_first_question_is_a_branch_that_survives_a_refresh_an_export_and_an_import(
    chat: Page, model: FakeOpenAI, tmp_path: Path
) -> None:
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
    ended(chat)
    chat.reload()
    expect(chat.get_by_text("The second branch.")).to_be_visible()

    chat.get_by_test_id("stSidebar").get_by_test_id("stPopoverButton").first.click()
    with chat.expect_download() as download:
        chat.get_by_role("button", name="JSON, with all branches").click()
    download.value.save_as(tmp_path / "conversation.json")
    chat.keyboard.press("Escape")
    chat.get_by_role("button", name="New chat").click()
    expect(chat.get_by_role("main").get_by_text("Ask anything.")).to_be_visible()
    chat.get_by_role("button", name="Import").click()
    chat.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(tmp_path / "conversation.json")
    expect(chat.get_by_text("The second branch.")).to_be_visible()
    chat.get_by_role("button", name="Earlier version").click()
    expect(chat.get_by_text("The first branch.")).to_be_visible()
    expect(chat.get_by_text("Its second turn.")).to_be_visible()


def test_a_route_is_explained_and_compared_and_formulas_are_drawn_and_money_left_alone(
    chat: Page, model: FakeOpenAI
) -> None:
    model.plan = Plan(
        tokens=["As general: \\", "(x^2", "\\) costs $5", " and $10.\n\n\\[ y", " = 2 \\]\n"],
        structured='{"category": "general", "reason": "It is chat.", "confidence": 0.7}',
    )
    send(chat, "What is 25 * 17?")
    ended(chat)
    expect(chat.locator(".katex")).to_have_count(2)
    expect(chat.get_by_text("costs $5 and $10.", exact=False)).to_be_visible()
    chat.get_by_role("button", name="Why General?").click()
    expect(chat.get_by_text(re.compile(r"General, classified by the model in \d+ ms"))).to_be_visible()
    expect(chat.get_by_text("It is chat.")).to_be_visible()
    expect(chat.get_by_text("Self-reported confidence 70%", exact=False)).to_be_visible()
    model.plan = Plan(tokens=["As math."])
    chat.get_by_role("button", name="Compare with math").click()
    expect(chat.get_by_text("As math.")).to_be_visible()
    expect(chat.get_by_text("As general")).to_have_count(1)
    expect(chat.get_by_text("2 / 2")).to_be_visible()


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
            parent = repository.answers.add("ann", question)
            repository.answers.update("ann", parent, f"{text}. {'Words. ' * 100}", status=MessageStatus.DONE)
    file: FilePayload = {
        "name": "long.json",
        "mimeType": "application/json",
        "buffer": repository.files.export_json("ann", conversation),
    }
    sidebar = chat.get_by_test_id("stSidebar")
    sidebar.get_by_role("button", name="Import").click()
    chat.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(file)
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
