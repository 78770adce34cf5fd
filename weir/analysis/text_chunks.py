"""Text chunks of an answer, with number, arrival time and gap, and their white space made visible."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from weir.analysis.metrics import root_chunk_text
from weir.core import serialization
from weir.core.run_event import RunEvent

_VISIBLE = str.maketrans({" ": "␣", "\n": "⏎", "\r": "␍", "\t": "⇥", "\u00a0": "⍽", "\u200b": "∅"})


@dataclass(frozen=True, slots=True)
class TextChunk:
    """One chunk of text."""

    number: int
    text: str
    elapsed: float
    """Seconds since the run's start."""
    gap: float | None
    """Seconds since the previous chunk."""


def text_chunks(events: Iterable[RunEvent], after: TextChunk | None = None) -> Iterator[TextChunk]:
    """Yield the chunks of a run's answer that have text, numbered from 0, or on from the chunk `after`."""
    for event in events:
        if text := root_chunk_text(event):
            number, gap = (0, None) if after is None else (after.number + 1, event.elapsed - after.elapsed)
            after = TextChunk(number, text, event.elapsed, gap)
            yield after


def chunk_label(chunk: TextChunk) -> str:
    """Return the label of a chunk in a list: `Chunk 0: 'Once'`."""
    return f"Chunk {chunk.number}: '{show_whitespace(chunk.text)}'"


def show_whitespace(text: str) -> str:
    """Replace spaces, line ends and other white space by visible characters."""
    return serialization.replace_lone_surrogates(text).translate(_VISIBLE)
