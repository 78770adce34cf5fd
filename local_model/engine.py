"""The embedded engine, seen from the app: begin it, watch it load, know where it listens."""

import atexit
import contextlib
import importlib.util
import json
import os
import secrets
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import IO

from local_model import files
from local_model.problem import Problem, ProblemError

SLOTS = 4
"""Answers at once."""

CONTEXT = 16_384
"""Tokens of context, shared by the slots."""

LOG_LINES = 50
"""Lines kept of what the engine printed, for when it fails."""

_HOME = Path(__file__).parents[1]
_LOOK = 0.1
"""Seconds between two looks at how much of the file is in memory."""


class Phase(StrEnum):
    """Where the engine is."""

    IDLE = "idle"
    CHECKING = "checking"
    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class EngineState:
    """One moment of the engine."""

    phase: Phase
    model_name: str
    fraction: float | None = None
    """How far CHECKING or LOADING is, from 0 to 1; None where it cannot be told."""
    url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    problem: Problem | None = None
    detail: str = ""
    """For those who look closer: a path, the engine's last words."""


class Engine:
    """The engine and its child process. All methods may be called from any thread.

    `model` is the user's own GGUF file, None the packaged one; `command` starts the child.
    """

    def __init__(self, model: Path | None = None, *, command: Sequence[str] | None = None) -> None:
        self._model = model
        self._command = command or (sys.executable, "-m", "local_model.serve")
        self._changed = threading.Condition()
        self._state = EngineState(Phase.IDLE, files.PACKAGED_NAME if model is None else model.stem)
        self._child: subprocess.Popen[str] | None = None
        self._log: deque[str] = deque(maxlen=LOG_LINES)

    @property
    def is_packaged(self) -> bool:
        """Whether the model is the toy-sized one that Weir brings along."""
        return self._model is None

    @property
    def state(self) -> EngineState:
        return self._state

    def start(self) -> None:
        """Begin to load, unless it is loaded or loading. Returns at once."""
        with self._changed:
            if self._state.phase in (Phase.CHECKING, Phase.LOADING, Phase.READY):
                return
            self._set(Phase.CHECKING, fraction=0.0)
        atexit.register(self.stop)
        threading.Thread(target=self._load, name="weir-engine", daemon=True).start()

    def ensure(self) -> EngineState:
        """Begin anew an engine that was ready and died; return the state."""
        if self._state.problem is Problem.DIED:
            self.start()
        return self._state

    def watch(self, seen: EngineState, timeout: float) -> EngineState:
        """Block until the state is another than `seen`, for at most `timeout` seconds; return it."""
        with self._changed:
            self._changed.wait_for(lambda: self._state != seen, timeout)
            return self._state

    def wait(self, timeout: float) -> EngineState:
        """Block until the engine has got where it goes, for at most `timeout` seconds; return the state."""
        settled = (Phase.READY, Phase.FAILED, Phase.STOPPED)
        with self._changed:
            self._changed.wait_for(lambda: self._state.phase in settled, timeout)
            return self._state

    def stop(self) -> None:
        """End the child. Waits for it."""
        with self._changed:
            child, self._child = self._child, None
            self._set(Phase.STOPPED)
        atexit.unregister(self.stop)
        if child is not None:
            _end(child)

    def _set(
        self,
        phase: Phase,
        *,
        fraction: float | None = None,
        url: str | None = None,
        api_key: str | None = None,
        problem: Problem | None = None,
        detail: str = "",
    ) -> None:
        name = self._state.model_name
        with self._changed:
            self._state = EngineState(phase, name, fraction, url, api_key, problem, detail)
            self._changed.notify_all()

    def _progress(self, fraction: float) -> None:
        with self._changed:
            self._state = replace(self._state, fraction=min(1.0, round(fraction, 2)))
            self._changed.notify_all()

    def _load(self) -> None:
        try:
            path = self._checked_file()
            self._spawn(path)
        except ProblemError as error:
            self._fail(error)

    def _fail(self, error: ProblemError) -> None:
        with self._changed:
            if self._state.phase is not Phase.STOPPED:
                self._set(Phase.FAILED, problem=error.problem, detail=error.detail)

    def _checked_file(self) -> Path:
        if importlib.util.find_spec("xllamacpp") is None:
            raise ProblemError(Problem.NO_ENGINE)
        if self._model is not None:
            files.check_own(self._model)
            return self._model.resolve()
        path = files.packaged()
        files.check_packaged(path, self._progress)
        return path

    def _spawn(self, path: Path) -> None:
        key = secrets.token_urlsafe(32)
        wish = {
            "model": str(path),
            "name": self._state.model_name,
            "api_key": key,
            "slots": SLOTS,
            "context": CONTEXT,
            "is_small": self.is_packaged,
        }
        pipe = subprocess.PIPE
        try:
            child = subprocess.Popen(
                self._command, stdin=pipe, stdout=pipe, stderr=pipe, cwd=_HOME, text=True, encoding="utf-8"
            )
        except OSError as error:
            raise ProblemError(Problem.NOT_STARTED, str(error)) from error
        with self._changed:
            if self._state.phase is Phase.STOPPED:
                _end(child)
                return
            self._child = child
            self._set(Phase.LOADING, fraction=0.0)
        assert child.stdin
        assert child.stdout
        assert child.stderr
        threading.Thread(target=self._drain, args=(child.stderr,), name="weir-engine-log", daemon=True).start()
        # A child that is gone already is noticed by its silence, below.
        with contextlib.suppress(BrokenPipeError):
            child.stdin.write(json.dumps(wish) + "\n")
            child.stdin.flush()
        self._await_answer(child, child.stdout, key, path.stat().st_size)

    def _await_answer(self, child: subprocess.Popen[str], output: IO[str], key: str, size: int) -> None:
        lines: list[str] = []
        reader = threading.Thread(target=lambda: lines.append(output.readline()), daemon=True)
        reader.start()
        while reader.is_alive():
            reader.join(_LOOK)
            if (resident := _resident(child.pid)) is not None:
                self._progress(resident / size)
        answer = json.loads(lines[0]) if lines and lines[0] else {"error": self._last_words()}
        if "url" not in answer:
            _end(child)
            raise ProblemError(Problem.NOT_STARTED, answer["error"])
        with self._changed:
            if self._child is child:
                self._set(Phase.READY, url=answer["url"], api_key=key)
        child.wait()
        _end(child)
        with self._changed:
            if self._child is child:
                self._child = None
                raise ProblemError(Problem.DIED, self._last_words())

    def _drain(self, output: IO[str]) -> None:
        with output:
            for line in output:
                self._log.append(line.rstrip())

    def _last_words(self) -> str:
        return next((line for line in reversed(self._log) if line.strip()), "It said nothing.")


def _end(child: subprocess.Popen[str]) -> None:
    """Ask the child to end by closing its input; kill it if it has not within 3 s."""
    for pipe in (child.stdin, child.stdout):
        if pipe:
            with contextlib.suppress(OSError):
                pipe.close()
    try:
        child.wait(timeout=3)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _resident(pid: int) -> int | None:
    """Bytes of the process that are in memory; None where the system does not tell."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")
