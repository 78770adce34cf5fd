"""`weir diff`: two recordings side by side, and where they differ first."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from weir.analysis.run_comparison import MetricPair
    from weir.core.run_event import RunEvent

SAME, DIFFERENT = 0, 1


@click.command("diff", epilog="Exit codes: 0 the same events, 1 they differ, 2 a file cannot be opened.")
@click.argument("first")
@click.argument("second")
def command(first: str, second: str) -> int:
    """Compare two recordings: their figures, and the first event and character in which they differ.

    Times and ids are no difference between events.

    \b
    weir diff one.jsonl other.jsonl
    """
    from weir.analysis.answer_reader import answer_text
    from weir.analysis.metrics import run_metrics
    from weir.analysis.run_comparison import first_difference, first_difference_of_text, metric_pairs
    from weir.cli.recording_argument import open_recording
    from weir.cli.terminal import Terminal

    terminal = Terminal()
    one, other = open_recording(first).events, open_recording(second).events
    pairs = metric_pairs(run_metrics(one), run_metrics(other))
    rows = [("", first, second, ""), *map(_row, pairs)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        terminal.write(f"{line.rstrip()}\n")
    terminal.write("\n")
    texts = answer_text(one), answer_text(other)
    index = first_difference_of_text(*texts)
    if index is None:
        terminal.write(f"The texts are the same ({len(texts[0]):,} characters).\n")
    else:
        terminal.write(f"The texts differ from character {index:,} on:\n")
        for text in texts:
            terminal.write(f"  {text[max(0, index - 20) : index + 40]!r}\n")
    difference = first_difference(one, other)
    if difference is None:
        terminal.write(f"The events are the same ({len(one):,}).\n")
        return SAME
    terminal.write(f"The events differ from event {difference.index:,} on, in {difference.what}:\n")
    for event in (difference.first, difference.second):
        terminal.write(f"  {_event(event)}\n")
    return DIFFERENT


def _row(pair: "MetricPair") -> tuple[str, str, str, str]:
    ratio = "" if pair.ratio is None else f"× {pair.ratio:.2f}"
    return pair.label, _figure(pair.first, pair.unit), _figure(pair.second, pair.unit), ratio


def _figure(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    number = f"{value:,}" if isinstance(value, int) else f"{value:,.3f}"
    return f"{number} {unit}".rstrip()


def _event(event: "RunEvent | None") -> str:
    if event is None:
        return "(ended)"
    data = event.payload.decode(errors="replace")
    return f"{event.seq} {event.event} {event.name} {data[:100]}"
