import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.accessibility import await_script, faults, faults_in_light_and_dark
from tests.support.browser_page import INPUT, choose, ended, opened, record_shifts, recorded_shifts, send
from tests.support.fake_openai import FakeOpenAI, Fault, Plan

WORDS = [f" word{number}" for number in range(40)]
HEADER, ROW = 35, 24
"""Pixels of a table's header and of one of its rows."""


@pytest.fixture
def inspector(page: Page, weir_url: str, model: FakeOpenAI) -> Page:
    page.set_viewport_size({"width": 1280, "height": 850})
    return opened(page, f"{weir_url}/events")


@pytest.fixture
def story_recording(inspector: Page) -> Page:
    inspector.get_by_role("button", name="A story").click()
    expect(inspector.get_by_text("a recording", exact=False).first).to_be_visible()
    expect(waterfall(inspector).get_by_role("treeitem", name="StrOutputParser")).to_be_visible()
    expect(events_table(inspector).get_by_test_id("stDataFrame")).to_be_visible()
    return inspector


def events_table(page: Page) -> Locator:
    return page.locator("[class*=st-key-events_table_]")


def waterfall(page: Page) -> Locator:
    return page.get_by_role("tree")


def view(page: Page, name: str) -> None:
    page.get_by_test_id("stButtonGroup").get_by_text(re.compile(f"^{name}")).click()


def click_row(table: Locator, number: int) -> None:
    """Click into the text of a row."""
    table.get_by_test_id("stDataFrame").click(position={"x": 290, "y": HEADER + number * ROW + ROW // 2})


def selects(page: Page, event: str, component: str) -> None:
    """Wait until an event is selected, and its component in the waterfall."""
    expect(page.get_by_text(re.compile(f"^{event}"))).to_be_visible()
    expect(waterfall(page).get_by_role("treeitem", selected=True)).to_contain_text(component)


def select_row(page: Page, number: int, event: str, component: str) -> None:
    """Click into a row of the table, once: a live run draws it anew meanwhile, and the click counts."""
    click_row(events_table(page), number)
    selects(page, event, component)


def press_down(page: Page) -> None:
    """Press the arrow key once the script has drawn all: the data stands above the table, and is there before it."""
    await_script(page)
    page.keyboard.press("ArrowDown")


def finished(page: Page) -> None:
    expect(page.get_by_role("button", name="Replay").first).to_be_visible()


def test_an_answer_of_the_chat_opens_with_inspect_and_its_model_is_asked_with_changes(
    chat: Page, model: FakeOpenAI
) -> None:
    model.plan = Plan(tokens=WORDS, category="math")
    send(chat, "25 * 17?")
    ended(chat)
    run = chat.url.partition("run=")[2]
    chat.get_by_role("link", name="Inspect", exact=True).click()
    expect(chat.get_by_text(re.compile(r"smart_router.*Done.*\d+ events"))).to_be_visible()
    assert f"run={run}" in chat.url
    expect(chat.get_by_text(re.compile(r"^(\d+) of \1 events"))).to_be_visible()
    model.plan = Plan(tokens=["Another", " answer."])
    waterfall(chat).get_by_role("treeitem", name="ChatOpenAI").last.click()
    chat.get_by_role("button", name="Run with changes").click()
    dialog = chat.get_by_role("dialog")
    dialog.get_by_role("textbox", name="human").fill("25 * 18?")
    dialog.get_by_role("button", name="Run", exact=True).click()
    expect(dialog.get_by_text("Another answer.")).to_be_visible()
    expect(dialog.get_by_role("button", name="Compare")).to_be_visible()
    assert model.answers[-1].body["messages"][-1]["content"] == "25 * 18?"
    chat.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    chat.get_by_role("button", name="Run with changes").click()
    expect(dialog.get_by_role("textbox", name="human")).to_have_value("25 * 18?")
    dialog.get_by_role("button", name="Open the run").click()
    expect(chat.get_by_role("button", name="Original call")).to_be_visible()
    assert run not in chat.url


def test_a_live_run_is_selected_in_stopped_and_filtered_by_what_is_typed_while_it_ends(
    inspector: Page, model: FakeOpenAI
) -> None:
    model.plan = Plan(tokens=WORDS * 100, rate=4, burst=4)
    send(inspector, "Go on and on")
    expect(inspector.get_by_text(re.compile(r"smart_router.*Writing.*\d\d+ events"))).to_be_visible()
    select_row(inspector, 0, "0 on_chain_start", "smart_router")
    select_row(inspector, 1, "1 on_", "")
    select_row(inspector, 0, "0 on_chain_start", "smart_router")
    before = inspector.get_by_text(re.compile(r"^[\d,]+ of [\d,]+ events")).inner_text()
    expect(inspector.get_by_text(before)).to_have_count(0)
    selects(inspector, "0 on_chain_start", "smart_router")
    inspector.get_by_role("button", name="Stop").click()
    expect(inspector.get_by_text(re.compile(r"smart_router.*Stopped"))).to_be_visible()
    assert model.answers[0].ended.wait(30)
    finished(inspector)
    expect(inspector.get_by_role("button", name="Stop")).to_have_count(0)

    # What is being typed outlasts the end of the next run, and filters its record.
    model.plan = Plan(tokens=WORDS * 20, rate=4)
    send(inspector, "Take your time")
    expect(inspector.get_by_text(re.compile(r"smart_router.*Writing"))).to_be_visible()
    inspector.get_by_text("Filter", exact=True).click()
    types = inspector.get_by_role("combobox", name="Include types")
    types.press_sequentially("prompt", delay=30)
    offered = inspector.get_by_role("option", name="prompt")
    expect(offered).to_be_visible()
    expect(inspector.get_by_text(re.compile(r"smart_router.*Writing"))).to_be_visible()
    model.plan.fault = Fault.CUT
    expect(inspector.get_by_text("ChatOpenAI failed")).to_be_visible()
    expect(inspector.get_by_text(re.compile(r"It had streamed \d+ characters"))).to_be_attached()
    expect(inspector.get_by_text("Replay", exact=True)).to_be_visible()
    offered.click()
    expect(inspector).to_have_url(re.compile("include_types=prompt"))
    expect(inspector.get_by_text(re.compile(r"^4 of \d+ events"))).to_be_visible()
    expect(inspector.get_by_text("include_types=['prompt']")).to_be_visible()
    inspector.reload()
    expect(inspector.get_by_text(re.compile(r"^4 of \d+ events"))).to_be_visible()
    inspector.get_by_role("button", name="types: prompt").click()
    expect(inspector.get_by_text(re.compile(r"^(\d+) of \1 events"))).to_be_visible()
    assert len(model.answers) == 2


def test_what_is_selected_anywhere_is_selected_everywhere_and_searched_and_filtered(story_recording: Page) -> None:
    page, table, tree = story_recording, events_table(story_recording), waterfall(story_recording)
    for part in (tree, table.get_by_test_id("stDataFrame"), page.locator(".st-key-inspector_data")):
        expect(part).to_be_in_viewport(ratio=0.99)
    # A bar of the waterfall, and a mark on it.
    parser = tree.get_by_role("treeitem", name="StrOutputParser")
    box = parser.bounding_box()
    assert box
    parser.click(position={"x": box["width"] - 60, "y": box["height"] / 2})
    expect(page.get_by_text(re.compile(r"^\d+ on_parser_stream"))).to_be_visible()
    expect(page.get_by_text(re.compile("^This chunk, at"))).to_be_visible()
    select_row(page, 3, "3 on_chat_model_start", "ChatOpenAI")
    press_down(page)
    selects(page, "4 on_chat_model_stream", "ChatOpenAI")
    press_down(page)
    selects(page, "5 on_parser_start", "StrOutputParser")
    tree.get_by_role("treeitem", name="ChatPromptTemplate").click()
    selects(page, "1 on_prompt_start", "ChatPromptTemplate")
    press_down(page)
    selects(page, "3 on_chat_model_start", "ChatOpenAI")
    page.keyboard.press("Home")
    selects(page, "0 on_chain_start", "story")
    page.keyboard.press("ArrowLeft")
    expect(tree.get_by_role("treeitem")).to_have_count(1)
    # What is selected elsewhere is unfolded.
    await_script(page)
    select_row(page, 5, "5 on_parser_start", "StrOutputParser")
    view(page, "Events")
    click_row(table, 6)
    expect(page.get_by_text(re.compile(r"chunk events$"))).to_be_visible()
    click_row(page.locator("[class*=st-key-events_fold_]").last, 2)
    expect(page.get_by_text(re.compile(r"^\d+ on_\w+_stream"))).to_be_visible()
    search = page.get_by_label("Search names and payloads")
    search.fill("lighthouse")
    search.press("Enter")
    expect(page.locator("[class*=st-key-] .stMarkdownColoredBackground").first).to_have_text(
        re.compile("lighthouse", re.I)
    )
    search.fill("no such thing")
    search.press("Enter")
    expect(page.get_by_text("No event matches")).to_be_visible()
    page.get_by_role("button", name="Clear", exact=True).click()
    expect(page.get_by_text(re.compile("^632 of 632 events"))).to_be_visible()
    select_row(page, 1, "1 on_prompt_start", "ChatPromptTemplate")
    page.get_by_role("button", name="Filter by this").click()
    page.get_by_role("button", name="Exclude").nth(1).click()
    expect(page.get_by_text(re.compile("^630 of 632 events"))).to_be_visible()
    expect(page).to_have_url(re.compile("exclude_types=prompt"))


def test_a_chain_runs_from_its_form_and_its_recording_opens_and_is_the_same_again(
    inspector: Page, model: FakeOpenAI, tmp_path: Path
) -> None:
    model.plan = Plan(tokens=["Grüße", " 🌊", "\n"])
    inspector.get_by_role("combobox", name="Chain", exact=True).click()
    inspector.get_by_role("option", name="showcase").click()
    inspector.get_by_role("button", name="Input").click()
    inspector.get_by_label("Topic", exact=True).fill("rivers")
    inspector.keyboard.press("Tab")
    await_script(inspector)
    inspector.get_by_test_id("stPopoverBody").get_by_role("button", name="Run", exact=True).click()
    expect(inspector.get_by_text(re.compile(r"showcase.*Done"))).to_be_visible()
    assert [seen.body["messages"][-1]["content"] for seen in model.seen if "rivers" in str(seen.body)]
    box = inspector.get_by_label("Search names and payloads")
    box.fill("on_custom_event")
    box.press("Enter")
    expect(inspector.get_by_text(re.compile(r"^[1-3] of \d+ events"))).to_be_visible()
    finished(inspector)

    def download(name: str) -> bytes:
        with inspector.expect_download() as got:
            inspector.get_by_role("button", name="Recording", exact=True).click()
        path = tmp_path / name
        got.value.save_as(path)
        return path.read_bytes()

    first = download("first.jsonl")
    inspector.get_by_role("button", name="Open a recording").click()
    inspector.locator("input[type=file]").set_input_files(tmp_path / "first.jsonl")
    expect(inspector.get_by_text("a recording", exact=False).first).to_be_visible()
    expect(inspector).to_have_url(re.compile("run=rec-"))
    assert download("second.jsonl") == first
    assert json.loads(first.splitlines()[-1]) == {"end": {"status": "done", "failure": None}}


def test_the_next_error_is_jumped_to_and_the_doctor_names_the_link_that_holds_the_stream_up(inspector: Page) -> None:
    inspector.get_by_role("button", name="A model that died").click()
    expect(inspector.get_by_text("The connection to the model broke")).to_be_visible()
    expect(inspector.get_by_text("ChatOpenAI failed: OpenAIConnectionError")).to_be_visible()
    inspector.get_by_role("button", name="Next error").click()
    expect(inspector.get_by_text(re.compile("^[0-9]+ on_chat_model_error"))).to_be_visible()

    inspector.get_by_role("button", name="All runs").click()
    inspector.get_by_role("button", name="A stream held up").click()
    inspector.get_by_role("button", name="A step waits for a whole answer").click()
    expect(inspector.get_by_text(re.compile("^First token after"))).to_be_visible()
    # The view is in the address without the count of its tab, which another run does not have.
    expect(inspector).to_have_url(re.compile("view=Doctor$|view=Doctor&"))
    inspector.reload()
    expect(inspector.get_by_text(re.compile("^tell made one chunk of the 160"))).to_be_visible()
    inspector.get_by_role("button", name="Show the event").first.click()
    expect(inspector.get_by_text(re.compile(r"^\d+ on_chain_stream"))).to_be_visible()


def test_a_recording_is_replayed_and_a_foreign_file_changes_nothing(story_recording: Page, tmp_path: Path) -> None:
    page = story_recording
    expect(page).to_have_url(re.compile("run=rec-"))
    address = page.url
    (tmp_path / "diary.jsonl").write_text("Dear diary,\n")
    page.get_by_role("button", name="Open a recording").click()
    page.locator("input[type=file]").set_input_files(tmp_path / "diary.jsonl")
    expect(page.get_by_text("This file is not a recording of Weir")).to_be_visible()
    assert page.url == address
    page.keyboard.press("Escape")

    whole = page.get_by_text(re.compile("^632 of 632 events"))
    expect(whole).to_be_visible()
    page.get_by_role("button", name="Replay").click()
    expect(whole).to_have_count(0)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("press Play")).to_be_visible()
    page.get_by_role("button", name="Step").click()
    expect(page.get_by_text(re.compile("^1 of 1 events"))).to_be_visible()
    page.get_by_role("button", name="Play").click()
    expect(whole).to_be_visible()


def test_two_runs_are_compared_and_one_is_saved_as_a_page(story_recording: Page, tmp_path: Path) -> None:
    page = story_recording
    choose(page, "Compare with", "Recording: A model that died")
    expect(page.get_by_text(re.compile("^The texts differ in"))).to_be_visible()
    expect(page.get_by_role("tree", name="Components of run B")).to_be_visible()
    expect(page.get_by_text("First difference: event 0, its data")).to_be_visible()
    await_script(page)
    assert faults(page) == []
    page.get_by_role("button", name="End the comparison").click()
    expect(page.get_by_text(re.compile("^The texts differ in"))).to_have_count(0)
    for name in ("Latency", "Doctor"):
        view(page, name)
        await_script(page)
        assert faults_in_light_and_dark(page) == []
    page.get_by_role("main").get_by_role("button", name="Page", exact=True).click()
    with page.expect_download() as got:
        page.get_by_role("button", name=re.compile(r"Save the page \([0-9,]+ kB\)")).click()
    got.value.save_as(tmp_path / "run.html")
    asked: list[str] = []
    saved = page.context.new_page()
    saved.on("request", lambda request: asked.append(request.url))
    saved.goto((tmp_path / "run.html").as_uri())
    saved.get_by_role("treeitem", name="ChatOpenAI").click()
    expect(saved.get_by_role("region", name="Data").get_by_text("ChatOpenAI · chat_model")).to_be_visible()
    saved.keyboard.press("ArrowDown")
    expect(saved.get_by_role("region", name="Data").get_by_text("StrOutputParser · parser")).to_be_visible()
    assert len(asked) == 1
    assert faults(saved) == []


def test_on_a_phone_nothing_is_wider_than_the_screen_or_moves_much(
    page: Page, weir_url: str, model: FakeOpenAI
) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    opened(page, f"{weir_url}/events")
    model.plan = Plan(tokens=[" word"] * 30, rate=10)
    send(page, "Anything")
    expect(page.get_by_role("tree")).to_be_visible()
    record_shifts(page)
    # The input of the list of runs is gone, and the one below the run is there.
    expect(page.locator(INPUT)).to_have_count(1)
    expect(page.get_by_text(re.compile(r"smart_router.*Done"))).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    expect(page.get_by_role("button", name="Replay", exact=True)).to_be_visible()
    assert sum(recorded_shifts(page)) < 0.05
