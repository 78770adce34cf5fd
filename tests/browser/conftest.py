"""Weir as its users meet it: the real server in a process of its own, Chromium, and a model server that obeys."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.fake_openai import FakeOpenAI, Plan, fake_openai

ROOT = Path(__file__).parents[2]
INPUT = "textarea[data-testid=stChatInputTextArea]"
TIMEOUT = 2.0
"""Seconds after which the app under test gives up on a silent model."""

QUIET = (
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

expect.set_options(timeout=15_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.browser)


def browser_path() -> str:
    """Return where this system's Chromium is."""
    found = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
    return next(path for path in found if path)


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    return {"executable_path": browser_path(), "args": [*QUIET, *sandbox]}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(slots=True)
class Weir:
    """The running app."""

    url: str
    process: subprocess.Popen[str]
    log: str = ""
    """What it wrote, once it has ended."""


@contextlib.contextmanager
def running_weir(*, may_log: str = "", **environment: str) -> Iterator[str]:
    """Start the app with these variables and yield its address; its log must hold no traceback at the end.

    Unless it is of an error whose message holds `may_log`. Without WEIR_DATA it has a folder of its own.
    """
    with tempfile.TemporaryDirectory() as data, weir_process(may_log, {"WEIR_DATA": data} | environment) as weir:
        yield weir.url


def with_streamlit(port: int, *options: str) -> list[str]:
    """Return the command that people start the app with."""
    told = (f"--server.port={port}", "--server.fileWatcherType=none", *options)
    return [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", *told]


def with_uvicorn(port: int) -> list[str]:
    """Return the other one."""
    return [sys.executable, "-m", "uvicorn", "streamlit_app:app", "--port", str(port)]


@contextlib.contextmanager
def weir_process(
    may_log: str,
    environment: dict[str, str],
    port: int | None = None,
    command: Callable[[int], list[str]] = with_streamlit,
) -> Iterator[Weir]:
    """The same with the process, for tests that kill it."""
    port = port or free_port()
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OPENAI_", "WEIR_", "STREAMLIT_"))}
    url = f"http://localhost:{port}"
    # A file, not a pipe: whoever writes into a full pipe that nobody reads stands still.
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as output,
        subprocess.Popen(
            command(port),
            cwd=ROOT,
            env=kept | environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process,
    ):
        weir = Weir(url, process)
        try:
            await_health(url, process)
            yield weir
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
            finally:
                output.seek(0)
                weir.log = output.read()
    assert "Traceback" not in weir.log or (may_log and may_log in weir.log), weir.log


def refused_start(environment: dict[str, str]) -> str:
    """Start the app with variables that it cannot use, and return what it said before it ended with an error."""
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.port=0"]
    started = subprocess.run(
        command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert started.returncode != 0
    return started.stdout + started.stderr


def await_health(url: str, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, f"ended with {process.returncode}"
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{url}/_stcore/health", timeout=1).close()
            return
        time.sleep(0.1)
    raise TimeoutError(f"{url} did not become healthy")


@pytest.fixture(scope="session")
def model_server() -> Iterator[FakeOpenAI]:
    with fake_openai() as server:
        yield server


@pytest.fixture(scope="session")
def weir_url(model_server: FakeOpenAI) -> Iterator[str]:
    with running_weir(
        OPENAI_BASE_URL=model_server.url,
        OPENAI_API_KEY="sk-test",
        OPENAI_MODEL="fake",
        WEIR_TIMEOUT=str(TIMEOUT),
        WEIR_RETRIES="0",
    ) as url:
        yield url


@pytest.fixture
def model(model_server: FakeOpenAI) -> FakeOpenAI:
    """The model server with nothing planned and nothing seen."""
    model_server.plan = Plan()
    model_server.seen.clear()
    return model_server


@pytest.fixture
def chat(page: Page, weir_url: str, model: FakeOpenAI) -> Page:
    return opened(page, weir_url)


@pytest.fixture
def story(page: Page, weir_url: str, model: FakeOpenAI) -> Page:
    return opened(page, f"{weir_url}/story")


class Wire:
    """Bytes that the page's websockets received."""

    def __init__(self, page: Page) -> None:
        self.received = 0
        page.on("websocket", lambda socket: socket.on("framereceived", self._count))

    def _count(self, payload: str | bytes) -> None:
        self.received += len(payload)


def opened(page: Page, url: str) -> Page:
    page.goto(url)
    expect(page.locator(INPUT)).to_be_visible()
    return page


def send(page: Page, text: str) -> None:
    box = page.locator(INPUT)
    box.fill(text)
    box.press("Enter")


def ended(page: Page, times: int = 1) -> None:
    """Wait until that many answers have ended."""
    expect(page.get_by_role("button", name="Regenerate").or_(page.get_by_role("button", name="Retry"))).to_have_count(
        times
    )
