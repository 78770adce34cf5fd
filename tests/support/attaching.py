"""An API that programs attach to, and programs that are attached, as processes, in tests."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import Mount

from chains.registry import REGISTRY
from tests.support.app_process import CLEAN_ENVIRONMENT, ROOT
from tests.support.serving import served
from weir.access.limits import RunLimitConfig, RunLimiter
from weir.api.api_services import ApiServices
from weir.api.app import create_api
from weir.archive.run_archive import RunArchive
from weir.config.settings import Settings
from weir.llm.provider import ModelProvider
from weir.runs.attached_programs import AttachedPrograms
from weir.runs.background_loop import BackgroundLoop
from weir.runs.recorder import Recorder
from weir.runs.run import Run

TAIL = ROOT / "weir" / "attach"
PATH = os.pathsep.join(map(str, (TAIL / "pythonpath", TAIL, ROOT / "tests" / "support" / "heard", ROOT)))
"""PYTHONPATH of an attached program, with a second `sitecustomize`."""


@dataclass(frozen=True, slots=True)
class AttachServer:
    """The API, its runs and its programs."""

    url: str
    archive: RunArchive
    programs: AttachedPrograms


@contextlib.contextmanager
def attach_server(**variables: str) -> Iterator[AttachServer]:
    """Serve the API on loopback."""
    archive, loop = RunArchive(100_000_000), BackgroundLoop("test-attach")
    settings = Settings.model_validate({"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"} | variables)
    programs, models = AttachedPrograms(archive), ModelProvider(settings)
    limits = RunLimiter(RunLimitConfig())
    api = create_api(settings, ApiServices(REGISTRY, models, Recorder(archive, loop), limits, archive, programs))
    with served(Starlette(routes=[Mount("/api", api)]), "weir-attach") as url:
        yield AttachServer(url, archive, programs)
    loop.submit(models.aclose()).result(timeout=5)
    loop.close()
    archive.close(10)


def environment(url: str, heard: Path | None = None, **more: str) -> dict[str, str]:
    """Return the environment that `weir attach` gives a program."""
    variables = {"PYTHONPATH": PATH, "WEIR_ATTACH": url, "WEIR_ATTACH_TIMEOUT": "60", "PYTHONUNBUFFERED": "1"}
    if heard is not None:
        variables["HEARD_FOLDER"] = str(heard)
    return {**CLEAN_ENVIRONMENT, **variables, **more}


def start(
    arguments: list[str], variables: Mapping[str, str], folder: Path, *, stdin: int | None = None
) -> "subprocess.Popen[str]":
    """Start Python with these arguments in a folder."""
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder,
        env=dict(variables),
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def runs_of(server: AttachServer, name: str) -> list[Run]:
    """Return the runs of the programs of this name, oldest first."""
    found = [run for run in server.archive.runs() if run.context.get("program", {}).get("name") == name]
    return sorted(found, key=lambda run: run.created_at)


def wait_until(condition: Callable[[], bool], seconds: float = 120.0) -> None:
    """Wait until something is true. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.02)
