"""Rows of an event table. Consecutive streaming events fold into one row, so that a thousand tokens are one line."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from weir.analysis.messages import text_of
from weir.core import serialization
from weir.core.run_event import RunEvent

PREVIEW = 160
"""Maximal length of a preview."""


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
        """Names of the row's components, in the order of their first events."""
        return ", ".join(dict.fromkeys(event.name for event in self.events))

    @property
    def preview(self) -> str:
        """The row on one line: the text of a streaming row's first component, else the event's data."""
        if not self.first.event.endswith("_stream"):
            return self.first.payload.decode(errors="replace")[:PREVIEW]
        if not self.is_folded and not text_of(self.first.get("chunk")):
            return self.first.payload.decode(errors="replace")[:PREVIEW]
        return serialization.replace_lone_surrogates(self._text(PREVIEW)[:PREVIEW]).replace("\n", "⏎")

    @property
    def text(self) -> str:
        """The text that the row's first component streamed. It is the innermost one: its events come first."""
        return self._text(len(self.events))

    def _text(self, chunks: int) -> str:
        of_first = [event for event in self.events if event.run_id == self.first.run_id]
        return "".join(text_of(event.get("chunk")) for event in of_first[:chunks])


def folded_rows(events: Iterable[RunEvent]) -> list[EventRow]:
    """Return rows in which consecutive streaming events, of any components, are folded into one."""
    groups: list[list[RunEvent]] = []
    for event in events:
        streams = event.event.endswith("_stream")
        if streams and groups and groups[-1][-1].event.endswith("_stream"):
            groups[-1].append(event)
        else:
            groups.append([event])
    return [EventRow(group) for group in groups]


def unfolded_rows(events: Iterable[RunEvent]) -> list[EventRow]:
    """Return one row for each event."""
    return [EventRow((event,)) for event in events]
