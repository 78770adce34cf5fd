"""`weir ask`: one question, classified and answered by the chain for its kind."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from weir.analysis.answer_reader import answer_text
from weir.analysis.metrics import custom_event, root_chunk_text
from weir.cli.app_modules import import_app_module
from weir.cli.inputs import read_text
from weir.cli.options import model_option, plain_option, recording_option
from weir.cli.runner import EndedRun, Runner, check_writable, read_settings, write_recording
from weir.cli.terminal import Terminal
from weir.config.settings import SettingsError
from weir.core.run_event import RunEvent
from weir.llm.attachment_files import AttachmentError, read_files
from weir.llm.attachments import Attachment

EXAMPLE = 'weir ask "What is 25 * 17?"'


def route_names() -> tuple[str, ...]:
    """Return the names of the routes. Raises ClickException if a setting cannot be used."""
    return read_settings().catalogue.routing.names


def _known_route(_: click.Context, __: click.Parameter, name: str | None) -> str | None:
    if name is not None and name not in (names := route_names()):
        raise click.BadParameter(f"{name!r} is not one of {', '.join(map(repr, names))}.")
    return name


route_option = click.option(
    "--route", metavar="ROUTE", callback=_known_route, help="Answer by this route, without a classification."
)


@click.command("ask")
@click.argument("question", nargs=-1)
@route_option
@click.option(
    "--attach",
    "files",
    metavar="FILE",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Send a text file or an image with the question. Can be given five times.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object: route, answer, status, figures.")
@model_option
@recording_option
@plain_option
def command(
    question: tuple[str, ...],
    route: str | None,
    files: tuple[Path, ...],
    as_json: bool,
    model: str | None,
    target: str | None,
    plain: bool,
) -> int:
    """Ask one QUESTION. It is classified, and the chain for its kind streams the answer.

    Without a question, or with -, it is read from standard input. The route and the figures go to standard error.

    \b
    weir ask "What is 25 * 17?"
    weir ask --route code "Reverse a string" > answer.md
    weir ask --attach report.md "What is missing in it?"
    git diff | weir ask - --json | jq -r .answer
    """
    attachments = {0: _attachments(files)} if files else None
    text = read_text(question, name="question", example=EXAMPLE)
    check_writable(target)
    terminal = Terminal(plain=plain)
    with Runner(terminal, model=model) as runner:
        prepare = ConversationPreparation(runner)
        run = runner.start(runner.prepare(lambda: prepare(text, [], route, attachments)), name="smart_router")
        route_line = RouteLine(terminal)

        def show(events: Sequence[RunEvent]) -> None:
            route_line.read(events)
            terminal.write("".join(map(root_chunk_text, events)))

        ended = runner.follow(run, route_line.read if as_json else show)
        if as_json:
            terminal.write(json.dumps(_as_json(text, ended, runner.model_name), ensure_ascii=False))
        terminal.end_line()
        runner.report(ended)
        write_recording(run, target)
    return ended.exit_code


def _attachments(files: Sequence[Path]) -> list[Attachment]:
    """Read the files of a question. Raises ClickException if one cannot be sent."""
    try:
        read = read_files([(file.name, file.read_bytes()) for file in files])
    except (AttachmentError, OSError) as error:
        raise click.ClickException(str(error)) from error
    return [one.attachment for one in read]


class ConversationPreparation:
    """Prepares the smart router for a question, its history, and a route if a person has chosen one."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._registry = import_app_module("chains.registry")
        self._conversation = import_app_module("chains.conversation")
        try:
            self._conversation.check_router()
        except SettingsError as error:
            raise click.ClickException(str(error)) from error

    def __call__(
        self,
        question: str,
        history: Sequence[tuple[str, str]],
        route: str | None,
        attachments: Mapping[int, Sequence[Attachment]] | None = None,
    ) -> Any:
        """Return the prepared run; `attachments` are the files of the questions, by their places in the history.

        Raises ValidationError for a question that is too long.
        """
        if question or not attachments:
            question = self._registry.ConversationInput(question=question).question
        prepare = self._conversation.prepare_conversation
        return prepare(self._runner.models, question, history, route=route, attachments=attachments)


class RouteLine:
    """Writes which route a question takes, as soon as that is decided."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._is_said = False

    def read(self, events: Iterable[RunEvent]) -> None:
        """Read further events."""
        if self._is_said:
            return
        decision = custom_event(events, "route")
        if isinstance(decision, dict):
            self._is_said = True
            note = " It takes the route for what cannot be classified." if decision.get("fallback") else ""
            self._terminal.say(f"Route: {decision.get('route')}. {decision.get('reason') or ''}{note}".rstrip())


def _as_json(question: str, ended: EndedRun, model: str) -> dict[str, Any]:
    decision = custom_event(ended.run.events, "route")
    figures = asdict(ended.metrics)
    figures.pop("inter_token_latencies")
    return {
        "question": question,
        "route": decision.get("route") if isinstance(decision, dict) else None,
        "answer": answer_text(ended.run.events),
        "status": ended.outcome.status.value,
        "message": ended.message,
        # On a route of its own another model may have answered.
        "model": ended.metrics.model or model,
        "decision": decision,
        "figures": figures,
        "run_id": ended.run.id,
    }
