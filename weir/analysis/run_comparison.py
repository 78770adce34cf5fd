"""Comparison of two runs: their metrics side by side, and the first event in which they differ."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from weir.analysis.metrics import RunMetrics
from weir.core.run_event import RunEvent


@dataclass(frozen=True, slots=True)
class Difference:
    """The first difference between two runs. An event is None if that run has ended."""

    index: int
    """Index of the event in both runs."""
    what: str
    """The differing part of the events: event, name, depth, tags, data, or end."""
    first: RunEvent | None
    second: RunEvent | None


def first_difference(first: Sequence[RunEvent], second: Sequence[RunEvent]) -> Difference | None:
    """Return the first difference between events in order, ignoring times and ids; None if there is none."""
    for index, (one, other) in enumerate(zip_longest(first, second)):
        if one is None or other is None:
            return Difference(index, "end", one, other)
        for what, read in _PARTS:
            if read(one) != read(other):
                return Difference(index, what, one, other)
    return None


def first_difference_of_text(first: str, second: str) -> int | None:
    """Return the index of the first character in which two texts differ; None if they are equal."""
    if first == second:
        return None
    pairs = enumerate(zip(first, second, strict=False))
    return next((index for index, (one, other) in pairs if one != other), min(len(first), len(second)))


def _without_ids(value: Any) -> Any:
    if isinstance(value, dict):
        # Ids differ from run to run.
        return {key: _without_ids(item) for key, item in value.items() if key not in ("id", "run_id", "tool_call_id")}
    return [_without_ids(item) for item in value] if isinstance(value, list) else value


_PARTS: tuple[tuple[str, Callable[[RunEvent], Any]], ...] = (
    ("event", lambda event: event.event),
    ("name", lambda event: event.name),
    ("depth", lambda event: len(event.component.parent_ids)),
    ("tags", lambda event: event.component.tags),
    ("data", lambda event: _without_ids(event.data)),
)


@dataclass(frozen=True, slots=True)
class MetricPair:
    """One metric of both runs."""

    label: str
    unit: str
    first: float | None
    second: float | None

    @property
    def ratio(self) -> float | None:
        """The second divided by the first; None if not defined."""
        return self.second / self.first if self.first and self.second is not None else None


def metric_pairs(first: RunMetrics, second: RunMetrics) -> list[MetricPair]:
    """Return the metrics of two runs side by side."""

    def pair(label: str, unit: str, read: Callable[[RunMetrics], float | None]) -> MetricPair:
        return MetricPair(label, unit, read(first), read(second))

    return [
        pair("time to first token", "s", lambda metrics: metrics.time_to_first_token),
        pair("median inter-token latency", "s", lambda metrics: metrics.median_latency),
        pair("tokens per second", "", lambda metrics: metrics.tokens_per_second),
        pair("tokens in", "", lambda metrics: metrics.tokens_in),
        pair("tokens out", "", lambda metrics: metrics.tokens_out),
        pair("chunks", "", lambda metrics: metrics.chunks),
        pair("characters", "", lambda metrics: metrics.characters),
        pair("duration", "s", lambda metrics: metrics.duration),
    ]
