"""The pictures of README and docs, taken anew: the app in Chromium, with a model server whose answers are written here.

    python -m bench.pictures [NAME …]

Writes `docs/images/*.png`, 1,280 pixels wide. To be run, and looked at, after a change of how pages look.
"""

import re
import sys
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from tests.support.agent_recording import QUESTION, TURNS, words
from tests.support.app_process import ROOT, running_weir
from tests.support.browser_page import QUIET, browser_path, ended, opened, send
from tests.support.fake_openai import FakeOpenAI, Plan, fake_openai

WIDTH, HEIGHT = 1280, 850
IMAGES = ROOT / "docs" / "images"
SAMPLES = ROOT / "pages" / "assets" / "recordings"

CODE = '''A number is even if dividing it by 2 leaves nothing:

```python
def is_even(number: int) -> bool:
    """Return whether a number can be divided by 2."""
    return number % 2 == 0
```

`is_even(10)` is `True`, `is_even(-3)` is `False`.'''
WEIR = (
    "A weir is a low wall across a river. It does not stop the water, as a dam does: the river runs over it, steadily, "
    "and its depth above the crest tells how much water flows. Engineers have measured rivers in this way for two "
    "hundred years. Fish need a way around it, and so many weirs have a ladder of small pools beside them, each a "
    "little higher than the one before. In a dry summer a weir keeps the water behind it deep enough for boats."
)


def chat(page: Page, url: str, model: FakeOpenAI) -> None:
    opened(page, url)
    for number, (question, answer, route) in enumerate(
        (
            ("What is a weir?", WEIR, "general"),
            ("Write a Python function that checks if a number is even", CODE, "code"),
        )
    ):
        if number:
            page.get_by_role("button", name="New chat").click()
            expect(page.get_by_text(WEIR[:30])).to_have_count(0)
        model.plan = Plan(tokens=_pieces(answer), rate=60, delay=0.4, category=route)
        send(page, question)
        ended(page)
    expect(page.get_by_text("can be divided")).to_be_visible()


def live(page: Page, url: str, model: FakeOpenAI) -> None:
    model.plan = Plan(tokens=words(WEIR), rate=8, delay=0.4, category="general")
    opened(page, f"{url}/events?chain=smart_router")
    send(page, "What is a weir?")
    row = page.get_by_role("tree").get_by_role("treeitem", name=re.compile("ChatOpenAI · writes"))
    row.click()
    expect(page.get_by_text("two hundred years").first).to_be_visible()


def recorded(page: Page, url: str, _model: FakeOpenAI) -> None:
    opened(page, f"{url}/events")
    page.get_by_role("button", name="A routed question").click()
    expect(page.get_by_role("tree")).to_be_visible()


def race(page: Page, url: str, _model: FakeOpenAI) -> None:
    opened(page, f"{url}/story?view=Race")
    page.get_by_role("combobox", name="Source").click()
    page.get_by_role("option", name="recorded: a story").click()
    page.get_by_role("button", name="Race", exact=True).last.click()
    expect(page.get_by_text("Without streaming you would")).to_be_visible()


def agent(page: Page, url: str, model: FakeOpenAI) -> None:
    model.plan = Plan(turns=TURNS)
    opened(page, f"{url}/events?chain=agent")
    send(page, QUESTION)
    tree = page.get_by_role("tree")
    expect(page.get_by_text(re.compile(r"agent.*Done.*thought"))).to_be_visible()
    for group in ("model × 3", "tools × 3"):
        tree.get_by_role("treeitem", name=group).click()
    tree.get_by_role("treeitem", name="ChatOpenAI").first.click()
    expect(page.get_by_text("thought: The user asks")).to_be_visible()


def partial_json(page: Page, url: str, _model: FakeOpenAI) -> None:
    opened(page, f"{url}/partial_json")
    page.get_by_role("button", name="Open a recording").click()
    page.locator("input[type=file]").set_input_files(SAMPLES / "6-json-field-by-field.jsonl")
    expect(page.get_by_text(re.compile(r"^chunk (\d+) of \1"))).to_be_visible()
    page.keyboard.press("Escape")


PICTURES: dict[str, tuple[Callable[[Page, str, FakeOpenAI], None], int]] = {
    "chat": (chat, HEIGHT),
    "events-live": (live, HEIGHT),
    "events": (recorded, HEIGHT),
    "race": (race, 1_150),
    "agent": (agent, HEIGHT),
    "partial_json": (partial_json, 1_150),
}


def _pieces(text: str) -> list[str]:
    return re.findall(r"\s*\S+|\s+$", text)


def main(names: list[str], folder: Path = IMAGES) -> None:
    with (
        fake_openai() as model,
        running_weir(OPENAI_BASE_URL=model.url, OPENAI_API_KEY="none", OPENAI_MODEL="gpt-4o-mini") as url,
        sync_playwright() as playwright,
    ):
        expect.set_options(timeout=60_000)
        browser = playwright.chromium.launch(executable_path=browser_path(), args=[*QUIET, "--no-sandbox"])
        for name in names or PICTURES:
            take, height = PICTURES[name]
            page = browser.new_page(viewport={"width": WIDTH, "height": height})
            take(page, url, model)
            page.mouse.move(0, 0)
            # Fonts and charts have no sign of their own that they are drawn.
            page.wait_for_timeout(1_500)
            page.screenshot(path=folder / f"{name}.png")
            page.close()
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
