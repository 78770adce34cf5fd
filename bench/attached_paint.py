"""From a token in an attached program to the page: how long after it was streamed the Inspector has painted it.

    python -m bench.attached_paint [SECONDS] [RATE]

A program streams tokens at a rate, Chromium shows its run, and each of the page's frames notes how many events the head
of the run says. Prints the latency of the tokens and the CPU that Weir uses meanwhile, with the browser and the program
on the same machine.
"""

import re
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

from bench.servers import weir_in
from tests.support.app_process import ROOT
from tests.support.attaching import environment
from tests.support.browser_page import INPUT, QUIET, browser_path
from weir.analysis.metrics import percentile

PROGRAM = """
import sys, time
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.prompts import ChatPromptTemplate

class Paced(BaseChatModel):
    _llm_type = "paced"
    def _generate(self, *_, **__): raise NotImplementedError
    def _stream(self, *_, **__):
        sys.stdin.readline()
        seconds, rate = float(sys.argv[1]), float(sys.argv[2])
        began = time.time()
        for number in range(int(seconds * rate)):
            time.sleep(max(0.0, began + number / rate - time.time()))
            yield ChatGenerationChunk(message=AIMessageChunk(content=f" word{number}"))

times = []
for chunk in (ChatPromptTemplate.from_template("{topic}") | Paced()).stream({"topic": "rain"}):
    times.append(time.time())
print("\\n".join(map(str, times)), flush=True)
"""
BEFORE = 5
"""Events of the run before its first token: its start and the note of the tail, the prompt's two, the model's start."""

OBSERVE = """() => {
  window.frames_seen = []
  const head = () => document.querySelector(".st-key-inspector_head")?.innerText ?? ""
  const look = () => {
    const found = /([\\d,]+) events/.exec(head())
    const count = found ? Number(found[1].replaceAll(",", "")) : 0
    const last = window.frames_seen.at(-1)
    if (!last || last[1] !== count) window.frames_seen.push([Date.now() / 1000, count])
    requestAnimationFrame(look)
  }
  requestAnimationFrame(look)
}"""


def main(seconds: float, rate: float) -> None:
    with (
        tempfile.TemporaryDirectory() as name,
        weir_in(ROOT, None, {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "OPENAI_API_KEY": "none"}) as weir,
        sync_playwright() as playwright,
    ):
        folder = Path(name)
        (folder / "paced.py").write_text(PROGRAM, encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=browser_path(), args=QUIET)
        page = browser.new_page()
        page.goto(f"{weir.url}/events")
        expect(page.locator(INPUT)).to_be_visible(timeout=60_000)
        with subprocess.Popen(
            [sys.executable, "paced.py", str(seconds), str(rate)],
            cwd=folder,
            env=environment(weir.url),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as program:
            page.get_by_role("link", name=re.compile("RunnableSequence")).click(timeout=60_000)
            expect(page.get_by_text(re.compile(rf"{BEFORE} events"))).to_be_visible(timeout=60_000)
            page.evaluate(OBSERVE)
            cpu, wall = weir.cpu(), time.perf_counter()
            output, _ = program.communicate("\n")
            used = (weir.cpu() - cpu) / (time.perf_counter() - wall)
        times = list(map(float, output.split()))
        expect(page.get_by_text(re.compile(r"Done"))).to_be_visible(timeout=60_000)
        seen = page.evaluate("window.frames_seen")
        browser.close()
    late = [
        next(at for at, count in seen if count >= BEFORE + number) - emitted
        for number, emitted in enumerate(times, start=1)
    ]
    draws = [later[0] - earlier[0] for earlier, later in pairwise(seen)]
    print(f"{len(times):,} tokens at {rate:.0f}/s: token to paint, median {statistics.median(late):.3f} s, ", end="")
    print(f"p95 {percentile(late, 0.95):.3f} s, longest {max(late):.3f} s")
    print(f"a new count each {statistics.median(draws):.3f} s; Weir used {used:.0%} of a core")


if __name__ == "__main__":
    main(*(map(float, sys.argv[1:3]) if len(sys.argv) > 2 else (20.0, 200.0)))
