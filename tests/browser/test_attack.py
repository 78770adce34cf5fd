"""Two visitors of one app: one sends what may hold it up, the other reads a story in Chromium and must not notice."""

import asyncio
import contextlib
import json
import math
import re
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, Page
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route
from websockets.exceptions import InvalidHandshake
from websockets.sync.client import connect
from websockets.typing import Origin

from bench.model_server import clock_token
from tests.browser.conftest import kept
from tests.support.app_process import weir_process
from tests.support.browser_page import INPUT, opened, send
from tests.support.serving import served
from weir.analysis.metrics import percentile
from weir.runs import recording_file, recording_lines

RATE = 20
"""Tokens a second of the other visitor's stories."""
LEAST = 25
"""Tokens of a story; the one that is read during an attack goes on until that is over."""

ATTACK_SECONDS = 2.0
"""Seconds in which rounds of an attack begin; each round is finished."""
BOUND = 0.5
"""Seconds from the writing of a token to its painting, for 95 of 100."""
ATTEMPTS = 3
"""An attack that works delays every answer; other processes of a busy machine delay some."""

WATCH = """() => {
  window.lags = {};
  window.since = Date.now() / 1000;
  const look = () => {
    for (const [, number, written] of document.body.textContent.matchAll(/(\\d+)@(\\d+\\.\\d{4})/g)) {
      if (number in window.lags || Number(written) < window.since) continue;
      window.lags[number] = null;
      requestAnimationFrame(() => setTimeout(() => { window.lags[number] = Date.now() / 1000 - Number(written); }));
    }
  };
  window.watcher?.disconnect();
  window.watcher = new MutationObserver(look);
  window.watcher.observe(document.body, {subtree: true, childList: true, characterData: true});
}"""

ANSWERS = {
    "tildes": "A line\n" + "~" * 40 + "\nand " + "`" * 40 + "\nand " + "$" * 40 + "\n",
    "newlines": "a" + "\n" * 20_000 + "b",
    "long": "x" * 20_000_000,
}
USAGES: list[Any] = [
    {"prompt_tokens": "x", "completion_tokens": "y", "total_tokens": []},
    {"prompt_tokens": None, "completion_tokens": 1e999, "total_tokens": -1},
    {"prompt_tokens": math.nan, "completion_tokens": {}, "total_tokens": 0},
    "many",
    [1],
]


def chunk(*choices: dict[str, Any], **more: Any) -> str:
    about = {"id": "x", "object": "chat.completion.chunk", "created": 0, "model": "fake", "choices": choices}
    return f"data: {json.dumps(about | more)}\n\n"


def text_chunk(text: str) -> str:
    return chunk({"index": 0, "delta": {"content": text}, "finish_reason": None})


class Story:
    """The story that the other visitor reads."""

    def __init__(self) -> None:
        self.may_end = threading.Event()
        self.written = 0
        """Tokens of it so far."""

    async def tokens(self) -> AsyncIterator[str]:
        self.written, started = 0, time.perf_counter()
        while self.written < LEAST or not self.may_end.is_set():
            await asyncio.sleep(max(0.0, started + self.written / RATE - time.perf_counter()))
            yield clock_token(self.written)
            self.written += 1


async def answer(question: str, story: Story) -> AsyncIterator[str]:
    """Stream what a question asks for: `[[clock]]`, `[[answer=tildes]]` or `[[usage=0]]`."""
    if "[[clock]]" in question:
        async for token in story.tokens():
            yield text_chunk(token)
    elif match := re.search(r"\[\[answer=(\w+)\]\]", question):
        text = ANSWERS[match[1]]
        for start in range(0, len(text), 100_000):
            yield text_chunk(text[start : start + 100_000])
    else:
        yield text_chunk("Well.")
    yield chunk({"index": 0, "delta": {}, "finish_reason": "stop"})
    if match := re.search(r"\[\[usage=(\d)\]\]", question):
        yield chunk(usage=USAGES[int(match[1])])
    yield "data: [DONE]\n\n"


async def complete(request: Request) -> StreamingResponse:
    body = await request.json()
    question = str(body["messages"][-1]["content"])
    return StreamingResponse(answer(question, request.app.state.story), media_type="text/event-stream")


@pytest.fixture(scope="module")
def story() -> Story:
    return Story()


@pytest.fixture(scope="module")
def url(story: Story, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    app = Starlette(routes=[Route("/v1/chat/completions", complete, methods=["POST"])])
    app.state.story = story
    with served(app, "model") as model:
        data = str(tmp_path_factory.mktemp("data"))
        environment = {"OPENAI_BASE_URL": f"{model}/v1", "OPENAI_MODEL": "fake", "WEIR_DATA": data}
        # With a budget, what models say of their tokens is counted.
        more = {"WEIR_ROUTER": "local", "WEIR_RETRIES": "0", "WEIR_TOTAL_TOKENS_PER_DAY": "1000000000"}
        with weir_process("", environment | more) as weir:
            yield weir.url


@pytest.fixture(scope="module")
def reader(browser: Browser, url: str) -> Iterator[Page]:
    for context in kept(browser):
        yield opened(context.new_page(), f"{url}/story")


@pytest.fixture(scope="module")
def attacker(browser: Browser) -> Iterator[Page]:
    for context in kept(browser):
        yield context.new_page()


Attack = Callable[[str, Page], None]
"""One round of an attack on the app at an address; the page is the attacker's own."""


def asked(url: str, chain: str, value: dict[str, str]) -> str:
    """Start a run over HTTP; return its id, or "" where it is not begun in time."""
    with contextlib.suppress(httpx.HTTPError, KeyError, ValueError):
        answered = httpx.post(f"{url}/api/runs", json={"chain": chain, "input": value}, timeout=2)
        run: str = answered.json()["id"]
        return run
    return ""


def shown(page: Page, url: str, question: str) -> None:
    """Ask on the story page, and have the answer drawn for a while."""
    with contextlib.suppress(PlaywrightTimeoutError):
        page.goto(f"{url}/story", timeout=5_000)
        page.locator(INPUT).fill(question, timeout=5_000)
        page.locator(INPUT).press("Enter", timeout=5_000)
        page.wait_for_timeout(1_000)


def foreign_websockets(url: str, _: Page) -> None:
    address = f"{url.replace('http', 'ws')}/_stcore/stream"
    for _number in range(10):
        with contextlib.suppress(InvalidHandshake, OSError):
            connect(address, origin=Origin("https://evil.example"), open_timeout=2).close()


def blank_lines(url: str, _: Page) -> None:
    asked(url, "smart_router", {"question": "Please" + "\n" * 400 + "run it"})


def tabs(url: str, _: Page) -> None:
    for letter in ("\t", "-", "_", " ", "\n"):
        asked(url, "smart_router", {"question": f"a{letter * 19_000}b"})


def underlined_answers(url: str, page: Page) -> None:
    shown(page, url, "[[answer=tildes]]")


def underlined_questions(url: str, page: Page) -> None:
    shown(page, url, f"What is {'~' * 40} and {'`' * 40} and {'$' * 40}?")


def answers_of_blank_lines(url: str, page: Page) -> None:
    shown(page, url, "[[answer=newlines]]")


def counts_that_are_none(url: str, _: Page) -> None:
    for number in range(len(USAGES)):
        asked(url, "story", {"topic": f"[[usage={number}]]"})


def odd_recording(created_at: float, data: Any) -> bytes:
    run = {"id": "x", "name": "story", "input": {}, "created_at": created_at, "context": {}}
    event = {"seq": 0, "at": 0.0, "event": "on_chat_model_stream", "name": "m", "run_id": "x", "parent_ids": []}
    lines = [
        {"format": recording_lines.FORMAT, "version": recording_lines.VERSION, "run": run},
        event | {"tags": ["seq:step:²"], "metadata": {}, "data": data},
    ]
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


REFUSED_RECORDINGS = [odd_recording(1e308, {}), odd_recording(1e9, [1])]
READ_RECORDINGS = [
    odd_recording(1e9, {"chunk": {"content": [1, 2]}}),
    odd_recording(1e9, {"chunk": {"content": "~" * 40}}),
    odd_recording(1e9, {"output": {"usage_metadata": "many"}}),
]


def odd_recordings(url: str, page: Page) -> None:
    for file in (*REFUSED_RECORDINGS, *READ_RECORDINGS):
        with contextlib.suppress(PlaywrightTimeoutError):
            picker = page.locator("input[type=file]")
            if not picker.count():
                page.goto(f"{url}/events", timeout=5_000)
                page.get_by_role("button", name="Open a recording").click(timeout=5_000)
            picker.set_input_files({"name": "x.jsonl", "mimeType": "application/json", "buffer": file}, timeout=5_000)
            page.wait_for_timeout(500)


def stalled_downloads(url: str, page: Page) -> None:
    run = asked(url, "story", {"topic": "[[answer=long]]"})
    page.wait_for_timeout(3_000)  # the record need not be whole
    with contextlib.ExitStack() as sockets:
        for _ in range(20):
            stalled = sockets.enter_context(socket.socket())
            stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            stalled.connect(("127.0.0.1", urlsplit(url).port))
            stalled.sendall(f"GET /api/runs/{run}/recording HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        page.wait_for_timeout(2_000)


ATTACKS: list[Attack] = [
    foreign_websockets,
    blank_lines,
    tabs,
    underlined_answers,
    underlined_questions,
    answers_of_blank_lines,
    counts_that_are_none,
    odd_recordings,
    stalled_downloads,
]


def read_under(attack: Attack | None, story: Story, page: Page, url: str, attacker: Page) -> list[float]:
    """Read a story while an attack goes on; return the lag of each token, infinite for one that was never painted."""
    story.may_end.clear()
    page.evaluate(WATCH)
    send(page, "[[clock]]")
    try:
        page.wait_for_function("() => Object.keys(window.lags).length > 5", timeout=30_000)
        until = time.monotonic() + ATTACK_SECONDS
        while attack is not None and time.monotonic() < until:
            attack(url, attacker)
            attacker.wait_for_timeout(50)
    finally:
        story.may_end.set()
    with contextlib.suppress(PlaywrightTimeoutError):
        page.get_by_role("button", name="Regenerate").wait_for(timeout=30_000)
        page.wait_for_function(f"() => window.lags[{story.written - 1}]", timeout=30_000)
    seen = page.evaluate("() => window.lags")
    return [seen.get(str(number)) or math.inf for number in range(story.written)]


@pytest.mark.parametrize("attack", [None, *ATTACKS], ids=lambda attack: attack.__name__ if attack else "nobody")
def test_the_other_visitor_reads_on(
    url: str, story: Story, reader: Page, attacker: Page, attack: Attack | None
) -> None:
    for _ in range(ATTEMPTS):
        during, after = (percentile(read_under(what, story, reader, url, attacker), 0.95) for what in (attack, None))
        if max(during, after) < BOUND:
            return
    pytest.fail(f"{during:.2f} s during the attack, {after:.2f} s in the next answer")


def test_recordings_that_attack_are_read_or_refused_as_they_are_meant() -> None:
    for file in REFUSED_RECORDINGS:
        with pytest.raises(recording_lines.RecordingError):
            recording_file.from_jsonl(file)
    for file in READ_RECORDINGS:
        assert len(recording_file.from_jsonl(file).events) == 1
