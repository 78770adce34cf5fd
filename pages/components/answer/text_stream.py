"""Streaming writer: a run's text on the page while it is written, through `st.write_stream`."""

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing

import streamlit as st

from pages.components.answer.display_markdown import DisplayMarkdown, to_display_markdown
from pages.components.answer.truncation import MAX_DISPLAY_CHARS, DisplayTruncator
from weir.analysis.metrics import MetricsAccumulator
from weir.core.run_event import RunEvent
from weir.runs.run import Run
from weir.text.markdown_blocks import MarkdownBlockSplitter, split

MIN_PAUSE_SECONDS = 0.05
"""Pause between two updates, at least: a chunk waits this long for the next ones."""

BACKOFF_FACTOR = 9
"""After an update that took t seconds the writer pauses 9·t, so that a busy server repaints less often."""

MAX_PAUSE_SECONDS = 0.4
"""Pause at most: an update that catches up with a long text takes longer than those that follow it."""

COALESCE_SECONDS = 0.005
"""Pause after events without text: a token comes as three events, and the first one after several more."""

HEARTBEAT_SECONDS = 0.1
"""Time after which the writer stops waiting for a silent run for a moment, so that it notices a click."""

BLOCKS_PER_CONTAINER = 20
"""An update makes the browser look at the blocks of one container, not at all blocks of the text."""

MAX_CHARS_PER_SECOND = 100_000
"""Characters of an unfinished block that are sent a second, at most: each update sends the whole block again."""

Piece = str | Callable[[], None]
"""Text, or `flush` at the end of a block."""


def flush() -> None:
    """End of an element: `st.write_stream` takes any callable for one, and never sends that element again."""


def stream_text(run: Run, meter: MetricsAccumulator, tick: Callable[[], None], *, before: str = "") -> str:
    """Write `before` and the run's text as it comes, until the run ends, and return them.

    `meter` gets every event. `tick` is called between two updates, at least every `HEARTBEAT_SECONDS`.
    """
    writer = BlockWriter()
    with closing(block_pieces(run, meter.add, writer, tick, before=before)) as pieces:
        write_pieces(pieces)
    return writer.text


def draw_text(text: str) -> None:
    """Draw a finished text with the same elements that `stream_text` makes of it, so that nothing moves."""
    draw_blocks(to_display_markdown(text[:MAX_DISPLAY_CHARS]))


def pause_after(update_seconds: float) -> float:
    """Return the seconds to pause after an update that took `update_seconds`."""
    return max(MIN_PAUSE_SECONDS, min(MAX_PAUSE_SECONDS, BACKOFF_FACTOR * update_seconds))


def write_pieces(pieces: Iterator[Piece]) -> None:
    """Write pieces of Markdown as they come, `BLOCKS_PER_CONTAINER` blocks in each container."""
    while (first := next(pieces, None)) is not None:
        with st.container(gap="small"):
            st.write_stream(_pieces_of_container(first, pieces))


def _pieces_of_container(piece: Piece | None, pieces: Iterator[Piece]) -> Iterator[Piece]:
    finished_blocks = 0
    while piece is not None:
        yield piece
        finished_blocks += piece is flush
        if finished_blocks == BLOCKS_PER_CONTAINER:
            return
        piece = next(pieces, None)


def draw_blocks(markdown: str) -> None:
    """Draw finished Markdown with the same elements that `write_pieces` makes of it."""
    blocks = split(markdown)
    for start in range(0, len(blocks), BLOCKS_PER_CONTAINER):
        with st.container(gap="small"):
            for block in blocks[start : start + BLOCKS_PER_CONTAINER]:
                st.markdown(block)


class BlockWriter:
    """Turns text, added in any parts, into pieces for `st.write_stream`: finished blocks are sent once.

    `show_tail` sends what can be drawn of the block that has not ended.
    """

    def __init__(self) -> None:
        self._markdown = DisplayMarkdown()
        self._splitter = MarkdownBlockSplitter()
        self._truncator = DisplayTruncator()
        self._parts: list[str] = []
        self._sent_chars = 0
        """Characters of the unfinished block that have been sent."""

    @property
    def text(self) -> str:
        """The whole text that was added."""
        return "".join(self._parts)

    @property
    def hidden(self) -> int:
        """Number of characters of the unfinished block that can be shown and have not been sent."""
        return len(self._splitter.visible_tail) - self._sent_chars

    @property
    def tail_length(self) -> int:
        """Number of characters of the unfinished block that can be shown."""
        return len(self._splitter.visible_tail)

    def add(self, text: str) -> Iterator[Piece]:
        """Take text, and yield the blocks that it finishes."""
        self._parts.append(text)
        yield from self._put(self._markdown.feed(self._truncator.take(text)))

    def show_tail(self) -> Iterator[Piece]:
        """Yield what can be shown of the unfinished block."""
        tail = self._splitter.visible_tail
        piece, self._sent_chars = tail[self._sent_chars :], max(self._sent_chars, len(tail))
        yield from self._send(piece)

    def finish(self) -> Iterator[Piece]:
        """Yield the rest: the text has ended."""
        yield from self._put(self._markdown.rest())
        yield from self._send(self._splitter.remainder[self._sent_chars :])

    def _put(self, markdown: str) -> Iterator[Piece]:
        for block in self._splitter.feed(markdown):
            piece, self._sent_chars = block[self._sent_chars :], 0
            yield from self._send(piece)
            yield from self._end_block()

    def _send(self, text: str) -> Iterator[Piece]:
        if text:
            yield text

    def _end_block(self) -> Iterator[Piece]:
        yield flush


def block_pieces(
    run: Run,
    read: Callable[[RunEvent], str],
    writer: BlockWriter,
    tick: Callable[[], None],
    *,
    before: str = "",
) -> Generator[Piece, None, None]:
    """Yield what `writer` makes of `before` and the run's text until the run ends; `read` gives the text of an event.

    `tick` is called after each update, and at least every `HEARTBEAT_SECONDS`.
    """
    painted = time.monotonic()
    yield from writer.add(before)
    with closing(run.follow(heartbeat=HEARTBEAT_SECONDS)) as batches:
        for batch in batches:
            began = time.monotonic()
            let_streamlit_interrupt()
            text = "".join([read(event) for event in batch])
            if text:
                yield from writer.add(text)
            if writer.hidden > 0 and time.monotonic() - painted >= writer.tail_length / MAX_CHARS_PER_SECOND:
                yield from writer.show_tail()
                painted = time.monotonic()
            tick()
            run.wait(pause_after(time.monotonic() - began) if text else COALESCE_SECONDS)
    yield from writer.finish()


def let_streamlit_interrupt() -> None:
    """Let Streamlit end the script here if a click or a closed tab wants it: it does so only where it is called."""
    st.session_state.get("_")
