"""Phases of a component: what it did from when to when. A function of the run tree."""

from array import array
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from weir.analysis.run_tree import NodeStatus, RunNode


class Activity(Enum):
    """What is done in a phase. The value is its label."""

    WAITING = "waits for the model"
    THINKING = "thinks"
    CALLING = "writes a tool call"
    WRITING = "writes text"
    TOOL = "tool at work"
    NODE = "at work"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of a component's time. Times are seconds since the run's start."""

    activity: Activity
    start: float
    end: float


def node_phases(node: RunNode, end: float) -> list[Phase]:
    """Return what a component did; nothing of one with others in it, which are its phases.

    `end` is the end of what goes on.
    """
    if node.is_model:
        return list(_model_phases(node, end))
    if node.type == "tool":
        return [_whole(node, Activity.TOOL, end)]
    return [] if node.children else [_whole(node, Activity.NODE, end)]


def step_starts(root: RunNode) -> dict[int, float]:
    """Return when each step of the graph itself began, by its number in this run, from 1."""
    starts: dict[int, float] = {}
    for node in root.children:
        if (step := node.graph_step) is not None:
            starts[step] = min(node.started, starts.get(step, node.started))
    first = min(starts, default=1)
    return {step - first + 1: at for step, at in sorted(starts.items())}


def _whole(node: RunNode, activity: Activity, end: float) -> Phase:
    failed = node.status is NodeStatus.FAILED or node.returned_error
    return Phase(Activity.FAILED if failed else activity, node.started, _end(node, end))


def _model_phases(node: RunNode, end: float) -> Iterator[Phase]:
    """Yield the phases of a model's call: chunks of a kind that follow each other are one phase."""
    activity, start = Activity.WAITING, node.started
    for at in node.chunk_times:
        kind = _kind(node, at)
        if kind is not activity:
            yield Phase(activity, start, at)
            activity, start = kind, at
    failed = node.status is NodeStatus.FAILED
    yield Phase(Activity.FAILED if failed else activity, start, _end(node, end))


def _kind(node: RunNode, at: float) -> Activity:
    if _has(node.reasoning_times, at):
        return Activity.THINKING
    return Activity.WRITING if _has(node.text_times, at) else Activity.CALLING


def _has(times: "array[float]", at: float) -> bool:
    index = bisect_right(times, at)
    return index > 0 and times[index - 1] == at


def _end(node: RunNode, end: float) -> float:
    return end if node.ended is None else node.ended
