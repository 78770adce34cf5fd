"""One event of a run, as `astream_events(version="v2")` gave it, with its number and arrival time.

The names and shapes are LangChain's (`langchain_core.runnables.schema.StandardStreamEvent`). LangChain reports no
event for a component that failed or was cancelled (tools apart): the record closes each of them with an
`on_<type>_error` event of the same shape, whose data holds `{"error": {"type": …, "message": …}}`.
"""

from dataclasses import dataclass
from typing import Any

from streaming import plain

EVENT_OVERHEAD = 160
"""Bytes an `Event` takes in memory besides its payload: the object, its number and its time."""

SOURCE_OVERHEAD = 300
NAME_OVERHEAD = 60
"""Bytes a `Source` takes in memory besides its texts, and each of these."""


@dataclass(frozen=True, slots=True)
class Source:
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
        return SOURCE_OVERHEAD + sum(NAME_OVERHEAD + len(name) for name in names) + 10 * len(plain.dumps(self.metadata))


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `payload` is the event's `data` as JSON bytes."""

    seq: int
    """Position in the run, from 0, without gaps."""
    at: float
    """Seconds since the run was started, on the recorder's monotonic clock."""
    event: str
    source: Source
    payload: bytes

    @property
    def data(self) -> dict[str, Any]:
        """The event's `data`, decoded anew at each call."""
        data: dict[str, Any] = plain.loads(self.payload)
        return data

    @property
    def name(self) -> str:
        return self.source.name

    @property
    def run_id(self) -> str:
        return self.source.run_id

    @property
    def is_root(self) -> bool:
        return not self.source.parent_ids

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
            "at": self.at,
            "event": self.event,
            "name": self.source.name,
            "run_id": self.source.run_id,
            "parent_ids": list(self.source.parent_ids),
            "tags": list(self.source.tags),
            "metadata": self.source.metadata,
        }

    def as_dict(self) -> dict[str, Any]:
        """Return LangChain's fields plus `seq` and `at`, JSON-ready."""
        return {**self.head(), "data": self.data}
