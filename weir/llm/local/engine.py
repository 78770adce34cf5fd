"""The embedded engine: starts the child process of llama.cpp, and reports its loading, address and problems."""

import atexit
import contextlib
import importlib.util
import secrets
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from weir.llm.local import model_files
from weir.llm.local.engine_problem import EngineError, EngineProblem
from weir.llm.local.server_process import ServerProcess

SLOTS = 4
"""Answers that are generated at the same time."""

CONTEXT = 16_384
"""Tokens of context, shared by the slots."""

LOAD_TIMEOUT_SECONDS = 300.0
"""Seconds that the child may take to load the model: enough for a large file on a slow disk."""

POLL_SECONDS = 0.1
"""Seconds between two checks of how much of the file is in memory."""


class EnginePhase(StrEnum):
    """Phases of the engine."""

    IDLE = "idle"
    CHECKING = "checking"
    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class EngineState:
    """Snapshot of the engine's state."""

    phase: EnginePhase
    model_name: str
    fraction: float | None = None
    """How far CHECKING or LOADING is, from 0 to 1; None if it is not known."""
    url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    problem: EngineProblem | None = None
    detail: str = ""
    """Details of the problem: a path, or the last line of the engine's log."""
    size_bytes: int | None = None
    """Of the model's file, once LOADING or READY."""


class _SupersededError(Exception):
    """Ends a load that was stopped or replaced by a newer one, so that it no longer changes the state."""


class Engine:
    """The engine and its child process. All methods may be called from any thread.

    `model` is the user's own GGUF file, None the packaged one; `command` starts the child.
    """

    def __init__(self, model: Path | None = None, *, command: Sequence[str] | None = None) -> None:
        self._model = model
        self._command = command or (sys.executable, "-m", "weir.llm.local.serve")
        self._changed = threading.Condition()
        self._state = EngineState(EnginePhase.IDLE, model_files.PACKAGED_NAME if model is None else model.stem)
        self._key = secrets.token_urlsafe(32)
        self._load_number = 0
        self._is_second_try = False
        self._child: ServerProcess | None = None

    @property
    def is_packaged(self) -> bool:
        """Whether the model is the toy-sized one that is installed with Weir."""
        return self._model is None

    @property
    def api_key(self) -> str:
        """The API key that the child requires; random in each process."""
        return self._key

    @property
    def state(self) -> EngineState:
        return self._state

    def start(self) -> None:
        """Start loading, unless the model is loaded or loading. Returns at once."""
        with self._changed:
            if self._state.phase in (EnginePhase.CHECKING, EnginePhase.LOADING, EnginePhase.READY):
                return
            self._is_second_try = False
            load_number = self._begin(EnginePhase.CHECKING, fraction=0.0)
        atexit.register(self.stop)
        threading.Thread(target=self._load, args=(load_number,), name="weir-engine", daemon=True).start()

    def ensure(self) -> EngineState:
        """Start an engine that is idle, or that was ready and died, and return the state.

        A load that was killed is retried once: if it is killed twice, the cause (such as too little memory) persists.
        """
        with self._changed:
            if self._state.phase is EnginePhase.IDLE or self._state.problem is EngineProblem.DIED:
                self.start()
            elif self._state.problem is EngineProblem.KILLED and not self._is_second_try:
                self.start()
                self._is_second_try = True
            return self._state

    def watch(self, seen: EngineState, timeout: float) -> EngineState:
        """Block until the state is another than `seen`, for at most `timeout` seconds; return it."""
        with self._changed:
            self._changed.wait_for(lambda: self._state != seen, timeout)
            return self._state

    def wait(self, timeout: float) -> EngineState:
        """Block until the engine has got where it goes, for at most `timeout` seconds; return the state."""
        settled = (EnginePhase.READY, EnginePhase.FAILED, EnginePhase.STOPPED)
        with self._changed:
            self._changed.wait_for(lambda: self._state.phase in settled, timeout)
            return self._state

    def stop(self) -> None:
        """End the child. Waits for it."""
        with self._changed:
            child, self._child = self._child, None
            self._begin(EnginePhase.STOPPED)
        atexit.unregister(self.stop)
        if child is not None:
            child.end()

    def _begin(self, phase: EnginePhase, *, fraction: float | None = None) -> int:
        """Invalidate any load under way, and return the number that the next one needs to change the state."""
        with self._changed:
            self._load_number += 1
            self._state = EngineState(phase, self._state.model_name, fraction)
            self._changed.notify_all()
            return self._load_number

    def _set_state(self, load_number: int, state: EngineState) -> None:
        with self._changed:
            if load_number != self._load_number:
                raise _SupersededError
            self._state = state
            self._changed.notify_all()

    def _progress(self, load_number: int, fraction: float | None) -> None:
        shown = None if fraction is None else min(1.0, round(fraction, 2))
        self._set_state(load_number, replace(self._state, fraction=shown))

    def _load(self, load_number: int) -> None:
        try:
            self._run(load_number, self._checked_file(load_number))
        except _SupersededError:
            return
        except Exception as error:
            # Without a state the page would wait forever.
            unexpected = EngineError(EngineProblem.NOT_STARTED, f"{type(error).__name__}: {error}")
            self._fail(load_number, error if isinstance(error, EngineError) else unexpected)

    def _fail(self, load_number: int, error: EngineError) -> None:
        with contextlib.suppress(_SupersededError):
            self._set_state(
                load_number,
                EngineState(EnginePhase.FAILED, self._state.model_name, problem=error.problem, detail=error.detail),
            )

    def _checked_file(self, load_number: int) -> Path:
        if importlib.util.find_spec("xllamacpp") is None:
            raise EngineError(EngineProblem.NO_ENGINE)
        if self._model is not None:
            model_files.check_own(self._model)
            return self._model.resolve()
        path = model_files.packaged()
        model_files.check_packaged(path, lambda fraction: self._progress(load_number, fraction))
        return path

    def _run(self, load_number: int, path: Path) -> None:
        """Start the child, and wait until it ends."""
        name = self._state.model_name
        size = path.stat().st_size
        config = {
            "model": str(path),
            "name": name,
            "api_key": self._key,
            "slots": SLOTS,
            "context": CONTEXT,
        }
        try:
            child = ServerProcess(self._command, config)
        except OSError as error:
            raise EngineError(EngineProblem.NOT_STARTED, str(error)) from error
        try:
            with self._changed:
                self._set_state(load_number, EngineState(EnginePhase.LOADING, name, 0.0, size_bytes=size))
                self._child = child
            deadline = time.monotonic() + LOAD_TIMEOUT_SECONDS
            while not child.has_answered(POLL_SECONDS):
                if time.monotonic() >= deadline:
                    raise EngineError(EngineProblem.TOO_SLOW, f"It was ended after {LOAD_TIMEOUT_SECONDS:.0f} s.")
                resident = child.resident()
                self._progress(load_number, None if resident is None else resident / size)
            answer = child.answer()
            if "url" not in answer:
                child.end()
                problem = EngineProblem.KILLED if child.was_killed else EngineProblem.NOT_STARTED
                raise EngineError(problem, child.answer()["error"])
            self._set_state(
                load_number, EngineState(EnginePhase.READY, name, url=answer["url"], api_key=self._key, size_bytes=size)
            )
            child.wait()
        finally:
            child.end()
        raise EngineError(EngineProblem.DIED, child.last_log_line())
