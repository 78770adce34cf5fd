"""The processes of a measurement: a model server, Weir, and the two pages that it is measured against."""

import contextlib
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from tests.support.app_process import CLEAN_ENVIRONMENT, ROOT, free_port

START_SECONDS = 240
"""Time for a server to start; LiteLLM's proxy imports for half a minute where others compute."""


class Server:
    """A running process with its address."""

    def __init__(self, url: str, process: subprocess.Popen[bytes]) -> None:
        self.url = url
        self.process = psutil.Process(process.pid)

    @property
    def tree(self) -> list[psutil.Process]:
        """The process and all that it has started."""
        return [self.process, *self.process.children(recursive=True)]

    def cpu(self) -> float:
        """Return the seconds of CPU that it has used so far."""
        times = [process.cpu_times() for process in self.tree]
        return float(sum(time.user + time.system for time in times))

    def memory(self) -> int:
        """Return the bytes that it holds in memory and shares with nobody."""
        return int(sum(process.memory_full_info().uss for process in self.tree))


@contextlib.contextmanager
def started(
    command: list[str], port: int, health: str, environment: dict[str, str] | None = None, folder: Path = ROOT
) -> Iterator[Server]:
    """Run a Python module in a folder as a server until the `with` block ends."""
    with run_server([sys.executable, "-m", *command], port, health, environment, folder) as server:
        yield server


@contextlib.contextmanager
def run_server(
    command: list[str], port: int, health: str, environment: dict[str, str] | None = None, folder: Path = ROOT
) -> Iterator[Server]:
    """Run a command in a folder as a server until the `with` block ends."""
    with subprocess.Popen(
        command,
        cwd=folder,
        env=CLEAN_ENVIRONMENT | (environment or {}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            _await(f"{url}{health}", process)
            yield Server(url, process)
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def _await(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{url}: the process has ended")
        with contextlib.suppress(OSError):
            urllib.request.urlopen(url, timeout=1).close()
            return
        time.sleep(0.1)
    raise TimeoutError(url)


@contextlib.contextmanager
def model_server() -> Iterator[Server]:
    """Run the model server."""
    port = free_port()
    with started(["bench.model_server", str(port)], port, "/log") as server:
        yield server


def model_log(model: Server, *, clear: bool = False) -> list[dict[str, Any]]:
    """Return what the model server has written when; `clear` has it forget all before."""
    with urllib.request.urlopen(f"{model.url}/log{'?clear=1' if clear else ''}", timeout=10) as answer:
        log: list[dict[str, Any]] = json.load(answer)
        return log


def asking(model: Server) -> dict[str, str]:
    """Return the environment of a page that asks this model server."""
    return {"OPENAI_BASE_URL": f"{model.url}/v1", "OPENAI_API_KEY": "sk-bench", "OPENAI_MODEL": "bench"}


def _streamlit(script: str, port: int) -> list[str]:
    options = (f"--server.port={port}", "--server.address=127.0.0.1", "--server.headless=true")
    return ["streamlit", "run", script, *options, "--server.fileWatcherType=none", "--browser.gatherUsageStats=false"]


@contextlib.contextmanager
def weir(model: Server, **environment: str) -> Iterator[Server]:
    """Run Weir."""
    with weir_in(ROOT, model, environment) as server:
        yield server


@contextlib.contextmanager
def weir_in(folder: Path, model: Server | None, environment: dict[str, str] | None = None) -> Iterator[Server]:
    """Run the Weir of this folder. Without `model`, `environment` says which one it asks."""
    port = free_port()
    with tempfile.TemporaryDirectory() as data:
        variables = (asking(model) if model else {}) | {"WEIR_DATA": data} | (environment or {})
        with started(_streamlit("streamlit_app.py", port), port, "/_stcore/health", variables, folder) as server:
            yield server


@contextlib.contextmanager
def plain_page(model: Server) -> Iterator[Server]:
    """Run the plain Streamlit page."""
    port = free_port()
    with started(_streamlit("bench/pages/plain.py", port), port, "/_stcore/health", asking(model)) as server:
        yield server


@contextlib.contextmanager
def bare_page(model: Server) -> Iterator[Server]:
    """Run the bare EventSource page."""
    port = free_port()
    command = ["uvicorn", "bench.pages.bare:app", "--port", str(port), "--loop", "asyncio", "--log-level", "warning"]
    with started(command, port, "/", asking(model)) as server:
        yield server
