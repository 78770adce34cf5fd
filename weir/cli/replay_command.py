"""`weir replay`: the text of a recording, again with its timing."""

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from weir.cli.main import INTERRUPTED, OK
from weir.cli.options import speed_option

if TYPE_CHECKING:
    from weir.core.run_event import RunEvent


@click.command("replay", epilog="Exit codes: 0 replayed, 2 the file cannot be opened, 130 stopped by Ctrl-C.")
@click.argument("file")
@speed_option
@click.option("--instant", is_flag=True, help="Print all chunks at once.")
def command(file: str, speed: float, instant: bool) -> int:
    """Print the answer of a recording as it came, chunk for chunk. A chain that yields no text prints its values.

    \b
    weir replay run.jsonl
    weir replay run.jsonl --speed 4
    """
    from weir.cli.recording_argument import open_recording
    from weir.cli.terminal import Terminal

    terminal, events = Terminal(), open_recording(file).events
    started = time.monotonic()
    try:
        for seconds, text in _pieces(events):
            if not instant:
                time.sleep(max(0.0, started + seconds / speed - time.monotonic()))
            terminal.write(text)
    except KeyboardInterrupt:
        terminal.end_line()
        terminal.say("Stopped.")
        return INTERRUPTED
    terminal.write("\n")
    return OK


def _pieces(events: Sequence["RunEvent"]) -> Iterator[tuple[float, str]]:
    """Yield the seconds and text of each chunk; for a chain without text, a line of JSON for each value."""
    from weir.analysis.metrics import root_chunk_text
    from weir.core import serialization

    pieces = [(event.elapsed, text) for event in events if (text := root_chunk_text(event))]
    values = [event for event in events if event.is_root and event.event.endswith("_stream")]
    if pieces or not values:
        yield from ((seconds, serialization.replace_lone_surrogates(text)) for seconds, text in pieces)
        return
    for number, event in enumerate(values):
        line = serialization.dumps(event.get("chunk")).decode()
        yield event.elapsed, line if number == len(values) - 1 else f"{line}\n"
