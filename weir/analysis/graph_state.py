"""State of a graph's run, step by step: functions of the events that the graph reports beside LangChain's."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from weir.core.run_event import EVENT_PREFIX, RunEvent
from weir.runs.run import Run, Status

INTERRUPT = "__interrupt__"
"""Key under which LangGraph reports what a graph asks a person."""


@dataclass(frozen=True, slots=True)
class StateChange:
    """One change of a graph's state by a node."""

    seq: int
    elapsed: float
    namespace: tuple[str, ...]
    """Tasks that the subgraph runs in, as `node:id`; empty for the graph itself."""
    node: str
    update: Any


def reported(event: RunEvent, mode: str) -> tuple[tuple[str, ...], Any] | None:
    """Return the namespace and the payload of what a graph reported in a stream mode; None for any other event."""
    if event.event != f"{EVENT_PREFIX}{mode}":
        return None
    namespace = event.get("namespace")
    names = tuple(map(str, namespace)) if isinstance(namespace, list) else ()
    return names, event.get("payload")


def state_changes(events: Iterable[RunEvent]) -> list[StateChange]:
    """Return all changes of a run's state, in order; those of subgraphs too."""
    changes = []
    for event in events:
        if (report := reported(event, "updates")) is None or not isinstance(report[1], dict):
            continue
        namespace, payload = report
        changes += [
            StateChange(event.seq, event.elapsed, namespace, node, update)
            for node, update in payload.items()
            if node != INTERRUPT
        ]
    return changes


def state_at(events: Sequence[RunEvent], seq: int) -> Any:
    """Return the whole state of the graph after the event of that number; None before there is one."""
    states = (event for event in reversed(events) if event.seq <= seq and _is_state(event))
    event = next(states, None)
    state = None if event is None else event.get("payload")
    if isinstance(state, dict):
        return {key: value for key, value in state.items() if key != INTERRUPT}
    return state


def _is_state(event: RunEvent) -> bool:
    """Whether an event has the whole state of the graph itself. States are large: it is decoded only if need be."""
    if event.event != f"{EVENT_PREFIX}values":
        return False
    return event.payload.startswith(b'{"namespace":[],') or not (reported(event, "values") or ((),))[0]


@dataclass(frozen=True, slots=True)
class StateStep:
    """One step of a graph, after which its state is known."""

    seq: int
    """`seq` of the event with the state after it; of the last change, if the run has not come to that."""
    elapsed: float
    changes: tuple[StateChange, ...]
    """By the nodes of the step and of the subgraphs in it; none for the input."""

    @property
    def nodes(self) -> list[str]:
        """Nodes of the graph itself that changed the state, each once."""
        return list(dict.fromkeys(change.node for change in self.changes if not change.namespace))


def state_steps(events: Sequence[RunEvent]) -> list[StateStep]:
    """Return the steps of a run's graph, the input first."""
    steps: list[StateStep] = []
    changes = deque(state_changes(events))
    for event in events:
        if _is_state(event):
            made = []
            while changes and changes[0].seq < event.seq:
                made.append(changes.popleft())
            # A graph that stops for a person reports its state once more.
            if made or not steps:
                steps.append(StateStep(event.seq, event.elapsed, tuple(made)))
    if changes:
        steps.append(StateStep(changes[-1].seq, changes[-1].elapsed, tuple(changes)))
    return steps


@dataclass(slots=True)
class NodeVisits:
    """How often a graph's node was at work, for how long, and what it is doing now."""

    count: int = 0
    seconds: float = 0.0
    status: str = ""
    """`at work`, `visited`, `waiting` or `failed`; empty before its first visit."""


@dataclass(frozen=True, slots=True)
class GraphShape:
    """A graph as it is drawn."""

    nodes: dict[str, NodeVisits]
    edges: tuple[tuple[str, str, bool], ...]
    """From, to, and whether a condition decides."""


def graph_shape(events: Iterable[RunEvent]) -> GraphShape | None:
    """Return the graph of a run with the visits of its nodes so far; None if the run is not of a graph."""
    nodes: dict[str, NodeVisits] = {}
    edges: tuple[tuple[str, str, bool], ...] = ()
    began: dict[str, float] = {}
    is_graph = False
    for event in events:
        if (shape := reported(event, "graph")) is not None and isinstance(shape[1], dict):
            is_graph = True
            nodes = {str(name): NodeVisits() for name in _list(shape[1].get("nodes"))}
            edges = tuple(
                (str(edge.get("source")), str(edge.get("target")), bool(edge.get("conditional")))
                for edge in _list(shape[1].get("edges"))
                if isinstance(edge, dict)
            )
        elif (task := reported(event, "tasks")) is not None and not task[0] and isinstance(task[1], dict):
            _visit(nodes, began, task[1], event.elapsed)
    return GraphShape(nodes, edges) if is_graph else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _visit(nodes: dict[str, NodeVisits], began: dict[str, float], task: dict[str, Any], at: float) -> None:
    visits = nodes.setdefault(str(task.get("name")), NodeVisits())
    task_id = str(task.get("id"))
    if "triggers" in task:
        began[task_id] = at
        visits.count += 1
        visits.status = "at work"
        return
    visits.seconds += at - began.pop(task_id, at)
    waits = "waiting" if task.get("interrupts") else "visited"
    visits.status = "failed" if task.get("error") else waits


def interrupts(run: Run) -> list[dict[str, Any]]:
    """Return what the graph of a run that waits asks a person, each with its `value` and `id`."""
    if run.status is not Status.WAITING:
        return []
    found: dict[str, dict[str, Any]] = {}
    for event in run.events:
        if (report := reported(event, "updates")) is None or report[0] or not isinstance(report[1], dict):
            continue
        asked = report[1].get(INTERRUPT)
        for interrupt in asked if isinstance(asked, list) else ():
            if isinstance(interrupt, dict):
                found.setdefault(str(interrupt.get("id")), interrupt)
    return list(found.values())


def thread_of(run: Run) -> str | None:
    """Return the thread of a run; None if it has none."""
    thread_id = run.context.get("thread_id")
    return thread_id if isinstance(thread_id, str) else None


def checkpoints(events: Iterable[RunEvent]) -> list[tuple[int, str, list[str]]]:
    """Return the checkpoints of the graph itself: number of the event, checkpoint id, and what comes next."""
    found = []
    for event in events:
        report = reported(event, "checkpoints")
        if report is None or report[0] or not isinstance(report[1], dict):
            continue
        config = report[1].get("config")
        configurable = config.get("configurable") if isinstance(config, dict) else None
        checkpoint_id = configurable.get("checkpoint_id") if isinstance(configurable, dict) else None
        following = report[1].get("next")
        if isinstance(checkpoint_id, str):
            found.append((event.seq, checkpoint_id, [str(node) for node in _list(following)]))
    return found
