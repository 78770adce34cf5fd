import os
import re
import signal
import tempfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.app_process import refused_start, running_weir, weir_process
from tests.support.browser_page import ended, opened, send
from weir.runs.failure_sentences import FailureKind


@pytest.mark.embedded
def test_with_no_key_the_embedded_model_answers(page: Page) -> None:
    with running_weir() as url:
        opened(page, url)
        expect(page.get_by_text("answers are often wrong")).to_be_visible(timeout=60_000)
        send(page, "What is the capital of France?")
        expect(page.get_by_text("Choosing a route").or_(page.get_by_text("first token")).first).to_be_visible()
        expect(page.get_by_role("button", name="Copy")).to_be_visible(timeout=90_000)
        expect(page.get_by_text("first token")).to_be_visible()
        page.goto("about:blank")


@pytest.mark.embedded
@pytest.mark.timeout(240)
def test_an_embedded_model_that_dies_in_mid_answer_is_there_for_the_next(page: Page) -> None:
    with tempfile.TemporaryDirectory() as data, weir_process("", {"WEIR_DATA": data}) as weir:
        page.goto(f"{weir.url}/story")
        expect(page.get_by_text("answers are often wrong")).to_be_visible(timeout=90_000)
        send(page, "a weir")
        expect(page.get_by_text(re.compile(r"~[1-9]\d* of about"))).to_be_visible(timeout=60_000)
        for child in children_of(weir.process.pid):
            os.kill(child, signal.SIGKILL)
        expect(page.get_by_text(re.compile("Cut off$"))).to_be_visible()
        expect(page.get_by_text(FailureKind.CUT.message)).to_be_visible()
        page.get_by_role("button", name="Retry").click()
        expect(page.get_by_text(re.compile(r"~[1-9]\d* of about"))).to_be_visible(timeout=60_000)


def children_of(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def test_without_a_model_the_app_is_up_and_says_four_ways_to_go_on(page: Page, tmp_path: Path) -> None:
    with running_weir(WEIR_LOCAL_MODEL=str(tmp_path / "missing.gguf")) as url:
        opened(page, url)
        expect(page.get_by_text("No model can answer yet.")).to_be_visible(timeout=60_000)
        expect(page.get_by_text("There is no file at the path in WEIR_LOCAL_MODEL.")).to_be_visible()
        expect(page.get_by_role("tab")).to_have_count(4)
        send(page, "Are you there?")
        expect(page.get_by_text("Starts as soon as a model is ready.")).to_be_visible()
        page.get_by_role("button", name="Try again").click()
        expect(page.get_by_text("No model can answer yet.")).to_be_visible()
        ended(page, 0)
        opened(page, f"{url}/story")
        send(page, "a weir")
        expect(page.get_by_text("a weir", exact=True)).to_be_visible()
        expect(page.get_by_text("No model can answer yet.")).to_be_visible()
        expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
        expect(page.get_by_role("combobox", name="LangChain method")).to_be_visible()
        page.goto("about:blank")


def test_a_bad_setting_stops_the_start_with_its_name_and_an_example() -> None:
    output = refused_start({"WEIR_TIMEOUT": "soon"})
    assert "WEIR_TIMEOUT has a value 'soon'" in output
    assert "For example: WEIR_TIMEOUT=60" in output
    assert "Traceback" not in output
