"""A run's text on the page while it is written, through `st.write_stream`."""

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing

import streamlit as st

from pages.components.answer.display_markdown import DisplayMarkdown, to_display_markdown
from pages.components.answer.truncation import MAX_DISPLAY_CHARS, DisplayTruncator
from weir.analysis.metrics import MetricsAccumulator
from weir.runs.run import Run
from weir.text.markdown_blocks import MarkdownBlockSplitter, split

PAINT_EVERY = 0.05
"""Seconds between two updates, at least: a chunk waits this long for its neighbours."""

BACKOFF_FACTOR = 9
"""Times as long as an update took does the next one wait: on a busy server each text is shown less often."""

MAX_PAUSE_SECONDS = 0.4
"""Seconds: an update that catches up with a long text says nothing of those that follow."""

COALESCE_SECONDS = 0.005
"""Seconds to wait after events without text: a token comes as three events, and a first word behind several more."""

HEARTBEAT = 0.1
"""Seconds after which a silent run is left for a moment, so that a click is noticed."""

GROUP = 20
"""Blocks that stand in one container: what an update makes the browser look at is one of these, and not all blocks."""

MAX_CHARS_PER_SECOND = 100_000
"""Characters sent a second, at most, of a block that goes on: the whole of it is sent each time."""


def stream_text(run: Run, meter: MetricsAccumulator, tick: Callable[[], None]) -> str:
    """Write the run's text as it comes, until the run ends, and return it.

    `meter` is given every event, and `tick` is called at least every `HEARTBEAT` seconds, between two updates.
    """
    raw: list[str] = []
    with closing(_pieces(run, meter, tick, raw)) as pieces:
        write_blocks(pieces)
    return "".join(raw)


def draw_text(text: str) -> None:
    """Write a finished text, with the same elements that `stream_text` has made of it: nothing moves."""
    draw_blocks(to_display_markdown(text[:MAX_DISPLAY_CHARS]))


def flush() -> None:
    """`st.write_stream` takes a callable as the end of an element, which it then never sends again."""


def pause_after(took: float) -> float:
    """Return the seconds to wait after an update that took so many."""
    return max(PAINT_EVERY, min(MAX_PAUSE_SECONDS, BACKOFF_FACTOR * took))


Piece = str | Callable[[], None]


def write_blocks(pieces: Iterator[Piece]) -> None:
    """Write pieces of Markdown as they come, with a `flush` at the end of each block."""
    while (first := next(pieces, None)) is not None:
        with st.container(gap="small"):
            st.write_stream(_group(first, pieces))


def _group(piece: Piece | None, pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Yield a piece and what follows it, until `GROUP` blocks have ended."""
    ended = 0
    while piece is not None:
        yield piece
        ended += piece is flush
        if ended == GROUP:
            return
        piece = next(pieces, None)


def draw_blocks(markdown: str) -> None:
    """Draw Markdown that has ended, with the elements that `write_blocks` has made of it."""
    blocks = split(markdown)
    for start in range(0, len(blocks), GROUP):
        with st.container(gap="small"):
            for block in blocks[start : start + GROUP]:
                st.markdown(block)


def _pieces(
    run: Run, meter: MetricsAccumulator, tick: Callable[[], None], raw: list[str]
) -> Generator[Piece, None, None]:
    splitter, shown_text, excerpt = MarkdownBlockSplitter(), DisplayMarkdown(), DisplayTruncator()
    shown = 0
    painted = time.monotonic()
    with closing(run.follow(heartbeat=HEARTBEAT)) as batches:
        for batch in batches:
            began = time.monotonic()
            # Streamlit interrupts a script only where it is called; in a stall nothing else would call it.
            st.session_state.get("_")
            raw.append("".join([meter.add(event) for event in batch]))
            for block in splitter.feed(shown_text.feed(excerpt.take(raw[-1]))):
                yield block[shown:]
                yield flush
                shown = 0
            tail = splitter.visible_tail
            if len(tail) > shown and time.monotonic() - painted >= len(tail) / MAX_CHARS_PER_SECOND:
                yield tail[shown:]
                shown = len(tail)
                painted = time.monotonic()
            tick()
            run.wait(pause_after(time.monotonic() - began) if raw[-1] else COALESCE_SECONDS)
    for block in splitter.feed(shown_text.rest()):
        yield block[shown:]
        yield flush
        shown = 0
    if rest := splitter.remainder[shown:]:
        yield rest
