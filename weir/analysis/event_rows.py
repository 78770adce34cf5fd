"""Rows of an event table: runs of streaming events fold into one, so that a thousand tokens are a line."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from weir.analysis.messages import text_of
from weir.core import serialization
from weir.core.run_event import RunEvent

PREVIEW = 160
"""Characters of a preview."""


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event, or consecutive `…_stream` events folded into one row."""

    events: Sequence[RunEvent]

    @property
    def first(self) -> RunEvent:
        return self.events[0]

    @property
    def last(self) -> RunEvent:
        return self.events[-1]

    @property
    def is_folded(self) -> bool:
        return len(self.events) > 1

    @property
    def names(self) -> str:
        """The components in it, in the order of their first event."""
        return ", ".join(dict.fromkeys(event.name for event in self.events))

    @property
    def preview(self) -> str:
        """What it carries, on one line: the text of a fold's innermost component, else the data."""
        if not self.first.event.endswith("_stream"):
            return self.first.payload.decode(errors="replace")[:PREVIEW]
        if not self.is_folded and not text_of(self.first.get("chunk")):
            return self.first.payload.decode(errors="replace")[:PREVIEW]
        return serialization.replace_lone_surrogates(self._text(PREVIEW)[:PREVIEW]).replace("\n", "⏎")

    @property
    def text(self) -> str:
        """The text of a fold's innermost component."""
        return self._text(len(self.events))

    def _text(self, chunks: int) -> str:
        inner = [event for event in self.events if event.run_id == self.first.run_id]
        return "".join(text_of(event.get("chunk")) for event in inner[:chunks])


def folded_rows(events: Iterable[RunEvent]) -> list[EventRow]:
    """Fold consecutive streaming events, of whichever components, into one row each."""
    folded: list[list[RunEvent]] = []
    for event in events:
        streams = event.event.endswith("_stream")
        if streams and folded and folded[-1][-1].event.endswith("_stream"):
            folded[-1].append(event)
        else:
            folded.append([event])
    return [EventRow(group) for group in folded]


def unfolded_rows(events: Iterable[RunEvent]) -> list[EventRow]:
    """Return a row for each event."""
    return [EventRow((event,)) for event in events]
