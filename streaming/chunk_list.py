"""An answer's chunks, one by one, as a person can read them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from streaming.events import Event
from streaming.metrics import streamed_text

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


def chunks(events: Iterable[Event]) -> Iterator[Chunk]:
    """Yield the chunks of a run's answer that hold text."""
    before: float | None = None
    number = 0
    for event in events:
        if text := streamed_text(event):
            yield Chunk(number, text, event.at, None if before is None else event.at - before)
            before, number = event.at, number + 1


def visible(text: str) -> str:
    """Return text whose blanks and line ends can be seen."""
    return text.translate(_VISIBLE)
