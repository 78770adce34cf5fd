"""`weir … --record`: runs a chain in this process and writes its recording.

It imports neither Streamlit nor the database, and loads the embedded model only for a chain that needs it.
"""

import importlib
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from weir.analysis.metrics import run_metrics
from weir.analysis.outcome import outcome
from weir.config.app_folder import APP_FOLDER
from weir.config.settings import settings
from weir.config.user_chains import ChainImportError, import_runnable
from weir.llm.chain_registry import (
    ChainRegistry,
    ChainSpec,
    ModelNotReadyError,
    PreparedRun,
    UnknownChainError,
    UnsuitableModelError,
    spec_of_runnable,
)
from weir.llm.provider import LOAD_TIMEOUT_SECONDS, EnginePhase, ModelProvider
from weir.runs import recording_file
from weir.runs.background_loop import BackgroundLoop
from weir.runs.graph_options import ConfiguredRun, GraphOptions, GraphOptionsError, configure_run
from weir.runs.recorder import Recorder
from weir.runs.run import Run, Status
from weir.runs.run_store import MemoryStore

ENGINE_TIMEOUT_SECONDS = LOAD_TIMEOUT_SECONDS + 60
"""Seconds to wait for the embedded model to be checked and loaded."""


class NoModelError(Exception):
    """No model can answer; the text says why."""


def record(name: str, inputs: Any, target: str, options: dict[str, Any] | None = None) -> int:
    """Run a chain, write its recording to a file, or to standard output for `-`, and return the exit code.

    `options` are the fields of GraphOptions.
    """
    try:
        chain = find_chain(name)
    except ChainImportError as error:
        return _refuse(error)
    loop = BackgroundLoop()
    models = ModelProvider(settings())
    try:
        chosen = GraphOptions.model_validate(options or {})
        has_input = inputs is not None or not chosen.continues
        prepared = prepare(chain, {} if inputs is None else inputs, models)
        configured = configure_run(prepared.runnable, prepared.inputs if has_input else None, chosen)
        run = _run(name, configured, prepared.context, loop, (*settings().secrets, *models.secrets))
    except (ValidationError, NoModelError, UnsuitableModelError, GraphOptionsError) as error:
        return _refuse(error)
    finally:
        loop.submit(models.aclose()).result(timeout=10)
        loop.close()
    _write(run, target)
    return 0 if run.status in (Status.DONE, Status.WAITING) else 1


def find_chain(name: str) -> ChainSpec:
    """Return a built-in chain by its name, or a Runnable by its `package.module:attribute`. Raises ChainImportError."""
    if ":" in name:
        return spec_of_runnable(name, name, import_runnable(name))
    registry = _built_in_chains()
    try:
        return registry.get(name)
    except UnknownChainError:
        known = ", ".join(chain.name for chain in registry)
        raise ChainImportError(f"{name} is no chain: name one of {known}, or package.module:attribute.") from None


def _built_in_chains() -> ChainRegistry:
    """Return the app's registry, also where the working directory has a package called `chains` too."""
    sys.path.insert(0, str(APP_FOLDER))
    try:
        registry: ChainRegistry = importlib.import_module("chains.registry").REGISTRY
    finally:
        sys.path.remove(str(APP_FOLDER))
    return registry


def prepare(
    chain: ChainSpec, inputs: Any, models: ModelProvider, *, timeout: float = ENGINE_TIMEOUT_SECONDS
) -> PreparedRun:
    """Return the run of a chain. A chain that needs the embedded model waits `timeout` seconds for it.

    Raises ValidationError, and NoModelError where no model can answer.
    """
    value = chain.input_model.model_validate(inputs)
    try:
        return chain.prepare(models, value)
    except ModelNotReadyError:
        _await_engine(models, timeout)
    try:
        return chain.prepare(models, value)
    except ModelNotReadyError:
        raise NoModelError("The embedded model stopped before the run began. Run the command again.") from None


def _await_engine(models: ModelProvider, timeout: float) -> None:
    engine = models.engine
    assert engine is not None
    models.start()
    state = engine.wait(timeout=timeout)
    if state.problem is not None:
        raise NoModelError(f"{state.problem.message} {state.detail}".rstrip())
    if state.phase is not EnginePhase.READY:
        raise NoModelError(f"The embedded model is not ready after {timeout:.0f} s: it is {state.phase}.")


def _run(
    name: str, configured: ConfiguredRun, context: dict[str, Any], loop: BackgroundLoop, secrets: tuple[str, ...]
) -> Run:
    store = MemoryStore(budget=int(settings().record_mb * 1e6))
    recorder = Recorder(store, loop, grace_seconds=settings().grace_seconds, secrets=secrets)
    context = context | configured.context
    run = recorder.start(configured.runnable, configured.value, name=name, context=context, config=configured.config)
    if threading.current_thread() is threading.main_thread():
        # Ctrl-C stops the run, not this command: the recording of what has arrived is written.
        signal.signal(signal.SIGINT, lambda *_: run.stop())
    for _ in run.follow(every=0.25, heartbeat=1.0):
        if sys.stderr.isatty():
            print(f"\r{run.name}: {len(run.events):,} events", end="", file=sys.stderr, flush=True)  # noqa: T201
    result = outcome(run, run_metrics(run.events))
    start = "\n" if sys.stderr.isatty() else ""
    print(f"{start}{result.status.value}. {result.message} {result.hint} {result.detail}".rstrip(), file=sys.stderr)  # noqa: T201
    return run


def _write(run: Run, target: str) -> None:
    if target == "-":
        for line in recording_file.to_jsonl(run):
            sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
        return
    with Path(target).open("wb") as file:
        file.writelines(recording_file.to_jsonl(run))


def _refuse(error: Exception) -> int:
    print(error, file=sys.stderr)  # noqa: T201
    return 2
