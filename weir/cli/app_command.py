"""`weir app`: opens the app, on a chain if one is named; with `--record` it runs the chain here, without a page."""

import json
import os
import sys
from typing import Any
from urllib.parse import urlencode

import click

from weir.cli.inputs import read_graph_options
from weir.cli.options import graph_options, model_option
from weir.config.app_folder import APP_FOLDER


@click.command("app")
@click.argument("chain", required=False)
@click.option("--input", "input_json", default="{}", show_default=True, help="The chain's input as JSON.")
@click.option("--record", "target", metavar="FILE", help="Run the chain here, write the recording to FILE (-: stdout).")
@click.option("--port", metavar="PORT", type=int, default=8501, show_default=True, help="Port of the app.")
@model_option
@graph_options
def command(
    chain: str | None, input_json: str, target: str | None, port: int, model: str | None, **options: Any
) -> int:
    """Open the app. CHAIN is the name of a built-in chain, or package.module:attribute: the app opens on it.

    `weir CHAIN` is the same, and with --record the chain runs here, without the app.

    \b
    weir app --port 8600
    weir my_package.chains:agent --input '{"question": "Why?"}'
    weir my_package.chains:agent --input '{"question": "Why?"}' --record run.jsonl
    """
    from weir.config.settings import SettingsError, settings

    try:
        inputs = json.loads(input_json)
        settings()
    except ValueError as error:
        raise click.ClickException(f"--input is not JSON: {error}.") from error
    except SettingsError as error:
        raise click.ClickException(str(error)) from error
    if target is not None:
        if chain is None:
            raise click.ClickException(
                '--record needs a chain. For example: weir story --input \'{"topic": "rain"}\' --record -'
            )
        from weir.cli.record import record

        return record(chain, inputs, target, read_graph_options(**options), model=model)
    if options["resume"] is not None or options["checkpoint"] is not None:
        raise click.ClickException("An answer or a checkpoint needs `--record`.")
    given = read_graph_options(**options)
    if model and settings().catalogue.get(model) is None:
        raise click.ClickException(f"There is no model {model!r}. There are {', '.join(settings().catalogue.names)}.")
    if chain is None:
        if given:
            raise click.ClickException("A thread, a context or a limit of steps needs a chain.")
        if model:
            click.echo(f"Weir opens with {model}: http://localhost:{port}/?{urlencode({'model': model})}")
        return _open_app({}, port)
    return _open_chain(chain, {"input": input_json, **given, **({"model": model} if model else {})}, port)


def _open_chain(name: str, form: dict[str, Any], port: int) -> int:
    """Become the app, with the chain in its registry. `form` is what the page's form begins with."""
    from weir.cli.record import find_chain
    from weir.config.settings import settings
    from weir.config.user_chains import ChainImportError, check_importable_in_app

    try:
        check_importable_in_app(name)
        find_chain(name)
    except ChainImportError as error:
        more = "" if ":" in name else " It is no command either: `weir --help` lists them."
        raise click.ClickException(f"{error}{more}") from error
    variables: dict[str, str] = {}
    if ":" in name:
        path, name = name, name.rpartition(":")[2].replace(".", "_")
        variables["WEIR_CHAINS"] = ",".join(filter(None, (settings().chains, f"{name}={path}")))
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in form.items()}
    link = f"http://localhost:{port}/events?{urlencode({'chain': name, **texts})}"
    click.echo(f"Weir opens on {name}: {link}")
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
