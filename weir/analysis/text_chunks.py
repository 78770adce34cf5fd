"""An answer's chunks, one by one, as a person can read them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from weir.analysis.metrics import streamed_text
from weir.core import serialization
from weir.core.run_event import Event

_VISIBLE = str.maketrans({" ": "␣", "\n": "⏎", "\r": "␍", "\t": "⇥", "\u00a0": "⍽", "\u200b": "∅"})


@dataclass(frozen=True, slots=True)
class Chunk:
    """One piece of text."""

    number: int
    text: str
    at: float
    """Seconds since the run's start."""
    gap: float | None
    """Seconds since the chunk before."""


def chunks(events: Iterable[Event], after: Chunk | None = None) -> Iterator[Chunk]:
    """Yield the chunks of a run's answer that hold text, numbered on from the chunk `after`."""
    for event in events:
        if text := streamed_text(event):
            number, gap = (0, None) if after is None else (after.number + 1, event.at - after.at)
            after = Chunk(number, text, event.at, gap)
            yield after


def named(chunk: Chunk) -> str:
    """Return a chunk as it is listed: `Chunk 0: 'Once'`."""
    return f"Chunk {chunk.number}: '{visible(chunk.text)}'"


def visible(text: str) -> str:
    """Return text whose blanks and line ends can be seen."""
    return serialization.without_surrogates(text).translate(_VISIBLE)
