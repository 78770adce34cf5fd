"""`weir json`: JSON of a schema as it is written, by a model or by whoever writes to standard input."""

import codecs
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from weir.cli.inputs import FROM_PIPE, read_json
from weir.cli.json_output import (
    DRAW_INTERVAL_SECONDS,
    FieldsOutput,
    GrowingOutput,
    JsonOutput,
    LinesOutput,
    PartialsOutput,
)
from weir.cli.main import INTERRUPTED, OK, RUN_FAILED
from weir.cli.options import model_option, plain_option, recording_option
from weir.cli.terminal import Terminal
from weir.partial_json.checked_schema import SchemaError

EXAMPLES = ("Profile", "Recipe", "Review")
READ_BYTES = 65_536


@click.command("json")
@click.argument("topic", nargs=-1)
@click.option("--schema", metavar="FILE", help="JSON Schema (2020-12) of the object.")
@click.option("--example", type=click.Choice(EXAMPLES), default="Profile", show_default=True, help="A built-in schema.")
@click.option("--partials", "form", flag_value="partials", help="Print `Partial: …` at each chunk that changes it.")
@click.option("--lines", "form", flag_value="lines", help="Print a line of JSON at each chunk that changes it.")
@click.option("--fields", "form", flag_value="fields", help="Print a line for each field that begins or is complete.")
@model_option
@recording_option
@plain_option
def command(
    topic: tuple[str, ...],
    schema: str | None,
    example: str,
    form: str | None,
    model: str | None,
    target: str | None,
    plain: bool,
) -> int:
    """Have a model describe a TOPIC as JSON of a schema, and show it as it grows.

    In a terminal the object grows in place, its fields with their states; at the end, and in a pipe, stands the
    object alone. With -, or without a topic in a pipe, the text comes from standard input and no model is asked: prose
    and a fence around the JSON are left out, and with --schema it is checked.

    \b
    weir json Python --partials
    weir json "a pancake" --example Recipe | jq .ingredients
    my-program | weir json - --schema answer.json --fields
    """
    form_of_json = read_json(f"@{schema}", option="--schema") if schema else None
    terminal = Terminal(plain=plain)
    if " ".join(topic).strip() == FROM_PIPE or (not topic and not sys.stdin.isatty()):
        return _parse_pipe(_output(terminal, form, form_of_json), terminal)
    return _ask_model(" ".join(topic), form_of_json, example, form, model, target, terminal)


def _output(terminal: Terminal, form: str | None, schema: Any) -> JsonOutput:
    forms: dict[str | None, type[JsonOutput]] = {
        "partials": PartialsOutput,
        "lines": LinesOutput,
        "fields": FieldsOutput,
        None: GrowingOutput if terminal.draws_output else JsonOutput,
    }
    try:
        return forms[form](terminal, schema)
    except SchemaError as error:
        raise click.ClickException(f"--schema: {error}") from error


def _parse_pipe(output: JsonOutput, terminal: Terminal) -> int:
    decode = codecs.getincrementaldecoder("utf-8")(errors="replace").decode
    code = OK
    with output:
        try:
            while data := os.read(sys.stdin.fileno(), READ_BYTES):
                output.feed(decode(data))
        except KeyboardInterrupt:
            code = INTERRUPTED
        output.feed(decode(b"", True))
        problems = output.finish()
    for problem in problems:
        terminal.say(problem)
    return code or (RUN_FAILED if problems else OK)


def _ask_model(
    topic: str, schema: Any, example: str, form: str | None, model: str | None, target: str | None, terminal: Terminal
) -> int:
    # Imported here: a stream from a pipe needs no LangChain.
    from weir.analysis.metrics import root_chunk_text
    from weir.cli.app_modules import import_app_module
    from weir.cli.runner import Runner, check_writable, write_recording
    from weir.core.run_event import RunEvent
    from weir.llm.chain_registry import PreparedRun

    if not topic:
        raise click.ClickException("There is no topic. For example: weir json Python")
    if schema is not None and not isinstance(schema, dict):
        raise click.ClickException("--schema: the schema of a model's answer is a JSON object.")
    check_writable(target)
    registry, structured = import_app_module("chains.registry"), import_app_module("chains.structured")
    asked = structured.EXAMPLES[example].model_json_schema() if schema is None else schema
    output = _output(terminal, form, asked)
    with output, Runner(terminal, model=model) as runner:

        def build() -> PreparedRun:
            value = registry.TopicInput(topic=topic)
            method = structured.StructuredMethod.TEXT
            prepared: PreparedRun = registry.prepare_structured(runner.models, value.topic, asked, method)
            return prepared

        run = runner.start(runner.prepare(build), name="structured")

        def show(events: Sequence[RunEvent]) -> None:
            for event in events:
                if text := root_chunk_text(event):
                    output.feed(text)
            output.refresh()

        ended = runner.follow(run, show, heartbeat=DRAW_INTERVAL_SECONDS)
        problems = output.finish()
        runner.report(ended)
        for problem in problems:
            terminal.say(problem)
        write_recording(run, target)
    return ended.exit_code or (RUN_FAILED if problems else OK)
