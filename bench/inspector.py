"""The event page with a long run: how soon it opens, how soon a filter acts, whether it keeps up, what it sends.

    python -m bench.inspector                     # a chain's run, and an agent's of as many events
    python -m bench.inspector --before 42ef704    # the same at an earlier commit, in turns
    python -m bench.inspector --opening           # how soon they open, and no more
    python -m bench.inspector --opening --tokens 80000 --rounds 1    # runs ten times as long

Prints seconds and bytes as Chromium sees them, on this machine, with a model server, Weir and the browser beside it,
and the CPU that the server uses for a recorded token, with nobody watching, until the run is kept.
"""

import argparse
import contextlib
import json
import re
import statistics
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Browser, Page, expect, sync_playwright

from bench.first_load import checked_out
from bench.servers import Server, weir_in
from tests.support.app_process import ROOT
from tests.support.browser_page import QUIET, Wire, browser_path, opened
from tests.support.fake_openai import FakeOpenAI, Plan, fake_openai

TOKENS = 8_000
ROUNDS = 5
"""Measurements of each figure, in turns; the median counts."""
LIVE_RATE = 200.0
LIVE_SECONDS = 20
KEPT_SECONDS = 4.0
"""Time after the end of a run in which it is written to disk."""
TIMEOUT = 60_000
"""Milliseconds after which something is not shown any more."""
COUNT = re.compile(r"^(?:keeps )?([\d,]+) of ([\d,]+) events")
DRAWN = "[role=treeitem], [data-testid=stVegaLiteChart] .mark-rect path"
"""What is drawn last beside the table: the waterfall, at earlier commits a chart."""

STORY = {"chain": "story", "input": {"topic": "water"}}
AGENT = {"chain": "agent", "input": {"question": "water"}}
STORY_EVENTS, AGENT_EVENTS = 3, 1
"""Events of a token: of an agent, the model alone streams it."""


@dataclass(slots=True)
class Subject:
    """One Weir under measurement, its browser page, and its runs."""

    name: str
    server: Server
    page: Page
    runs: dict[str, str]
    """Ids of the ended runs, by what they are."""

    @property
    def url(self) -> str:
        return self.server.url


def started_run(url: str, asked: dict[str, Any]) -> str:
    """Begin a run over HTTP and return its id."""
    body = json.dumps(asked).encode()
    request = urllib.request.Request(f"{url}/api/runs", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        run_id: str = json.load(answer)["id"]
        return run_id


def events_of(url: str, run_id: str) -> tuple[str, int]:
    """Return the status of a run and how many events it has."""
    with urllib.request.urlopen(f"{url}/api/runs/{run_id}", timeout=120) as answer:
        view = json.load(answer)
        return view["status"], view["events"]


@contextmanager
def new_page(browser: Browser, url: str) -> Iterator[Page]:
    """A browser's page, warm: Weir's own files are in its cache."""
    page = browser.new_page(viewport={"width": 1400, "height": 1200})
    opened(page, f"{url}/events")
    yield page
    page.close()


def shown(page: Page) -> int:
    """Return how many events the page says there are."""
    found = page.get_by_text(COUNT).first
    if found.count() == 0:
        return 0
    match = COUNT.search(found.inner_text())
    return int(match.group(2).replace(",", "")) if match else 0


def whole_run(url: str, model: FakeOpenAI, tokens: int, asked: dict[str, Any] = STORY) -> str:
    """Run a chain to its end, with an answer of so many tokens and no page open on it, and return the run's id."""
    model.plan = Plan(tokens=[" word"] * tokens)
    run_id = started_run(url, asked)
    while events_of(url, run_id)[0] == "running":
        time.sleep(0.2)
    return run_id


def measure_opening(page: Page, url: str, run_id: str) -> tuple[float, int]:
    """Return the seconds from the address to the whole table, and the bytes."""
    page.goto("about:blank")
    wire = Wire(page)
    started = time.monotonic()
    page.goto(f"{url}/events?run={run_id}")
    expect(page.get_by_text(COUNT)).to_be_visible()
    expect(page.locator(DRAWN).first).to_be_visible()
    expect(page.get_by_test_id("stDataFrame").first).to_be_visible()
    return time.monotonic() - started, wire.received


def measure_filter(page: Page) -> float:
    """Return the seconds from the choice of a type to the table's new count. The filter is open and empty."""
    types = page.get_by_role("combobox", name="Include types")
    types.press_sequentially("parser", delay=20)
    expect(page.get_by_role("option", name="parser")).to_be_visible()
    page.wait_for_timeout(500)
    before = page.get_by_text(COUNT).inner_text()
    started = time.monotonic()
    types.press("Enter")
    expect(page.get_by_text(before, exact=True)).to_have_count(0)
    seconds = time.monotonic() - started
    types.press("Backspace")
    expect(page.get_by_text(before, exact=True)).to_have_count(1)
    return seconds


def open_filter(page: Page) -> None:
    """Open the filter."""
    page.get_by_text("Filter", exact=True).click()
    expect(page.get_by_text("version=")).to_be_in_viewport()


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


def measure_recording(subject: Subject, model: FakeOpenAI, tokens: int) -> float:
    """Return the microseconds of CPU of a recorded token, with what it takes to keep the run."""
    before = subject.server.cpu()
    whole_run(subject.url, model, tokens)
    time.sleep(KEPT_SECONDS)
    return (subject.server.cpu() - before) / tokens * 1e6


def print_in_turns(what: str, values: dict[str, list[float]], unit: str) -> None:
    """Print the median of each Weir, and the first one's as a ratio of the others'."""
    medians = {name: statistics.median(of_one) for name, of_one in values.items()}
    first = next(iter(medians))
    line = f"{what}: " + ", ".join(f"{name} {median:,.2f} {unit}" for name, median in medians.items())
    line += "".join(f", {medians[first] / median:.2f} × of {name}" for name, median in medians.items() if name != first)
    print(line, flush=True)


def measure_openings(subjects: list[Subject], model: FakeOpenAI, tokens: int, rounds: int) -> None:
    """Print how soon runs open that nobody has opened before, and how soon again.

    An earlier Weir without an agent has a chain's run of as many events in its place.
    """
    for what, asked in (("chain", STORY), ("agent", AGENT)):
        first: dict[str, list[float]] = {subject.name: [] for subject in subjects}
        again: dict[str, list[float]] = {subject.name: [] for subject in subjects}
        for _ in range(rounds):
            for subject in subjects:
                is_agent = asked is AGENT and subject is subjects[0]
                count = tokens * STORY_EVENTS // AGENT_EVENTS if is_agent else tokens
                subject.page.goto("about:blank")
                run_id = whole_run(subject.url, model, count, AGENT if is_agent else STORY)
                time.sleep(KEPT_SECONDS)
                subject.runs[what] = run_id
                first[subject.name].append(measure_opening(subject.page, subject.url, run_id)[0])
            for subject in subjects:
                again[subject.name].append(measure_opening(subject.page, subject.url, subject.runs[what])[0])
        events = events_of(subjects[0].url, subjects[0].runs[what])[1]
        print_in_turns(f"{events:,} events, {what}: first opening", first, "s")
        print_in_turns(f"{events:,} events, {what}: again", again, "s")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--before", metavar="COMMIT", help="an earlier commit, measured in turns with this tree")
    parser.add_argument("--opening", action="store_true", help="how soon runs open, and no more")
    parser.add_argument("--tokens", type=int, default=TOKENS)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="openings of each kind, in turns; the median counts")
    chosen = parser.parse_args()
    expect.set_options(timeout=TIMEOUT)
    with contextlib.ExitStack() as stack:
        model = stack.enter_context(fake_openai())
        folders = {"now": ROOT}
        if chosen.before:
            folders[chosen.before] = stack.enter_context(checked_out(chosen.before))
        browser = stack.enter_context(sync_playwright()).chromium.launch(
            executable_path=browser_path(), args=[*QUIET, "--no-sandbox"]
        )
        subjects = []
        for name, folder in folders.items():
            environment = {"OPENAI_BASE_URL": model.url, "OPENAI_MODEL": "fake", "WEIR_RECORD_MB": "2000"}
            # A long run that nobody reads would be given up.
            environment |= {"WEIR_GRACE": "3600"}
            server = stack.enter_context(weir_in(folder, None, environment | {"OPENAI_API_KEY": "sk-bench"}))
            subjects.append(Subject(name, server, stack.enter_context(new_page(browser, server.url)), {}))
        measure(subjects, model, chosen.tokens, chosen.rounds, only_opening=chosen.opening)
        browser.close()


def measure(subjects: list[Subject], model: FakeOpenAI, tokens: int, rounds: int, *, only_opening: bool) -> None:
    """Print all figures."""
    now = subjects[0]
    for subject in subjects:
        # The first opening of each warms server and browser up.
        measure_opening(subject.page, subject.url, whole_run(subject.url, model, 20))
    measure_openings(subjects, model, tokens, rounds)
    if only_opening:
        return
    half = whole_run(now.url, model, tokens // 2)
    half_bytes = measure_opening(now.page, now.url, half)[1]
    whole_bytes = measure_opening(now.page, now.url, now.runs["chain"])[1]
    print(f"bytes to open: {whole_bytes:,}, {whole_bytes / half_bytes:.2f} × those of half as many events")
    values: dict[str, list[float]] = {subject.name: [] for subject in subjects}
    for subject in subjects:
        measure_opening(subject.page, subject.url, subject.runs["chain"])
        open_filter(subject.page)
    for _ in range(rounds):
        for subject in subjects:
            values[subject.name].append(measure_filter(subject.page))
    print_in_turns("filter", values, "s")
    recorded: dict[str, list[float]] = {subject.name: [] for subject in subjects}
    for subject in subjects:
        subject.page.goto("about:blank")
    for _ in range(rounds):
        for subject in subjects:
            recorded[subject.name].append(measure_recording(subject, model, tokens))
    print_in_turns("CPU of a recorded token", recorded, "µs")
    short = measure_live(now.page, now.url, model, LIVE_SECONDS // 2)
    long = measure_live(now.page, now.url, model, LIVE_SECONDS)
    print(f"live at {LIVE_RATE:.0f} tokens/s: at most {long[0]:.2f} s behind over {long[1]:,} events")
    print(f"bytes live: {long[2]:,}, {long[2] / short[2]:.2f} × those of half the events")


if __name__ == "__main__":
    main()
