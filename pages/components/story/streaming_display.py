"""How a story's text gets onto the page while it is written, and what that costs."""

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from enum import Enum

import streamlit as st

from pages.components.answer.display_markdown import DisplayMarkdown, to_display_markdown
from pages.components.answer.text_stream import (
    COALESCE_SECONDS,
    HEARTBEAT,
    MAX_CHARS_PER_SECOND,
    Piece,
    draw_blocks,
    flush,
    pause_after,
    write_blocks,
)
from pages.components.answer.truncation import MAX_DISPLAY_CHARS, DisplayTruncator
from weir.analysis.metrics import MetricsAccumulator
from weir.runs.run import Run
from weir.text.chunk_buffer import ChunkBuffer
from weir.text.markdown_blocks import MarkdownBlockSplitter

LIMIT = 20_000
"""Characters up to which the whole text is sent again at each update. Longer ones go on by block, in any mode."""

_FLUSH = 0.005
"""Seconds between two looks of Streamlit at what is to be sent: of an element's updates since, the last goes out."""

TEXT_MESSAGE = 98
"""Bytes of an update of text besides the text, as counted on the websocket."""
PROGRESS_MESSAGES = 186
"""Bytes of an update of the progress bar and of the line of figures, besides what they say."""

CHUNKS_MESSAGE = 100
"""Bytes of an update of the newest chunks, besides what it says."""


class DisplayMode(Enum):
    """When the page is updated."""

    EVERY_CHUNK = "every chunk"
    BUFFERED = "buffered"
    BY_BLOCK = "by block"

    @property
    def note(self) -> str:
        """What it does."""
        return {
            DisplayMode.EVERY_CHUNK: "Each chunk sends the whole text so far again: the cost grows with its square.",
            DisplayMode.BUFFERED: "Chunks wait for each other; each update still sends the whole text so far.",
            DisplayMode.BY_BLOCK: "A finished paragraph is sent once; what comes within 50 ms goes out together.",
        }[self]


@dataclass(frozen=True, slots=True)
class Display:
    """A mode with its numbers."""

    mode: DisplayMode = DisplayMode.BY_BLOCK
    chunks: int = 10
    seconds: float = 0.1


@dataclass(slots=True)
class DisplayCost:
    """What showing one story has cost so far."""

    updates: int = 0
    """Of the text."""
    sent: int = 0
    """Bytes to this browser, for text, progress, figures and the newest chunks; estimated from what Streamlit sends."""
    lag: float = 0.0
    """Seconds that chunks have waited before they were handed to Streamlit, in all."""
    chunks: int = 0
    max_wait: float = 0.0
    """The longest of these waits."""
    _element: int = 0
    _held: int = 0
    _looked_at: float = float("-inf")

    @property
    def mean_lag(self) -> float:
        """Seconds that a chunk has waited, on average."""
        return self.lag / self.chunks if self.chunks else 0.0

    def on_sent(self, added: str, now: float) -> None:
        """Note that an element was sent with more text in it; `now` is in monotonic seconds."""
        self._element += len(added.encode("utf-8", "replace"))
        if self._held and now - self._looked_at >= _FLUSH:
            self._looked_at += _FLUSH
            self._release()
        self._held = self._element + TEXT_MESSAGE
        if now - self._looked_at >= _FLUSH:
            self._looked_at = now
            self._release()

    def finished(self, now: float) -> None:
        """Note that an element was sent for the last time."""
        self.on_sent("", now)
        self._release()
        self._element = 0

    def _release(self) -> None:
        if self._held:
            self.updates += 1
            self.sent += self._held
            self._held = 0

    def add_bytes(self, size: int) -> None:
        """Note that something besides the text was sent."""
        self.sent += size

    def on_wait(self, seconds: float) -> None:
        """Note how long a chunk has waited."""
        self.chunks += 1
        self.lag += seconds
        self.max_wait = max(self.max_wait, seconds)


def stream_text(
    run: Run,
    meter: MetricsAccumulator,
    display: Display,
    cost: DisplayCost,
    tick: Callable[[], None],
    *,
    before: str = "",
) -> str:
    """Write the run's text as it comes, after the text `before`, until the run ends; return both.

    `meter` is given every event, and `tick` is called at least every `HEARTBEAT` seconds, between two updates.
    """
    writer = _Writer(display, cost)
    with closing(_pieces(run, meter, writer, tick, before)) as pieces:
        write_blocks(pieces)
    return writer.text


def draw_text(text: str, display: Display) -> None:
    """Write a finished text with the elements that `stream_text` has made of it: nothing moves."""
    markdown = to_display_markdown(text[:MAX_DISPLAY_CHARS])
    if display.mode is DisplayMode.BY_BLOCK or len(text) > LIMIT:
        draw_blocks(markdown)
    else:
        st.markdown(markdown)


class _Writer:
    """Turns text into pieces for `st.write_stream`, and counts what they cost."""

    def __init__(self, display: Display, cost: DisplayCost) -> None:
        self._by_block = display.mode is DisplayMode.BY_BLOCK
        self.display = display
        self.cost = cost
        self._drawn = DisplayMarkdown()
        self._splitter = MarkdownBlockSplitter()
        self._excerpt = DisplayTruncator()
        self._parts: list[str] = []
        self._length = 0
        self._shown = 0

    @property
    def text(self) -> str:
        return "".join(self._parts)

    @property
    def hidden(self) -> int:
        """Characters of the block that goes on which are not shown yet."""
        return len(self._splitter.visible_tail) - self._shown

    @property
    def tail_length(self) -> int:
        return len(self._splitter.visible_tail)

    def add(self, text: str) -> Iterator[Piece]:
        """Take text, and yield what it finishes."""
        self._parts.append(text)
        text = self._excerpt.take(text)
        self._length += len(text)
        yield from self._put(self._drawn.feed(text))

    def _put(self, markdown: str) -> Iterator[Piece]:
        pending = ""
        for block in self._splitter.feed(markdown):
            pending += block[self._shown :]
            self._shown = 0
            if self._by_block or self._length > LIMIT:
                self._by_block = True
                yield from self._out(pending)
                yield from self._end()
                pending = ""
        if not self._by_block:
            rest = self._splitter.remainder
            pending += rest[self._shown :]
            self._shown = len(rest)
        yield from self._out(pending)

    def show_tail(self) -> Iterator[Piece]:
        """Yield what can be shown of the block that goes on."""
        tail = self._splitter.visible_tail
        added, self._shown = tail[self._shown :], max(self._shown, len(tail))
        yield from self._out(added)

    def last(self) -> Iterator[Piece]:
        """Yield what is left."""
        yield from self._put(self._drawn.rest())
        yield from self._out(self._splitter.remainder[self._shown :])
        self.cost.finished(time.monotonic())

    def _out(self, text: str) -> Iterator[Piece]:
        if text:
            yield text
            self.cost.on_sent(text, time.monotonic())

    def _end(self) -> Iterator[Piece]:
        yield flush
        self.cost.finished(time.monotonic())


def _pieces(
    run: Run, meter: MetricsAccumulator, writer: _Writer, tick: Callable[[], None], before: str
) -> Generator[Piece, None, None]:
    mode, attached = writer.display.mode, run.elapsed
    buffer = (
        ChunkBuffer(writer.display.chunks, writer.display.seconds) if mode is DisplayMode.BUFFERED else ChunkBuffer(1)
    )
    heartbeat = min(HEARTBEAT, writer.display.seconds) if mode is DisplayMode.BUFFERED else HEARTBEAT
    painted = time.monotonic()
    waiting: list[float] = []
    yield from writer.add(before)
    with closing(run.follow(heartbeat=heartbeat)) as batches:
        for batch in batches:
            began = time.monotonic()
            # Streamlit interrupts a script only where it is called; in a stall nothing else would call it.
            st.session_state.get("_")
            gathered = []
            for event in batch:
                if not (added := meter.add(event)):
                    continue
                if event.elapsed >= attached:
                    waiting.append(event.elapsed)
                if event.elapsed < attached or mode is DisplayMode.BY_BLOCK:
                    gathered.append(added)
                elif ready := buffer.add(added, event.elapsed):
                    yield from writer.add(ready)
                    _settle(waiting, run, writer.cost)
            if ready := "".join(gathered) or buffer.flush_if_due(run.elapsed):
                yield from writer.add(ready)
                if mode is not DisplayMode.BY_BLOCK:
                    _settle(waiting, run, writer.cost)
            if writer.hidden > 0 and time.monotonic() - painted >= writer.tail_length / MAX_CHARS_PER_SECOND:
                yield from writer.show_tail()
                painted = time.monotonic()
            if mode is DisplayMode.BY_BLOCK and not writer.hidden:
                _settle(waiting, run, writer.cost)
            tick()
            if mode is DisplayMode.BY_BLOCK:
                run.wait(pause_after(time.monotonic() - began) if gathered else COALESCE_SECONDS)
    yield from writer.add(buffer.flush())
    yield from writer.last()


def _settle(waiting: list[float], run: Run, cost: DisplayCost) -> None:
    now = run.elapsed
    for at in waiting:
        cost.on_wait(now - at)
    waiting.clear()
