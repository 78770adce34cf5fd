"""The event page with a long run: how soon it opens, how soon a filter acts, whether it keeps up, what it sends.

    python -m bench.inspector            # a chain's run, and an agent's of as many events
    python -m bench.inspector --opening  # how soon both open, and no more

Prints seconds and bytes as Chromium sees them, on this machine, with a model server, Weir and the browser beside it.
"""

import json
import re
import statistics
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Page, expect, sync_playwright

from tests.support.app_process import running_weir
from tests.support.browser_page import QUIET, Wire, browser_path, opened
from tests.support.fake_openai import FakeOpenAI, Plan, fake_openai

TOKENS = 8_000
ROUNDS = 3
"""Openings of each run, in turns; the median counts."""
LIVE_RATE = 200.0
LIVE_SECONDS = 20
KEPT = re.compile(r"^([\d,]+) of ([\d,]+) events")


STORY = {"chain": "story", "input": {"topic": "water"}}
AGENT = {"chain": "agent", "input": {"question": "water"}}
STORY_EVENTS, AGENT_EVENTS = 3, 1
"""Events of a token: of an agent, the model alone streams it."""


def started_run(url: str, asked: dict[str, Any]) -> str:
    """Begin a run over HTTP and return its id."""
    body = json.dumps(asked).encode()
    request = urllib.request.Request(f"{url}/api/runs", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        run_id: str = json.load(answer)["id"]
        return run_id


def events_of(url: str, run_id: str) -> tuple[str, int]:
    """Return the status of a run and how many events it has."""
    with urllib.request.urlopen(f"{url}/api/runs/{run_id}", timeout=10) as answer:
        view = json.load(answer)
        return view["status"], view["events"]


@contextmanager
def new_page(url: str) -> Iterator[Page]:
    """A browser's page, warm: Weir's own files are in its cache."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path(), args=[*QUIET, "--no-sandbox"])
        page = browser.new_page(viewport={"width": 1400, "height": 1200})
        opened(page, f"{url}/events")
        yield page
        browser.close()


def shown(page: Page) -> int:
    """Return how many events the page says there are."""
    found = page.get_by_text(KEPT).first
    if found.count() == 0:
        return 0
    match = KEPT.search(found.inner_text())
    return int(match.group(2).replace(",", "")) if match else 0


def whole_run(page: Page, url: str, model: FakeOpenAI, tokens: int, asked: dict[str, Any] = STORY) -> str:
    """Run a chain to its end, with an answer of so many tokens and no page open on it, and return the run's id."""
    model.plan = Plan(tokens=[" word"] * tokens)
    run_id = started_run(url, asked)
    while events_of(url, run_id)[0] == "running":
        page.wait_for_timeout(200)
    return run_id


def measure_opening(page: Page, url: str, run_id: str) -> tuple[float, int]:
    """Return the seconds from the address to the whole table, and the bytes."""
    wire = Wire(page)
    started = time.monotonic()
    page.goto(f"{url}/events?run={run_id}")
    expect(page.get_by_text(KEPT)).to_be_visible()
    expect(page.get_by_role("treeitem").first).to_be_visible()
    expect(page.locator("[class*=st-key-events_table_]").get_by_test_id("stDataFrame")).to_be_visible()
    return time.monotonic() - started, wire.received


def measure_filter(page: Page) -> float:
    """Return the seconds from the choice of a type to the table's new count."""
    page.get_by_text("Filter", exact=True).click()
    expect(page.get_by_text("version=")).to_be_in_viewport()
    page.wait_for_timeout(500)
    types = page.get_by_role("combobox", name="Include types")
    types.press_sequentially("parser", delay=20)
    expect(page.get_by_role("option", name="parser")).to_be_visible()
    before = page.get_by_text(KEPT).inner_text()
    started = time.monotonic()
    types.press("Enter")
    expect(page.get_by_text(before, exact=True)).to_have_count(0)
    return time.monotonic() - started


def measure_live(page: Page, url: str, model: FakeOpenAI, seconds: int) -> tuple[float, int, int]:
    """Return how far the page is behind at most, in seconds, the events at the end, and the bytes."""
    model.plan = Plan(tokens=[" word"] * int(LIVE_RATE * seconds), rate=LIVE_RATE)
    run_id = started_run(url, STORY)
    wire = Wire(page)
    page.goto(f"{url}/events?run={run_id}")
    history: list[tuple[float, int]] = []
    behind = 0.0
    while True:
        status, recorded = events_of(url, run_id)
        now = time.monotonic()
        history.append((now, recorded))
        seen = shown(page)
        if seen and now - history[0][0] > 3:
            then = next(at for at, count in history if count >= min(seen, recorded))
            behind = max(behind, now - then)
        if status != "running" and seen >= recorded:
            return behind, recorded, wire.received
        page.wait_for_timeout(100)


def main() -> None:
    with (
        fake_openai() as model,
        running_weir(OPENAI_BASE_URL=model.url, OPENAI_API_KEY="sk-bench", OPENAI_MODEL="fake") as url,
        new_page(url) as page,
    ):
        half = whole_run(page, url, model, TOKENS // 2)
        agent = whole_run(page, url, model, TOKENS * STORY_EVENTS // AGENT_EVENTS, AGENT)
        full = whole_run(page, url, model, TOKENS)
        measure_opening(page, url, half)
        half_opened = measure_opening(page, url, half)
        full_opened = measure_opening(page, url, full)
        events = events_of(url, full)[1]
        openings = [(measure_opening(page, url, full)[0], measure_opening(page, url, agent)[0]) for _ in range(ROUNDS)]
        chain_seconds, agent_seconds = (statistics.median(one) for one in zip(*openings, strict=True))
        print(f"{events:,} events of a chain: open {chain_seconds:.2f} s")
        print(f"{events_of(url, agent)[1]:,} events of an agent: open {agent_seconds:.2f} s")
        if "--opening" in sys.argv:
            return
        measure_opening(page, url, full)
        print(f"filter {measure_filter(page):.2f} s")
        print(
            f"bytes to open: {full_opened[1]:,}, {full_opened[1] / half_opened[1]:.2f} × those of half as many events"
        )
        short = measure_live(page, url, model, LIVE_SECONDS // 2)
        long = measure_live(page, url, model, LIVE_SECONDS)
        print(f"live at {LIVE_RATE:.0f} tokens/s: at most {long[0]:.2f} s behind over {long[1]:,} events")
        print(f"bytes live: {long[2]:,}, {long[2] / short[2]:.2f} × those of half the events")


if __name__ == "__main__":
    main()
