"""The `weir` command: a group of commands, each in a file `<name>_command.py` that is imported when it is called.

LangChain takes half a second to import, so `weir --help` imports none of them: their help lines stand in `COMMANDS`.
"""

import importlib
import os
import sys

import click

from weir import __version__

OK, RUN_FAILED, CANNOT_START = 0, 1, 2
"""Exit codes."""

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""

COMMANDS: dict[str, tuple[str, str]] = {
    "app": ("weir.cli.app_command", "Open the app, on a chain if one is named. This is the default."),
    "show": ("weir.cli.show_command", "Show a recording: its run tree, figures and diagnosis."),
    "replay": ("weir.cli.replay_command", "Print the answer of a recording again, with its timing."),
    "diff": ("weir.cli.diff_command", "Compare two recordings."),
    "check": ("weir.cli.check_command", "Check recordings by rules, for tests and CI."),
    "serve-replay": ("weir.cli.serve_replay_command", "Answer OpenAI clients with recordings."),
}
"""Commands in the order of the help: the module whose `command` is imported, and the help line."""

HELP = """Show, measure and record what a LangChain chain streams.

Without a command, the app opens. `weir CHAIN` opens it on a chain: the name of a built-in one, or
package.module:attribute."""

EPILOG = "Exit codes: 0 done, 1 the run did not end well, 2 it cannot start."


class LazyGroup(click.Group):
    """Group whose commands are imported when they are called. What is no command is an argument of `weir app`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or not (args[0] in COMMANDS or args[0] in ("--help", "--version")):
            args = ["app", *args]
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(COMMANDS[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_line) for name, (_, help_line) in COMMANDS.items()])


@click.group(cls=LazyGroup, help=HELP, epilog=EPILOG)
@click.version_option(__version__, message="weir %(version)s")
def weir() -> None:
    """Run a command."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code. A command returns its own; None is 0."""
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        code = weir.main(arguments, prog_name="weir", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return CANNOT_START
    except click.Abort:
        return INTERRUPTED
    return code if isinstance(code, int) else OK
