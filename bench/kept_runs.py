"""The run list with many kept runs: how soon it opens, how soon a filter acts, what a run costs to write and to open.

    python -m bench.kept_runs [--runs 10000]

Prints seconds as Chromium sees them, medians of the rounds, beside those of a list without any run, in turns; and
milliseconds of CPU for one run of 24,000 events. The runs are written by the archive itself, each with a file, before
Weir starts.
"""

import argparse
import dataclasses
import random
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, Page, expect, sync_playwright

from tests.support.app_process import running_weir
from tests.support.archived_runs import end, entry, live_run
from tests.support.browser_page import QUIET, browser_path
from weir.access.caller import LOCAL_PROGRAMS
from weir.archive.run_archive import FOLDER
from weir.archive.run_files import RunFiles
from weir.archive.run_summary import summarize
from weir.runs.memory_run import MemoryRun
from weir.storage.database import database_url
from weir.storage.repository import open_repository
from weir.storage.run_index import RunIndex

ROUNDS = 7
LONG_RUN_EVENTS = 24_000
DAYS = 30
STATES = ("done", "done", "done", "done", "stopped", "cut_off", "failed")


def fill(folder: Path, count: int) -> None:
    """Write that many runs of the last days."""
    repository = open_repository(database_url(folder, None))
    files = RunFiles(folder / FOLDER)
    index = RunIndex(repository.engine, files.folder_id())
    chance, now = random.Random(1), time.time()
    for number in range(count):
        run = end(live_run(f"question {number}", owner=LOCAL_PROGRAMS[0], chunks=10))
        row = entry(
            run.id,
            owner=run.owner,
            chain=chance.choice(("story", "agent", "smart_router")),
            created_at=now - chance.random() * DAYS * 86_400,
            status=chance.choice(STATES),
            first_token=chance.lognormvariate(-1, 0.5),
            tokens_per_second=chance.uniform(20, 80),
            findings=chance.choice((0, 0, 0, 1, 3)),
            input=f"question {number}",
            search_text=f"question-{number}. {uuid.uuid4()}",
        )
        index.add(dataclasses.replace(row, bytes=files.write(run, row)))
    repository.close()


def opening(page: Page, url: str, shown: Locator) -> float:
    """Return the seconds until something is shown on the page."""
    page.goto("about:blank")
    began = time.perf_counter()
    page.goto(f"{url}/events")
    shown.wait_for()
    return time.perf_counter() - began


def navigating(page: Page, shown: Locator) -> float:
    """Return the seconds from a click in the navigation, in the app that is open, until something is shown."""
    page.get_by_role("link", name="About").first.click()
    expect(page.get_by_role("heading", name="About")).to_be_visible()
    expect(shown).to_have_count(0)
    began = time.perf_counter()
    page.get_by_role("link", name="Inspector").first.click()
    shown.wait_for()
    return time.perf_counter() - began


def filtering(page: Page, word: str, count: int) -> float:
    """Return the seconds from a typed word to the list of its runs."""
    began = time.perf_counter()
    page.get_by_label("Search runs").fill(word)
    expect(page.get_by_text(f"{count:,} of")).to_be_visible()
    return time.perf_counter() - began


def cpu_milliseconds_of_a_long_run() -> dict[str, float]:
    """Return what one run costs to be summarized, written and read."""
    run: MemoryRun = end(live_run(chunks=LONG_RUN_EVENTS - 2))
    with tempfile.TemporaryDirectory() as folder:
        files = RunFiles(Path(folder))
        files.folder_id()
        works: dict[str, Callable[[], object]] = {
            "summary": lambda: summarize(run, lambda *_: None),
            "file": lambda: files.write(run, entry(run.id)),
            "opening": lambda: files.read(entry(run.id)),
        }
        costs = {}
        for name, work in works.items():
            began = time.process_time()
            work()
            costs[name] = (time.process_time() - began) * 1e3
        costs["kB"] = sum(path.stat().st_size for path in Path(folder).iterdir()) / 1e3
    return costs


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=10_000)
    count = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as empty:
        began = time.perf_counter()
        fill(Path(folder), count)
        print(f"{count:,} runs written in {time.perf_counter() - began:.1f} s", file=sys.stderr)
        with (
            running_weir(WEIR_DATA=folder, OPENAI_BASE_URL="http://127.0.0.1:9/v1") as url,
            running_weir(WEIR_DATA=empty, OPENAI_BASE_URL="http://127.0.0.1:9/v1") as empty_url,
            sync_playwright() as driver,
        ):
            browser = driver.chromium.launch(executable_path=browser_path(), args=[*QUIET, "--no-sandbox"])
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            row, last = page.get_by_role("link", name="question").first, page.get_by_role("button", name="A story")
            first = opening(page, url, row)
            opening(page, empty_url, last)
            opened, compared = [], []
            for _ in range(ROUNDS):
                compared.append(opening(page, empty_url, last))
                opened.append(opening(page, url, row))
            moved = [navigating(page, row) for _ in range(ROUNDS)]
            found = []
            for _ in range(ROUNDS):
                found.append(filtering(page, "question-77.", 1))
                filtering(page, "", count)
            browser.close()
    print(f"| the list of {count:,} runs opens: first | {first:.2f} s |")
    print(f"| again | {statistics.median(opened):.2f} s |")
    print(f"| a list without runs, in turns with it | {statistics.median(compared):.2f} s |")
    print(f"| the list, by a click in the open app | {statistics.median(moved):.2f} s |")
    print(f"| a typed word, to its rows | {statistics.median(found):.2f} s |")
    for name, cost in cpu_milliseconds_of_a_long_run().items():
        unit = "kB on disk" if name == "kB" else "ms of CPU"
        print(f"| a run of {LONG_RUN_EVENTS:,} events: {'size' if name == 'kB' else name} | {cost:,.0f} {unit} |")


if __name__ == "__main__":
    main()
