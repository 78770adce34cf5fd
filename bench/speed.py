"""Weir's story page against a plain Streamlit page and a bare EventSource page, with the same streams.

    python -m bench.speed [--rounds 5]

Chromium, the model server and the page that is measured share this machine. The three pages take turns; each figure is
the median of the rounds. Seconds, bytes and microseconds of CPU; the last column is Weir's as a ratio. *lost*: the end
of the text was not seen within a minute. The plain page was seen to lose it on a slow machine, where its browser lagged
far behind and then opened its websocket anew.
"""

import argparse
import contextlib
import math
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from playwright.sync_api import Page, sync_playwright
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from bench.model_server import markdown
from bench.servers import Server, bare_page, model_log, model_server, plain_page, weir
from bench.sessions import many
from tests.support.browser_page import INPUT, QUIET, Wire, browser_path
from weir.analysis.metrics import percentile

TIMEOUT = 60_000
"""Milliseconds after which the rest of a text counts as lost."""

WATCH = """(mark) => {
  const seen = window.seen = {first: null, last: null, inserted: null, freeze: 0, from: performance.now()};
  const note = (name) => requestAnimationFrame(() => setTimeout(() => { seen[name] = Date.now() / 1000; }));
  const look = (text) => {
    if (!seen.first && text.includes("STARTS" + mark)) {
      seen.first = true; seen.inserted = Date.now() / 1000; note("first");
    }
    if (!seen.last && text.includes("ENDS" + mark)) { seen.last = true; note("last"); }
  };
  window.watch?.disconnect();
  window.watch = new MutationObserver((records) => records.forEach((record) => {
    if (record.type === "characterData") look(record.target.data);
    record.addedNodes.forEach((node) => look(node.textContent));
  }));
  window.watch.observe(document.body, {subtree: true, childList: true, characterData: true});
  window.long?.disconnect();
  window.long = new PerformanceObserver((list) => list.getEntries().forEach((task) => {
    if (task.startTime > seen.from) seen.freeze = Math.max(seen.freeze, task.duration / 1000);
  }));
  window.long.observe({type: "longtask"});
}"""


@dataclass(frozen=True, slots=True)
class Stream:
    """What the model is asked for."""

    tokens: int
    rate: int
    think: float = 0.0
    """Seconds before the first token."""

    @property
    def label(self) -> str:
        return f"{self.tokens:,} tokens " + (f"at {self.rate:,}/s" if self.rate else "unthrottled")


SESSIONS, SESSION_TOKENS, SESSION_RATE, SESSION_BOUND = 50, 400, 20.0, 1.0

FLOOD, FAST, FASTER = Stream(8_000, 0), Stream(5_000, 1_000), Stream(5_000, 2_500)
THOUGHT = Stream(500, 1_000, think=0.3)


@dataclass(frozen=True, slots=True)
class Round:
    """One answer as it was seen."""

    total: float
    """Seconds from Enter to the last paint."""
    first_lag: float
    """Seconds from the model's first chunk to the first paint."""
    last_lag: float
    """The same of the last."""
    inserted_lag: float
    """Seconds from the model's first chunk until its text is in the document: a frame has yet to paint it."""
    sent: int
    """Bytes on the websocket."""
    cpu: float
    """Seconds that the page's server has used, a token."""
    freeze: float
    """Seconds of the longest task of the page's main thread."""


class Subject:
    """One page under measurement."""

    def __init__(self, name: str, server: Server, page: Page, path: str, field: str) -> None:
        self.name = name
        self._server = server
        self._page = page
        self._wire = Wire(page)
        self._field = field
        self._url = f"{server.url}{path}"
        self._open()

    def _open(self) -> None:
        self._page.goto(self._url)
        self._page.locator(self._field).wait_for()
        self._page.wait_for_timeout(2_000)

    def ask(self, model: Server, stream: Stream, mark: int) -> Round:
        """Ask for a stream and measure its answer."""
        model_log(model, clear=True)
        self._page.bring_to_front()
        self._page.evaluate(WATCH, str(mark))
        sent, cpu = self._wire.received, self._server.cpu()
        box = self._page.locator(self._field)
        box.fill(f"[[tokens={stream.tokens} rate={stream.rate} think={stream.think} mark={mark}]]")
        sent_at = time.time()
        box.press("Enter")
        with contextlib.suppress(PlaywrightTimeoutError):
            self._page.wait_for_function("() => typeof window.seen.last === 'number'", timeout=TIMEOUT)
        self._page.wait_for_timeout(1_500)
        seen = self._page.evaluate("() => window.seen")
        first, last = (_painted(seen[name]) for name in ("first", "last"))
        wrote = next(entry for entry in model_log(model) if entry["mark"] == str(mark))
        assert wrote["sent"] == stream.tokens
        used = self._server.cpu() - cpu
        if math.isinf(last):
            self._open()
        return Round(
            total=last - sent_at,
            first_lag=first - wrote["first"],
            last_lag=last - wrote["last"],
            inserted_lag=_painted(seen["inserted"]) - wrote["first"],
            sent=self._wire.received - sent,
            cpu=used / stream.tokens,
            freeze=seen["freeze"],
        )


def _painted(seen: float | bool | None) -> float:
    """Return when something was painted, by what `WATCH` has noted; infinity where it was not seen, or not painted."""
    return math.inf if seen is None or seen is True else seen


@contextlib.contextmanager
def subjects(model: Server) -> Iterator[list[Subject]]:
    """Run the three pages, each open in a browser of its own."""
    with contextlib.ExitStack() as open_things:
        enter = open_things.enter_context
        playwright = enter(sync_playwright())

        def page() -> Page:
            browser = playwright.chromium.launch(executable_path=browser_path(), args=[*QUIET, "--no-sandbox"])
            open_things.callback(browser.close)
            return browser.new_page(viewport={"width": 1280, "height": 900})

        yield [
            Subject("plain Streamlit page", enter(plain_page(model)), page(), "/", INPUT),
            Subject("bare EventSource page", enter(bare_page(model)), page(), "/", "#topic"),
            Subject("Weir", enter(weir(model)), page(), "/story", INPUT),
        ]


Figures = dict[tuple[str, Stream], list[Round]]


def measure(model: Server, rounds: int) -> Figures:
    """Ask every page for every stream, in turns."""
    found: Figures = {}
    mark = 1_000
    with subjects(model) as pages:
        for page in pages:
            page.ask(model, Stream(200, 0), mark)
            mark += 1
        for _ in range(rounds):
            for stream in (FLOOD, FAST, FASTER, THOUGHT):
                for page in pages:
                    mark += 1
                    found.setdefault((page.name, stream), []).append(page.ask(model, stream, mark))
    return found


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table."""

    what: str
    stream: Stream
    value: Callable[[Round], float]
    unit: str
    bound: float | None = None
    """What Weir may need at most; None: what the bare page needs."""


def rows(text: int) -> list[Row]:
    """Return the lines; `text` is the length of the unthrottled text in bytes."""

    def first(seen: Round) -> float:
        return seen.first_lag

    def inserted(seen: Round) -> float:
        return seen.inserted_lag

    return [
        Row(f"{FLOOD.label}: Enter to last paint", FLOOD, lambda seen: seen.total, "s"),
        Row("websocket bytes for it, × the text", FLOOD, lambda seen: seen.sent / text, "×", 3.0),
        Row(f"{FAST.label}: last lag", FAST, lambda seen: seen.last_lag, "s", 0.2),
        Row(f"{FASTER.label}: last lag", FASTER, lambda seen: seen.last_lag, "s", 0.5),
        Row("server CPU a token, unthrottled", FLOOD, lambda seen: seen.cpu * 1e6, "µs", 400),
        Row("server CPU a token, at 1,000/s", FAST, lambda seen: seen.cpu * 1e6, "µs", 400),
        Row("first paint behind the first chunk of a model that answers at once", FAST, first, "s", 0.1),
        Row("its text in the document, before the frame that paints it", FAST, inserted, "s", 0.1),
        Row(f"first paint of a model that takes {THOUGHT.think:g} s", THOUGHT, first, "s", 0.1),
        Row("longest freeze of the page, unthrottled", FLOOD, lambda seen: seen.freeze, "s", 0.2),
        Row("longest freeze of the page, at 1,000/s", FAST, lambda seen: seen.freeze, "s", 0.2),
    ]


def shown(value: float, unit: str) -> str:
    """Return a figure with three digits that count."""
    if math.isinf(value):
        return "lost"
    return f"{value:,.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"


def sessions_row() -> str:
    """Run the sessions and return their line."""
    answers, _ = many(SESSIONS, SESSION_TOKENS, SESSION_RATE)
    late = percentile([lag for answer in answers for lag in answer.lags], 0.95)
    lost = sum(answer.lost for answer in answers)
    verdict = "" if late <= SESSION_BOUND and not lost else " (over)"
    what = f"{SESSIONS} sessions at {SESSION_RATE:g} tokens/s each: p95 lag"
    return f"| {what} | – | – | **{shown(late, 's')}**, {lost} lost | {SESSION_BOUND:g} s, none lost{verdict} | |"


def table(found: Figures, text: int) -> list[str]:
    """Return the lines of the table."""
    names = list(dict.fromkeys(name for name, _ in found))
    lines = [
        f"| what | {' | '.join(names)} | Weir, at most | Weir ÷ plain, ÷ bare |",
        "|---" * (len(names) + 3) + "|",
    ]
    for row in rows(text):
        plain, bare, ours = (statistics.median(row.value(one) for one in found[name, row.stream]) for name in names)
        bound = bare if row.bound is None else row.bound
        ratios = " and ".join(f"{ours / other:.2f} ×" if 0 < other < math.inf else "–" for other in (plain, bare))
        cells = [shown(plain, row.unit), shown(bare, row.unit) if bare else "–", f"**{shown(ours, row.unit)}**"]
        verdict = "" if math.isfinite(ours) and ours <= bound else " (over)"
        lines.append(f"| {row.what} | {' | '.join(cells)} | {shown(bound, row.unit)}{verdict} | {ratios} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with model_server() as model:
        found = measure(model, rounds)
    text = len("".join(markdown(FLOOD.tokens, "1000")).encode())
    print("\n".join([*table(found, text), sessions_row()]))


if __name__ == "__main__":
    main()
