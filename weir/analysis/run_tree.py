"""Run tree: which component ran inside which, when, and what it streamed. A function of the events."""

import re
from array import array
from bisect import insort
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from weir.analysis.messages import is_message, reasoning_of, text_of, writes_tool_call
from weir.analysis.metrics import finish_reason_of
from weir.analysis.reported_times import TIMES_EVENT, reported_times
from weir.analysis.usage import read_usage
from weir.core import serialization
from weir.core.run_event import RunEvent

MODEL_TYPES = ("chat_model", "llm")

INTERRUPTED = "Interrupted"
"""`type` of the error that the recorder writes for a component that was running when its run ended."""

_STRUCTURED = "ls_structured_output_format"
"""LangChain's note in the metadata of a model that is asked for a structured answer."""

_STEP = re.compile(r"seq:step:([0-9]{1,9})")
"""LangChain's tag of a sequence's steps, numbered from 1."""

_GRAPH_STEP = re.compile(r"graph:step:([0-9]{1,9})")
"""LangGraph's tag of a graph's nodes: the step that the node is at work in."""


class NodeStatus(Enum):
    """Status of a component."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass(slots=True, eq=False)
class RunNode:
    """One component of a run, a node of its tree. Times are seconds since the run's start."""

    run_id: str
    name: str
    type: str
    tags: tuple[str, ...]
    depth: int
    """Depth in the tree; 0 for the root."""
    seq: int
    """`seq` of its start event."""
    started: float
    ended: float | None = None
    end_seq: int | None = None
    """`seq` of its end or error event."""
    status: NodeStatus = NodeStatus.RUNNING
    error: str = ""
    causes: tuple[str, ...] = ()
    """Causes of the error, nearest first."""
    chunks: int = 0
    """Number of streamed chunks, with empty ones."""
    chunk_times: "array[float]" = field(default_factory=lambda: array("d"))
    """Arrival times of the chunks that are not empty."""
    chunk_seqs: "array[int]" = field(default_factory=lambda: array("l"))
    """`seq` of the events of these chunks."""
    chunk_texts: list[str] = field(default_factory=list)
    """Texts of the chunks that have text."""
    text_times: "array[float]" = field(default_factory=lambda: array("d"))
    """Arrival times of these texts."""
    reasoning_texts: list[str] = field(default_factory=list)
    """Texts of the chunks that have reasoning."""
    reasoning_times: "array[float]" = field(default_factory=lambda: array("d"))
    """Arrival times of these."""
    tool_chunks: int = 0
    """Number of chunks that are parts of tool calls."""
    tokens_in: int | None = None
    tokens_out: int | None = None
    """Tokens as the server counted them, for a model that has ended."""
    finish_reason: str | None = None
    reports_finish_reason: bool = False
    """Whether it is a model whose provider always reports a finish reason."""
    is_structured: bool = False
    """Whether it is a model that was asked for a structured answer (`with_structured_output`)."""
    returned_error: bool = False
    """Whether it is a tool that gave an error to the model as its result."""
    output_size: int = 0
    """Bytes of its recorded end event; of a chat model, the characters of its answer."""
    children: list["RunNode"] = field(default_factory=list)

    @property
    def is_model(self) -> bool:
        """Whether it is a language model."""
        return self.type in MODEL_TYPES

    @property
    def step(self) -> int | None:
        """Its number, from 1, as a step of a sequence; None if it is not one."""
        return _number(_STEP, self.tags)

    @property
    def graph_step(self) -> int | None:
        """The step of its graph that it is at work in; None if it is not a node of a LangGraph graph."""
        return _number(_GRAPH_STEP, self.tags)

    @property
    def first_chunk(self) -> float | None:
        """Arrival time of the first chunk that is not empty."""
        return self.chunk_times[0] if self.chunk_times else None

    @property
    def last_chunk(self) -> float | None:
        """Arrival time of the last chunk that is not empty."""
        return self.chunk_times[-1] if self.chunk_times else None

    @property
    def text(self) -> str:
        """The text that it streamed."""
        return "".join(self.chunk_texts)

    @property
    def reasoning(self) -> str:
        """The reasoning that it streamed."""
        return "".join(self.reasoning_texts)

    @property
    def tokens_per_second(self) -> float | None:
        """Its output tokens after the first, else its chunks, divided by the time from the first to the last chunk."""
        tokens, writing = self.tokens_out or len(self.chunk_times), (self.last_chunk or 0.0) - (self.first_chunk or 0.0)
        return (tokens - 1) / writing if len(self.chunk_times) > 1 and tokens > 1 and writing > 0 else None

    @property
    def duration(self) -> float | None:
        """Seconds from start to end."""
        return None if self.ended is None else self.ended - self.started

    @property
    def time_to_first_chunk(self) -> float | None:
        """Seconds from its start to its first chunk that is not empty."""
        return None if self.first_chunk is None else self.first_chunk - self.started

    def walk(self) -> Iterable["RunNode"]:
        """Yield this node and all nodes below it, parents first, in the order of their starts."""
        pending = [self]
        while pending:
            node = pending.pop()
            yield node
            pending.extend(reversed(node.children))


class TreeBuilder:
    """Builds the tree event by event. `run_tree(events)` does it for a whole list."""

    def __init__(self) -> None:
        self.root: RunNode | None = None
        self.nodes: dict[str, RunNode] = {}
        """Nodes by run id."""

    def add(self, event: RunEvent, chunk: Any = None) -> None:
        """Process one event. `chunk` is that of the event, if it is decoded already."""
        stage = event.event.rsplit("_", 1)[-1]
        if stage == "start":
            self._start(event)
            return
        node = self.nodes.get(event.run_id)
        if node is None or event.event == "on_custom_event":
            return
        if stage == "stream":
            _count_chunk(node, event, event.get("chunk") if chunk is None else chunk)
        elif stage == "end":
            _end(node, event)
        elif stage == "error":
            _fail(node, event)
        elif event.event == TIMES_EVENT:
            self._correct(node, event)

    def _correct(self, node: RunNode, event: RunEvent) -> None:
        """Take in the times of a component that its program has reported late."""
        started, ended, tokens = reported_times(event)
        if ended is not None and node.ended is not None:
            node.ended = max(node.started, ended)
        if started is not None:
            node.started = min(node.started, started)
            parent = self.nodes.get(event.component.parent_ids[-1]) if event.component.parent_ids else None
            # It has just begun, and is the last of its siblings, which are in the order of their starts.
            if parent is not None and parent.children and parent.children[-1] is node:
                insort(parent.children, parent.children.pop(), key=lambda child: child.started)
        for at in tokens:
            # What was written then is not known.
            node.chunks += 1
            node.chunk_texts.append("")
            node.text_times.append(at)
            node.chunk_times.append(at)
            node.chunk_seqs.append(event.seq)

    def _start(self, event: RunEvent) -> None:
        parents = event.component.parent_ids
        node = RunNode(
            event.run_id, event.name, event.type, event.component.tags, len(parents), event.seq, event.elapsed
        )
        node.is_structured = _STRUCTURED in event.component.metadata
        # Only earlier components can be the parent: one that names itself would make a cycle.
        parent = next((self.nodes[run_id] for run_id in reversed(parents) if run_id in self.nodes), self.root)
        self.nodes[event.run_id] = node
        if parent is None:
            self.root = node
        else:
            parent.children.append(node)


def _number(pattern: re.Pattern[str], tags: Iterable[str]) -> int | None:
    """Return the number in the first tag of this form; None if there is none."""
    return next((int(match[1]) for tag in tags if (match := pattern.fullmatch(tag))), None)


def _count_chunk(node: RunNode, event: RunEvent, chunk: Any) -> None:
    node.chunks += 1
    if text := text_of(chunk):
        node.chunk_texts.append(text)
        node.text_times.append(event.elapsed)
    elif is_message(chunk):
        if reasoning := reasoning_of(chunk):
            node.reasoning_texts.append(reasoning)
            node.reasoning_times.append(event.elapsed)
        elif writes_tool_call(chunk):
            node.tool_chunks += 1
        else:
            return
    elif chunk in ("", {}):
        return
    node.chunk_times.append(event.elapsed)
    node.chunk_seqs.append(event.seq)


def _end(node: RunNode, event: RunEvent) -> None:
    node.ended, node.status, node.output_size = event.elapsed, NodeStatus.DONE, len(event.payload)
    node.end_seq = event.seq
    if node.type == "tool":
        result = event.get("output")
        node.returned_error = isinstance(result, dict) and result.get("status") == "error"
    if not node.is_model:
        return
    output = event.get("output")
    message: dict[str, Any] = output if isinstance(output, dict) else {}
    if (usage := read_usage(output)) is not None:
        node.tokens_in, node.tokens_out = usage
    if is_message(message):
        node.output_size = len(text_of(message))
    node.finish_reason, node.reports_finish_reason = finish_reason_of(message)


def _fail(node: RunNode, event: RunEvent) -> None:
    value = event.get("error")
    error = value if isinstance(value, dict) else {"type": "", "message": str(value)}
    node.ended, node.end_seq = event.elapsed, event.seq
    node.status = NodeStatus.INTERRUPTED if error.get("type") == INTERRUPTED else NodeStatus.FAILED
    node.error = _error_text(error)
    causes = error.get("causes")
    node.causes = (
        tuple(_error_text(cause) for cause in causes if isinstance(cause, dict)) if isinstance(causes, list) else ()
    )


def _error_text(error: dict[str, Any]) -> str:
    return serialization.replace_lone_surrogates(f"{error.get('type')}: {error.get('message')}")


def run_tree(events: Iterable[RunEvent]) -> RunNode | None:
    """Return the root of the run tree; None before the first event."""
    builder = TreeBuilder()
    for event in events:
        builder.add(event)
    return builder.root
