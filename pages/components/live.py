"""A run's text on the page while it is written, through `st.write_stream`."""

import time
from collections.abc import Callable, Generator
from contextlib import closing

import streamlit as st

from pages.components.excerpt import MOST, Excerpt
from pages.components.model_text import ModelText, drawn
from streaming.blocks import BlockSplitter, split
from streaming.metrics import Meter
from streaming.run import Run

PAINT_EVERY = 0.05
"""Seconds between two updates: a chunk waits at most this long for its neighbours."""

SETTLE = 0.005
"""Seconds to wait after events without text: a token comes as three events, and a first word behind several more."""

HEARTBEAT = 0.1
"""Seconds after which a silent run is left for a moment, so that a click is noticed."""

PER_SECOND = 100_000
"""Characters sent a second, at most, of a block that goes on: the whole of it is sent each time."""


def stream_text(run: Run, meter: Meter, tick: Callable[[], None]) -> str:
    """Write the run's text as it comes, until the run ends, and return it.

    `meter` is given every event, and `tick` is called at least every `HEARTBEAT` seconds, between two updates.
    """
    raw: list[str] = []
    with closing(_pieces(run, meter, tick, raw)) as pieces:
        st.write_stream(pieces)
    return "".join(raw)


def draw_text(text: str) -> None:
    """Write a finished text, with the same elements that `stream_text` has made of it: nothing moves."""
    for block in split(drawn(text[:MOST])):
        st.markdown(block)


def flush() -> None:
    """`st.write_stream` takes a callable as the end of an element, which it then never sends again."""


def _pieces(
    run: Run, meter: Meter, tick: Callable[[], None], raw: list[str]
) -> Generator[str | Callable[[], None], None, None]:
    splitter, shown_text, excerpt = BlockSplitter(), ModelText(), Excerpt()
    shown = 0
    painted = time.monotonic()
    with closing(run.follow(heartbeat=HEARTBEAT)) as batches:
        for batch in batches:
            # Streamlit interrupts a script only where it is called; in a stall nothing else would call it.
            st.session_state.get("_")
            raw.append("".join([meter.add(event) for event in batch]))
            for block in splitter.feed(shown_text.feed(excerpt.of(raw[-1]))):
                yield block[shown:]
                yield flush
                shown = 0
            tail = splitter.tail
            if len(tail) > shown and time.monotonic() - painted >= len(tail) / PER_SECOND:
                yield tail[shown:]
                shown = len(tail)
                painted = time.monotonic()
            tick()
            run.wait(PAINT_EVERY if raw[-1] else SETTLE)
    for block in splitter.feed(shown_text.rest()):
        yield block[shown:]
        yield flush
        shown = 0
    yield splitter.rest[shown:]
