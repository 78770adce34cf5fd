"""Inspect a chain from the command line: `python -m weir package.module:chain --input '{"topic": "rain"}'`.

Opens the app on that chain, or with `--record run.jsonl` runs it here and writes its recording, without a page.
"""

import argparse
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from pydantic import ValidationError

from chains import registry
from chains.registry import Chain, Prepared
from weir.analysis.metrics import figures
from weir.analysis.outcome import outcome
from weir.app.services import Service, service
from weir.config.settings import SettingsError, environment, settings
from weir.config.user_chains import ChainImportError, load
from weir.llm.provider import LOAD_TIMEOUT, Phase
from weir.runs import recording_file
from weir.runs.run import Run, Status

HERE = Path(__file__).parent

ENGINE_TIMEOUT = LOAD_TIMEOUT + 60
"""Seconds that the embedded model may take to be checked and loaded."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code: 0 done, 1 the run did not end well, 2 it cannot begin."""
    wish = _parsed(arguments)
    sys.path.insert(0, os.getcwd())
    try:
        value = json.loads(wish.input)
    except ValueError as error:
        return _refuse(f"--input is not JSON: {error}.")
    try:
        settings()
        if ":" in wish.chain:
            load(wish.chain)
        else:
            registry.chain(wish.chain)
    except (SettingsError, ChainImportError) as error:
        return _refuse(str(error))
    except registry.UnknownChainError:
        known = ", ".join(chain.name for chain in registry.chains())
        return _refuse(f"{wish.chain} is no chain: name one of {known}, or package.module:attribute.")
    return _record(wish.chain, value, Path(wish.record)) if wish.record else _open(wish.chain, wish.input, wish.port)


def _parsed(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m weir", description="Inspect a LangChain chain.")
    parser.add_argument("chain", help="package.module:attribute, or the name of a chain of the catalogue")
    parser.add_argument("--input", default="{}", help="the chain's input as JSON (default: %(default)s)")
    parser.add_argument("--record", metavar="FILE", help="run it here and write the recording to FILE (- is stdout)")
    parser.add_argument("--port", type=int, default=8501, help="of the app (default: %(default)s)")
    return parser.parse_args(arguments)


def _refuse(sentence: str) -> int:
    print(sentence, file=sys.stderr)  # noqa: T201
    return 2


def _open(name: str, given: str, port: int) -> int:
    """Become the app, with the chain in its catalogue; only returns where that is impossible."""
    changed: dict[str, str] = {}
    if ":" in name:
        path, name = name, name.rpartition(":")[2].replace(".", "_")
        changed["WEIR_CHAINS"] = ",".join(filter(None, (settings().chains, f"{name}={path}")))
        changed["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(entry for entry in (os.getcwd(), *sys.path) if entry))
    link = f"http://localhost:{port}/events?{urlencode({'chain': name, 'input': given})}"
    print(f"Weir opens on {name}: {link}", flush=True)  # noqa: T201
    os.chdir(HERE)
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", f"--server.port={port}"]
    os.execve(sys.executable, command, environment(**changed))


def _record(name: str, value: Any, target: Path) -> int:
    running = service()
    running.start()
    try:
        prepared = _prepared(name, value, running)
        run = running.recorder.start(prepared.runnable, prepared.value, name=name, context=prepared.context)
        if threading.current_thread() is threading.main_thread():
            # Ctrl-C ends the run, not this command: what has arrived is written.
            signal.signal(signal.SIGINT, lambda *_: run.stop())
        _watch(run)
    except (ValidationError, _NoModelError) as error:
        return _refuse(str(error))
    finally:
        running.close()
    content = b"".join(recording_file.lines(run))
    if str(target) == "-":
        sys.stdout.buffer.write(content)
    else:
        target.write_bytes(content)
    return 0 if run.status is Status.DONE else 1


class _NoModelError(Exception):
    """No model can answer; the text says why."""


def _prepared(name: str, value: Any, running: Service) -> Prepared:
    if ":" in name:
        return Prepared(load(name), value)
    chain: Chain = registry.chain(name)
    if (engine := running.models.engine) is not None:
        state = engine.wait(timeout=ENGINE_TIMEOUT)
        if state.problem is not None:
            raise _NoModelError(f"{state.problem.sentence} {state.detail}".rstrip())
        if state.phase is not Phase.READY:
            raise _NoModelError(f"The embedded model is not ready after {ENGINE_TIMEOUT:.0f} s: it is {state.phase}.")
    try:
        return chain.prepare(running.models, chain.input_model.model_validate(value))
    except registry.ModelNotReadyError:
        raise _NoModelError("The embedded model stopped before the run began. Run the command again.") from None


def _watch(run: Run) -> None:
    """Wait for the run's end and say on the standard error stream how far it is."""
    for _ in run.follow(every=0.25, heartbeat=1.0):
        print(f"\r{run.name}: {len(run.events):,} events", end="", file=sys.stderr, flush=True)  # noqa: T201
    said = outcome(run, figures(run.events))
    print(f"\n{said.mark.value}. {said.sentence} {said.remedy} {said.detail}".rstrip(), file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
