"""Rows of a run's waterfall as bounded JSON: its components, what each did when, and marks of its chunks.

A function of the run tree. The page and the `.html` file of a run draw the same rows.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from weir.analysis.component_phases import node_phases, step_starts
from weir.analysis.run_tree import RunNode
from weir.core.serialization import replace_lone_surrogates

MAX_ROWS = 1_500
"""Components that are drawn, the first ones."""
MAX_MARKS = 24_000
"""Marks of all rows together. Chunks that are too dense for that share one."""
MARKS_OF_ROW = 500
MARKS_OF_LIVE_ROW = 120
"""Marks of a row; of a live run fewer, because they are sent again and again."""
MAX_PHASES = 100
"""Phases of one row; the longest ones."""
MAX_STEPS = 60
"""Steps of a graph that have a line, the first ones."""
GROUP_SIZE = 4
"""Siblings of one name from which they are one group."""
GRAPH_GROUP_SIZE = 3
"""Visits of one node of a graph from which they are one group."""
MAX_TEXT = 300
"""Characters of a name or an error."""
AXIS_STEP = 1.5
"""Factor by which the axis of a live run grows, so that it does not move at each event."""

_TICKS = 10_000
"""Times of marks are whole tenths of a millisecond."""


@dataclass(slots=True)
class _Row:
    node: RunNode
    parent: int
    depth: int
    size: int = 0
    """Number of members of a group; 0 for a component."""
    members: list[RunNode] = field(default_factory=list)


def waterfall(root: RunNode, end: float, *, axis: float | None = None, live: bool = False) -> dict[str, Any]:
    """Return the waterfall. `end` is the end of what goes on, `axis` the end of the axis."""
    rows = _rows(root)
    shown = rows[:MAX_ROWS]
    streaming = sum(bool(row.node.chunk_times) and not row.size for row in shown)
    marks = min(MARKS_OF_LIVE_ROW if live else MARKS_OF_ROW, MAX_MARKS // max(1, streaming))
    last = axis if axis is not None else live_axis(end) if live else end
    return {
        "end": round(end, 4),
        "axis": round(max(last, 1e-3), 4),
        "live": live,
        "hidden": len(rows) - len(shown),
        "steps": [[step, round(at, 4)] for step, at in list(step_starts(root).items())[:MAX_STEPS]],
        "rows": [_row_json(row, end, last, marks) for row in shown],
    }


def live_axis(end: float) -> float:
    """Return the end of a live run's axis: the next of 1, 1.5, 2.25, … seconds."""
    axis = 1.0
    while axis < end:
        axis *= AXIS_STEP
    return axis


def _rows(root: RunNode) -> list[_Row]:
    rows: list[_Row] = []
    # A loop over a list of its own: components may be nested more deeply than Python recurses.
    pending: list[tuple[RunNode | list[RunNode], int, int]] = [(root, -1, 0)]
    while pending:
        item, parent, depth = pending.pop()
        if isinstance(item, list):
            rows.append(_Row(item[0], parent, depth, len(item), item))
            pending += [(member, len(rows) - 1, depth + 1) for member in reversed(item)]
            continue
        rows.append(_Row(item, parent, depth))
        at = len(rows) - 1
        pending += [(child, at, depth + 1) for child in reversed(_grouped(item.children))]
    return rows


def _grouped(children: Sequence[RunNode]) -> list[RunNode | list[RunNode]]:
    """Return children, those of one name as a list in the place of the first if there are many of them."""
    by_name: dict[tuple[str, str], list[RunNode]] = {}
    for child in children:
        by_name.setdefault((child.type, child.name), []).append(child)
    result: list[RunNode | list[RunNode]] = []
    for child in children:
        same = by_name[child.type, child.name]
        if len(same) < (GROUP_SIZE if child.graph_step is None else GRAPH_GROUP_SIZE):
            result.append(child)
        elif same[0] is child:
            result.append(same)
    return result


def _row_json(row: _Row, end: float, axis: float, marks: int) -> dict[str, Any]:
    node = row.node
    value: dict[str, Any] = {
        "seq": node.seq,
        "parent": row.parent,
        "depth": row.depth,
        "name": _text(node.name),
        "kind": node.type,
        "status": node.status.value,
        "start": round(node.started, 4),
        "end": None if node.ended is None else round(node.ended, 4),
    }
    if row.size:
        return value | _group_json(row, end)
    chunks = len(node.chunk_times)
    more: dict[str, Any] = {
        "first": None if node.first_chunk is None else round(node.first_chunk, 4),
        "chunks": chunks,
        "tokens": node.tokens_out,
        "tokensIn": node.tokens_in,
        "rate": None if node.tokens_per_second is None else round(node.tokens_per_second, 1),
        "error": _text(node.error),
        "phases": _phases(node, end),
        "marks": list(_marks(node, axis, marks)) if chunks else [],
    }
    return value | {name: field for name, field in more.items() if field}


def _group_json(row: _Row, end: float) -> dict[str, Any]:
    """Return what a group has: how many it holds, the span of all of them, and the worst of their statuses."""
    ends = [member.ended for member in row.members]
    statuses = {member.status.value for member in row.members}
    worst = next(status for status in ("failed", "running", "interrupted", "done") if status in statuses)
    ended = [one for one in ends if one is not None]
    whole = sum((end if member.ended is None else member.ended) - member.started for member in row.members)
    tokens = sum(member.tokens_out or 0 for member in row.members)
    value = {"group": row.size, "status": worst, "sum": round(whole, 4)}
    value["end"] = max(ended) if len(ended) == len(ends) else None  # type: ignore[assignment]
    return value | ({"tokens": tokens} if tokens else {})


def _phases(node: RunNode, end: float) -> list[float | str]:
    """Return a flat list: what was done, from when, until when."""
    phases = node_phases(node, end)
    if len(phases) > MAX_PHASES:
        longest = sorted(phases, key=lambda phase: phase.start - phase.end)[:MAX_PHASES]
        phases = sorted(longest, key=lambda phase: phase.start)
    return [
        part for phase in phases for part in (phase.activity.name.lower(), round(phase.start, 4), round(phase.end, 4))
    ]


def _marks(node: RunNode, axis: float, most: int) -> Iterator[int]:
    """Yield a flat list of marks: tenths of a millisecond since the one before, number of chunks, `seq` of one."""
    times = node.chunk_times
    width = 0.0 if len(times) <= most else max(axis, 1e-9) / most
    index, before = 0, 0
    while index < len(times):
        at = times[index]
        # Times that go backwards, as a damaged recording may hold, still go on by one chunk.
        until = max(index + 1, bisect_right(times, (at // width + 1) * width, index)) if width else index + 1
        ticks = round(at * _TICKS)
        yield from (ticks - before, until - index, node.chunk_seqs[index])
        index, before = until, ticks


def _text(text: str) -> str:
    return replace_lone_surrogates(text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…")
