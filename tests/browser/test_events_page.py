import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.app_process import running_weir
from tests.support.browser_page import INPUT, ended, opened, send
from tests.support.fake_openai import FakeOpenAI, Fault, Plan

WORDS = [f" word{number}" for number in range(40)]
HEADER, ROW = 35, 35
"""Pixels of a table's header and of one of its rows."""


@pytest.fixture
def inspector(page: Page, weir_url: str, model: FakeOpenAI) -> Page:
    page.set_viewport_size({"width": 1400, "height": 1600})
    return opened(page, f"{weir_url}/events")


@pytest.fixture
def story_recording(inspector: Page) -> Page:
    inspector.get_by_role("button", name="A story").click()
    expect(inspector.get_by_text("a recording", exact=False).first).to_be_visible()
    # Its chart comes last, and moves the table below it.
    expect(inspector.get_by_test_id("stVegaLiteChart").get_by_text("seconds since the start")).to_be_visible()
    return inspector


def events_table(page: Page) -> Locator:
    return page.locator("[class*=st-key-events_table_]")


def click_row(table: Locator, number: int) -> None:
    table.get_by_test_id("stDataFrame").click(position={"x": 18, "y": HEADER + number * ROW + ROW // 2})


def finished(page: Page) -> None:
    expect(page.get_by_role("button", name="Replay", exact=False)).to_be_visible()


def test_an_answer_of_the_chat_opens_with_inspect(chat: Page, model: FakeOpenAI) -> None:
    model.plan = Plan(tokens=WORDS, category="math")
    send(chat, "25 * 17?")
    ended(chat)
    run = chat.url.partition("run=")[2]
    chat.get_by_role("link", name="Inspect", exact=True).click()
    expect(chat.get_by_text(re.compile(r"smart_router.*Done.*\d+ events"))).to_be_visible()
    assert f"run={run}" in chat.url
    expect(chat.get_by_text(re.compile(r"keeps (\d+) of \1 events"))).to_be_visible()


def test_a_run_is_watched_live_and_stopped(inspector: Page, model: FakeOpenAI) -> None:
    model.plan = Plan(tokens=WORDS * 20, rate=25)
    send(inspector, "Go on and on")
    expect(inspector.get_by_text(re.compile(r"smart_router.*Writing.*\d\d+ events"))).to_be_visible()
    inspector.get_by_role("button", name="Stop").click()
    expect(inspector.get_by_text(re.compile(r"smart_router.*Stopped"))).to_be_visible()
    assert model.answers[0].ended.wait(30)
    finished(inspector)
    expect(inspector.get_by_role("button", name="Stop")).to_have_count(0)


def test_a_row_is_selected_while_the_run_goes_on(inspector: Page, model: FakeOpenAI) -> None:
    model.plan = Plan(tokens=WORDS * 100, rate=25)
    send(inspector, "Go on and on")
    expect(inspector.get_by_text(re.compile(r"smart_router.*Writing.*\d\d+ events"))).to_be_visible()
    click_row(events_table(inspector), 0)
    expect(inspector.get_by_text(re.compile("^0 on_chain_start"))).to_be_visible()
    before = inspector.get_by_text(re.compile(r"keeps [\d,]+ of")).inner_text()
    expect(inspector.get_by_text(before)).to_have_count(0)
    expect(inspector.get_by_text(re.compile("^0 on_chain_start"))).to_be_visible()
    inspector.get_by_role("button", name="Stop").click()
    finished(inspector)


def test_a_filter_acts_on_the_record_shows_its_call_and_lives_in_the_address(
    inspector: Page, model: FakeOpenAI
) -> None:
    model.plan = Plan(tokens=WORDS)
    send(inspector, "Anything")
    finished(inspector)
    inspector.get_by_text("Filter", exact=True).click()
    types = inspector.get_by_role("combobox", name="Include types")
    types.press_sequentially("prompt", delay=30)
    expect(inspector.get_by_role("option", name="prompt")).to_be_visible()
    types.press("Enter")
    expect(inspector.get_by_text(re.compile(r"keeps 4 of \d+ events, in 4 rows"))).to_be_visible()
    expect(inspector.get_by_text("include_types=['prompt']")).to_be_visible()
    expect(inspector).to_have_url(re.compile("include_types=prompt"))
    inspector.reload()
    expect(inspector.get_by_text(re.compile(r"keeps 4 of \d+ events, in 4 rows"))).to_be_visible()
    inspector.get_by_role("button", name="Clear the filter").click()
    expect(inspector.get_by_text(re.compile(r"keeps (\d+) of \1 events"))).to_be_visible()
    assert len(model.answers) == 1


def test_what_is_being_typed_outlasts_the_end_of_the_run(inspector: Page, model: FakeOpenAI) -> None:
    model.plan = Plan(tokens=WORDS * 20, rate=8)
    send(inspector, "Take your time")
    inspector.get_by_text("Filter", exact=True).click()
    types = inspector.get_by_role("combobox", name="Include types")
    types.press_sequentially("prompt", delay=30)
    offered = inspector.get_by_role("option", name="prompt")
    expect(offered).to_be_visible()
    expect(inspector.get_by_text(re.compile(r"smart_router.*Writing"))).to_be_visible()
    model.plan.fault = Fault.CUT
    expect(inspector.get_by_text("ChatOpenAI failed")).to_be_visible()
    expect(inspector.get_by_text("Replay", exact=True)).to_be_visible()
    offered.click()
    expect(inspector).to_have_url(re.compile("include_types=prompt"))


def test_a_rows_name_goes_into_the_filter_by_a_click(story_recording: Page) -> None:
    click_row(events_table(story_recording), 1)
    expect(story_recording.get_by_text(re.compile("^1 on_prompt_start"))).to_be_visible()
    story_recording.get_by_role("button", name="Filter by this").click()
    story_recording.get_by_role("button", name="Exclude").nth(1).click()
    expect(story_recording.get_by_text(re.compile(r"keeps 630 of 632 events"))).to_be_visible()
    expect(story_recording).to_have_url(re.compile("exclude_types=prompt"))


def test_a_fold_opens_to_its_chunks(story_recording: Page) -> None:
    click_row(events_table(story_recording), 6)
    expect(story_recording.get_by_text(re.compile(r"chunk events$"))).to_be_visible()
    click_row(story_recording.locator("[class*=st-key-events_fold_]").last, 2)
    expect(story_recording.get_by_text(re.compile(r"^\d+ on_\w+_stream"))).to_be_visible()


def test_a_search_looks_into_payloads(inspector: Page, model: FakeOpenAI) -> None:
    send(inspector, "Where is the needle?")
    finished(inspector)
    box = inspector.get_by_label("Search names and payloads")
    box.fill("general_chain")
    box.press("Enter")
    expect(inspector.get_by_text(re.compile(r"in [1-5] rows"))).to_be_visible()


def test_a_recording_is_downloaded_opened_and_the_same_again(
    inspector: Page, model: FakeOpenAI, tmp_path: Path
) -> None:
    model.plan = Plan(tokens=["Grüße", " 🌊", "\n"], category="math")
    send(inspector, "Anything")
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


def test_a_foreign_file_gets_one_sentence_and_changes_nothing(story_recording: Page, tmp_path: Path) -> None:
    expect(story_recording).to_have_url(re.compile("run=rec-"))
    address = story_recording.url
    (tmp_path / "diary.jsonl").write_text("Dear diary,\n")
    story_recording.get_by_role("button", name="Open a recording").click()
    story_recording.locator("input[type=file]").set_input_files(tmp_path / "diary.jsonl")
    expect(story_recording.get_by_text("This file is not a recording of Weir")).to_be_visible()
    assert story_recording.url == address


def test_a_replay_plays_pauses_steps_and_ends(story_recording: Page) -> None:
    whole = story_recording.get_by_text(re.compile(r"keeps 632 of 632 events"))
    expect(whole).to_be_visible()
    story_recording.get_by_role("button", name="Replay").click()
    expect(whole).to_have_count(0)
    story_recording.get_by_role("button", name="Pause").click()
    expect(story_recording.get_by_role("button", name="Play")).to_be_visible()
    story_recording.get_by_role("button", name="Start").click()
    expect(story_recording.get_by_text("press Play")).to_be_visible()
    story_recording.get_by_role("button", name="Step").click()
    expect(story_recording.get_by_text(re.compile(r"keeps 1 of 1 events"))).to_be_visible()
    story_recording.get_by_role("button", name="Play").click()
    expect(whole).to_be_visible()


def test_the_next_error_is_jumped_to(inspector: Page) -> None:
    inspector.get_by_role("button", name="A model that died").click()
    expect(inspector.get_by_text("The connection to the model broke")).to_be_visible()
    expect(inspector.get_by_text("ChatOpenAI failed: OpenAIConnectionError")).to_be_visible()
    inspector.get_by_role("button", name="Next error").click()
    expect(inspector.get_by_text(re.compile("^[0-9]+ on_chat_model_error"))).to_be_visible()


def test_the_doctor_names_the_link_that_holds_the_stream_up(inspector: Page) -> None:
    inspector.get_by_role("button", name="A stream held up").click()
    inspector.get_by_role("radio", name="Doctor").or_(inspector.get_by_text("Doctor", exact=True)).first.click()
    expect(inspector.get_by_text("A step waits for a whole answer")).to_be_visible()
    expect(inspector.get_by_text(re.compile("^tell made one chunk of the 160"))).to_be_visible()
    inspector.get_by_role("button", name="Show the event").first.click()
    expect(inspector.get_by_text(re.compile(r"^\d+ on_chain_stream"))).to_be_visible()


def test_a_mark_of_the_timeline_selects_its_row(story_recording: Page) -> None:
    marks = story_recording.locator("[data-testid=stVegaLiteChart] .mark-rect path")

    def click(number: int) -> None:
        mark = marks.nth(number)
        box = mark.bounding_box()
        assert box
        mark.click(position={"x": min(20, box["width"] / 2), "y": box["height"] / 2})

    click(0)
    expect(story_recording.get_by_text(re.compile(r"^0 on_chain_start"))).to_be_visible()
    click(-1)
    expect(story_recording.get_by_text(re.compile(r"chunk events$"))).to_be_visible()
    expect(story_recording.get_by_text(re.compile(r"^\d+ on_parser_stream"))).to_be_visible()


def test_two_runs_are_compared(story_recording: Page) -> None:
    story_recording.get_by_role("combobox", name="Compare with").click()
    story_recording.get_by_role("option", name="Recording: A model that died").click()
    expect(story_recording.get_by_text("The texts differ from character")).to_be_visible()
    expect(story_recording.get_by_text("First difference: event 0, its data")).to_be_visible()
    story_recording.get_by_role("button", name="End the comparison").click()
    expect(story_recording.get_by_text("The texts differ from character")).to_have_count(0)


def test_a_chain_runs_from_its_form(inspector: Page, model: FakeOpenAI) -> None:
    inspector.get_by_role("combobox", name="Chain").click()
    inspector.get_by_role("option", name="showcase").click()
    inspector.get_by_role("button", name="Input").click()
    inspector.get_by_label("Topic", exact=True).fill("rivers")
    inspector.get_by_role("button", name="Run", exact=True).click()
    expect(inspector.get_by_text(re.compile(r"showcase.*Done"))).to_be_visible()
    assert [seen.body["messages"][-1]["content"] for seen in model.seen if "rivers" in str(seen.body)]
    box = inspector.get_by_label("Search names and payloads")
    box.fill("on_custom_event")
    box.press("Enter")
    expect(inspector.get_by_text(re.compile(r"in [1-3] rows"))).to_be_visible()


def test_a_failed_model_is_shown_in_place(inspector: Page, model: FakeOpenAI) -> None:
    model.plan = Plan(tokens=WORDS, fault=Fault.CUT, at=5)
    send(inspector, "Break")
    expect(inspector.get_by_text(re.compile("^.*ChatOpenAI failed: OpenAIConnectionError"))).to_be_visible()
    expect(inspector.get_by_text(re.compile(r"It had streamed \d+ characters"))).to_be_visible()


def test_a_chain_from_outside_runs_and_one_that_is_absent_gives_a_sentence(
    page: Page, model_server: FakeOpenAI, tmp_path: Path
) -> None:
    (tmp_path / "outside.py").write_text(
        "from langchain_core.runnables import RunnableLambda\n"
        "async def shout(text: str) -> str:\n"
        "    return text.upper()\n"
        "chain = RunnableLambda(shout)\n"
    )
    with running_weir(
        OPENAI_BASE_URL=model_server.url,
        PYTHONPATH=str(tmp_path),
        WEIR_CHAINS="shout=outside:chain, lost=nowhere:chain",
        may_log="nowhere",
    ) as url:
        opened(page, f"{url}/events?chain=shout")
        expect(page.get_by_text("nowhere:chain cannot be imported: ModuleNotFoundError")).to_be_visible()
        send(page, "rain")
        expect(page.get_by_text(re.compile(r"shout.*Done.*3 events"))).to_be_visible()
        page.get_by_text("Text", exact=True).click()
        expect(page.get_by_test_id("stText").get_by_text("RAIN")).to_be_visible()


def test_on_a_phone_nothing_is_wider_than_the_screen(page: Page, weir_url: str, model: FakeOpenAI) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    opened(page, f"{weir_url}/events")
    send(page, "Anything")
    expect(page.locator(INPUT)).to_be_visible()
    expect(page.get_by_text(re.compile(r"smart_router.*Done"))).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
