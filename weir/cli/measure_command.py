"""`weir measure`: how soon and how fast models answer, by the number of answers at once; and comparisons."""

import contextlib
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any

import click
from langchain_core.runnables import Runnable

from weir.cli.main import INTERRUPTED, OK, RUN_FAILED
from weir.cli.options import plain_option
from weir.cli.runner import Runner, check_writable, read_settings
from weir.cli.terminal import Terminal
from weir.config.settings import Settings
from weir.core.redaction import Redactor
from weir.llm.chain_registry import ModelNotReadyError, PreparedRun
from weir.llm.provider import ModelOptions, ModelProvider
from weir.measure import measurement_plan
from weir.measure.measurement import Measurement
from weir.measure.measurement_comparison import compare, comparison_notes, level_row, notes
from weir.measure.measurement_file import MAX_BYTES, MeasurementFile, MeasurementFileError, read_measurement
from weir.measure.measurement_plan import MeasurementPlan
from weir.runs.run import Run

FOLDER = "measurements"
"""Folder of the data folder where measurements are kept."""

LOOK_SECONDS = 0.2
"""Time between two updates of the progress."""

STOP_SECONDS = 5.0
"""Time for the requests to end after Ctrl-C."""


class Numbers(click.ParamType[tuple[int, ...]]):
    """Numbers separated by commas, each once."""

    name = "N,N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        try:
            numbers = tuple(dict.fromkeys(int(part) for part in value.split(",")))
        except ValueError:
            self.fail(f"{value!r} are no numbers like 1,4,16.", param, ctx)
        if not all(1 <= number <= measurement_plan.MAX_CONCURRENCY for number in numbers):
            self.fail(f"each number must be from 1 to {measurement_plan.MAX_CONCURRENCY}.", param, ctx)
        if len(numbers) > measurement_plan.MAX_LEVELS:
            self.fail(f"there may be {measurement_plan.MAX_LEVELS} numbers at most.", param, ctx)
        return numbers


@click.command("measure")
@click.argument("files", nargs=-1, metavar="[BEFORE.json AFTER.json]")
@click.option("--models", metavar="NAME,NAME", help="The models that are asked.  [default: the default model]")
@click.option(
    "--concurrency",
    type=Numbers(),
    default=measurement_plan.CONCURRENCY,
    help="How many answers at once, one measurement for each number.  [default: 1,4,16]",
)
@click.option(
    "--tokens",
    type=click.IntRange(1, measurement_plan.MAX_TOKENS),
    default=measurement_plan.TOKENS,
    show_default=True,
    help="Length of an answer, at most.",
)
@click.option(
    "--requests",
    type=click.IntRange(1, measurement_plan.MAX_REQUESTS),
    default=measurement_plan.REQUESTS,
    show_default=True,
    help="Requests at each concurrency; at least one for each answer at once.",
)
@click.option("--compare", "earlier", metavar="FILE.json", help="Compare with an earlier measurement.")
@click.option("-o", "--output", "target", metavar="FILE.json", help="Keep the measurement in FILE.")
@click.option("--yes", is_flag=True, help="Begin without a question.")
@click.option("--json", "as_json", is_flag=True, help="Print the measurement, or the comparison, as JSON.")
@plain_option
def command(
    files: tuple[str, ...],
    models: str | None,
    concurrency: tuple[int, ...],
    tokens: int,
    requests: int,
    earlier: str | None,
    target: str | None,
    yes: bool,
    as_json: bool,
    plain: bool,
) -> int:
    """Measure how soon and how fast models answer, by the number of answers at once.

    What will be sent, and what it may cost, is shown first. Ctrl-C stops at once; what was measured until then is shown
    and kept. The measurement is kept as a file in the data folder, or in FILE with -o. Two files are compared with
    each other, and no model is asked.

    \b
    weir measure
    weir measure --models fast,large --concurrency 1,4,16 --tokens 200
    weir measure --models fast --yes -o today.json --compare yesterday.json
    weir measure yesterday.json today.json
    """
    terminal = Terminal(plain=plain)
    if files:
        if len(files) != 2 or models or earlier or target:
            raise click.UsageError("Give two files and nothing else, or none.")
        _write_comparison(_read(files[0]), _read(files[1]), as_json, terminal)
        return OK
    before = _read(earlier) if earlier else None
    check_writable(target)
    names = list(dict.fromkeys(name.strip() for name in (models or "").split(",") if name.strip()))
    with Runner(terminal, keeps_runs=False) as runner:
        plan = MeasurementPlan(tuple(names) or (runner.models.name,), concurrency, tokens, requests)
        if len(plan.models) > measurement_plan.MAX_MODELS:
            raise click.UsageError(f"There may be {measurement_plan.MAX_MODELS} models at most.")
        providers = _providers(plan, runner)
        if not _agreed(plan, providers, terminal, yes):
            return OK
        measured, is_interrupted = _measure(plan, providers, runner, terminal)
    path = _keep(measured, target, read_settings())
    if as_json and before is None:
        terminal.write(measured.to_json())
    elif not as_json:
        terminal.write(_table([level_row(level) for level in measured.levels]))
    for note in notes(measured) if not as_json else []:
        terminal.say(note)
    if before is not None:
        _write_comparison(before, measured, as_json, terminal)
    terminal.say(f"Kept in {path}")
    return INTERRUPTED if is_interrupted else RUN_FAILED if measured.failed else OK


def _agreed(plan: MeasurementPlan, providers: Mapping[str, ModelProvider], terminal: Terminal, yes: bool) -> bool:
    """Say what will be sent, and return whether it may be. Raises ClickException where nobody can be asked."""
    for sentence in plan.sentences({name: provider.model for name, provider in providers.items()}):
        terminal.say(sentence)
    if yes:
        return True
    if not sys.stdin.isatty():
        raise click.ClickException("Nobody can be asked whether to begin: add --yes.")
    return click.confirm("Begin?", default=True, err=True)


def _providers(plan: MeasurementPlan, runner: Runner) -> dict[str, ModelProvider]:
    """Return the providers of the models by their names, the embedded one loaded. Raises ClickException."""
    found = {}
    for name in plan.models:
        runner.use_model(name)
        runner.prepare(partial(_ready, runner.models))
        found[name] = runner.models
    return found


def _ready(models: ModelProvider) -> PreparedRun:
    model = models.create_model(ModelOptions())
    if model is None:
        raise ModelNotReadyError
    return PreparedRun(model, "")


def _measure(
    plan: MeasurementPlan, providers: Mapping[str, ModelProvider], runner: Runner, terminal: Terminal
) -> tuple[MeasurementFile, bool]:
    """Return what was measured, and whether Ctrl-C has ended it."""

    def start(model: Runnable[Any, Any], prompt: str) -> Run:
        return runner.start(PreparedRun(model, prompt), name="measure")

    measurement = Measurement(plan, providers, start, redact=Redactor(runner.secrets).redact)
    measuring = runner.submit(measurement.run())
    is_interrupted = False
    try:
        _show_progress(measurement, measuring, terminal)
    except KeyboardInterrupt:
        is_interrupted = True
        measurement.stop()
        with contextlib.suppress(TimeoutError):
            measuring.result(STOP_SECONDS)
    terminal.end_message()
    if is_interrupted:
        return measurement.file, True
    return measuring.result(), False


def _show_progress(measurement: Measurement, measuring: "Future[MeasurementFile]", terminal: Terminal) -> None:
    shown, total = "", measurement.plan.requests_in_all
    while not measuring.done():
        with contextlib.suppress(TimeoutError):
            measuring.result(LOOK_SECONDS)
        if terminal.draws_messages:
            line = f"{measurement.ended:,} of {total:,} requests · {measurement.now}"
            terminal.draw_message(line.ljust(terminal.drawing_width)[: terminal.drawing_width])
        elif measurement.now != shown:
            shown = measurement.now
            terminal.say(shown)


def _keep(measured: MeasurementFile, target: str | None, configured: Settings) -> Path:
    """Write the file, and return where it is. Raises ClickException."""
    path = Path(target) if target else configured.data_folder / FOLDER / measured.file_name
    try:
        if target is None:
            path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(measured.to_json(), encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror}.") from error
    return path


def _read(file: str) -> MeasurementFile:
    try:
        with click.open_file(file, "rb") as opened:
            return read_measurement(opened.read(MAX_BYTES + 1))
    except OSError as error:
        raise click.ClickException(f"{file} cannot be read: {error.strerror}.") from error
    except MeasurementFileError as error:
        raise click.ClickException(f"{file}: {error}") from error


def _write_comparison(before: MeasurementFile, after: MeasurementFile, as_json: bool, terminal: Terminal) -> None:
    from weir.core import serialization

    rows, found = [level.row for level in compare(before, after)], comparison_notes(before, after)
    if as_json:
        whole = {"before": before.model_dump(mode="json"), "after": after.model_dump(mode="json"), "notes": found}
        terminal.write(serialization.dumps(whole).decode() + "\n")
        return
    terminal.write(f"\n{before.at:%Y-%m-%d %H:%M} → {after.at:%Y-%m-%d %H:%M} UTC\n{_table(rows)}")
    for note in found:
        terminal.say(note)


def _table(rows: Sequence[dict[str, str]]) -> str:
    """Return rows as a table in plain text; "" without any."""
    if not rows:
        return ""
    lines: list[Iterable[str]] = [rows[0], *(row.values() for row in rows)]
    cells = [list(line) for line in lines]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "".join(_line(line, widths) for line in cells)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = zip(cells, widths, strict=True)
    return "  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]).rstrip() + "\n"
