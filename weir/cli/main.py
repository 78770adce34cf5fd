"""The `weir` command: a group of commands, each in a file `<name>_command.py` that is imported when it is called.

LangChain takes half a second to import, so `weir --help` imports none of them: their help lines stand in `COMMANDS`.
"""

import importlib
import os
import sys
from collections.abc import Sequence

import click

from weir import __version__

OK, RUN_FAILED, CANNOT_START = 0, 1, 2
"""Exit codes."""

INTERRUPTED, OUTPUT_CLOSED = 130, 141
"""Exit codes after Ctrl-C, and where nobody reads the output any more, as shells have them."""

COMMANDS: dict[str, tuple[str, str]] = {
    "app": ("weir.cli.app_command", "Open the app, on a chain if one is named. This is the default."),
    "chat": ("weir.cli.chat_command", "Chat, in the same conversations as the app's."),
    "ask": ("weir.cli.ask_command", "Ask one question; the chain for its kind answers."),
    "classify": ("weir.cli.classify_command", "Print the route of each question, a question a line."),
    "story": ("weir.cli.story_command", "Write a story by one of five methods, with a progress bar."),
    "json": ("weir.cli.json_command", "Show JSON as it grows, from a model or from a pipe."),
    "events": ("weir.cli.events_command", "Print the events of a chain as they come."),
    "attach": ("weir.cli.attach_command", "Start a program and show its runs in the app as they happen."),
    "record": ("weir.cli.record_command", "Run a chain and write its recording."),
    "show": ("weir.cli.show_command", "Show a recording: its run tree, figures and diagnosis."),
    "replay": ("weir.cli.replay_command", "Print the answer of a recording again, with its timing."),
    "diff": ("weir.cli.diff_command", "Compare two recordings."),
    "check": ("weir.cli.check_command", "Check recordings by rules, for tests and CI."),
    "models": ("weir.cli.models_command", "List the models that can be asked, and what is wrong with one."),
    "measure": ("weir.cli.measure_command", "Measure how soon and how fast models answer."),
    "serve-replay": ("weir.cli.serve_replay_command", "Answer OpenAI clients with recordings."),
}
"""Commands in the order of the help: the module whose `command` is imported, and the help line."""

SECTIONS: dict[str, Sequence[str]] = {
    "In the browser": ("app",),
    "Ask and write": ("chat", "ask", "classify", "story", "json", "models", "measure"),
    "Look into a chain": ("attach", "events", "record"),
    "Use recordings": ("show", "replay", "diff", "check", "serve-replay"),
}
"""Headings of the help, with their commands. A command that stands under none comes last."""

OTHER_COMMANDS = "More commands"

ALSO_CHAINS = ("story", "classify")
"""Commands with the name of a built-in chain. With one of `CHAIN_OPTIONS` the name means the chain."""

CHAIN_OPTIONS = ("--input", "--record", "--port")

HELP = """See, measure and record what a LangChain chain streams.

Without a command, the app opens. `weir CHAIN` opens it on a chain: the name of a built-in one (story, smart_router,
classify, structured, showcase, graph, agent), or package.module:attribute of your own. With `--record FILE` the chain
runs here instead."""

EXAMPLES = (
    "weir",
    "weir attach -- python app.py",
    "weir chat",
    "weir ask 'What is 25 * 17?'",
    "weir classify --file questions.txt",
    "weir story 'a robot learning to cook' --method stream --buffered 10,100ms",
    'weir events story --input \'{"topic": "rain"}\' --include-names ChatOpenAI --tokens',
    'weir my_package.chains:agent --input \'{"question": "Why?"}\'',
)

OUTPUT = (
    "The answer goes to standard output and everything else to standard error, so pipes work. Where standard output is "
    "no terminal there are no colours and no bar; NO_COLOR and --plain turn them off where it is one. Ctrl-C stops the "
    "run and hangs up on the model; what had arrived is kept."
)

MODEL = (
    "OPENAI_API_KEY, OPENAI_BASE_URL and OPENAI_MODEL, in the environment or in .env, name the model; weir.toml names "
    "several. Without them a small embedded one answers."
)

EXIT_CODES = (
    ("0", "done"),
    ("1", "the run did not end well: it failed, or its answer was cut off"),
    ("2", "it cannot start: wrong input, or no model"),
    ("130", "stopped by Ctrl-C"),
    ("141", "nobody reads the output any more, as after | head"),
)


class LazyGroup(click.Group):
    """Group whose commands are imported when they are called. What is no command is an argument of `weir app`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or not (args[0] in COMMANDS or args[0] in ("--help", "--version")) or _names_chain(args):
            args = ["app", *args]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        try:
            code = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            # Python flushes standard output once more when it exits, and would report the closed pipe then.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return OUTPUT_CLOSED
        return code

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(COMMANDS[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        listed = {name for names in SECTIONS.values() for name in names}
        sections = {**SECTIONS, OTHER_COMMANDS: [name for name in COMMANDS if name not in listed]}
        for title, names in sections.items():
            if rows := [(name, COMMANDS[name][1]) for name in names if name in COMMANDS]:
                with formatter.section(title):
                    formatter.write_dl(rows, col_max=14)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.format_commands(ctx, formatter)
        with formatter.section("Examples"):
            for example in EXAMPLES:
                formatter.write(f"{'':{formatter.current_indent}}{example}\n")
        for title, text in (("Output", OUTPUT), ("Model", MODEL)):
            with formatter.section(title):
                formatter.write_text(text)
        with formatter.section("Exit codes"):
            formatter.write_dl(EXIT_CODES)
        click.Command.format_options(self, ctx, formatter)


@click.group(cls=LazyGroup, help=HELP, epilog="weir COMMAND --help has the options of a command and examples.")
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


def _names_chain(args: Sequence[str]) -> bool:
    return args[0] in ALSO_CHAINS and any(arg.partition("=")[0] in CHAIN_OPTIONS for arg in args[1:])
