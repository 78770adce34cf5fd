"""`weir classify`: the route of each question, by the local classifier with how certain it is, or by a model."""

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from weir.cli.app_modules import import_app_module
from weir.cli.inputs import FROM_PIPE
from weir.cli.main import INTERRUPTED, OK
from weir.cli.options import model_option, plain_option
from weir.cli.terminal import Terminal
from weir.config.router_catalogue import NEEDS_TRAINING, RouterCatalogue
from weir.config.settings import SettingsError, settings

EXAMPLE = "weir classify 'What is 25 * 17?'"
ROUTE_WIDTH, PROBABILITY_WIDTH = 9, 13
"""Columns of the table in a terminal; the question has the rest of the line."""
PROGRESS_SECONDS = 5.0
"""Time after which an evaluation says how far it is."""


@click.command("classify")
@click.argument("question", nargs=-1)
@click.option("--file", "file", metavar="FILE", help="Read the questions from FILE, one a line.")
@click.option("--evaluate", "labelled", metavar="FILE", help="Measure the routes of labelled questions.")
@click.option("--train", "examples", metavar="FILE", help="Learn a classifier of your own from labelled questions.")
@click.option("--to", "target", metavar="FILE.npz", help="Where --train writes it.")
@click.option(
    "--by",
    type=click.Choice(("local", "model")),
    help="Who decides: the local classifier, or a model, one call a question.  [default: local]",
)
@model_option
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for each question, or the figures as one.")
@plain_option
def command(
    question: tuple[str, ...],
    file: str | None,
    labelled: str | None,
    examples: str | None,
    target: str | None,
    by: str | None,
    model: str | None,
    as_json: bool,
    plain: bool,
) -> int:
    """Print the route of a QUESTION, math, code or general or one of your own, and how probable it is.

    Without a question, or with -, each line of standard input is one, and is answered as it comes. The local classifier
    decides, and a model is asked only with --by model or --model. In a pipe a line has the route, the probability and
    the question, with tabs between; a model says no probability.

    With --evaluate a file of your own questions is measured: a line has the right route, a tab and the question. The
    output is the share that is right with its 95 % interval, the recall of each route, the calibration, and the misses.

    With --train a classifier is learned from such a file, with any categories, on this machine and without a network.
    Name its file in weir.toml: file = "my_router.npz" below [router].

    `weir classify` with --input, --record or --port is the chain of this name: see `weir app`.

    \b
    weir classify "What is 25 * 17?"
    weir classify --file questions.txt | cut -f 1 | sort | uniq -c
    weir classify --evaluate labelled.tsv
    weir classify --by model --evaluate labelled.tsv
    weir classify --train examples.tsv --to my_router.npz
    """
    text = " ".join(question).strip()
    if sum(map(bool, (text, file, labelled, examples))) > 1:
        raise click.UsageError("Give a question, --file, --evaluate or --train, and only one of them.")
    if bool(examples) != bool(target):
        raise click.UsageError("--train FILE and --to FILE.npz go together.")
    if by == "local" and model:
        raise click.UsageError("The local classifier asks no model: leave out --by local, or --model.")
    terminal = Terminal(plain=plain)
    if examples and target:
        from weir.cli.router_training import train_router

        return train_router(Path(examples), Path(target), as_json, terminal)
    if labelled:
        questions_of_file = _labelled(labelled)
        with _classifier(by, model, terminal, keeps_runs=False) as classifier:
            return _evaluate(Path(labelled).name, questions_of_file, classifier, as_json, terminal)
    if text and text != FROM_PIPE:
        questions: Iterator[str] = iter([text])
    elif text or file or not sys.stdin.isatty():
        questions = _lines(file)
    else:
        raise click.ClickException(f"There is no question. For example: {EXAMPLE}")
    with _classifier(by, model, terminal) as classifier:
        return _classify(questions, classifier, as_json, terminal, with_reason=bool(text) and text != FROM_PIPE)


@dataclass(frozen=True, slots=True)
class _Classifier:
    """Who decides, and whether it says how certain it is."""

    decide: Callable[..., Any]
    has_probabilities: bool


@contextlib.contextmanager
def _classifier(
    by: str | None, model: str | None, terminal: Terminal, *, keeps_runs: bool = True
) -> Iterator[_Classifier]:
    if by != "model" and not model:
        yield _Classifier(_local_classifier().decide, has_probabilities=True)
        return
    from weir.cli.model_classifier import ModelClassifier
    from weir.cli.runner import Runner

    with Runner(terminal, model=model, keeps_runs=keeps_runs) as runner:
        yield _Classifier(ModelClassifier(runner).decide, has_probabilities=False)


def _local_classifier() -> Any:
    """Return the local classifier that the settings name. Raises ClickException if none knows their routes."""
    conversation = import_app_module("chains.conversation")
    routing = _routing()
    if not routing.has_local_classifier:
        raise click.ClickException(f"{NEEDS_TRAINING[0].upper()}{NEEDS_TRAINING[1:]} Or ask one with --by model.")
    try:
        conversation.check_router()
    except SettingsError as error:
        raise click.ClickException(str(error)) from error
    return conversation.configured_classifier(routing)


def _routing() -> RouterCatalogue:
    """Return the routes of the settings. Raises ClickException if a setting cannot be used."""
    try:
        return settings().catalogue.routing
    except SettingsError as error:
        raise click.ClickException(str(error)) from error


def _classify(
    questions: Iterator[str], classifier: _Classifier, as_json: bool, terminal: Terminal, *, with_reason: bool
) -> int:
    count = 0
    try:
        for question in questions:
            decision = classifier.decide(question)
            count += 1
            if as_json:
                terminal.write(json.dumps(_as_json(question, decision, classifier), ensure_ascii=False) + "\n")
                continue
            probability = _probability(decision) if classifier.has_probabilities else None
            if terminal.draws_output:
                row = _row(question, decision.category, probability, terminal.console.width, with_head=count == 1)
                terminal.write(row)
            else:
                shown = "" if probability is None else f"{probability:.2f}"
                terminal.write(f"{decision.category}\t{shown}\t{question}\n")
            if with_reason:
                terminal.say(decision.reason)
    except KeyboardInterrupt:
        terminal.say(f"Stopped after {'1 question' if count == 1 else f'{count:,} questions'}.")
        return INTERRUPTED
    if not count:
        raise click.ClickException(f"There is no question. For example: {EXAMPLE}")
    return OK


def _lines(file: str | None) -> Iterator[str]:
    """Yield the lines of a file, or of standard input, that are not empty. Raises ClickException."""
    try:
        with click.open_file(file or FROM_PIPE, "rb") as lines:
            for line in lines:
                if text := line.decode("utf-8-sig", errors="replace").strip():
                    yield text
    except OSError as error:
        raise click.ClickException(f"{file} cannot be read: {error.strerror}.") from error


def _row(question: str, route: str, certain: float | None, width: int, *, with_head: bool) -> str:
    """Return a line of the table, which the terminal does not wrap."""
    head = f"{'route':{ROUTE_WIDTH}}{'probability':{PROBABILITY_WIDTH}}question\n" if with_head else ""
    line = " ".join(question.split())
    room = max(10, width - ROUTE_WIDTH - PROBABILITY_WIDTH)
    probability = "" if certain is None else f"{certain:.0%}"
    return f"{head}{route:{ROUTE_WIDTH}}{probability:{PROBABILITY_WIDTH}}{_cut(line, room)}\n"


def _cut(line: str, width: int) -> str:
    from rich.cells import cell_len, set_cell_size

    return line if cell_len(line) <= width else set_cell_size(line, width - 1).rstrip() + "…"


def _as_json(question: str, decision: Any, classifier: _Classifier) -> dict[str, Any]:
    found = {
        "question": question,
        "route": decision.category,
        "probability": _probability(decision),
        "probabilities": decision.probabilities,
        "abstained": decision.abstained,
        "reason": decision.reason,
    }
    return found if classifier.has_probabilities else found | {"probability": None, "probabilities": None}


def _probability(decision: Any) -> float:
    """Return the probability of the route. A classifier may not know the fallback: it then has none."""
    return float(decision.probabilities.get(decision.category, 0.0))


def _labelled(file: str) -> Any:
    """Return the questions of a file with their routes and sources. Raises ClickException."""
    return read_labelled(Path(file), _routing().names)


def read_labelled(file: Path, categories: Sequence[str] | None) -> Any:
    """Return the questions of a file with their sources; `categories` None is any. Raises ClickException."""
    reader = import_app_module("chains.classifier.labelled_file")
    try:
        questions = reader.load_sources(file, categories)
    except UnicodeDecodeError:
        raise click.ClickException(f"{file} cannot be read: it is not UTF-8.") from None
    except OSError as error:
        raise click.ClickException(f"{file} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise click.ClickException(f"{error}.") from error
    if not questions:
        raise click.ClickException(f"There is no question in {file}.")
    return questions


def _evaluate(name: str, examples: Any, classifier: _Classifier, as_json: bool, terminal: Terminal) -> int:
    report = import_app_module("chains.classifier.source_report")
    has_probabilities, routes = classifier.has_probabilities, _routing().names
    judged: list[Any] = []
    shown = time.monotonic()
    try:
        for example in examples:
            judged += report.judge(classifier, [example])
            if time.monotonic() - shown > PROGRESS_SECONDS:
                shown = time.monotonic()
                terminal.say(f"{len(judged):,} of {len(examples):,} questions")
    except KeyboardInterrupt:
        if not judged:
            terminal.say("Stopped before the first answer.")
            return INTERRUPTED
        terminal.say(f"Stopped: these are the figures of {len(judged):,} of {len(examples):,} questions.")
    if as_json:
        misses = [_miss(one, classifier) for one in judged if not one.right]
        figures = asdict(report.figures(judged, routes)) | ({} if has_probabilities else {"calibration_error": None})
        text = json.dumps(figures | {"misses": misses}, ensure_ascii=False)
    else:
        text = report.source_report(name, judged, None, has_probabilities=has_probabilities, categories=routes)
    terminal.write(f"{text}\n")
    return OK if len(judged) == len(examples) else INTERRUPTED


def _miss(one: Any, classifier: _Classifier) -> dict[str, Any]:
    asked: Sequence[tuple[str, str]] = one.example.history
    return {
        "right_route": one.example.category,
        **_as_json(one.example.question, one.decision, classifier),
        "source": one.source,
        "before": [text for _, text in asked],
    }
