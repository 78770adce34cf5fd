"""A replica in a process of its own: the app's services, API and middleware, without the pages.

    python -m tests.support.replica_process PORT FILE

It writes the number of its process into FILE, so that a test can kill or stop what a preloaded Python has started.
"""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx2
import psutil
import uvicorn
from starlette.applications import Starlette

from chains.conversation import prepare_warm_up
from chains.registry import REGISTRY
from tests.support.app_process import CLEAN_ENVIRONMENT, ROOT, free_port
from tests.support.preloaded_python import preloaded_python
from tests.support.waiting import until
from weir.app.create_app import create_app_parts, tune_process
from weir.app.services import build_services
from weir.config.settings import settings

MODULES = (
    "chains.registry",
    "langchain_openai",
    "openai.resources.beta.beta",
    "openai.resources.chat.completions",
    "weir.app.create_app",
    "weir.app.services",
    "weir.replicas.replica_group",
    "uvicorn",
)
"""What makes the start, and the first run, take long."""


@dataclass(slots=True)
class ReplicaProcess:
    """The running process."""

    url: str
    port: int
    pid: int

    def is_alive(self) -> bool:
        """Whether it runs."""
        return psutil.pid_exists(self.pid)

    def signal(self, number: int) -> None:
        """Send a signal to it."""
        os.kill(self.pid, number)


@contextmanager
def replica_process(
    redis_url: str, model_url: str, port: int | None = None, /, **environment: str
) -> Iterator[ReplicaProcess]:
    """Start a replica and wait until it answers. At the end it is killed."""
    port = port or free_port()
    with tempfile.TemporaryDirectory() as folder:
        pid = Path(folder) / "pid"
        given = {
            "WEIR_REDIS_URL": redis_url,
            "OPENAI_BASE_URL": model_url,
            "OPENAI_MODEL": "fake",
            "WEIR_DATA": folder,
            **environment,
        }
        command = [*preloaded_python(*MODULES), "-m", "tests.support.replica_process", str(port), str(pid)]
        with subprocess.Popen(command, cwd=ROOT, env=CLEAN_ENVIRONMENT | given) as process:
            try:
                until(lambda: process.poll() is not None or (pid.exists() and answers(port)))
                assert process.poll() is None, "it did not start"
                yield ReplicaProcess(f"http://127.0.0.1:{port}", port, int(pid.read_text(encoding="ascii")))
            finally:
                for number in (signal.SIGCONT, signal.SIGKILL):
                    # It may end just now, by the test's own signal.
                    with suppress(ProcessLookupError, FileNotFoundError):
                        os.kill(int(pid.read_text(encoding="ascii")), number)
                process.wait(timeout=60)


def answers(port: int) -> bool:
    """Whether Weir answers on this port, and is ready."""
    try:
        return httpx2.get(f"http://127.0.0.1:{port}/api/health", timeout=10).status_code == 200
    except httpx2.TransportError:
        return False


def main() -> None:
    """Serve until a signal comes."""
    port, file = int(sys.argv[1]), Path(sys.argv[2])
    tune_process()
    services = build_services(settings())
    parts = create_app_parts(services, REGISTRY, prepare_warm_up=prepare_warm_up)
    app = Starlette(routes=parts.routes, middleware=parts.middleware, lifespan=parts.lifespan)
    file.write_text(str(os.getpid()), encoding="ascii")
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    main()
