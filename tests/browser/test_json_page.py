import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser_page import opened, send
from tests.support.fake_openai import FakeOpenAI, Fault, Plan

ANSWER = json.dumps(
    {"name": "Sea", "kind": "water", "summary": "Large and salty", "facts": ["It is blue"], "difficulty": 9}
)
PIECES = [ANSWER[at : at + 3] for at in range(0, len(ANSWER), 3)]


@pytest.fixture
def viewer(page: Page, weir_url: str, model: FakeOpenAI) -> Page:
    page.set_viewport_size({"width": 1400, "height": 1600})
    return opened(page, f"{weir_url}/partial_json")


def line(page: Page, text: str) -> None:
    """Wait for a line of the outline."""
    expect(page.locator(".wj div").filter(has_text=re.compile(text)).first).to_be_visible()


def finished(page: Page) -> None:
    expect(page.get_by_role("button", name="Replay")).to_be_visible()


def test_fields_grow_close_and_are_judged_while_the_model_writes(viewer: Page, model: FakeOpenAI) -> None:
    slowly = [*PIECES[:5], *[" "] * 30, *PIECES[5:17], *["and "] * 30, *PIECES[17:]]
    model.plan = Plan(structured_tokens=slowly, rate=15)
    send(viewer, "the sea")
    line(viewer, "summary.*absent")
    line(viewer, "summary.*growing")
    line(viewer, "name.*Sea.*valid")
    finished(viewer)
    line(viewer, "difficulty.*9 is greater than the maximum of 5.*invalid")
    expect(viewer.get_by_text("Complete, not valid")).to_be_visible()
    expect(viewer.get_by_text("1 field is invalid: /difficulty")).to_be_visible()


def test_a_refresh_in_the_middle_goes_on_with_the_same_run(viewer: Page, model: FakeOpenAI) -> None:
    model.plan = Plan(structured_tokens=PIECES, rate=12)
    send(viewer, "the sea")
    line(viewer, "name.*Sea")
    viewer.reload()
    finished(viewer)
    line(viewer, "name.*Sea.*valid")
    assert len(model.seen) == 1


def test_the_timeline_the_slider_and_the_comparison_work_on_a_run(viewer: Page, model: FakeOpenAI) -> None:
    model.plan = Plan(structured_tokens=PIECES, rate=200)
    send(viewer, "the sea")
    finished(viewer)
    expect(viewer.get_by_text(re.compile(r"First complete field .* after the first chunk"))).to_be_visible()
    expect(
        viewer.get_by_text(re.compile(r"First schema error known .* before the end, at /difficulty"))
    ).to_be_visible()
    expect(viewer.get_by_label(re.compile("^Timelines of 7 fields"))).to_be_visible()
    look_around(viewer, len(PIECES))
    viewer.get_by_text("Chain output", exact=True).click()
    expect(viewer.get_by_text(re.compile(rf"yielded \d+ chunks; its model wrote {len(PIECES)}\."))).to_be_visible()


def look_around(page: Page, chunks: int) -> None:
    """Scrub back by two chunks, then see the patch of that chunk and the comparison."""
    slider = page.get_by_role("slider")
    slider.focus()
    slider.press("ArrowLeft")
    expect(page.get_by_text(f"chunk {chunks - 1} of {chunks}")).to_be_visible()
    slider.press("ArrowLeft")
    expect(page.get_by_text(f"chunk {chunks - 2} of {chunks}")).to_be_visible()
    expect(page.get_by_text("Growing", exact=False).first).to_be_visible()
    page.get_by_text("Current chunk", exact=True).click()
    expect(page.get_by_text(f"Chunk {chunks - 2}", exact=True)).to_be_visible()
    expect(page.get_by_text("RFC 6902").first).to_be_visible()
    page.get_by_text("Parser comparison", exact=True).click()
    expect(page.get_by_text("LangChain JsonOutputParser").last).to_be_visible()
    expect(page.get_by_text(f"Each parser's value after chunk {chunks - 2}")).to_be_visible()


def test_a_pasted_text_needs_no_model(viewer: Page, model: FakeOpenAI) -> None:
    viewer.get_by_text("Pasted text", exact=True).click()
    box = viewer.get_by_label("JSON, with or without prose around it")
    box.fill('Sure:\n```json\n{"a": "x\\ud83c\\udf0a", "b": [1, 22]}\n```\nDone.')
    viewer.get_by_text("4 characters", exact=True).click()
    viewer.get_by_role("button", name="Parse").click()
    finished(viewer)
    line(viewer, "a.*🌊.*closed")
    expect(viewer.get_by_label(re.compile("^Timelines of 5 fields"))).to_be_visible()
    look_around(viewer, 15)
    assert model.seen == []


def test_a_hostile_cut_text_says_what_is_not_finished(viewer: Page) -> None:
    viewer.get_by_text("Pasted text", exact=True).click()
    viewer.get_by_text("adversarial", exact=True).click()
    cut = viewer.get_by_label("Drop last characters")
    cut.fill("20")
    cut.press("Enter")
    viewer.get_by_role("button", name="Parse").click()
    finished(viewer)
    expect(viewer.get_by_text("Cut off")).to_be_visible()
    line(viewer, "name.*closed")


def test_text_that_is_no_json_names_position_and_cause(viewer: Page) -> None:
    viewer.get_by_text("Pasted text", exact=True).click()
    viewer.get_by_label("JSON, with or without prose around it").fill('{"a": 1, "b": tru!}')
    viewer.get_by_text("1 character", exact=True).click()
    viewer.get_by_role("button", name="Parse").click()
    finished(viewer)
    expect(viewer.get_by_text(re.compile(r"Not JSON.*Line 1, column 18"))).to_be_visible()
    line(viewer, "a.*1.*closed")


def test_a_recording_is_opened(viewer: Page) -> None:
    samples = Path(__file__).parents[2] / "pages" / "assets" / "recordings"
    viewer.get_by_role("button", name="Open a recording").click()
    viewer.locator("input[type=file]").set_input_files(samples / "6-json-field-by-field.jsonl")
    finished(viewer)
    line(viewer, "summary.*valid")
    count = int(re.search(r"of (\d+)", viewer.get_by_text(re.compile(r"^chunk \d+ of \d+")).inner_text())[1])  # type: ignore[index]
    look_around(viewer, count)


def test_an_answer_cut_by_its_length_limit_says_so(viewer: Page, model: FakeOpenAI) -> None:
    model.plan = Plan(structured_tokens=PIECES[:20], finish_reason="length")
    send(viewer, "the sea")
    finished(viewer)
    expect(viewer.get_by_text("The answer reached its length limit.", exact=False)).to_be_visible()
    expect(viewer.get_by_text("What is closed can be used", exact=False)).to_be_visible()


def test_a_cut_connection_keeps_what_came(viewer: Page, model: FakeOpenAI) -> None:
    model.plan = Plan(structured_tokens=PIECES, fault=Fault.CUT, at=15)
    send(viewer, "the sea")
    finished(viewer)
    expect(viewer.get_by_text("The connection to the model broke", exact=False)).to_be_visible()
    line(viewer, "name.*Sea.*valid")


def test_a_schema_of_ones_own_is_used_and_a_bad_one_told(viewer: Page, model: FakeOpenAI) -> None:
    model.plan = Plan(structured_tokens=['{"colour": "te', 'al"}'])
    viewer.get_by_role("combobox", name="Schema").click()
    viewer.get_by_role("option", name="My own").click()
    viewer.get_by_role("button", name="Schema").click()
    box = viewer.get_by_role("textbox", name="A list of fields, or a JSON Schema")
    box.fill("colour = 3")
    box.press("Control+Enter")
    expect(viewer.get_by_text("Line 1 is not a field")).to_be_visible()
    box.fill("colour: str")
    box.press("Control+Enter")
    expect(viewer.get_by_text("Line 1 is not a field")).to_have_count(0)
    viewer.keyboard.press("Escape")
    send(viewer, "teal")
    finished(viewer)
    line(viewer, "colour.*teal.*valid")
    request_schema = model.seen[-1].body["response_format"]["json_schema"]["schema"]
    assert list(request_schema["properties"]) == ["colour"]


def test_markup_in_a_value_is_shown_as_text(viewer: Page) -> None:
    viewer.get_by_text("Pasted text", exact=True).click()
    viewer.get_by_label("JSON, with or without prose around it").fill('{"<img src=x>": "<b onclick=alert(1)>bold</b>"}')
    viewer.get_by_text("4 characters", exact=True).click()
    viewer.get_by_role("button", name="Parse").click()
    finished(viewer)
    line(viewer, re.escape("<img src=x>"))
    line(viewer, re.escape("<b onclick=alert(1)>bold</b>"))
    assert viewer.locator(".wj img, .wj b[onclick]").count() == 0


def test_on_a_phone_nothing_is_wider_than_the_screen(page: Page, weir_url: str, model: FakeOpenAI) -> None:
    model.plan = Plan(structured_tokens=PIECES)
    page.set_viewport_size({"width": 390, "height": 800})
    opened(page, f"{weir_url}/partial_json")
    send(page, "the sea")
    finished(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_ideas_disappear_as_soon_as_the_model_writes(viewer: Page, model: FakeOpenAI) -> None:
    model.plan = Plan(structured_tokens=PIECES, rate=8)
    viewer.get_by_role("button", name="Water", exact=True).click()
    line(viewer, "name.*Sea")
    expect(viewer.get_by_role("button", name="Photosynthesis")).to_have_count(0)
    finished(viewer)


def test_a_pasted_text_has_no_field_for_a_topic_and_shows_no_run(viewer: Page, model: FakeOpenAI) -> None:
    model.plan = Plan(structured_tokens=PIECES)
    send(viewer, "the sea")
    finished(viewer)
    viewer.get_by_text("Pasted text", exact=True).click()
    expect(viewer.get_by_role("button", name="Parse")).to_be_visible()
    expect(viewer.get_by_role("button", name="Replay")).to_have_count(0)
    expect(viewer.get_by_placeholder("A topic to describe as JSON")).to_have_count(0)
    viewer.get_by_text("A model", exact=True).click()
    finished(viewer)
    line(viewer, "name.*Sea.*valid")


def test_the_chunks_of_a_text_can_be_told_apart(viewer: Page) -> None:
    viewer.get_by_text("Pasted text", exact=True).click()
    viewer.get_by_label("JSON, with or without prose around it").fill('{"a": [1, 22]}')
    viewer.get_by_text("4 characters", exact=True).click()
    viewer.get_by_role("button", name="Parse").click()
    finished(viewer)
    expect(viewer.locator(".wr")).to_have_text('{"a": [1, 22]}')
    assert viewer.locator(".wr i").all_inner_texts() == [": [1", "]}"]
