"""A conversation of 500 messages against an empty chat: when the first word of a new answer is painted, and the bytes.

python -m bench.long_history [--messages 500]
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, expect, sync_playwright

from tests.support.app_process import weir_process
from tests.support.browser_page import QUIET, Wire, browser_path, opened, send
from tests.support.fake_openai import Plan, fake_openai
from weir.access.anonymous_id import COOKIE, new_anonymous_id
from weir.storage.database import database_url
from weir.storage.records import MessageStatus
from weir.storage.repository import open_repository

TIMES = 5
PARAGRAPH = "The river falls over the wall, and what falls can be measured. " * 6


def fill(folder: Path, visitor: str, messages: int) -> str:
    """Write a conversation of so many messages and return its id."""
    library = open_repository(database_url(folder, None))
    conversation = library.create(visitor)
    answer: str | None = None
    for number in range(messages // 2):
        question = library.add_question(visitor, conversation, f"Question {number}", parent=answer)
        answer = library.answers.add(visitor, question)
        library.answers.update(visitor, answer, f"Answer {number}. {PARAGRAPH}", status=MessageStatus.DONE)
    library.close()
    return conversation


def measure(browser: Browser, url: str, visitor: str, address: str) -> tuple[float, float]:
    """Return the median seconds from Enter to the first painted word, and the median bytes of a turn."""
    seconds, sent = [], []
    context = browser.new_context()
    context.add_cookies([{"name": COOKIE, "value": visitor, "url": url}])
    page = context.new_page()
    wire = Wire(page)
    opened(page, address)
    page.wait_for_timeout(3_000)
    for number in range(TIMES):
        before = wire.received
        started = time.monotonic()
        send(page, f"turn{number}")
        expect(page.get_by_text("firstword", exact=False).nth(number)).to_be_visible()
        seconds.append(time.monotonic() - started)
        expect(page.get_by_text("lastword", exact=False)).to_have_count(number + 1)
        page.wait_for_timeout(1_000)
        sent.append(wire.received - before)
    context.close()
    return statistics.median(seconds), statistics.median(sent)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--messages", type=int, default=500)
    messages = parser.parse_args().messages
    visitor = new_anonymous_id()
    with tempfile.TemporaryDirectory() as data, fake_openai() as model, sync_playwright() as playwright:
        conversation = fill(Path(data), visitor, messages)
        model.plan = Plan(tokens=["firstword", *[" word"] * 40, " lastword"], rate=100)
        environment = {"OPENAI_BASE_URL": model.url, "OPENAI_MODEL": "fake", "WEIR_DATA": data}
        with weir_process("", environment) as weir:
            browser = playwright.chromium.launch(executable_path=browser_path(), args=[*QUIET, "--no-sandbox"])
            measure(browser, weir.url, new_anonymous_id(), weir.url)
            empty = measure(browser, weir.url, new_anonymous_id(), weir.url)
            long = measure(browser, weir.url, visitor, f"{weir.url}/?conversation={conversation}")
            browser.close()
    print(f"empty chat: first word after {empty[0]:.2f} s, {empty[1] / 1e3:.0f} kB a turn")
    print(f"{messages} messages: {long[0]:.2f} s ({long[0] / empty[0]:.2f} ×), {long[1] / 1e3:.0f} kB", end=" ")
    print(f"({long[1] / empty[1]:.2f} ×)")


if __name__ == "__main__":
    main()
