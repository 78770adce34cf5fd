"""Runner: runs chains in the process of a command, follows them, and stops them at Ctrl-C."""

import contextlib
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, TypeVar

import click
from pydantic import ValidationError

from weir.analysis.metrics import MetricsAccumulator, RunMetrics
from weir.analysis.metrics_line import metrics_line
from weir.analysis.outcome import AnswerStatus, Outcome, outcome
from weir.cli.engine_wait import NoModelError, await_model
from weir.cli.main import INTERRUPTED, OK, RUN_FAILED
from weir.cli.terminal import Terminal
from weir.config.settings import Settings, SettingsError, settings
from weir.core.run_event import RunEvent
from weir.llm.chain_registry import PreparedRun, UnsuitableModelError
from weir.llm.provider import ModelProvider, UnknownModelError
from weir.runs import recording_file
from weir.runs.background_loop import BackgroundLoop
from weir.runs.methods import Method
from weir.runs.recorder import Recorder
from weir.runs.run import Run
from weir.runs.run_store import MemoryStore

HEARTBEAT_SECONDS = 1.0
"""Time without an event after which `show` is called all the same."""

STOP_SECONDS = 1.0
"""Time for a run that is stopped at the end of a command to hang up on the model and to end."""

CLOSE_SECONDS = 10.0
"""Time for the connections to the model to close."""

LOADING = "Loading the embedded model. It is toy-sized: OPENAI_API_KEY or OPENAI_BASE_URL connects a real one."

ARCHIVE_FOLDER_ID = Path("runs", "folder-id")
"""File of the data folder that every archive has (`weir/archive/run_files.py`); its module imports much."""

T = TypeVar("T")
Show = Callable[[Sequence[RunEvent]], None]


@dataclass(frozen=True, slots=True)
class EndedRun:
    """A run that has ended, its metrics, and how its answer is to be taken."""

    run: Run
    metrics: RunMetrics
    outcome: Outcome

    @property
    def exit_code(self) -> int:
        if self.outcome.status in (AnswerStatus.DONE, AnswerStatus.WAITING):
            return OK
        return INTERRUPTED if self.outcome.status is AnswerStatus.STOPPED else RUN_FAILED

    @property
    def message(self) -> str:
        """How the answer ended if it is not whole, in sentences; else ""."""
        end = self.outcome
        if end.status is AnswerStatus.DONE:
            return ""
        return f"{end.status.value}. {end.message} {end.hint} {end.detail}".rstrip()


class Runner:
    """Starts runs and follows them. Use it in a `with` block: its end stops what is still running.

    `model` is the name of a model of the catalogue, or of another one of the only endpoint. Raises ClickException if
    there is none, or if a setting cannot be used. `keeps_runs`: whether the runs are kept in the archive of the app.
    """

    def __init__(self, terminal: Terminal, *, model: str | None = None, keeps_runs: bool = True) -> None:
        configured = read_settings()
        self.terminal = terminal
        self._default = ModelProvider(configured)
        self.models = self._default
        self.use_model(model)
        self.secrets = self.models.secrets
        self._loop = BackgroundLoop()
        self._store = MemoryStore(budget=int(configured.record_mb * 1e6))
        self._configured = configured
        self._keeps_runs = keeps_runs
        self._kept: set[str] = set()
        self._recorder = Recorder(self._store, self._loop, grace_seconds=configured.grace_seconds, secrets=self.secrets)

    def __enter__(self) -> "Runner":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._recorder.stop_all()
        for run in self._store.runs():
            run.wait(STOP_SECONDS)
        self.keep()
        self._loop.submit(self.models.aclose()).result(timeout=CLOSE_SECONDS)
        self._loop.close()

    def keep(self) -> None:
        """Keep the runs that have ended in the archive of the app, if it has one in the data folder.

        What is imported for it comes after the answer.
        """
        runs = [run for run in self._store.runs() if not run.is_live and run.id not in self._kept]
        if not (runs and self._keeps_runs and self._configured.keep_mb):
            return
        if not (self._configured.data_folder / ARCHIVE_FOLDER_ID).exists():
            return
        from weir.cli.run_keeping import keep_runs

        self._kept.update(run.id for run in runs)
        if problem := keep_runs(runs, self._configured):
            self.terminal.say(problem)

    def use_model(self, name: str | None) -> None:
        """Have another model answer from now on. Raises ClickException if there is none of that name."""
        try:
            self.models = self._default.choose(name)
        except UnknownModelError as error:
            raise click.ClickException(str(error)) from error

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> "Future[T]":
        """Run a coroutine on the loop of the runs."""
        return self._loop.submit(coroutine)

    def list_models(self) -> tuple[str, ...]:
        """Return the names of the models to choose from."""
        return self._loop.submit(self.models.list_models()).result()

    def checked_models(self, timeout: float) -> list[ModelProvider]:
        """Return the providers of all models, each after a look at its endpoint."""
        providers = [self._default.select(name) for name in self._default.catalogue.names]
        looks = [self._loop.submit(provider.check_health()) for provider in providers]
        for look in looks:
            look.result(timeout)
        return providers

    def prepare(self, build: Callable[[], PreparedRun]) -> PreparedRun:
        """Return the run that `build` prepares, once a model can answer. Raises ClickException if there is none."""
        try:
            return await_model(self.models, build, on_wait=lambda: self.terminal.say(LOADING))
        except (NoModelError, UnsuitableModelError) as error:
            raise click.ClickException(str(error)) from error
        except ValidationError as error:
            raise click.ClickException(_input_problem(error)) from error

    @property
    def model_name(self) -> str:
        """Name of the model that answers; "" while the embedded one is not ready."""
        endpoint = self.models.endpoint()
        return (endpoint.name or endpoint.model) if endpoint else ""

    def start(
        self, prepared: PreparedRun, *, name: str | None = None, method: Method = Method.ASTREAM, **more: Any
    ) -> Run:
        """Start a run and return it. `more` are further arguments of `Recorder.start`."""
        run = self._recorder.start(
            prepared.runnable,
            prepared.inputs,
            name=name,
            context=prepared.context | {"method": method.value, "via": "command"},
            method=method,
            connections=None if method.is_async else prepared.connections,
            **more,
        )
        run.connection = prepared.timing
        return run

    def follow(
        self,
        run: Run,
        show: Show,
        *,
        meter: MetricsAccumulator | None = None,
        every: float = 0.0,
        heartbeat: float = HEARTBEAT_SECONDS,
    ) -> EndedRun:
        """Call `show` with the events of a run as they arrive, until it has ended. Ctrl-C stops the run.

        `meter` has read the events that `show` gets. Between two calls at least `every` seconds pass. After `heartbeat`
        seconds without an event `show` gets none.
        """
        meter = meter or MetricsAccumulator()
        with _stopped_by_interrupt(run):
            for events in run.follow(every=every, heartbeat=heartbeat):
                for event in events:
                    meter.add(event)
                show(events)
        metrics = meter.metrics()
        return EndedRun(run, metrics, outcome(run, metrics))

    def report(self, ended: EndedRun) -> None:
        """Say the metrics of an answer, and how it ended if it is not whole."""
        if ended.metrics.characters:
            self.terminal.say(f"{ended.metrics.model or self.model_name} · {metrics_line(ended.metrics)}".lstrip(" ·"))
        if ended.message:
            self.terminal.say(ended.message)


def read_settings() -> Settings:
    """Return the settings. Raises ClickException with their sentence if one cannot be used."""
    try:
        return settings()
    except SettingsError as error:
        raise click.ClickException(str(error)) from error


def write_recording(run: Run, target: str | None) -> None:
    """Write a run's recording to a file, or to standard output for `-`. Raises ClickException if it cannot."""
    if target is None:
        return
    try:
        with click.open_file(target, "wb") as file:
            for line in recording_file.to_jsonl(run):
                file.write(line)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise click.ClickException(f"{target} cannot be written: {error.strerror}.") from error


def check_writable(target: str | None) -> None:
    """Raise ClickException if a recording cannot be written to a file, before the model is asked."""
    if target is None or target == "-":
        return
    folder = Path(target).parent
    if not folder.is_dir():
        raise click.ClickException(f"{target} cannot be written: there is no folder {folder}.")
    if Path(target).is_dir():
        raise click.ClickException(f"{target} cannot be written: it is a folder.")


def _input_problem(error: ValidationError) -> str:
    parts = [f"{'.'.join(map(str, problem['loc'])) or 'The input'}: {problem['msg']}" for problem in error.errors()]
    return "\n".join(parts)


@contextlib.contextmanager
def _stopped_by_interrupt(run: Run) -> Iterator[None]:
    """Have Ctrl-C stop the run within a `with` block; a second one ends the command."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_: int, __: FrameType | None) -> None:
        if run.stop_requested_at is not None:
            raise KeyboardInterrupt
        run.stop()

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
