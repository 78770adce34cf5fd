"""A story of 20,000 tokens: whether the page is as quick at its end as at its start.

    python -m bench.long_story [--tokens 20000] [--rate 200]

Prints what Chromium sees, on this machine, with a model server, Weir and the browser beside it. Seconds unless it says
otherwise. A freeze is a task of the page's main thread that takes longer than 50 ms.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from playwright.sync_api import CDPSession, Page

from bench.race import browser_page
from tests.support.app_process import running_weir
from tests.support.browser_page import Wire, opened, send
from tests.support.fake_openai import FakeOpenAI, Plan, Seen, fake_openai

PARAGRAPH = 60
"""Tokens."""
SECONDS = 8.0
"""How long the page is watched, at each place."""

WATCH = """
window.freezes = []
new PerformanceObserver((list) => {
  for (const task of list.getEntries()) window.freezes.push([task.startTime, task.duration])
}).observe({ type: "longtask", buffered: true })
"""

LAST_WORD = """() => {
  const found = document.querySelectorAll("[data-testid=stMarkdown]")
  for (let place = found.length - 1; place >= 0; place--) {
    const words = found[place].textContent.match(/w\\d+/g)
    if (words) return Number(words.at(-1).slice(1))
  }
  return -1
}"""

SCROLL = """async () => {
  const scrolls = (place) =>
    place.scrollHeight > place.clientHeight + 200 && /auto|scroll/.test(getComputedStyle(place).overflowY)
  const main = [...document.querySelectorAll("*")].filter(scrolls).at(-1) ?? document.scrollingElement
  const gaps = []
  let before = performance.now()
  for (let step = 0; step < 120; step++) {
    main.scrollTo(0, main.scrollHeight * Math.abs(Math.sin(step / 12)))
    await new Promise(requestAnimationFrame)
    const now = performance.now()
    gaps.push(now - before)
    before = now
  }
  return gaps
}"""


def story_of(tokens: int) -> list[str]:
    """Return tokens that number themselves, in paragraphs."""
    return [f" w{number}" + (".\n\n" if number % PARAGRAPH == PARAGRAPH - 1 else "") for number in range(tokens)]


@dataclass(slots=True)
class Watched:
    """What a page did while it was watched."""

    lags: list[float] = field(default_factory=list)
    freeze: float = 0.0
    sent: float = 0.0
    """Bytes a second."""
    busy: float = 0.0
    """Of the main thread's time, what tasks took."""

    def __str__(self) -> str:
        usual, worst = statistics.median(self.lags), max(self.lags)
        return (
            f"behind {usual:.2f} s (at most {worst:.2f}), longest freeze {self.freeze * 1e3:.0f} ms, "
            f"busy {self.busy:.0%}, {self.sent / 1e3:.1f} kB/s"
        )


def task_seconds(session: CDPSession) -> float:
    """Return how long the page's main thread has worked so far."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    return next(float(metric["value"]) for metric in metrics if metric["name"] == "TaskDuration")


def watch(page: Page, wire: Wire, story: Seen, rate: float) -> Watched:
    """Watch a page that follows a story which the model's server writes at `rate` tokens a second."""
    seen = Watched()
    page.evaluate("window.freezes.length = 0")
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    started, before, tasks = time.monotonic(), wire.received, task_seconds(session)
    while time.monotonic() - started < SECONDS:
        seen.lags.append(max(0.0, story.sent - page.evaluate(LAST_WORD) - 1) / rate)
        page.wait_for_timeout(100)
    took = time.monotonic() - started
    seen.busy = (task_seconds(session) - tasks) / took
    session.detach()
    seen.freeze = max((duration / 1e3 for _, duration in page.evaluate("window.freezes")), default=0.0)
    seen.sent = (wire.received - before) / took
    return seen


def freezes(page: Page, what: str, act: Callable[[], None]) -> None:
    """Print how long something takes, and the longest freeze meanwhile."""
    page.evaluate("window.freezes.length = 0")
    started = time.monotonic()
    act()
    took = time.monotonic() - started
    page.wait_for_timeout(1_000)
    longest = max((duration for _, duration in page.evaluate("window.freezes")), default=0.0)
    print(f"  {what}: {took:.2f} s, longest freeze {longest:.0f} ms")


def measure(page: Page, url: str, model: FakeOpenAI, tokens: int, rate: float) -> None:
    """Print what a story of so many tokens does to the page."""
    wire = Wire(page)
    page.add_init_script(WATCH)
    opened(page, f"{url}/story")
    page.get_by_text("Novella", exact=True).click()
    margin = int(rate * 60)
    for name, burst in (("start", 0), ("end", tokens)):
        model.plan = Plan(tokens=story_of(burst + margin), burst=burst, rate=rate)
        model.seen.clear()
        send(page, f"the {name}")
        page.get_by_text(f"w{burst} ").last.wait_for(state="attached", timeout=120_000)
        seen = model.answers[0]
        while seen.sent - page.evaluate(LAST_WORD) > rate:  # what came at once is still being taken
            page.wait_for_timeout(100)
        watched = watch(page, wire, seen, rate)
        print(f"  at the {name}, {seen.sent:,} tokens: {watched}")
    frames = page.evaluate(SCROLL)
    print(
        f"  scrolling while it is written: frames of {statistics.median(frames):.0f} ms, at most {max(frames):.0f} ms"
    )

    def stop() -> None:
        page.get_by_role("button", name="Stop").click()
        page.get_by_role("button", name="Retry").wait_for()

    freezes(page, "Stop to ended", stop)
    hung_up = model.answers[0].hung_up_at
    print(f"  the model's server saw the hang-up: {hung_up is not None}")
    frames = page.evaluate(SCROLL)
    print(f"  scrolling when it has ended: frames of {statistics.median(frames):.0f} ms, at most {max(frames):.0f} ms")

    def reload() -> None:
        page.reload()
        page.get_by_role("button", name="Retry").wait_for()

    freezes(page, "reload", reload)
    model.plan = Plan(tokens=[" goeson", *story_of(margin)], rate=rate)

    def go_on() -> None:
        page.get_by_role("button", name="Continue").click()
        page.get_by_text("goeson").last.wait_for(state="attached")

    freezes(page, "Go on to the first word", go_on)
    print(f"  after Go on: {watch(page, wire, model.answers[-1], rate)}")
    stop()

    def flip() -> None:
        page.get_by_role("button", name="‹").click()
        page.get_by_text("version 1 of 2").wait_for()

    freezes(page, "flip to the version before", flip)

    def chunks() -> None:
        page.get_by_text("Chunks", exact=True).click()
        page.get_by_test_id("stDataFrame").wait_for()

    freezes(page, "open the list of chunks", chunks)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tokens", type=int, default=20_000)
    parser.add_argument("--rate", type=float, default=100.0)
    chosen = parser.parse_args()
    with (
        fake_openai() as model,
        running_weir(OPENAI_BASE_URL=model.url, OPENAI_API_KEY="sk-bench", OPENAI_MODEL="fake") as url,
        browser_page() as page,
    ):
        measure(page, url, model, chosen.tokens, chosen.rate)


if __name__ == "__main__":
    main()
