"""`weir classify`: the route of each question and how certain it is, by the local classifier, without a model."""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from weir.cli.app_modules import import_app_module
from weir.cli.inputs import FROM_PIPE
from weir.cli.main import INTERRUPTED, OK
from weir.cli.options import plain_option
from weir.cli.terminal import Terminal

EXAMPLE = "weir classify 'What is 25 * 17?'"
ROUTE_WIDTH, PROBABILITY_WIDTH = 9, 13
"""Columns of the table in a terminal; the question has the rest of the line."""


@click.command("classify")
@click.argument("question", nargs=-1)
@click.option("--file", "file", metavar="FILE", help="Read the questions from FILE, one a line.")
@click.option("--evaluate", "labelled", metavar="FILE.tsv", help="Measure the routes of labelled questions.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for each question, or the figures as one.")
@plain_option
def command(question: tuple[str, ...], file: str | None, labelled: str | None, as_json: bool, plain: bool) -> int:
    """Print the route of a QUESTION, math, code or general, and how probable it is.

    Without a question, or with -, each line of standard input is one, and is answered as it comes. The local classifier
    decides: no model is asked. In a pipe a line has the route, the probability and the question, with tabs between.

    With --evaluate a file of your own questions is measured: a line has the right route, a tab and the question. The
    output is the share that is right with its 95 % interval, the recall of each route, the calibration, and the misses.

    `weir classify` with --input, --record or --port is the chain of this name: see `weir app`.

    \b
    weir classify "What is 25 * 17?"
    weir classify --file questions.txt | cut -f 1 | sort | uniq -c
    weir classify --evaluate labelled.tsv
    """
    text = " ".join(question).strip()
    if sum(map(bool, (text, file, labelled))) > 1:
        raise click.UsageError("Give a question, --file or --evaluate, and only one of them.")
    terminal = Terminal(plain=plain)
    if labelled:
        return _evaluate(labelled, as_json, terminal)
    if text and text != FROM_PIPE:
        questions: Iterator[str] = iter([text])
    elif text or file or not sys.stdin.isatty():
        questions = _lines(file)
    else:
        raise click.ClickException(f"There is no question. For example: {EXAMPLE}")
    return _classify(questions, as_json, terminal, with_reason=bool(text) and text != FROM_PIPE)


def _classify(questions: Iterator[str], as_json: bool, terminal: Terminal, *, with_reason: bool) -> int:
    classifier = import_app_module("chains.classifier.local_classifier").LocalClassifier()
    count = 0
    try:
        for question in questions:
            decision = classifier.decide(question)
            count += 1
            if as_json:
                terminal.write(json.dumps(_as_json(question, decision), ensure_ascii=False) + "\n")
            elif terminal.draws_output:
                terminal.write(_row(question, decision, terminal.console.width, with_head=count == 1))
            else:
                terminal.write(f"{decision.category}\t{decision.probabilities[decision.category]:.2f}\t{question}\n")
            if with_reason and not as_json:
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


def _row(question: str, decision: Any, width: int, *, with_head: bool) -> str:
    """Return a line of the table, which the terminal does not wrap."""
    head = f"{'route':{ROUTE_WIDTH}}{'probability':{PROBABILITY_WIDTH}}question\n" if with_head else ""
    line = " ".join(question.split())
    room = max(10, width - ROUTE_WIDTH - PROBABILITY_WIDTH)
    probability = f"{decision.probabilities[decision.category]:.0%}"
    return f"{head}{decision.category:{ROUTE_WIDTH}}{probability:{PROBABILITY_WIDTH}}{_cut(line, room)}\n"


def _cut(line: str, width: int) -> str:
    from rich.cells import cell_len, set_cell_size

    return line if cell_len(line) <= width else set_cell_size(line, width - 1).rstrip() + "…"


def _as_json(question: str, decision: Any) -> dict[str, Any]:
    return {
        "question": question,
        "route": decision.category,
        "probability": decision.probabilities[decision.category],
        "probabilities": decision.probabilities,
        "abstained": decision.abstained,
        "reason": decision.reason,
    }


def _evaluate(file: str, as_json: bool, terminal: Terminal) -> int:
    report = import_app_module("chains.classifier.source_report")
    path = Path(file)
    try:
        questions = report.load_sources(path)
    except UnicodeDecodeError:
        raise click.ClickException(f"{file} cannot be read: it is not UTF-8.") from None
    except OSError as error:
        raise click.ClickException(f"{file} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise click.ClickException(f"{error}.") from error
    if not questions:
        raise click.ClickException(f"There is no question in {file}.")
    judged = report.judge(report.LocalClassifier(), questions)
    if as_json:
        misses = [_miss(one) for one in judged if not one.right]
        text = json.dumps(asdict(report.figures(judged)) | {"misses": misses}, ensure_ascii=False)
    else:
        text = report.source_report(path.name, judged, None)
    terminal.write(f"{text}\n")
    return OK


def _miss(one: Any) -> dict[str, Any]:
    asked: Sequence[tuple[str, str]] = one.example.history
    return {
        "right_route": one.example.category,
        **_as_json(one.example.question, one.decision),
        "source": one.source,
        "before": [text for _, text in asked],
    }
