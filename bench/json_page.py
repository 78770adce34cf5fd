"""The partial-JSON page with 100 kB of JSON at 200 chunks a second: how far it is behind, and what it sends.

    python -m bench.json_page [--characters 100000]

The lag is the time from the moment at which the model sends a chunk to that at which the page counts it.
"""

import argparse
import json
import re
import time

from playwright.sync_api import Page, expect, sync_playwright

from bench.inspector import events_of
from tests.support.app_process import running_weir
from tests.support.browser_page import QUIET, Wire, browser_path, opened, send
from tests.support.fake_openai import FakeOpenAI, Plan, fake_openai

RATE = 200.0
SIZE = 4
"""Characters of a chunk."""
COUNTED = re.compile(r"([\d,]+) chunks · the last at")


def document(characters: int) -> str:
    """Return an object of so many characters, roughly: a list of small records."""
    record = {"name": "a weir on the river", "height": 1.25, "open": True, "tags": ["stream", "gauge"]}
    one = len(json.dumps(record)) + 2
    return json.dumps({"records": [record | {"id": number} for number in range(characters // (one + 10))]})


def watch(page: Page, url: str, model: FakeOpenAI) -> tuple[float, int]:
    """Return the longest lag in seconds behind the model, and how often the count was seen to change."""
    run_id = page.url.partition("run=")[2].partition("&")[0]
    history: list[tuple[float, int]] = []
    behind, changes, last = 0.0, 0, 0
    while events_of(url, run_id)[0] == "running":
        history.append((time.monotonic(), model.seen[-1].sent))
        caption = page.get_by_text(COUNTED)
        match = COUNTED.search(caption.first.inner_text()) if caption.count() else None
        now, seen = time.monotonic(), int(match.group(1).replace(",", "")) if match else last
        changes += seen != last
        last = seen
        # The page shows chunks up to `seen`: the next one it lacks was sent when more than that had been sent.
        lacking = next((at for at, sent in history if sent > seen), now)
        behind = max(behind, now - lacking)
        page.wait_for_timeout(20)
    return behind, changes


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--characters", type=int, default=100_000)
    text = document(parser.parse_args().characters)
    chunks = [text[at : at + SIZE] for at in range(0, len(text), SIZE)]
    with (
        fake_openai() as model,
        running_weir(OPENAI_BASE_URL=model.url, OPENAI_API_KEY="sk-bench", OPENAI_MODEL="fake") as url,
        sync_playwright() as playwright,
    ):
        model.plan = Plan(structured_tokens=chunks, rate=RATE)
        browser = playwright.chromium.launch(executable_path=browser_path(), args=[*QUIET, "--no-sandbox"])
        page = browser.new_page(viewport={"width": 1400, "height": 1200})
        wire = Wire(page)
        opened(page, f"{url}/partial_json")
        before = wire.received
        send(page, "rivers")
        expect(page.get_by_text(COUNTED)).to_be_visible()
        behind, changes = watch(page, url, model)
        live = wire.received - before
        ended = time.monotonic()
        expect(page.get_by_role("button", name="Replay")).to_be_visible(timeout=60_000)
        ratio = (wire.received - before) / len(text)
        print(f"{len(text):,} characters in {len(chunks):,} chunks at {RATE:.0f} a second")
        print(f"live: at most {behind:.2f} s behind, {changes} updates seen, bytes {live / len(text):.1f} × the text")
        print(f"whole: shown {time.monotonic() - ended:.2f} s after the end, bytes {ratio:.1f} × the text")
        browser.close()


if __name__ == "__main__":
    main()
