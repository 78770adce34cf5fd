"""Routes of one's own in the browser: which model answers, what that saved, and a file measured on the page."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Dialog, Page, expect

from tests.support.app_process import ROOT, running_weir
from tests.support.browser_page import choose, ended, opened, send
from tests.support.fake_openai import FakeOpenAI, Plan, fake_openai
from weir.cli.main import main

SHOP = ROOT / "examples" / "bike_shop"
HOSTILE = (
    "repair\t<img src=x onerror=alert(1)> [click](javascript:alert(1)) my brakes squeal\nbilling\tWhere is my parcel?\n"
)


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[FakeOpenAI, FakeOpenAI]]:
    with fake_openai() as small, fake_openai() as large:
        small.plan, large.plan = Plan(tokens=["few", " words"]), Plan(tokens=["many", " words"])
        yield small, large


@pytest.fixture(scope="module")
def url(servers: tuple[FakeOpenAI, FakeOpenAI], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("shop")
    text = (SHOP / "weir.toml").read_text(encoding="utf-8")
    text = text.replace("http://localhost:11434/v1", servers[0].url)
    text = text.replace('key_env = "OPENAI_API_KEY"', f'base_url = "{servers[1].url}"')
    (folder / "weir.toml").write_text(text, encoding="utf-8")
    assert main(["classify", "--train", str(SHOP / "examples.tsv"), "--to", str(folder / "bike_shop.npz")]) == 0
    with running_weir(WEIR_CONFIG=str(folder / "weir.toml"), WEIR_RETRIES="0") as address:
        yield address


def test_a_routes_model_answers_and_says_what_it_saved(
    page: Page, url: str, servers: tuple[FakeOpenAI, FakeOpenAI]
) -> None:
    small, large = servers
    opened(page, url)
    main_part = page.get_by_role("main")
    expect(main_part.get_by_text("(billing, delivery, repair or advice)")).to_be_visible()
    expect(page.get_by_role("combobox", name="Model")).to_have_value("By route")
    send(page, "Where is my parcel?")
    ended(page)
    expect(page.get_by_text(re.compile(r"^small · first token"))).to_be_visible()
    page.get_by_role("button", name="Why Delivery?").click()
    saved = re.compile(r"^Answered by small: \$0\.\d+, against \$0\.\d+ with large for the same tokens\.$")
    expect(page.get_by_text(saved)).to_be_visible()
    page.keyboard.press("Escape")
    send(page, "My brakes squeal when it rains")
    ended(page, 2)
    expect(page.get_by_text(re.compile(r"^large · first token"))).to_be_visible()
    assert (len(small.seen), len(large.seen)) == (1, 1)
    assert large.seen[0].body["messages"][0]["content"].startswith("You are a bicycle mechanic.")
    page.get_by_role("button", name="Why Repair?").click()
    expect(page.get_by_text(re.compile(r"^Answered by large, the dearest model here: \$0\.\d+\.$"))).to_be_visible()


def test_a_file_is_measured_on_the_page_by_the_own_classifier_and_by_a_model_that_is_stopped(
    page: Page, url: str, servers: tuple[FakeOpenAI, FakeOpenAI], tmp_path: Path
) -> None:
    dialogs: list[str] = []

    def dismiss(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", dismiss)
    page.goto(f"{url}/routing")
    main_part = page.get_by_role("main")
    expect(main_part.get_by_text("what is broken or worn, and how to mend it · asks large")).to_be_visible()
    expect(main_part.get_by_text("Your classifier, bike_shop.npz, decides on this machine.")).to_be_visible()
    choose(page, "Questions", "A file of mine")
    expect(main_part.get_by_text("A line is a category, a tab and a question")).to_be_visible()
    field = page.locator("input[type=file]")
    field.set_input_files({"name": "**bad**.tsv", "mimeType": "text/plain", "buffer": b"repair\tWhy?\nmath\t2?\n"})
    expect(
        main_part.get_by_text("**bad**.tsv:2 is not a question with its category: billing, delivery")
    ).to_be_visible()
    field.set_input_files({"name": "mine.tsv", "mimeType": "text/plain", "buffer": HOSTILE.encode()})
    expect(main_part.get_by_text("mine.tsv: 2 questions")).to_be_visible()
    page.get_by_role("button", name="Evaluate").click()
    expect(main_part.get_by_text("50.0%", exact=True)).to_be_visible()
    expect(main_part.get_by_text("Confusion matrix")).to_be_visible()
    expect(main_part.get_by_text("Calibration: expected error")).to_be_visible()
    expect(main_part.get_by_text("Misrouted: 1")).to_be_visible()
    assert dialogs == []
    servers[0].structured = Plan(tokens=['{"category": "repair"}'], delay=1.0)
    page.get_by_text("LLM", exact=True).click()
    field.set_input_files(SHOP / "questions.tsv")
    expect(main_part.get_by_text("questions.tsv: 32 questions")).to_be_visible()
    page.get_by_role("button", name="Evaluate").click()
    expect(main_part.get_by_text(re.compile(r"^[1-9]\d* of 20 questions$"))).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(
        main_part.get_by_text(re.compile(r"^Stopped: these are the figures of \d+ of 20 questions\.$"))
    ).to_be_visible()
    expect(main_part.get_by_text("Confusion matrix")).to_be_visible()
