"""Run event: one event of `astream_events(version="v2")`, with its number and arrival time.

The names and shapes are LangChain's (`langchain_core.runnables.schema.StandardStreamEvent`). For a component that fails
or is cancelled LangChain reports no event, except for tools. Weir records an `on_<type>_error` event of the same shape
for each of them; its data is `{"error": {"type": …, "message": …}}`.
"""

from dataclasses import dataclass, replace
from typing import Any

from weir.core import serialization

EVENT_OVERHEAD = 160
"""Bytes that a `RunEvent` takes in memory besides its payload: the object, its number and its time."""

COMPONENT_OVERHEAD = 300
"""Bytes that a `Component` takes in memory besides its texts."""

TEXT_OVERHEAD = 60
"""Bytes that each of a component's texts takes in memory besides its characters."""

EVENT_PREFIX = "on_weir_"
"""Prefix of the names of Weir's own events, for a stream mode of LangGraph. No event of LangChain's begins so."""

MAX_LABEL = 1_000
"""Characters of a component's name or tag. LangChain names a parallel step after all of its branches."""

MAX_TAGS = 1_000
"""Tags of one component."""


@dataclass(frozen=True, slots=True)
class Component:
    """The component that emitted an event. Events with equal components share one object."""

    name: str
    run_id: str
    parent_ids: tuple[str, ...]
    """From the root down to the direct parent; empty for the root."""
    tags: tuple[str, ...]
    metadata: dict[str, Any]

    @property
    def size(self) -> int:
        """Approximate bytes in memory. A metadata value takes about ten times as much as its JSON."""
        texts = (self.name, self.run_id, *self.parent_ids, *self.tags)
        return (
            COMPONENT_OVERHEAD
            + sum(TEXT_OVERHEAD + len(text) for text in texts)
            + 10 * len(serialization.dumps(self.metadata))
        )

    def is_plain(self) -> bool:
        """Whether name, tags and metadata can be recorded as they are: bounded text and JSON. A chain may set any."""
        return all(map(_is_label, (self.name, self.run_id, *self.tags))) and serialization.is_plain(self.metadata)


def as_plain(component: Component) -> Component:
    """Return the component with bounded labels and JSON metadata; itself if it has them already."""
    if component.is_plain() and len(component.tags) <= MAX_TAGS:
        return component
    metadata = serialization.to_jsonable(component.metadata)
    return replace(
        component,
        name=label(component.name),
        tags=tuple(map(label, component.tags[:MAX_TAGS])),
        metadata=metadata if isinstance(metadata, dict) else {},
    )


def _is_label(value: Any) -> bool:
    return type(value) is str and len(value) <= MAX_LABEL and (value.isascii() or label(value) == value)


def label(value: Any) -> str:
    """Return a name or tag as text of at most `MAX_LABEL` characters that can be encoded as UTF-8."""
    text = value if isinstance(value, str) else serialization.dumps(value).decode()
    return serialization.replace_lone_surrogates(text if len(text) <= MAX_LABEL else f"{text[: MAX_LABEL - 1]}…")


@dataclass(frozen=True, slots=True)
class RunEvent:
    """One event of a run. `payload` is the event's `data` as JSON bytes."""

    seq: int
    """Position in the run, from 0, without gaps."""
    elapsed: float
    """Seconds since the run was started, on the recorder's monotonic clock."""
    event: str
    component: Component
    payload: bytes

    @property
    def data(self) -> dict[str, Any]:
        """The event's `data`; each access decodes it anew."""
        data: dict[str, Any] = serialization.loads(self.payload)
        return data

    def get(self, field: str) -> Any:
        """Return a field of `data`, or None if there is none. The data of a custom event may be no object."""
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
        """Bytes that this event takes in memory."""
        return EVENT_OVERHEAD + len(self.payload)

    def head(self) -> dict[str, Any]:
        """Return what `as_dict` returns, without `data`."""
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
        """Return LangChain's fields plus `seq` and `at`, as JSON values."""
        return {**self.head(), "data": self.data}
