import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.accessibility import await_script
from tests.support.browser_page import choose, opened, send
from tests.support.fake_openai import FakeOpenAI, Plan

ANSWER = json.dumps(
    {"name": "Sea", "kind": "water", "summary": "Large and salty", "facts": ["It is blue"], "difficulty": 9}
)


def in_pieces(text: str) -> list[str]:
    return [text[at : at + 3] for at in range(0, len(text), 3)]


PIECES = in_pieces(ANSWER)


@pytest.fixture
def viewer(page: Page, weir_url: str, model: FakeOpenAI) -> Page:
    page.set_viewport_size({"width": 1400, "height": 1600})
    return opened(page, f"{weir_url}/partial_json")


def line(page: Page, text: str) -> None:
    """Wait for a line of the outline."""
    expect(page.locator(".wj div").filter(has_text=re.compile(text)).first).to_be_visible()


def finished(page: Page) -> None:
    # While the page is drawn again both the old and the new one can be there for a moment.
    expect(page.get_by_role("button", name="Replay")).to_have_count(1)
    expect(page.get_by_role("button", name="Replay")).to_be_visible()


def test_fields_grow_and_are_judged_and_the_run_can_be_looked_through_and_refreshed(
    viewer: Page, model: FakeOpenAI
) -> None:
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
    expect(viewer.get_by_text(re.compile(r"First complete field .* after the first chunk"))).to_be_visible()
    expect(
        viewer.get_by_text(re.compile(r"First schema error known .* before the end, at /difficulty"))
    ).to_be_visible()
    expect(viewer.get_by_label(re.compile("^Timelines of 7 fields"))).to_be_visible()
    look_around(viewer, len(slowly))
    viewer.get_by_text("Chain output", exact=True).click()
    expect(viewer.get_by_text(re.compile(rf"yielded \d+ chunks; its model wrote {len(slowly)}\."))).to_be_visible()

    model.plan = Plan(structured_tokens=in_pieces(ANSWER.replace("Sea", "Lake")), rate=8)
    send(viewer, "a lake")
    line(viewer, "name.*Lake")
    viewer.reload()
    line(viewer, "name.*Lake")
    finished(viewer)
    line(viewer, "name.*Lake.*valid")
    assert len(model.seen) == 2


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


def test_pasted_texts_and_recordings_need_no_model(viewer: Page, model: FakeOpenAI) -> None:
    model.plan = Plan(structured_tokens=PIECES)
    send(viewer, "the sea")
    finished(viewer)
    line(viewer, "name.*Sea.*valid")
    # A pasted text has no field for a topic and shows no run.
    viewer.get_by_text("Pasted text", exact=True).click()
    expect(viewer.get_by_role("button", name="Parse", exact=True)).to_be_visible()
    expect(viewer.get_by_role("button", name="Replay")).to_have_count(0)
    expect(viewer.get_by_placeholder("A topic to describe as JSON")).to_have_count(0)
    viewer.get_by_text("A model", exact=True).click()
    line(viewer, "name.*Sea.*valid")
    finished(viewer)
    viewer.get_by_text("Pasted text", exact=True).click()
    expect(viewer.get_by_role("button", name="Parse", exact=True)).to_be_visible()

    # The text that stands there in hostile chunks, and cut.
    viewer.get_by_text("adversarial", exact=True).click()
    drop(viewer, 20)
    viewer.get_by_role("button", name="Parse", exact=True).click()
    expect(viewer.get_by_text("Cut off")).to_be_visible()
    line(viewer, "name.*closed")
    drop(viewer, 0)

    parse(viewer, 'Sure:\n```json\n{"a": "x\\ud83c\\udf0a", "b": [1, 22]}\n```\nDone.', "4 characters")
    finished(viewer)
    line(viewer, "a.*🌊.*closed")
    expect(viewer.get_by_label(re.compile("^Timelines of 5 fields"))).to_be_visible()
    look_around(viewer, 15)

    # Markup in a value is shown as text.
    parse(viewer, '{"<img src=x>": "<b onclick=alert(1)>bold</b>"}', "4 characters")
    line(viewer, re.escape("<img src=x>"))
    line(viewer, re.escape("<b onclick=alert(1)>bold</b>"))
    expect(viewer.locator(".wj img, .wj b[onclick]")).to_have_count(0)

    # The chunks of a text can be told apart.
    parse(viewer, '{"a": [1, 22]}', "4 characters")
    expect(viewer.locator(".wr")).to_have_text('{"a": [1, 22]}')
    expect(viewer.locator(".wr i")).to_have_text([": [1", "]}"])

    # Text that is no JSON has a position and a cause.
    parse(viewer, '{"a": 1, "b": tru!}', "1 character")
    expect(viewer.get_by_text(re.compile(r"Not JSON.*Line 1, column 18"))).to_be_visible()
    line(viewer, "a.*1.*closed")

    viewer.get_by_text("A model", exact=True).click()
    expect(viewer.get_by_role("button", name="Water", exact=True)).to_be_visible()
    samples = Path(__file__).parents[2] / "pages" / "assets" / "recordings"
    viewer.get_by_role("button", name="Open a recording").click()
    viewer.locator("input[type=file]").set_input_files(samples / "6-json-field-by-field.jsonl")
    line(viewer, "summary.*valid")
    finished(viewer)
    count = int(re.search(r"of (\d+)", viewer.get_by_text(re.compile(r"^chunk \d+ of \d+")).inner_text())[1])  # type: ignore[index]
    look_around(viewer, count)
    assert len(model.seen) == 1


def drop(page: Page, characters: int) -> None:
    """Set how many of the last characters are left out."""
    box = page.get_by_label("Drop last characters")
    box.fill(str(characters))
    box.press("Enter")
    await_script(page)


def parse(page: Page, text: str, chunks: str) -> None:
    """Paste a text and have it parsed in chunks of that size."""
    page.get_by_label("JSON, with or without prose around it").fill(text)
    page.get_by_text(chunks, exact=True).click()
    await_script(page)
    page.get_by_role("button", name="Parse", exact=True).click()


def test_an_answer_cut_by_its_length_limit_says_so_and_a_schema_of_ones_own_is_used_or_refused(
    viewer: Page, model: FakeOpenAI
) -> None:
    model.plan = Plan(structured_tokens=PIECES[:20], finish_reason="length", rate=20)
    viewer.get_by_role("button", name="Water", exact=True).click()
    line(viewer, "name.*Sea")
    # The ideas disappear as soon as the model writes.
    expect(viewer.get_by_role("button", name="Photosynthesis")).to_have_count(0)
    finished(viewer)
    expect(viewer.get_by_text("The answer reached its length limit.", exact=False)).to_be_visible()
    expect(viewer.get_by_text("What is closed can be used", exact=False)).to_be_visible()

    model.plan = Plan(structured_tokens=['{"colour": "te', 'al"}'])
    choose(viewer, "Schema", "My own")
    viewer.get_by_role("button", name="Schema", exact=True).click()
    box = viewer.get_by_role("textbox", name="A list of fields, or a JSON Schema")
    box.fill("colour = 3")
    box.press("Control+Enter")
    expect(viewer.get_by_text("Line 1 is not a field")).to_be_visible()
    box.fill("colour: str")
    box.press("Control+Enter")
    expect(viewer.get_by_text("Line 1 is not a field")).to_have_count(0)
    viewer.keyboard.press("Escape")
    send(viewer, "teal")
    line(viewer, "colour.*teal.*valid")
    finished(viewer)
    request_schema = model.seen[-1].body["response_format"]["json_schema"]["schema"]
    assert list(request_schema["properties"]) == ["colour"]
