"""`weir attach`: starts a program that loads the tail first, so that its LangChain runs appear in Weir."""

import os
from pathlib import Path

import click

DEFAULT_URL = "http://127.0.0.1:8501"


@click.command("attach", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("program", nargs=-1, type=click.UNPROCESSED, metavar="[--] COMMAND...")
@click.option("--url", metavar="URL", help=f"Address of Weir, instead of WEIR_ATTACH or {DEFAULT_URL}.")
@click.option("--name", metavar="NAME", help="What the program is called in Weir; without it, its script or module.")
@click.option("--file", "folder", metavar="FOLDER", help="Write each run there as a recording too.")
@click.option("--no-content", is_flag=True, help="Send names, times and sizes in place of texts.")
@click.option("--print", "is_printed", is_flag=True, help="Print the tail's file, for where Weir is not installed.")
def command(
    program: tuple[str, ...], url: str | None, name: str | None, folder: str | None, no_content: bool, is_printed: bool
) -> int:
    """Start a program, unchanged, and show its LangChain runs in Weir as they happen.

    The exit code is the program's. It may use another Python, without Weir, from 3.10 on.

    \b
    weir attach -- python app.py
    weir attach -- uvicorn app:app --workers 2
    weir attach --file .weir -- pytest
    weir attach --print > sitecustomize.py
    """
    from weir.attach import weir_tail
    from weir.config.settings import SettingsError, child_process_environment, settings

    tail = Path(weir_tail.__file__)
    if is_printed:
        click.echo(tail.read_text(encoding="utf-8"), nl=False)
        click.echo(
            "Save this as sitecustomize.py in a folder. Set PYTHONPATH to that folder, and WEIR_ATTACH to Weir's "
            f"address, such as {DEFAULT_URL}. A Weir with a token needs WEIR_ATTACH_TOKEN too.",
            err=True,
        )
        return 0
    if not program:
        raise click.ClickException("A command is missing. For example: weir attach -- python app.py")
    try:
        token = settings().api_token
    except SettingsError as error:
        raise click.ClickException(str(error)) from error
    before = child_process_environment()
    known = before.get("WEIR_ATTACH", "")
    variables = {"WEIR_ATTACH": url or (known if "://" in known else DEFAULT_URL)}
    folders = (str(tail.parent / "pythonpath"), str(tail.parent), before.get("PYTHONPATH"))
    variables["PYTHONPATH"] = os.pathsep.join(filter(None, folders))
    # The token of this machine's Weir is for this machine's Weir.
    if token and "WEIR_ATTACH_TOKEN" not in before and weir_tail.is_loopback(variables["WEIR_ATTACH"]):
        variables["WEIR_ATTACH_TOKEN"] = token.get_secret_value()
    if name:
        variables["WEIR_ATTACH_NAME"] = name
    if folder:
        variables["WEIR_ATTACH_FILE"] = str(Path(folder).absolute())
    if no_content:
        variables["WEIR_ATTACH_CONTENT"] = "0"
    try:
        os.execvpe(program[0], program, child_process_environment(**variables))
    except OSError as error:
        raise click.ClickException(f"{program[0]} cannot be started: {error.strerror}.") from error
