"""The run tree: which component ran inside which, when, and what it streamed. A function of the events."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from streaming.events import Event
from streaming.metrics import text_of


class NodeStatus(Enum):
    """What became of a component."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass(slots=True)
class Node:
    """One component of a run. Times are seconds since the run's start."""

    run_id: str
    name: str
    type: str
    depth: int
    """0 is the root."""
    started: float
    ended: float | None = None
    status: NodeStatus = NodeStatus.RUNNING
    error: str = ""
    chunks: int = 0
    first_chunk: float | None = None
    """Arrival of its first chunk that is not empty."""
    last_chunk: float | None = None
    tokens_out: int | None = None
    """As the server counted them, for a model that has ended."""
    children: list["Node"] = field(default_factory=list)

    @property
    def duration(self) -> float | None:
        """Seconds from start to end."""
        return None if self.ended is None else self.ended - self.started

    @property
    def time_to_first_chunk(self) -> float | None:
        """Seconds from its own start to its first chunk that is not empty."""
        return None if self.first_chunk is None else self.first_chunk - self.started

    def walk(self) -> Iterable["Node"]:
        """Yield this node and all below it, parents first, in the order of their starts."""
        yield self
        for child in self.children:
            yield from child.walk()


class TreeBuilder:
    """Builds the tree event by event; `tree(events)` is the same over a whole list."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self._nodes: dict[str, Node] = {}

    def add(self, event: Event) -> None:
        """Take one event."""
        stage = event.event.rsplit("_", 1)[-1]
        if stage == "start":
            self._start(event)
            return
        node = self._nodes.get(event.run_id)
        if node is None or event.event == "on_custom_event":
            return
        if stage == "stream":
            _count_chunk(node, event)
        elif stage == "end":
            node.ended, node.status = event.at, NodeStatus.DONE
            if event.type == "chat_model":
                output = event.data.get("output")
                usage = output.get("usage_metadata") if isinstance(output, dict) else None
                node.tokens_out = usage.get("output_tokens") if isinstance(usage, dict) else None
        elif stage == "error":
            _fail(node, event)

    def _start(self, event: Event) -> None:
        parents = event.source.parent_ids
        node = Node(event.run_id, event.name, event.type, len(parents), event.at)
        self._nodes[event.run_id] = node
        if self.root is None:
            self.root = node
            return
        nearest = next((self._nodes[run_id] for run_id in reversed(parents) if run_id in self._nodes), self.root)
        nearest.children.append(node)


def _count_chunk(node: Node, event: Event) -> None:
    node.chunks += 1
    chunk = event.data.get("chunk")
    if text_of(chunk) or not isinstance(chunk, str | dict):
        node.first_chunk = event.at if node.first_chunk is None else node.first_chunk
        node.last_chunk = event.at


def _fail(node: Node, event: Event) -> None:
    error = event.data.get("error")
    shown = error if isinstance(error, dict) else {"type": "", "message": str(error)}
    node.ended = event.at
    node.status = NodeStatus.INTERRUPTED if shown.get("type") == "Interrupted" else NodeStatus.FAILED
    node.error = f"{shown.get('type')}: {shown.get('message')}"


def tree(events: Iterable[Event]) -> Node | None:
    """Return the root of the run tree; None before the first event."""
    builder = TreeBuilder()
    for event in events:
        builder.add(event)
    return builder.root
