"""Event filter with the semantics of LangChain's `astream_events`, for recorded events.

`astream_events(include_names=…)` filters while the chain runs, and rewrites the first event that passes. A run's log
has every event, so that a filter can be changed without calling the model again.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from weir.core.run_event import RunEvent


@dataclass(frozen=True, slots=True)
class EventFilter:
    """The six lists of `astream_events`. None means no restriction.

    An event passes if an include list matches it, or all three are None, and no exclude list matches it. Each event is
    tested alone: a child passes whether or not its parent does. A custom event's name is both its name and its type, as
    in `langchain_core.runnables.utils._RootEventFilter`.
    """

    include_names: frozenset[str] | None = None
    include_types: frozenset[str] | None = None
    include_tags: frozenset[str] | None = None
    exclude_names: frozenset[str] | None = None
    exclude_types: frozenset[str] | None = None
    exclude_tags: frozenset[str] | None = None

    def passes(self, event: RunEvent) -> bool:
        """Whether LangChain would pass this event."""
        kind = event.name if event.event == "on_custom_event" else event.type
        tags = event.component.tags
        include = (self.include_names, self.include_types, self.include_tags)
        exclude = (self.exclude_names, self.exclude_types, self.exclude_tags)
        included = include == (None, None, None) or _matches(event.name, kind, tags, include)
        return included and not _matches(event.name, kind, tags, exclude)

    def select(self, events: Iterable[RunEvent]) -> list[RunEvent]:
        """Return the events that pass. All events of one component and kind have the same result, computed once."""
        results: dict[tuple[int, str], bool] = {}
        selected = []
        for event in events:
            key = (id(event.component), event.event)
            passes = results.get(key)
            if passes is None:
                passes = results[key] = self.passes(event)
            if passes:
                selected.append(event)
        return selected


def _matches(
    name: str,
    kind: str,
    tags: tuple[str, ...],
    lists: tuple[frozenset[str] | None, frozenset[str] | None, frozenset[str] | None],
) -> bool:
    names, types, any_of_tags = (values or frozenset() for values in lists)
    return name in names or kind in types or not any_of_tags.isdisjoint(tags)
