"""axe finds no fault of Weir's own on any page, light or dark, and every page can be walked by keyboard.

Faults of Streamlit's own elements, and of what a model writes, are left out (`tests/support/accessibility.py`).
"""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.accessibility import await_script, faults_in_light_and_dark
from tests.support.browser_page import INPUT
from tests.support.fake_openai import FakeOpenAI, Plan

TITLES = {
    "": "Chat",
    "story": "Streaming lab",
    "events": "Inspector",
    "partial_json": "Structured output",
    "routing": "Router accuracy",
    "http_client": "API client",
}
ASKING = [name for name in TITLES if name != "routing"]


@pytest.mark.parametrize("name", TITLES)
def test_a_page_is_walked_and_used_by_keyboard_and_axe_finds_no_fault_before_and_after(
    page: Page, weir_url: str, model: FakeOpenAI, name: str
) -> None:
    model.plan = Plan(
        tokens=["A short answer, with `code`.\n\n", "- one\n- two\n"],
        structured_tokens=['{"name": "Sea", "kind": "water", "difficulty": 9}'],
    )
    page.goto(f"{weir_url}/{name}")
    expect(page.get_by_role("heading", level=1, name=TITLES[name])).to_be_visible()
    if name in ASKING:
        expect(page.locator(INPUT)).to_be_visible()
    await_script(page)
    assert faults_in_light_and_dark(page) == []
    reached, outlined = tabbed_through(page)
    links = {entry for entry in reached if entry[0] == "stTopNavLink"}
    assert len(links) >= len(TITLES)
    assert links <= outlined
    if name in ASKING:
        assert "stChatInputTextArea" in {kind for kind, _ in reached}
        page.locator(INPUT).focus()
        page.keyboard.type("What is a weir?")
    else:
        page.get_by_role("button", name="Evaluate").focus()
    page.keyboard.press("Enter")
    ending = {"http_client": "Complete.", "routing": "Confusion matrix", "": "first token", "story": "first token"}
    replay = page.get_by_role("button", name="Replay")
    expect(page.get_by_text(ending[name]).first if name in ending else replay).to_be_visible()
    await_script(page)
    assert faults_in_light_and_dark(page) == []


def tabbed_through(page: Page) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """Return what the Tab key reaches, and what of it shows that it has the focus: kind and text of each element."""
    page.evaluate("document.activeElement.blur()")
    reached: set[tuple[str, str]] = set()
    outlined: set[tuple[str, str]] = set()
    rounds = 0
    for _ in range(140):
        page.keyboard.press("Tab")
        found: dict[str, Any] = page.evaluate(
            "() => { const one = document.activeElement; const style = getComputedStyle(one); return {"
            "kind: one.dataset.testid ?? one.tagName, text: (one.innerText || one.ariaLabel || '').trim(), "
            "outline: style.outlineStyle !== 'none' || style.boxShadow !== 'none'} }"
        )
        if found["kind"] == "BODY":
            # The first round begins wherever the page has put the focus.
            rounds += 1
            if rounds == 2:
                break
            continue
        reached.add((found["kind"], found["text"]))
        if found["outline"]:
            outlined.add((found["kind"], found["text"]))
    return reached, outlined
