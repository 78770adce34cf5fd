"""Comparison of two runs: metrics and components side by side, their texts, and the first event that differs."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import Enum
from itertools import zip_longest
from typing import Any

from weir.analysis.metrics import RunMetrics
from weir.analysis.run_tree import RunNode
from weir.core.run_event import RunEvent

MAX_WORDS = 1_500
"""Words of each text that are compared."""
MAX_COMPONENTS = 500
"""Components of each run that are compared."""
MAX_DEPTH = 30
"""Levels that are compared."""

_WORDS = re.compile(r"\S+\s*|\s+")


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
    def difference(self) -> float | None:
        """The second less the first; None if not defined."""
        return None if self.first is None or self.second is None else self.second - self.first

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


@dataclass(frozen=True, slots=True)
class ComponentPair:
    """A component of two runs: the same names on the way to it, and as many of that name before it."""

    name: str
    depth: int
    first: RunNode | None
    second: RunNode | None


def component_pairs(first: RunNode, second: RunNode) -> list[ComponentPair]:
    """Return the components of two runs matched by their paths: those of the first, then new ones of the second."""
    one, other = _by_path(first), _by_path(second)
    paths = dict.fromkeys([*one, *other])
    return [ComponentPair(path[-1][0], len(path) - 1, one.get(path), other.get(path)) for path in _in_order(paths)]


_Path = tuple[tuple[str, int], ...]


def _by_path(root: RunNode) -> dict[_Path, RunNode]:
    """Return the components by their paths: pairs of a name and how many siblings of that name came before."""
    # The roots are the same thing, whatever they are called. A loop of its own: runs may be nested very deeply.
    found: dict[_Path, RunNode] = {}
    pending: list[tuple[RunNode, _Path]] = [(root, ((root.name, 0),))]
    while pending and len(found) < MAX_COMPONENTS:
        node, path = pending.pop()
        found[("", 0), *path[1:]] = node
        seen: dict[str, int] = {}
        inner = []
        for child in node.children:
            number = seen[child.name] = seen.get(child.name, -1) + 1
            if len(path) < MAX_DEPTH:
                inner.append((child, (*path, (child.name, number))))
        pending += reversed(inner)
    return found


def _in_order(paths: Iterable[_Path]) -> list[_Path]:
    """Return paths so that each follows its parent, in the order in which they were met."""
    inner: dict[_Path, list[_Path]] = {}
    for path in paths:
        inner.setdefault(path[:-1], []).append(path)
    result: list[_Path] = []
    pending = list(reversed(inner.get((), [])))
    while pending:
        path = pending.pop()
        result.append(path)
        pending += reversed(inner.get(path, []))
    return result


class Change(Enum):
    """What a part of a text is: in both, or in one of them."""

    SAME = "same"
    REMOVED = "removed"
    ADDED = "added"


def text_changes(first: str, second: str) -> list[tuple[Change, str]]:
    """Return two texts as one, word by word: what both have, what only the first, and what only the second has.

    Of long texts the beginnings: comparing words takes time that grows with their square.
    """
    one, other = (_WORDS.findall(text)[:MAX_WORDS] for text in (first, second))
    changes: list[tuple[Change, str]] = []
    for kind, from_one, to_one, from_other, to_other in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if kind == "equal":
            changes.append((Change.SAME, "".join(one[from_one:to_one])))
            continue
        if to_one > from_one:
            changes.append((Change.REMOVED, "".join(one[from_one:to_one])))
        if to_other > from_other:
            changes.append((Change.ADDED, "".join(other[from_other:to_other])))
    return changes
