"""The process is gone ten seconds after SIGTERM, whoever reads and whatever computes; without a browser."""

import asyncio
import contextlib
import json
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from bench.sessions import Session
from tests.support.app_process import (
    Weir,
    run_beside_playwright,
    weir_process,
    with_preloaded_streamlit,
    with_preloaded_uvicorn,
    with_streamlit,
    with_uvicorn,
)
from tests.support.fake_openai import FakeOpenAI, Plan

BOUND = 10.0
NAMES = ["streamlit", "uvicorn"]
COMMANDS = pytest.mark.parametrize("command", [with_streamlit, with_uvicorn], ids=NAMES)
PRELOADED = pytest.mark.parametrize("command", [with_preloaded_streamlit, with_preloaded_uvicorn], ids=NAMES)

CHAINS = """
import time
from langchain_core.runnables import RunnableLambda

def compute(_):
    until = time.monotonic() + 60
    while time.monotonic() < until:
        pass

async def compute_on_the_loop(_):
    compute(_)

on_a_thread = RunnableLambda(compute)
on_the_loop = RunnableLambda(compute_on_the_loop)
"""


@contextlib.contextmanager
def serving(model: FakeOpenAI, folder: Path, command: Callable[[int], list[str]], **more: str) -> Iterator[Weir]:
    environment = {"OPENAI_BASE_URL": model.url, "OPENAI_MODEL": "fake", "WEIR_DATA": str(folder)} | more
    with weir_process("", environment, command=command) as weir:
        yield weir


def seconds_to_end(weir: Weir) -> float:
    """Ask the process to end and return how long it took."""
    started = time.monotonic()
    weir.process.send_signal(signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        weir.process.wait(timeout=BOUND + 5)
    return time.monotonic() - started


def begun(weir: Weir, chain: str = "story", **value: Any) -> str:
    answer = httpx.post(f"{weir.url}/api/runs", json={"chain": chain, "input": value}, timeout=30)
    assert answer.status_code == 201, answer.text
    run: str = answer.json()["id"]
    return run


class Reader(threading.Thread):
    """Reads a response to its end and keeps what came."""

    def __init__(self, url: str, params: dict[str, str]) -> None:
        super().__init__(daemon=True)
        self._url = url
        self._params = params
        self.text = ""
        self.has_begun = threading.Event()
        self.start()

    def run(self) -> None:
        with (
            contextlib.suppress(httpx.HTTPError),
            httpx.stream("GET", self._url, params=self._params, timeout=60) as response,
        ):
            for text in response.iter_text():
                self.text += text
                if "word" in text:
                    self.has_begun.set()


async def drained(socket: ClientConnection) -> None:
    while True:
        await socket.recv()


async def watched(weir: Weir, seconds: list[float]) -> ConnectionClosed:
    """Read a story over a page's WebSocket while the process is asked to end; return how the socket was closed."""
    async with connect(f"{weir.url.replace('http', 'ws')}/_stcore/stream", max_size=None) as socket:
        session = Session(socket)
        await session.open()
        await session.ask_and_leave("A river", 2.0)
        ending = asyncio.create_task(asyncio.to_thread(seconds_to_end, weir))
        with pytest.raises(ConnectionClosed) as closed:
            await drained(socket)
        seconds.append(await ending)
        return closed.value


@PRELOADED
def test_readers_are_told_and_the_process_is_gone(
    model: FakeOpenAI, tmp_path: Path, command: Callable[[int], list[str]]
) -> None:
    model.plan = Plan(tokens=[f" word{number}" for number in range(5_000)], rate=10)
    seconds: list[float] = []
    with serving(model, tmp_path, command) as weir:
        events = Reader(f"{weir.url}/api/sse", {"topic": "water"})
        text = Reader(f"{weir.url}/api/stream", {"topic": "water"})
        followed = Reader(f"{weir.url}/api/runs/{begun(weir, topic='water')}/events", {})
        for reader in (events, text, followed):
            assert reader.has_begun.wait(20)
        closed = run_beside_playwright(watched(weir, seconds))
        for reader in (events, text, followed):
            reader.join(5)
            assert not reader.is_alive()
    assert closed.rcvd
    assert closed.rcvd.code == 1012  # the service restarts
    assert 'event: done\ndata: {"status":"stopped"}' in events.text
    assert 'event: end\ndata: {"status":"stopped"}' in followed.text
    assert seconds[0] < BOUND
    assert "all runs have ended" in weir.log


@PRELOADED
def test_a_download_that_nobody_takes_does_not_keep_the_process(
    model: FakeOpenAI, tmp_path: Path, command: Callable[[int], list[str]]
) -> None:
    model.plan = Plan(tokens=["x" * 100_000] * 200)
    with serving(model, tmp_path, command) as weir, socket.socket() as stalled:
        run = begun(weir, topic="water")
        while json.loads(httpx.get(f"{weir.url}/api/runs/{run}", timeout=60).text)["status"] == "running":
            time.sleep(0.2)
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        stalled.connect(("127.0.0.1", urlsplit(weir.url).port))
        stalled.sendall(f"GET /api/runs/{run}/recording HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert stalled.recv(12) == b"HTTP/1.1 200"
        assert seconds_to_end(weir) < BOUND
    assert "responses that clients have not read after 3 s are cut" in weir.log


@pytest.mark.parametrize(
    ("command", "where"), [(with_preloaded_streamlit, "on_the_loop"), (with_preloaded_uvicorn, "on_a_thread")]
)
def test_a_chain_that_computes_does_not_keep_the_process(
    model: FakeOpenAI, tmp_path: Path, command: Callable[[int], list[str]], where: str
) -> None:
    (tmp_path / "computing.py").write_text(CHAINS, encoding="utf-8")
    more = {"PYTHONPATH": str(tmp_path), "WEIR_CHAINS": f"busy=computing:{where}"}
    with serving(model, tmp_path, command, **more) as weir:
        reader = Reader(f"{weir.url}/api/runs/{begun(weir, 'busy', value='x')}/events", {})
        time.sleep(1.0)  # it computes on in any case
        assert seconds_to_end(weir) < BOUND
        reader.join(5)
        assert not reader.is_alive()


@pytest.mark.embedded
@COMMANDS
def test_the_embedded_models_process_ends_too(tmp_path: Path, command: Callable[[int], list[str]]) -> None:
    with weir_process("", {"WEIR_DATA": str(tmp_path)}, command=command) as weir:
        until = time.monotonic() + 60
        while httpx.get(f"{weir.url}/api/health").status_code != 200 and time.monotonic() < until:
            time.sleep(0.2)
        tasks = Path(f"/proc/{weir.process.pid}/task")
        born = [int(pid) for task in tasks.iterdir() for pid in (task / "children").read_text("ascii").split()]
        assert born
        Reader(f"{weir.url}/api/stream", {"topic": "water", "length": "long"})
        assert seconds_to_end(weir) < BOUND
    assert [pid for pid in born if Path(f"/proc/{pid}").exists()] == []
