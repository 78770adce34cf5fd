"""`weir story`: a topic becomes a story, by one of LangChain's five methods."""

import itertools
import re
from collections.abc import Sequence

import click

from weir.analysis.metrics import MetricsAccumulator, root_chunk_text
from weir.cli.app_modules import import_app_module
from weir.cli.inputs import read_text
from weir.cli.options import model_option, plain_option, recording_option
from weir.cli.progress_bar import MIN_COLUMNS, ProgressBar
from weir.cli.runner import HEARTBEAT_SECONDS, Runner, check_writable, write_recording
from weir.cli.terminal import Terminal
from weir.core.run_event import RunEvent
from weir.llm.chain_registry import PreparedRun
from weir.runs.methods import Method
from weir.text.chunk_buffer import ChunkBuffer

EXAMPLE = 'weir story "a robot learning to cook"'
BAR_INTERVAL_SECONDS = 0.05
"""Time between two updates of the bar."""

NO_LIMIT = 1_000_000_000
"""Chunks or seconds of a buffer that has no bound of this kind."""

_TIME = r"(\d+(?:\.\d+)?)(ms|s)"
_SIZE = re.compile(rf"([1-9]\d{{0,8}})(?:, *{_TIME})?|{_TIME}")


class BufferSize(click.ParamType[tuple[int, float]]):
    """`10`, `100ms` or `10,100ms`: chunks, a time, or whichever comes first."""

    name = "CHUNKS,TIME"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, float]:
        match = _SIZE.fullmatch(value)
        if match is None:
            self.fail(f"{value!r} is not a size like 10, 100ms or 10,100ms.", param, ctx)
        chunks, time, unit = match[1], match[2] or match[4], match[3] or match[5]
        seconds = float(time) / (1_000 if unit == "ms" else 1) if time else NO_LIMIT
        return int(chunks or NO_LIMIT), seconds


@click.command("story")
@click.argument("topic", nargs=-1)
@click.option(
    "--length", type=click.Choice(("short", "medium", "long", "novella")), default="medium", show_default=True
)
@click.option(
    "--tone", type=click.Choice(("warm", "funny", "mysterious", "serious")), default="warm", show_default=True
)
@click.option(
    "--method",
    type=click.Choice([method.value for method in Method]),
    default=Method.ASTREAM.value,
    show_default=True,
    help="How LangChain runs the chain.",
)
@click.option("--buffered", type=BufferSize(), help="Show the text in pieces: after so many chunks, or so much time.")
@click.option("--chunks", is_flag=True, help="Print each piece on a line of its own, with its number.")
@model_option
@recording_option
@plain_option
def command(
    topic: tuple[str, ...],
    length: str,
    tone: str,
    method: str,
    buffered: tuple[int, float] | None,
    chunks: bool,
    model: str | None,
    target: str | None,
    plain: bool,
) -> int:
    """Write a story about a TOPIC, as it streams. In a terminal a bar shows how far it is.

    `weir story` with --input, --record or --port is the chain of this name: see `weir app`.

    \b
    weir story "a robot learning to cook"
    weir story rain --method callbacks --length short > rain.txt
    weir story "the sea" --buffered 10,100ms
    """
    text = read_text(topic, name="topic", example=EXAMPLE)
    check_writable(target)
    terminal = Terminal(plain=plain)
    with Runner(terminal, model=model) as runner:
        registry = import_app_module("chains.registry")
        chosen = Method(method)

        def build() -> PreparedRun:
            value = registry.StoryInput(topic=text, length=length, tone=tone)
            prepared: PreparedRun = registry.prepare_story_by_method(
                runner.models, chosen, value.topic, value.length, value.tone
            )
            return prepared

        prepared = runner.prepare(build)
        run = runner.start(prepared, name="story", method=chosen)
        meter = MetricsAccumulator()
        buffer = ChunkBuffer(*(buffered or (1, NO_LIMIT)))
        bar = None
        if terminal.draws_messages and terminal.message_console.width >= MIN_COLUMNS:
            bar = ProgressBar(
                terminal, expected=prepared.context["expected_tokens"], limit=prepared.context["max_tokens"]
            )
        write = bar.write if bar else terminal.write
        numbers = itertools.count()

        def write_piece(piece: str) -> None:
            if piece:
                write(f"Chunk {next(numbers)}: {piece!r}\n" if chunks else piece)

        def show(events: Sequence[RunEvent]) -> None:
            for piece in _released(events, buffer):
                write_piece(piece)
            write_piece(buffer.flush_if_due(run.elapsed))
            if bar:
                bar.show(meter.tokens_so_far)

        heartbeat = min(HEARTBEAT_SECONDS, max(BAR_INTERVAL_SECONDS, buffer.seconds / 2))
        ended = runner.follow(run, show, meter=meter, every=BAR_INTERVAL_SECONDS if bar else 0.0, heartbeat=heartbeat)
        write_piece(buffer.flush())
        if bar:
            bar.close()
        terminal.end_line()
        runner.report(ended)
        write_recording(run, target)
    return ended.exit_code


def _released(events: Sequence[RunEvent], buffer: ChunkBuffer) -> list[str]:
    """Return the pieces of text that these events have the buffer release, or their chunks as they are."""
    pieces = (buffer.add(text, event.elapsed) for event in events if (text := root_chunk_text(event)))
    return [piece for piece in pieces if piece]
