"""The app in a process of its own, started as people start it."""

import asyncio
import contextlib
import itertools
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from tests.support.preloaded_python import APP, preloaded_python

ROOT = Path(__file__).parents[2]
CLEAN_ENVIRONMENT = {
    key: value for key, value in os.environ.items() if not key.startswith(("OPENAI_", "WEIR_", "STREAMLIT_"))
} | {"WEIR_DISCOVER": "off"}

T = TypeVar("T")

FIRST_PORT, PORTS_PER_WORKER = 12_000, 1_000
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_ports = itertools.count(FIRST_PORT + PORTS_PER_WORKER * (_WORKER % 20) + os.getpid() % (PORTS_PER_WORKER // 2))


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on and that is not returned again.

    Each worker of pytest-xdist has its own range. All ranges end below 32768, where Linux begins to give ports to
    outgoing connections: one of those could take the port before the server that it is meant for has started.
    """
    for port in _ports:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("unreachable")


def run_beside_playwright(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on a thread of its own: Playwright's event loop runs in the thread of the browser tests."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


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

    A traceback whose text holds `may_log` is allowed. Without WEIR_DATA the app gets a temporary data folder.
    """
    with (
        tempfile.TemporaryDirectory() as data,
        weir_process(may_log, {"WEIR_DATA": data} | environment, command=with_preloaded_streamlit) as weir,
    ):
        yield weir.url


def with_streamlit(port: int, *options: str) -> list[str]:
    """Return the command that people start the app with."""
    return [sys.executable, *_streamlit(port), *options]


def with_preloaded_streamlit(port: int) -> list[str]:
    """Return the same command, which starts in a tenth of the time."""
    return [*preloaded_python(*APP), *_streamlit(port)]


def _streamlit(port: int) -> list[str]:
    arguments = (f"--server.port={port}", "--server.fileWatcherType=none")
    return ["-m", "streamlit", "run", "streamlit_app.py", *arguments]


def with_uvicorn(port: int) -> list[str]:
    """Return the command that starts the app as an ASGI application."""
    return [sys.executable, *_uvicorn(port)]


def with_preloaded_uvicorn(port: int) -> list[str]:
    """Return the same command, which starts in a tenth of the time."""
    return [*preloaded_python(*APP), *_uvicorn(port)]


def _uvicorn(port: int) -> list[str]:
    return ["-m", "uvicorn", "streamlit_app:app", "--port", str(port)]


@contextlib.contextmanager
def weir_process(
    may_log: str,
    environment: dict[str, str],
    port: int | None = None,
    command: Callable[[int], list[str]] = with_streamlit,
) -> Iterator[Weir]:
    """Start the app like `running_weir`, and yield its process and its log too: for tests that kill it."""
    port = port or free_port()
    url = f"http://localhost:{port}"
    # A file, not a pipe: a process that writes into a full pipe that nobody reads stands still.
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as output,
        subprocess.Popen(
            command(port),
            cwd=ROOT,
            env=CLEAN_ENVIRONMENT | environment,
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
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
            finally:
                output.seek(0)
                weir.log = output.read()
    assert "Traceback" not in weir.log or (may_log and may_log in weir.log), weir.log


def refused_start(environment: dict[str, str]) -> str:
    """Start the app with variables that it cannot use, and return what it wrote before it ended with an error."""
    command = with_preloaded_streamlit(0)
    ended = subprocess.run(
        command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, timeout=240, check=False
    )
    assert ended.returncode != 0
    return ended.stdout + ended.stderr


def await_health(url: str, process: subprocess.Popen[str]) -> None:
    """Wait until the app answers. Raises TimeoutError after four minutes, AssertionError if its process ends before.

    It takes about six seconds of CPU to start, which a busy machine spreads.
    """
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        assert process.poll() is None, f"ended with {process.returncode}"
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{url}/_stcore/health", timeout=5).close()
            return
        time.sleep(0.1)
    raise TimeoutError(f"{url} did not become healthy")
