"""Broken streams, recorded in every way to run a chain, and what became of each.

    python -m tests.fuzz_streams [--seeds 20000] [--first 0] [--at-once 16]

Prints how the runs ended, the slowest, the memory, and what must not be: a run that goes on, an error that is taken for
the chain's own, an error in the log. Exits with 1 where there is any of that.
"""

import argparse
import asyncio
import contextlib
import gc
import logging
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx2
from langchain_core.runnables import Runnable

from chains import structured
from chains.smart_router import smart_router
from chains.story_chain import story_chain
from chains.structured import structured_chain
from tests.support.broken_streams import broken, broken_server
from weir.analysis.answer_reader import answer_text
from weir.analysis.metrics import run_metrics
from weir.analysis.outcome import AnswerStatus, Outcome, outcome
from weir.analysis.token_counter import TokenUsageCounter
from weir.config.settings import Settings
from weir.llm.abortable_client import AbortableConnections
from weir.llm.chat_model import (
    ModelOptions,
    chat_model,
    configured_endpoint,
    http_client,
)
from weir.llm.overrides.checked_chat_openai import CheckedChatOpenAI
from weir.runs import recording_file
from weir.runs.background_loop import BackgroundLoop
from weir.runs.failure_sentences import FailureKind
from weir.runs.methods import Method
from weir.runs.recorder import Recorder
from weir.runs.run import Run
from weir.runs.run_store import MemoryStore

TIMEOUT = 1.0
"""WEIR_TIMEOUT of all runs."""
BOUND = 30.0
"""Seconds within which a run must end or record another event: two time-outs for a run of two requests, and more.

Not the seconds of a whole run: on a machine whose processors are all taken, one of hundreds of chunks takes longer,
because it waits for its turn a dozen times a chunk.
"""
BUDGET = 60_000_000
"""Bytes of recordings that are kept."""
STORY = {"topic": "water", "words": 100, "tone": "calm"}
METHODS = list(Method)
WHERE_IT_MAY_BE = {"odd_field", "shuffled", "no_object", "no_field", "shortened", "bad_bytes", "line_ends", "swapped"}
"""Changes by which the text of another choice, or of what comes after the end, can become the answer's."""


@dataclass(slots=True)
class Report:
    """What became of many runs."""

    endings: Counter[str] = field(default_factory=Counter)
    slowest: tuple[float, int] = (0.0, -1)
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0
    grown: float = 0.0
    """Megabytes by which the most that the process ever took has grown."""

    def lines(self) -> Iterator[str]:
        total = sum(self.endings.values())
        yield f"{total:,} streams in {self.seconds:.0f} s, {total / max(self.seconds, 0.001):.0f} a second"
        yield f"slowest: {self.slowest[0]:.2f} s (seed {self.slowest[1]}); memory at most {self.grown:+.0f} MB"
        yield from (f"{count:7,}  {ending}" for ending, count in self.endings.most_common())
        yield from self.problems or ["nothing that must not be"]


class Fuzzer:
    """Runs streams by their numbers."""

    def __init__(self, url: str, loop: BackgroundLoop, http: httpx2.AsyncClient) -> None:
        self._url = url
        self._http = http
        self._recorder = Recorder(MemoryStore(budget=BUDGET), loop)

    def run(self, seed: int) -> tuple[Run, float]:
        """Run the stream of a number to its end; return the run and the seconds that it took."""
        method = METHODS[seed % len(METHODS)]
        line = None if method.is_async else AbortableConnections()
        model = self._model(seed, method, line)
        began = time.monotonic()
        chain, value = _chain(seed, method, model)
        run = self._recorder.start(chain, value, method=method, connections=line)
        wait_while_events_come(run)
        return run, time.monotonic() - began

    def _model(self, seed: int, method: Method, line: AbortableConnections | None) -> CheckedChatOpenAI:
        address = {"OPENAI_BASE_URL": f"{self._url}/{seed}/v1", "OPENAI_API_KEY": "sk-test"}
        chosen = Settings.model_validate(address | {"WEIR_RETRIES": 0, "WEIR_TIMEOUT": TIMEOUT})
        options = ModelOptions(streaming=method.needs_streaming_model or None)
        return chat_model(configured_endpoint(chosen), chosen, self._http, options=options, connections=line)


def _chain(seed: int, method: Method, model: CheckedChatOpenAI) -> tuple[Runnable[Any, Any], Any]:
    if method.is_async and seed % 7 == 0:
        return smart_router(model), {"question": "How high?", "history": []}
    if seed % 7 == 1:
        return structured_chain(model, method=structured.StructuredMethod.TEXT), {"topic": "water"}
    return story_chain(model), STORY


def wait_while_events_come(run: Run) -> None:
    """Block until a run has ended, or has recorded nothing for `BOUND` seconds."""
    seen = -1
    while not run.wait(BOUND) and len(run.events) > seen:
        seen = len(run.events)


def problem(seed: int, run: Run, result: Outcome) -> str | None:
    """Return what is wrong with how a run ended; None where nothing is."""
    if run.is_live:
        return "goes on"
    if result.kind is FailureKind.INTERNAL:
        return f"is taken for the chain's fault: {result.detail}"
    written = answer_text(run.events)
    if result.status is AnswerStatus.DONE and run.name == "story" and not written:
        return "is done without a word"
    if ("OTHER" in written or "AFTER" in written) and not WHERE_IT_MAY_BE & set(broken(seed).marks):
        return "has text that is not the answer's"
    if written.encode(errors="replace").decode() != written:
        return "has text that UTF-8 cannot carry"
    opened = sorted(event.run_id for event in run.events if event.event.endswith("_start"))
    closed = sorted(event.run_id for event in run.events if event.event.endswith(("_end", "_error")))
    return None if opened == closed else "leaves components open"


def judged(seed: int, run: Run) -> tuple[str, str | None]:
    """Return how a run ended, and what is wrong with that. All functions of its events must bear what it holds."""
    result = outcome(run, run_metrics(run.events))
    TokenUsageCounter().update(run.events)
    for line in recording_file.to_jsonl(run):
        assert line
    return f"{result.status.value}: {result.kind.name if result.kind else 'whole'}", problem(seed, run, result)


class _Errors(logging.Handler):
    """Keeps what is logged as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        raised = record.exc_info[1] if record.exc_info else None
        self.lines.append(f"in the log: {record.name}: {record.getMessage()[:300]} {raised!r}")


@contextlib.contextmanager
def watched(loop: BackgroundLoop) -> Iterator[list[str]]:
    """Yield the errors that are logged, or that nobody took, for the duration of a `with` block.

    A task whose error nobody took is logged when it is collected as garbage: those of before are collected first.
    """
    gc.collect()
    errors = _Errors()

    def untaken(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        errors.lines.append(f"on the loop: {context.get('message')} {context.get('exception')!r}")

    loop.loop.set_exception_handler(untaken)
    logging.getLogger().addHandler(errors)
    try:
        yield errors.lines
    finally:
        logging.getLogger().removeHandler(errors)


def fuzz(seeds: Iterable[int], *, at_once: int = 16) -> Report:
    """Run the streams of these numbers, some at once, and report."""
    report = Report()
    loop = BackgroundLoop("fuzzed-runs")
    http = http_client()
    began, before = time.monotonic(), _most_memory()
    with broken_server() as url, watched(loop) as errors, ThreadPoolExecutor(at_once) as pool:
        fuzzer = Fuzzer(url, loop, http)
        for seed, ending, wrong, took in pool.map(lambda seed: _one(fuzzer, seed), seeds):
            report.endings[ending] += 1
            report.slowest = max(report.slowest, (took, seed))
            if wrong:
                marks = ", ".join(broken(seed).marks)
                report.problems.append(f"seed {seed} ({METHODS[seed % len(METHODS)].value}; {marks}) {wrong}")
        loop.submit(http.aclose()).result(timeout=10)
    report.problems += errors
    report.seconds, report.grown = time.monotonic() - began, _most_memory() - before
    loop.close()
    return report


def _one(fuzzer: Fuzzer, seed: int) -> tuple[int, str, str | None, float]:
    try:
        run, took = fuzzer.run(seed)
        ending, wrong = judged(seed, run)
    except Exception as error:
        return seed, "not judged", f"cannot be judged: {error!r}"[:500], 0.0
    return seed, ending, wrong, took


def _most_memory() -> float:
    """Return the most megabytes that the process has taken so far."""
    unit = 1e6 if sys.platform == "darwin" else 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20_000, help="how many streams")
    parser.add_argument("--first", type=int, default=0, help="the first one's number")
    parser.add_argument("--at-once", type=int, default=16, help="how many at once")
    given = parser.parse_args()
    report = fuzz(range(given.first, given.first + given.seeds), at_once=given.at_once)
    for line in report.lines():
        print(line)  # noqa: T201
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())
