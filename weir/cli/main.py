"""The `weir` command.

Without arguments it opens the app. With a chain it opens the app on that chain; with `--record` it runs the chain
here, without a page, and writes the recording.
"""

import argparse
import json
import os
import sys
from typing import Any
from urllib.parse import urlencode

from weir import __version__
from weir.config.app_folder import APP_FOLDER

OK, RUN_FAILED, CANNOT_START = 0, 1, 2
"""Exit codes."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code: 0 done, 1 the run did not end well, 2 it cannot start.

    What takes long to import is imported here, where it is needed: `--help` answers at once.
    """
    options = _parse(arguments)
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    from weir.config.settings import SettingsError, settings

    try:
        inputs = _parse_json("--input", options.input)
        graph_options = _graph_options(options)
        settings()
    except _NotJSONError as error:
        return _refuse(str(error))
    except SettingsError as error:
        return _refuse(str(error))
    if options.record is not None:
        if options.chain is None:
            return _refuse('--record needs a chain. For example: weir story --input \'{"topic": "rain"}\' --record -')
        from weir.cli.record import record

        return record(options.chain, inputs, options.record, graph_options)
    if options.chain is None:
        return _open_app({}, options.port)
    return _open_chain(options.chain, {"input": options.input or "{}", **_link_fields(options)}, options.port)


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="weir",
        description="Show, measure and record what a LangChain chain streams. Without a chain, open the app.",
        epilog="Exit codes: 0 done, 1 the run did not end well, 2 it cannot start.",
    )
    parser.add_argument("chain", nargs="?", help="package.module:attribute, or the name of a built-in chain")
    parser.add_argument("--input", help="the chain's input as JSON (default: {}, none for a thread that goes on)")
    parser.add_argument(
        "--record", metavar="FILE", help="run the chain here and write the recording to FILE (-: stdout)"
    )
    parser.add_argument("--thread", metavar="ID", help="thread of a graph with a checkpointer")
    parser.add_argument("--resume", metavar="JSON", help="answer to the interrupt that the thread waits at")
    parser.add_argument("--checkpoint", metavar="ID", help="checkpoint of the thread to go on from")
    parser.add_argument("--context", metavar="JSON", help="context of the graph's run, an object")
    parser.add_argument("--recursion-limit", type=int, metavar="N", help="steps after which the graph is ended")
    parser.add_argument("--port", type=int, default=8501, help="port of the app (default: %(default)s)")
    parser.add_argument("--version", action="version", version=f"weir {__version__}")
    return parser.parse_args(arguments)


def _refuse(sentence: str) -> int:
    print(sentence, file=sys.stderr)  # noqa: T201
    return CANNOT_START


class _NotJSONError(ValueError):
    """An argument is not JSON. Its text is a sentence for people."""


def _parse_json(name: str, text: str | None) -> Any:
    """Return the value of an argument; None if it is not given. Raises _NotJSONError."""
    try:
        return None if text is None else json.loads(text)
    except ValueError as error:
        raise _NotJSONError(f"{name} is not JSON: {error}.") from None


def _graph_options(options: argparse.Namespace) -> dict[str, Any]:
    """Return the fields of GraphOptions that the arguments set. Raises _NotJSONError."""
    fields = {
        "thread_id": options.thread,
        "checkpoint_id": options.checkpoint,
        "recursion_limit": options.recursion_limit,
    }
    texts = {"resume": options.resume, "context": options.context}
    parsed = {name: _parse_json(f"--{name}", text) for name, text in texts.items() if text is not None}
    return {name: value for name, value in fields.items() if value is not None} | parsed


def _link_fields(options: argparse.Namespace) -> dict[str, str]:
    return {"thread": options.thread} if options.thread else {}


def _open_chain(name: str, fields: dict[str, str], port: int) -> int:
    """Become the app, with the chain in its registry."""
    from weir.cli.record import find_chain
    from weir.config.settings import settings
    from weir.config.user_chains import ChainImportError, check_importable_in_app

    try:
        check_importable_in_app(name)
        find_chain(name)
    except ChainImportError as error:
        return _refuse(str(error))
    variables: dict[str, str] = {}
    if ":" in name:
        path, name = name, name.rpartition(":")[2].replace(".", "_")
        variables["WEIR_CHAINS"] = ",".join(filter(None, (settings().chains, f"{name}={path}")))
    link = f"http://localhost:{port}/events?{urlencode({'chain': name, **fields})}"
    print(f"Weir opens on {name}: {link}", flush=True)  # noqa: T201
    return _open_app(variables, port)


def _open_app(variables: dict[str, str], port: int) -> int:
    """Replace this process by the app's.

    The working directory stays the user's, for its `.env` and modules. Streamlit reads `.streamlit/config.toml` there
    and then the one beside the script, which is Weir's and wins.
    """
    from weir.config.settings import child_process_environment

    paths = dict.fromkeys(entry for entry in (os.getcwd(), *sys.path) if entry)
    variables = {"PYTHONPATH": os.pathsep.join(paths), **variables}
    script = str(APP_FOLDER / "streamlit_app.py")
    command = [sys.executable, "-m", "streamlit", "run", script, f"--server.port={port}"]
    os.execve(sys.executable, command, child_process_environment(**variables))
