"""Display modes of a story: when its streaming text is sent to the browser, and what that costs."""

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from enum import Enum

import streamlit as st

from pages.components.answer.display_markdown import to_display_markdown
from pages.components.answer.text_stream import (
    HEARTBEAT_SECONDS,
    MAX_CHARS_PER_SECOND,
    BlockWriter,
    Piece,
    block_pieces,
    draw_blocks,
    flush,
    let_streamlit_interrupt,
    write_pieces,
)
from pages.components.answer.truncation import MAX_DISPLAY_CHARS
from pages.components.layout.translation import N_
from weir.analysis.metrics import MetricsAccumulator
from weir.core.run_event import RunEvent
from weir.runs.run import Run
from weir.text.chunk_buffer import ChunkBuffer

MAX_WHOLE_TEXT_CHARS = 20_000
"""Up to this length the whole text is sent again at each update. A longer text goes on by block in any mode."""

FLUSH_SECONDS = 0.005
"""Streamlit's flush interval: of an element's updates within it, only the last is sent."""

TEXT_BYTES = 98
"""Bytes of an update of text besides the text, as counted on the websocket."""
PROGRESS_BYTES = 186
"""Bytes of an update of the progress bar and the line of figures, besides their text."""
CHUNKS_BYTES = 100
"""Bytes of an update of the list of the newest chunks, besides its text."""


class DisplayMode(Enum):
    """When the page gets new text."""

    EVERY_CHUNK = N_("every chunk")
    BUFFERED = N_("buffered")
    BY_BLOCK = N_("by block")

    @property
    def note(self) -> str:
        """One sentence for people."""
        return {
            DisplayMode.EVERY_CHUNK: N_("Re-sends the whole text at each chunk: the cost grows quadratically."),
            DisplayMode.BUFFERED: N_("Collects chunks; each update still re-sends the whole text."),
            DisplayMode.BY_BLOCK: N_("Sends each paragraph once, in 50 ms batches."),
        }[self]


@dataclass(frozen=True, slots=True)
class Display:
    """A display mode, with the size and the time limit of the buffer."""

    mode: DisplayMode = DisplayMode.BY_BLOCK
    chunks: int = 10
    seconds: float = 0.1


@dataclass(slots=True)
class DisplayCost:
    """What displaying one story has cost so far."""

    updates: int = 0
    """Updates of the text."""
    sent: int = 0
    """Bytes to this browser, for text, progress, figures and the newest chunks; estimated from what Streamlit sends."""
    lag: float = 0.0
    """Seconds that all chunks together waited until they were handed to Streamlit."""
    chunks: int = 0
    max_wait: float = 0.0
    """Seconds that one chunk waited at most."""
    _element_bytes: int = 0
    _pending_bytes: int = 0
    _flushed_at: float = float("-inf")

    @property
    def mean_lag(self) -> float:
        """Seconds that a chunk waited, on average."""
        return self.lag / self.chunks if self.chunks else 0.0

    def on_sent(self, added: str, now: float) -> None:
        """Count an update of an element by more text; `now` is in monotonic seconds."""
        self._element_bytes += len(added.encode("utf-8", "replace"))
        if self._pending_bytes and now - self._flushed_at >= FLUSH_SECONDS:
            self._flushed_at += FLUSH_SECONDS
            self._count_update()
        self._pending_bytes = self._element_bytes + TEXT_BYTES
        if now - self._flushed_at >= FLUSH_SECONDS:
            self._flushed_at = now
            self._count_update()

    def finished(self, now: float) -> None:
        """Count the last update of an element."""
        self.on_sent("", now)
        self._count_update()
        self._element_bytes = 0

    def _count_update(self) -> None:
        if self._pending_bytes:
            self.updates += 1
            self.sent += self._pending_bytes
            self._pending_bytes = 0

    def add_bytes(self, size: int) -> None:
        """Count bytes besides the text."""
        self.sent += size

    def on_wait(self, seconds: float) -> None:
        """Count how long a chunk waited."""
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

    `meter` gets every event. `tick` is called between two updates, at least every `HEARTBEAT_SECONDS`.
    """
    waits = _ChunkWaits(run, meter, cost)
    if display.mode is DisplayMode.BY_BLOCK:
        writer: CountedBlockWriter = CountedBlockWriter(cost)

        def settle_and_tick() -> None:
            if not writer.hidden:
                waits.settle()
            tick()

        streamed = block_pieces(run, waits.read, writer, settle_and_tick, before=before)
    else:
        writer = WholeTextWriter(cost)
        streamed = _whole_text_pieces(run, waits, display, writer, tick, before)
    with closing(streamed) as pieces:
        write_pieces(pieces)
    return writer.text


def draw_text(text: str, display: Display) -> None:
    """Draw a finished text with the same elements that `stream_text` makes of it, so that nothing moves."""
    markdown = to_display_markdown(text[:MAX_DISPLAY_CHARS])
    if display.mode is DisplayMode.BY_BLOCK or len(text) > MAX_WHOLE_TEXT_CHARS:
        draw_blocks(markdown)
    else:
        st.markdown(markdown)


class CountedBlockWriter(BlockWriter):
    """A block writer that counts what its updates cost."""

    def __init__(self, cost: DisplayCost) -> None:
        super().__init__()
        self._cost = cost

    def finish(self) -> Iterator[Piece]:
        """Yield the rest: the text has ended."""
        yield from super().finish()
        self._cost.finished(time.monotonic())

    def _send(self, text: str) -> Iterator[Piece]:
        if text:
            yield text
            self._cost.on_sent(text, time.monotonic())

    def _end_block(self) -> Iterator[Piece]:
        yield flush
        self._cost.finished(time.monotonic())


class WholeTextWriter(CountedBlockWriter):
    """Sends the whole text as one element that grows, and by block once it is longer than `MAX_WHOLE_TEXT_CHARS`."""

    def __init__(self, cost: DisplayCost) -> None:
        super().__init__(cost)
        self._length = 0

    def add(self, text: str) -> Iterator[Piece]:
        """Take text, and yield it."""
        self._length += len(text)
        yield from super().add(text)

    def _put(self, markdown: str) -> Iterator[Piece]:
        if self._length > MAX_WHOLE_TEXT_CHARS:
            yield from super()._put(markdown)
            return
        piece = ""
        for block in self._splitter.feed(markdown):
            piece += block[self._sent_chars :]
            self._sent_chars = 0
        rest = self._splitter.remainder
        piece += rest[self._sent_chars :]
        self._sent_chars = len(rest)
        yield from self._send(piece)


class _ChunkWaits:
    """Reads the text of events, and notes how long each chunk waits until it is handed to Streamlit."""

    def __init__(self, run: Run, meter: MetricsAccumulator, cost: DisplayCost) -> None:
        self._run = run
        self._meter = meter
        self._cost = cost
        self._began = run.elapsed
        self._arrivals: list[float] = []

    def is_old(self, event: RunEvent) -> bool:
        """Whether the event came before the page began to follow the run, as after a refresh."""
        return event.elapsed < self._began

    def read(self, event: RunEvent) -> str:
        """Return the text of an event."""
        text = self._meter.add(event)
        if text and not self.is_old(event):
            self._arrivals.append(event.elapsed)
        return text

    def settle(self) -> None:
        """Note that all chunks so far have been handed to Streamlit."""
        now = self._run.elapsed
        for arrival in self._arrivals:
            self._cost.on_wait(now - arrival)
        self._arrivals.clear()


def _whole_text_pieces(
    run: Run, waits: _ChunkWaits, display: Display, writer: WholeTextWriter, tick: Callable[[], None], before: str
) -> Generator[Piece, None, None]:
    is_buffered = display.mode is DisplayMode.BUFFERED
    buffer = ChunkBuffer(display.chunks, display.seconds) if is_buffered else ChunkBuffer(1)
    heartbeat = min(HEARTBEAT_SECONDS, display.seconds) if is_buffered else HEARTBEAT_SECONDS
    painted = time.monotonic()
    yield from writer.add(before)
    with closing(run.follow(heartbeat=heartbeat)) as batches:
        for batch in batches:
            let_streamlit_interrupt()
            old_text = []
            for event in batch:
                if not (text := waits.read(event)):
                    continue
                if waits.is_old(event):
                    old_text.append(text)
                elif ready := buffer.add(text, event.elapsed):
                    yield from writer.add(ready)
                    waits.settle()
            if ready := "".join(old_text) or buffer.flush_if_due(run.elapsed):
                yield from writer.add(ready)
                waits.settle()
            # Only a text that has become too long for this display has a block that goes on.
            if writer.hidden > 0 and time.monotonic() - painted >= writer.tail_length / MAX_CHARS_PER_SECOND:
                yield from writer.show_tail()
                painted = time.monotonic()
            tick()
    yield from writer.add(buffer.flush())
    yield from writer.finish()
