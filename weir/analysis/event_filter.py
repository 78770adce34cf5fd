"""LangChain's own event filter, applied to a record instead of a run.

`astream_events(include_names=…)` decides while the chain runs and rewrites the first event that it lets through. A
record holds every event, so that a filter can be changed without running the model again.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from weir.core.run_event import RunEvent


@dataclass(frozen=True, slots=True)
class EventFilter:
    """The six lists of `astream_events`; an include that is None admits all, an exclude that is None bars none.

    An event passes if any include names it, or none is given, and no exclude does. Each event is judged alone: a child
    passes whether or not its parent does. A custom event's name is both its name and its type
    (`langchain_core.runnables.utils._RootEventFilter`).
    """

    include_names: frozenset[str] | None = None
    include_types: frozenset[str] | None = None
    include_tags: frozenset[str] | None = None
    exclude_names: frozenset[str] | None = None
    exclude_types: frozenset[str] | None = None
    exclude_tags: frozenset[str] | None = None

    def passes(self, event: RunEvent) -> bool:
        """Whether LangChain would let this event through."""
        kind = event.name if event.event == "on_custom_event" else event.type
        tags = event.component.tags
        wanted = (self.include_names, self.include_types, self.include_tags)
        barred = (self.exclude_names, self.exclude_types, self.exclude_tags)
        return (wanted == (None, None, None) or _named(event.name, kind, tags, wanted)) and not _named(
            event.name, kind, tags, barred
        )

    def select(self, events: Iterable[RunEvent]) -> list[RunEvent]:
        """Return the events that pass. Events of one component and kind are judged once."""
        judged: dict[tuple[int, str], bool] = {}
        kept = []
        for event in events:
            key = (id(event.component), event.event)
            passes = judged.get(key)
            if passes is None:
                passes = judged[key] = self.passes(event)
            if passes:
                kept.append(event)
        return kept


def _named(
    name: str,
    kind: str,
    tags: tuple[str, ...],
    lists: tuple[frozenset[str] | None, frozenset[str] | None, frozenset[str] | None],
) -> bool:
    names, types, of_tags = (listed or frozenset() for listed in lists)
    return name in names or kind in types or not of_tags.isdisjoint(tags)
