"""One event of a run, as `astream_events(version="v2")` gave it, with its number and arrival time.

The names and shapes are LangChain's (`langchain_core.runnables.schema.StandardStreamEvent`). LangChain reports no
event for a component that failed or was cancelled (tools apart): the record closes each of them with an
`on_<type>_error` event of the same shape, whose data holds `{"error": {"type": …, "message": …}}`.
"""

from dataclasses import dataclass, replace
from typing import Any

from weir.core import serialization

EVENT_OVERHEAD = 160
"""Bytes an `Event` takes in memory besides its payload: the object, its number and its time."""

SOURCE_OVERHEAD = 300
NAME_OVERHEAD = 60
"""Bytes a `Source` takes in memory besides its texts, and each of these."""

MAX_LABEL = 1_000
"""Characters of a component's name, and of a tag: LangChain names a parallel step after all of its branches."""

MAX_TAGS = 1_000
"""Of one component."""


@dataclass(frozen=True, slots=True)
class Component:
    """The component that emitted an event. One object is shared by all events that agree in it."""

    name: str
    run_id: str
    parent_ids: tuple[str, ...]
    """From the root down to the direct parent; empty for the root."""
    tags: tuple[str, ...]
    metadata: dict[str, Any]

    @property
    def size(self) -> int:
        """Bytes this takes in memory, about: a value of metadata takes ten times as much as its JSON."""
        names = (self.name, self.run_id, *self.parent_ids, *self.tags)
        return (
            SOURCE_OVERHEAD
            + sum(NAME_OVERHEAD + len(name) for name in names)
            + 10 * len(serialization.dumps(self.metadata))
        )

    def is_plain(self) -> bool:
        """Whether it can be written, drawn and sent as it is. What a chain is named and tagged with may be anything."""
        return all(map(_is_label, (self.name, self.run_id, *self.tags))) and serialization.is_plain(self.metadata)


def as_plain(source: Component) -> Component:
    """Return a component of plain labels and JSON; itself if it is one already."""
    if source.is_plain() and len(source.tags) <= MAX_TAGS:
        return source
    metadata = serialization.to_jsonable(source.metadata)
    return replace(
        source,
        name=label(source.name),
        tags=tuple(map(label, source.tags[:MAX_TAGS])),
        metadata=metadata if isinstance(metadata, dict) else {},
    )


def _is_label(value: Any) -> bool:
    return type(value) is str and len(value) <= MAX_LABEL and (value.isascii() or label(value) == value)


def label(value: Any) -> str:
    """Return a name or tag as a text that has a bound and that UTF-8 can carry."""
    text = value if isinstance(value, str) else serialization.dumps(value).decode()
    return serialization.replace_lone_surrogates(text if len(text) <= MAX_LABEL else f"{text[: MAX_LABEL - 1]}…")


@dataclass(frozen=True, slots=True)
class RunEvent:
    """One event. `payload` is the event's `data` as JSON bytes."""

    seq: int
    """Position in the run, from 0, without gaps."""
    elapsed: float
    """Seconds since the run was started, on the recorder's monotonic clock."""
    event: str
    component: Component
    payload: bytes

    @property
    def data(self) -> dict[str, Any]:
        """The event's `data`, decoded anew at each call."""
        data: dict[str, Any] = serialization.loads(self.payload)
        return data

    def get(self, field: str) -> Any:
        """Return a field of `data`; None where it has none. The data of a custom event need not be an object."""
        data: Any = self.data
        return data.get(field) if isinstance(data, dict) else None

    @property
    def name(self) -> str:
        return self.component.name

    @property
    def run_id(self) -> str:
        return self.component.run_id

    @property
    def is_root(self) -> bool:
        return not self.component.parent_ids

    @property
    def type(self) -> str:
        """The component's kind: chain, chat_model, llm, prompt, parser, tool, retriever or custom_event."""
        if self.event == "on_custom_event":
            return "custom_event"
        return self.event.removeprefix("on_").rsplit("_", 1)[0]

    @property
    def size(self) -> int:
        """Bytes this event takes in memory."""
        return EVENT_OVERHEAD + len(self.payload)

    def head(self) -> dict[str, Any]:
        """Return all of `as_dict` but `data`."""
        return {
            "seq": self.seq,
            "at": self.elapsed,
            "event": self.event,
            "name": self.component.name,
            "run_id": self.component.run_id,
            "parent_ids": list(self.component.parent_ids),
            "tags": list(self.component.tags),
            "metadata": self.component.metadata,
        }

    def as_dict(self) -> dict[str, Any]:
        """Return LangChain's fields plus `seq` and `at`, JSON-ready."""
        return {**self.head(), "data": self.data}
