"""Comparison of a recorded run with LangChain's own `astream_events(version="v2")` list."""

import json
import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig

from weir.core import serialization
from weir.core.run_event import EVENT_PREFIX, RunEvent

_ID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")
_TIMES = re.compile(r'"ts":"[^"]*"')


async def langchain_events(
    chain: Runnable[Any, Any], value: Any, config: RunnableConfig | None = None
) -> tuple[list[Any], Exception | None]:
    """Return LangChain's events of a run, and the error in which it ended."""
    events: list[Any] = []
    try:
        async for event in chain.astream_events(value, config, version="v2"):
            # Written at once: a chain may change what it has emitted.
            events.append({**event, "data": serialization.dumps(event["data"])})  # noqa: PERF401
    except Exception as error:
        return events, error
    return events, None


def langchains_part(events: Sequence[RunEvent]) -> list[RunEvent]:
    """Return the recorded events without those that Weir adds: a graph's own, and errors other than of tools."""
    return [
        event
        for event in events
        if not event.event.startswith(EVENT_PREFIX)
        and (event.event == "on_tool_error" or not event.event.endswith("_error"))
    ]


def comparable_run(events: Sequence[RunEvent]) -> list[str]:
    """Return a recorded run as one text for each event; ids are numbered in the order in which they appear."""
    return _numbered([_text(e.event, e.name, e.component, e.payload) for e in langchains_part(events)])


def comparable_list(events: Sequence[Any]) -> list[str]:
    """Return LangChain's list in the form of `comparable_run`."""
    return _numbered([_text(e["event"], e["name"], e, e["data"]) for e in events])


def by_component(texts: Sequence[str]) -> list[str]:
    """Return one text for each component, in any order: LangChain gives none between concurrent ones."""
    components: defaultdict[str, list[str]] = defaultdict(list)
    for text in texts:
        components[json.loads(text)["run"]].append(re.sub(r"<\d+>", "<>", text))
    return sorted("\n".join(lines) for lines in components.values())


def _text(event: str, name: str, source: Any, data: bytes) -> str:
    def read(field: str) -> Any:
        return source[field] if isinstance(source, dict) else getattr(source, field)

    fields = {
        "event": event,
        "name": name,
        "run": read("run_id"),
        "parents": list(read("parent_ids")),
        "tags": list(read("tags")),
        "metadata": read("metadata"),
        "data": serialization.loads(data),
    }
    return serialization.dumps(fields).decode()


def _numbered(texts: list[str]) -> list[str]:
    numbers: dict[str, str] = {}
    return [
        _TIMES.sub('"ts":""', _ID.sub(lambda match: numbers.setdefault(match[0], f"<{len(numbers)}>"), text))
        for text in texts
    ]
