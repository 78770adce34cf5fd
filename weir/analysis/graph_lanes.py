"""Lanes of a graph's waterfall: what each node, model and tool did from when to when. A function of the run tree."""

from array import array
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from weir.analysis.run_tree import NodeStatus, RunNode


class Activity(Enum):
    """What is done in a span of a lane. The value is its label."""

    WAITING = "waits for the model"
    THINKING = "thinks"
    CALLING = "writes a tool call"
    WRITING = "writes text"
    TOOL = "tool at work"
    NODE = "node at work"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a lane. Times are seconds since the run's start."""

    lane: str
    activity: Activity
    start: float
    end: float
    step: int
    """Step of the graph, from 1 in each run of a thread."""
    seq: int
    """`seq` of the event that begins it."""


def graph_spans(root: RunNode, end: float) -> list[Span]:
    """Return the spans of a graph's nodes and of the models and tools in them; none if the run is not of a graph.

    `end` is the end of what goes on. A node with models or tools in it is drawn as these.
    """
    first = min((step for node in root.children if (step := node.graph_step) is not None), default=None)
    return [] if first is None else list(_spans(root, "", 0, first - 1, end))


def step_starts(root: RunNode) -> dict[int, float]:
    """Return when each step of the graph itself began, by its number in this run, from 1."""
    starts: dict[int, float] = {}
    for node in root.children:
        if (step := node.graph_step) is not None:
            starts[step] = min(node.started, starts.get(step, node.started))
    first = min(starts, default=1)
    return {step - first + 1: at for step, at in sorted(starts.items())}


def _spans(parent: RunNode, path: str, step: int, before: int, end: float) -> Iterator[Span]:
    # A loop over a list of its own: a graph may call itself more deeply than Python recurses.
    pending = [(child, path, step) for child in reversed(parent.children)]
    while pending:
        node, path, step = pending.pop()
        if (number := node.graph_step) is not None:
            step = step or number - before
            path = f"{path} / {node.name}" if path else node.name
            if not any(inner.is_model or inner.type == "tool" for inner in node.walk()):
                yield _whole(node, path, Activity.NODE, step, end)
                continue
        if node.is_model:
            yield from _model_spans(node, path or node.name, step, end)
        elif node.type == "tool":
            yield _whole(node, f"{path}: {node.name}" if path else node.name, Activity.TOOL, step, end)
        pending += [(child, path, step) for child in reversed(node.children)]


def _whole(node: RunNode, lane: str, activity: Activity, step: int, end: float) -> Span:
    failed = node.status is NodeStatus.FAILED or node.returned_error
    return Span(lane, Activity.FAILED if failed else activity, node.started, _end(node, end), step, node.seq)


def _model_spans(node: RunNode, lane: str, step: int, end: float) -> Iterator[Span]:
    """Yield the phases of a model's call: chunks of a kind that follow each other are one span."""
    activity, start, seq = Activity.WAITING, node.started, node.seq
    for at, chunk_seq in zip(node.chunk_times, node.chunk_seqs, strict=True):
        kind = _kind(node, at)
        if kind is not activity:
            yield Span(lane, activity, start, at, step, seq)
            activity, start, seq = kind, at, chunk_seq
    failed = node.status is NodeStatus.FAILED
    yield Span(lane, Activity.FAILED if failed else activity, start, _end(node, end), step, seq)


def _kind(node: RunNode, at: float) -> Activity:
    if _has(node.reasoning_times, at):
        return Activity.THINKING
    return Activity.WRITING if _has(node.text_times, at) else Activity.CALLING


def _has(times: "array[float]", at: float) -> bool:
    index = bisect_right(times, at)
    return index > 0 and times[index - 1] == at


def _end(node: RunNode, end: float) -> float:
    return end if node.ended is None else node.ended
