"""The story page's promises: one text by five methods, Stop on each, and the race's figures against the server's.

    python -m bench.race [--demo TIMES]

With `--demo` only the races of an app without a key, so many times: from a recording, and with the packaged model.
Prints what a model server on loopback saw beside what the record, or the page, says. Seconds, on this machine.
"""

import argparse
import re
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, expect, sync_playwright

from chains.story_chain import story_chain
from pages.components.layout import suggestions
from tests.support.app_process import running_weir
from tests.support.browser_page import QUIET, browser_path, opened, send
from tests.support.fake_openai import FakeOpenAI, Fault, Plan, fake_openai
from weir.analysis.answer_reader import answer_text
from weir.analysis.method_race import Lane, summary
from weir.config.settings import Settings
from weir.llm.abortable_client import AbortableConnections
from weir.llm.chat_model import ModelOptions, chat_model, configured_endpoint, http_client
from weir.runs.background_loop import BackgroundLoop
from weir.runs.methods import Method
from weir.runs.recorder import Recorder
from weir.runs.run import Run
from weir.runs.run_store import MemoryStore

RATE = 50.0
TOKENS = [f" word{number}" for number in range(200)]
STORY = {"topic": "water", "words": 100, "tone": "calm"}


class Lanes:
    """Starts the story chain by any method."""

    def __init__(self, server: FakeOpenAI, loop: BackgroundLoop) -> None:
        self._settings = Settings.model_validate({"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "sk-bench"})
        self._recorder = Recorder(MemoryStore(budget=100_000_000), loop)
        self._http = http_client()
        self._loop = loop

    def start(self, method: Method) -> Run:
        line = None if method.is_async else AbortableConnections()
        options = ModelOptions(streaming=method.needs_streaming_model or None)
        model = chat_model(
            configured_endpoint(self._settings), self._settings, self._http, options=options, connections=line
        )
        return self._recorder.start(story_chain(model), STORY, method=method, connections=line)

    def close(self) -> None:
        self._loop.submit(self._http.aclose()).result(timeout=5)


def stops(server: FakeOpenAI, lanes: Lanes) -> None:
    """Print, for each method, how long after Stop the server saw the hang-up."""
    cases = {
        "before the first token": Plan(tokens=TOKENS, fault=Fault.STALL, at=0),
        "in a stall": Plan(tokens=TOKENS, fault=Fault.STALL, at=5),
        "in the flow": Plan(tokens=TOKENS, rate=RATE),
    }
    for method in Method:
        reports = []
        for where, plan in cases.items():
            server.plan = plan
            server.seen.clear()
            run = lanes.start(method)
            time.sleep(0.6)
            pressed = time.monotonic()
            run.stop()
            run.wait(5)
            server.seen[0].ended.wait(5)
            hung_up = server.seen[0].hung_up_at
            reports.append(f"{where} " + ("never" if hung_up is None else f"{(hung_up - pressed) * 1e3:.0f} ms"))
        print(f"  {method.label:18} {', '.join(reports)}")


def race(server: FakeOpenAI, lanes: Lanes) -> None:
    """Print, for each lane of a race, the first word's time by the record and by the server."""
    server.plan = Plan(tokens=TOKENS, rate=RATE, delay=0.3)
    for method in Method:
        server.seen.clear()
        lane = Lane(method, lanes.start(method))
        began = time.monotonic() - lane.run.elapsed
        lane.run.wait(30)
        written = server.seen[0].first_at
        assert written is not None
        first = lane.read().first
        assert first is not None
        print(f"  {method.label:18} first word {first:.3f} s, the server wrote it at {written - began:.3f} s")
    server.seen.clear()
    together = [Lane(method, lanes.start(method)) for method in Method]
    for lane in together:
        lane.run.wait(30)
        lane.read()
    texts = {answer_text(lane.run.events) for lane in together}
    print(f"  all at once: {len(texts)} different text(s). {summary(together)}")


@contextmanager
def browser_page() -> Iterator[Page]:
    """A browser's page."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path(), args=[*QUIET, "--no-sandbox"])
        yield browser.new_page(viewport={"width": 1280, "height": 1100})
        browser.close()


def page_race(server: FakeOpenAI) -> None:
    """Print what the page says after a race of all five in a browser, beside what the server wrote."""
    server.plan = Plan(tokens=TOKENS, rate=RATE, delay=0.3)
    with (
        running_weir(OPENAI_BASE_URL=server.url, OPENAI_API_KEY="sk-bench", OPENAI_MODEL="fake") as url,
        browser_page() as page,
    ):
        for _ in range(2):
            server.seen.clear()
            opened(page, f"{url}/story?view=Race")
            started = time.monotonic()
            send(page, "a weir")
            headline = page.get_by_text(re.compile("Without streaming you would"))
            expect(headline).to_be_visible(timeout=30_000)
        clocks = page.get_by_text(re.compile(r"^\d+\.\d s$")).all_inner_texts()
        written = sorted(seen.first_at - started for seen in server.seen if seen.first_at is not None)
        print(f"  the page: {headline.inner_text()}")
        print(f"  first words on the page: {', '.join(clocks)}")
        print(f"  the server wrote them, after Enter: {', '.join(f'{at:.2f} s' for at in written)}")


def demo_races(times: int) -> None:
    """Print the headline of each race beside the clocks of its lanes, and whether it says what they say."""
    headline_text = re.compile("Without streaming you would|No result|All of these stream")
    with running_weir() as url, browser_page() as page:
        for source in ("recorded", "packaged model"):
            right = 0
            for number in range(times):
                opened(page, f"{url}/story?view=Race")
                if source == "recorded":
                    page.get_by_role("main").get_by_role("button", name="Race", exact=True).last.click()
                else:
                    send(page, suggestions.STORY[number % len(suggestions.STORY)])
                headline = page.get_by_role("main").get_by_text(headline_text)
                expect(headline).to_be_visible(timeout=600_000)
                values = page.get_by_test_id("stMetricValue").all_inner_texts()
                clocks = [float(value.removesuffix(" s")) for value in values]
                figures = [float(value) for value in re.findall(r"([\d.]+) s", headline.inner_text())]
                *streams, without = sorted(clocks)
                # A clock has one decimal, and so has each figure of the sentence.
                is_right = (
                    len(figures) == 2 and figures[0] == without and abs(figures[1] - statistics.median(streams)) < 0.11
                )
                right += is_right
                print(f"  {source}, lanes {clocks}: {headline.inner_text()} {'right' if is_right else 'LOOK AT IT'}")
            print(f"  {source}: {right} of {times} right")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--demo", type=int, default=0, metavar="TIMES")
    if times := parser.parse_args().demo:
        demo_races(times)
        return
    loop = BackgroundLoop()
    with fake_openai() as server:
        lanes = Lanes(server, loop)
        lanes.start(Method.ASTREAM_EVENTS).wait(30)
        print("From Stop to the hang-up that the server sees:")
        stops(server, lanes)
        print(f"A race at {RATE:.0f} tokens/s, the first after 0.3 s:")
        race(server, lanes)
        page_race(server)
        lanes.close()
    loop.close()


if __name__ == "__main__":
    main()
