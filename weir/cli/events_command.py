"""`weir events`: the events of a chain as they come, as lines for people, as JSON, or the text of its models alone."""

from collections.abc import Callable, Sequence
from typing import Any

import click

from weir.analysis.event_filter import EventFilter
from weir.analysis.messages import text_of
from weir.cli.inputs import read_json
from weir.cli.options import input_option, model_option, plain_option, recording_option
from weir.cli.record import named_chain
from weir.cli.runner import Runner, check_writable, write_recording
from weir.cli.terminal import Terminal
from weir.core import serialization
from weir.core.run_event import RunEvent

MODEL_STREAMS = ("on_chat_model_stream", "on_llm_stream")
LINES = {
    "on_chain_start": "🚀 Chain started: {name}",
    "on_chat_model_start": "💭 LLM thinking...",
    "on_chat_model_end": "✅ LLM finished",
    "on_chain_end": "🏁 Chain complete",
    "on_tool_start": "🔧 Tool started: {name}",
    "on_tool_end": "🔧 Tool finished: {name}",
}
"""Lines for people, by event. Events without a line are seen with `--json`."""

FILTERS = (
    ("include_names", "Only components of these names, or that another --include matches."),
    ("include_types", "Only these types: chain, chat_model, parser, prompt, tool …"),
    ("include_tags", "Only components with one of these tags."),
    ("exclude_names", "No components of these names."),
    ("exclude_types", "None of these types."),
    ("exclude_tags", "No components with one of these tags."),
)


def _filter_options(function: Callable[..., Any]) -> Callable[..., Any]:
    for name, help_line in reversed(FILTERS):
        option = click.option(f"--{name.replace('_', '-')}", metavar="A,B", default="", help=help_line)
        function = option(function)
    return function


@click.command("events")
@click.argument("chain")
@input_option
@click.option("--json", "as_json", is_flag=True, help="Print each event as a line of JSON.")
@click.option("--tokens", is_flag=True, help="Print the text that the models write, and nothing else.")
@_filter_options
@model_option
@recording_option
@plain_option
def command(
    chain: str,
    input_json: str,
    as_json: bool,
    tokens: bool,
    model: str | None,
    target: str | None,
    plain: bool,
    **filters: str,
) -> int:
    """Run a CHAIN and print what astream_events(version="v2") reports, as it comes.

    CHAIN is the name of a built-in chain, or package.module:attribute. The filters are LangChain's: an event passes if
    one of the includes matches, or there is none, and no exclude matches. Each takes names separated by commas.

    \b
    weir events story --input '{"topic": "rain"}'
    weir events smart_router --input '{"question": "Why?"}' --include-names ChatOpenAI --tokens
    weir events my_package.chains:agent --input @input.json --exclude-types parser --json | jq .event
    """
    if as_json and tokens:
        raise click.UsageError("Choose --json or --tokens.")
    spec, inputs = named_chain(chain), read_json(input_json)
    check_writable(target)
    event_filter = EventFilter(**{name: _names(text) for name, text in filters.items()})
    terminal = Terminal(plain=plain)
    with Runner(terminal, model=model) as runner:
        prepared = runner.prepare(lambda: spec.prepare(runner.models, spec.input_model.model_validate(inputs)))
        run = runner.start(prepared, name=chain)
        write = _write_json if as_json else _write_tokens if tokens else _write_line

        def show(events: Sequence[RunEvent]) -> None:
            for event in event_filter.select(events):
                write(event, terminal)

        ended = runner.follow(run, show)
        terminal.end_line()
        runner.report(ended)
        write_recording(run, target)
    return ended.exit_code


def _names(text: str) -> frozenset[str] | None:
    names = frozenset(filter(None, (part.strip() for part in text.split(","))))
    return names or None


def _write_json(event: RunEvent, terminal: Terminal) -> None:
    terminal.write(serialization.dumps(event.as_dict()).decode() + "\n")


def _write_tokens(event: RunEvent, terminal: Terminal) -> None:
    if event.event in MODEL_STREAMS:
        terminal.write(text_of(event.get("chunk")))


def _write_line(event: RunEvent, terminal: Terminal) -> None:
    _write_tokens(event, terminal)
    if event.event in LINES:
        line = LINES[event.event].format(name=event.name)
    elif event.event == "on_custom_event":
        line = f"📣 {event.name}: {serialization.dumps(event.data).decode()}"
    elif event.event.endswith("_error"):
        error = event.get("error")
        line = f"❌ {event.name} failed: {error.get('message') if isinstance(error, dict) else error}"
    else:
        return
    terminal.end_line()
    terminal.write(f"{line}\n")
