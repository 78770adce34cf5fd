"""The run tree: which component ran inside which, when, and what it streamed. A function of the events."""

import re
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from weir.analysis.messages import is_message, text_of
from weir.analysis.metrics import finish_reason_of
from weir.analysis.usage import read_usage
from weir.core import serialization
from weir.core.run_event import RunEvent

MODEL_TYPES = ("chat_model", "llm")

_STEP = re.compile(r"seq:step:([0-9]{1,9})")
"""What LangChain tags the steps of a sequence with, from 1."""


class NodeStatus(Enum):
    """What became of a component."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass(slots=True, eq=False)
class RunNode:
    """One component of a run. Times are seconds since the run's start."""

    run_id: str
    name: str
    type: str
    tags: tuple[str, ...]
    depth: int
    """0 is the root."""
    seq: int
    """Number of its start event."""
    started: float
    ended: float | None = None
    status: NodeStatus = NodeStatus.RUNNING
    error: str = ""
    causes: tuple[str, ...] = ()
    """What the error came from, nearest first."""
    chunks: int = 0
    """Chunks that it streamed, empty ones too."""
    chunk_times: "array[float]" = field(default_factory=lambda: array("d"))
    """When its chunks came that are not empty."""
    chunk_seqs: "array[int]" = field(default_factory=lambda: array("l"))
    """The events that brought them."""
    chunk_texts: list[str] = field(default_factory=list)
    """Their text, where it is text."""
    tokens_in: int | None = None
    tokens_out: int | None = None
    """As the server counted them, for a model that has ended."""
    finish_reason: str | None = None
    reports_finish_reason: bool = False
    """Whether it is a model of a provider that always names a finish reason."""
    output_size: int = 0
    """Bytes of its output as recorded, once it has ended."""
    children: list["RunNode"] = field(default_factory=list)

    @property
    def is_model(self) -> bool:
        """Whether it is what writes tokens."""
        return self.type in MODEL_TYPES

    @property
    def step(self) -> int | None:
        """Its place in the sequence that it is a step of, from 1."""
        return next((step for tag in self.tags if (step := _step(tag)) is not None), None)

    @property
    def first_chunk(self) -> float | None:
        """Arrival of its first chunk that is not empty."""
        return self.chunk_times[0] if self.chunk_times else None

    @property
    def last_chunk(self) -> float | None:
        """Arrival of its last chunk that is not empty."""
        return self.chunk_times[-1] if self.chunk_times else None

    @property
    def text(self) -> str:
        """What it has streamed, as far as it is text."""
        return "".join(self.chunk_texts)

    @property
    def duration(self) -> float | None:
        """Seconds from start to end."""
        return None if self.ended is None else self.ended - self.started

    @property
    def time_to_first_chunk(self) -> float | None:
        """Seconds from its own start to its first chunk that is not empty."""
        return None if self.first_chunk is None else self.first_chunk - self.started

    def walk(self) -> Iterable["RunNode"]:
        """Yield this node and all below it, parents first, in the order of their starts."""
        pending = [self]
        while pending:
            node = pending.pop()
            yield node
            pending.extend(reversed(node.children))


class TreeBuilder:
    """Builds the tree event by event; `tree(events)` is the same over a whole list."""

    def __init__(self) -> None:
        self.root: RunNode | None = None
        self.nodes: dict[str, RunNode] = {}
        """By run id."""

    def add(self, event: RunEvent) -> None:
        """Take one event."""
        stage = event.event.rsplit("_", 1)[-1]
        if stage == "start":
            self._start(event)
            return
        node = self.nodes.get(event.run_id)
        if node is None or event.event == "on_custom_event":
            return
        if stage == "stream":
            _count_chunk(node, event)
        elif stage == "end":
            _end(node, event)
        elif stage == "error":
            _fail(node, event)

    def _start(self, event: RunEvent) -> None:
        parents = event.component.parent_ids
        node = RunNode(
            event.run_id, event.name, event.type, event.component.tags, len(parents), event.seq, event.elapsed
        )
        # Looked for among earlier components only: one that names itself as its parent would make the tree a circle.
        nearest = next((self.nodes[run_id] for run_id in reversed(parents) if run_id in self.nodes), self.root)
        self.nodes[event.run_id] = node
        if nearest is None:
            self.root = node
        else:
            nearest.children.append(node)


def _step(tag: str) -> int | None:
    """Return the number in a tag of LangChain's; None where it has none, as a tag of anybody's may."""
    found = _STEP.fullmatch(tag)
    return int(found[1]) if found else None


def _count_chunk(node: RunNode, event: RunEvent) -> None:
    node.chunks += 1
    chunk = event.get("chunk")
    piece = text_of(chunk)
    if piece or not _is_empty(chunk):
        node.chunk_times.append(event.elapsed)
        node.chunk_seqs.append(event.seq)
        if piece:
            node.chunk_texts.append(piece)


def _is_empty(chunk: Any) -> bool:
    """Whether a chunk without text brings nothing: an empty text or object, or a message of which no text has come."""
    return chunk in ("", {}) or is_message(chunk)


def _end(node: RunNode, event: RunEvent) -> None:
    node.ended, node.status, node.output_size = event.elapsed, NodeStatus.DONE, len(event.payload)
    if not node.is_model:
        return
    output = event.get("output")
    message: dict[str, Any] = output if isinstance(output, dict) else {}
    if (usage := read_usage(output)) is not None:
        node.tokens_in, node.tokens_out = usage
    node.finish_reason, node.reports_finish_reason = finish_reason_of(message)


def _fail(node: RunNode, event: RunEvent) -> None:
    error = event.get("error")
    shown = error if isinstance(error, dict) else {"type": "", "message": str(error)}
    node.ended = event.elapsed
    node.status = NodeStatus.INTERRUPTED if shown.get("type") == "Interrupted" else NodeStatus.FAILED
    node.error = _said(shown)
    causes = shown.get("causes")
    node.causes = tuple(_said(cause) for cause in causes if isinstance(cause, dict)) if isinstance(causes, list) else ()


def _said(error: dict[str, Any]) -> str:
    return serialization.replace_lone_surrogates(f"{error.get('type')}: {error.get('message')}")


def run_tree(events: Iterable[RunEvent]) -> RunNode | None:
    """Return the root of the run tree; None before the first event."""
    builder = TreeBuilder()
    for event in events:
        builder.add(event)
    return builder.root
