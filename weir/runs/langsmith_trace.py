"""LangSmith trace: turns the operations of one run tree into the lines of a recording (docs/attach.md).

The wire says the start, the end and the first token's time of each component, the last of these with the end. Lines are
appended as operations come: what is heard of later than its time has the time of the line before, and a line
`on_weir_times` after it says the times as they were.
"""

from typing import Any

from weir.core import serialization
from weir.core.run_event import EVENT_PREFIX, label
from weir.runs import langsmith_values as values
from weir.runs.event_recorder import Interrupted
from weir.runs.langsmith_operations import IngestError, Operation, id_of, seconds_of
from weir.runs.run import Status

MAX_COMPONENTS = 20_000
MAX_DEPTH = 200
MAX_TAGS = 100
MAX_TOKENS = 20_000
"""Times of tokens of one model's call. JavaScript's client sends all, Python's the first."""

MAX_METADATA = 30_000
MAX_INPUT = 50_000
"""Bytes of a start from which the input is kept as it was recorded, with its texts cut."""

LATE_SECONDS = 0.000_5
MAX_SECONDS = 1e9
_START, _TOKENS, _END = range(3)

_KINDS = frozenset({"chain", "tool", "retriever", "prompt", "parser"})
_STOPPED = ("CancelledError", "KeyboardInterrupt", "GeneratorExit", "AbortError")
_GRAPH_SIGNALS = {
    "GraphInterrupt": "This component waits for a person, and begins again when the run is resumed.",
    "ParentCommand": "This component handed over to the graph around it.",
}


class TracedComponent:
    """A component of a run, as far as the client has reported it."""

    __slots__ = (
        "ended", "error", "has_ended", "has_started", "id", "inputs", "metadata", "name", "outputs", "parent_id",
        "parent_ids", "run_type", "started", "tags", "tokens",
    )  # fmt: skip

    def __init__(self, run_id: str) -> None:
        self.id = run_id
        self.name: str | None = None
        self.run_type = "chain"
        self.parent_id = ""
        self.parent_ids: tuple[str, ...] = ()
        self.started: float | None = None
        self.ended: float | None = None
        self.inputs: Any = None
        self.outputs: Any = None
        self.error: str | None = None
        self.tags: list[str] = []
        self.metadata: dict[str, Any] = {}
        self.tokens: list[float] = []
        self.has_started = self.has_ended = False

    def merge(self, fields: dict[str, Any]) -> None:
        """Take in what an operation says. Fields of another type than the clients send count as missing."""
        if self.has_ended:
            return
        self.name = label(fields["name"]) if isinstance(fields.get("name"), str) else self.name
        self.run_type = fields["run_type"] if isinstance(fields.get("run_type"), str) else self.run_type
        self.parent_id = id_of(fields.get("parent_run_id")) or self.parent_id
        self.started = self.started or seconds_of(fields.get("start_time"))
        self.ended = seconds_of(fields.get("end_time")) or self.ended
        self.inputs = fields["inputs"] if fields.get("inputs") else self.inputs
        self.outputs = fields["outputs"] if fields.get("outputs") else self.outputs
        self.error = fields["error"] if isinstance(fields.get("error"), str) and fields["error"] else self.error
        if isinstance(tags := fields.get("tags"), list) and not self.has_started:
            self.tags = [label(tag) for tag in tags[:MAX_TAGS] if isinstance(tag, str)]
        extra = fields.get("extra")
        if isinstance(extra, dict) and isinstance(extra.get("metadata"), dict):
            self.metadata = extra["metadata"]
        if isinstance(events := fields.get("events"), list):
            times = (
                seconds_of(event.get("time"))
                for event in events[:MAX_TOKENS]
                if isinstance(event, dict) and event.get("name") == "new_token"
            )
            self.tokens = [at for at in times if at is not None] or self.tokens

    @property
    def is_known(self) -> bool:
        """Whether enough is known of it for its start."""
        return self.name is not None and self.started is not None

    @property
    def is_over(self) -> bool:
        return self.ended is not None or self.error is not None

    @property
    def kind(self) -> str:
        """LangChain's word for what it is."""
        if self.run_type == "llm":
            return "chat_model" if values.is_chat(self.inputs, self.metadata) else "llm"
        return self.run_type if self.run_type in _KINDS else "chain"


class Trace:
    """One run tree. `take` is called with each operation, `lines` after a request."""

    def __init__(self, trace_id: str) -> None:
        self.id = trace_id
        self.components: dict[str, TracedComponent] = {}
        self.is_closed = False
        self._events = 0
        self._last = 0.0
        self._zero = 0.0
        self._heads: dict[str, dict[str, Any]] = {}
        self._kinds: dict[str, str] = {}
        self._new: dict[str, TracedComponent] = {}
        """Components of which something may be written."""
        self._has_interrupt = False

    @property
    def root(self) -> TracedComponent | None:
        root = self.components.get(self.id)
        return root if root and root.is_known else None

    @property
    def is_over(self) -> bool:
        """Whether the root has ended: others may be heard of a little later."""
        return self.root is not None and self.root.is_over

    @property
    def has_open_components(self) -> bool:
        """Whether a component has not ended, or waits to be written."""
        return any(not one.has_ended for one in self.components.values() if one.id != self.id)

    def take(self, operation: Operation) -> None:
        """Take in an operation. Raises IngestError."""
        component = self.components.get(operation.id)
        if component is None:
            if len(self.components) >= MAX_COMPONENTS:
                raise IngestError(f"A run has {MAX_COMPONENTS:,} components at most.")
            component = self.components[operation.id] = TracedComponent(operation.id)
        component.merge(operation.fields)
        if not component.has_ended:
            self._new[component.id] = component

    def header(self) -> bytes:
        """Return the first line of the recording."""
        assert self.root is not None
        assert self.root.started is not None
        self._zero = self.root.started
        given = self.root.inputs if values.is_known(self.root.inputs) else None
        run: dict[str, Any] = {"id": self.id, "name": self.root.name, "created_at": self._zero, "context": {}}
        value = serialization.loads_big_ints(values.data_of({"input": values.unwrapped(given, "input")}))
        run["input"] = value.get("input")
        return serialization.dumps({"format": "weir-recording", "version": 1, "run": run}) + b"\n"

    def lines(self) -> list[bytes]:
        """Return the lines of what is known by now and not written yet, in order, without the end of the root."""
        moments: list[tuple[float, int, int, str]] = []
        starts = self._find_starts()
        for component in list(self._new.values()):
            depth, at = starts.get(component.id, (len(component.parent_ids), self._zero))
            if component.id in starts:
                moments.append((at, _START, depth, component.id))
            elif not component.has_started:
                continue
            if component.id == self.id or not component.is_over:
                del self._new[component.id]
                continue
            ended = max(at, component.ended or self._zero + self._last)
            if component.tokens:
                moments.append((min(ended, max(at, component.tokens[0])), _TOKENS, depth, component.id))
            moments.append((ended, _END, -depth, component.id))
        lines: list[bytes] = []
        for _, stage, _, run_id in sorted(moments):
            lines += _WRITERS[stage](self, self.components[run_id])
        return lines

    def _find_starts(self) -> dict[str, tuple[int, float]]:
        """Return the depths and times of the components that can start: that around each has, or starts with it."""
        starts: dict[str, tuple[int, float]] = {}
        waiting: dict[str, list[TracedComponent]] = {}
        pending: list[TracedComponent] = []
        for component in self._new.values():
            if component.has_started or not component.is_known:
                continue
            parent = self.components.get(component.parent_id)
            if component.id == self.id or (parent is not None and parent.has_started):
                pending.append(component)
            else:
                waiting.setdefault(component.parent_id, []).append(component)
        while pending:
            component = pending.pop()
            parent = None if component.id == self.id else self.components[component.parent_id]
            known = starts.get(component.parent_id) if parent else None
            depth, earliest = known or (len(parent.parent_ids) + 1 if parent else 0, self._zero)
            starts[component.id] = depth + bool(known), max(earliest, component.started or 0.0)
            pending += waiting.pop(component.id, [])
        return starts

    def adopt(self) -> None:
        """Put what waits for a component that has not come under the root."""
        for component in self._new.values():
            if not component.has_started and component.parent_id not in self._new:
                component.parent_id = self.id

    def closing_lines(self) -> list[bytes]:
        """Return the last lines: the ends of all that is open, of the root, and of the run."""
        root = self.root
        assert root is not None
        self.is_closed = True
        error = values.error_of(root.error) if root.error else None
        status = Status.WAITING if self._has_interrupt else Status.DONE
        if error is not None:
            status = Status.STOPPED if error["type"] in _STOPPED else Status.FAILED
            if error["type"] == "GraphInterrupt":
                status = Status.WAITING
        lines = []
        for component in reversed(list(self.components.values())):
            if component.has_started and not component.has_ended and component.id != self.id:
                details = {"type": Interrupted.__name__, "message": str(Interrupted(status))}
                lines.append(self._line(component, f"on_{self._kinds[component.id]}_error", {"error": details}, None))
        if root.tokens:
            lines += self._tokens(root)
        lines += self._end(root)
        failure = None
        if status is Status.FAILED and error is not None:
            failure = {"kind": "internal", "detail": f"{error['type']}: {error['message']}"[: values.MAX_DETAIL]}
        return [*lines, serialization.dumps({"end": {"status": status.value, "failure": failure}}) + b"\n"]

    def _start(self, component: TracedComponent) -> list[bytes]:
        parent = self.components.get(component.parent_id)
        if component.id != self.id and parent is not None:
            component.parent_ids = (*parent.parent_ids, parent.id)[-MAX_DEPTH:]
        component.has_started = True
        metadata = component.metadata
        try:
            serialization.check_depth([metadata])
            size = len(serialization.dumps(metadata))
        except ValueError:
            size = MAX_METADATA + 1
        self._heads[component.id] = {
            "name": component.name,
            "run_id": component.id,
            "parent_ids": component.parent_ids,
            "tags": component.tags,
            "metadata": metadata if size <= MAX_METADATA else {"omitted": {"bytes": size}},
        }
        component.metadata = self._heads[component.id]["metadata"]
        kind = self._kinds[component.id] = component.kind
        data = {"input": self._input(component)} if values.is_known(component.inputs) else {}
        lines = [self._line(component, f"on_{kind}_start", data, component.started)]
        if len(lines[0]) > MAX_INPUT:
            # Its end repeats what is in the record, not more: what was sent is not kept beside it.
            component.inputs = serialization.loads(lines[0])["data"].get("input")
        if component.id == self.id:
            about = {"namespace": [], "payload": {"content": True, "client": "langsmith"}}
            lines.append(self._line(component, f"{EVENT_PREFIX}attached", about, component.started))
        elif (at := (component.started or 0.0) - self._zero) < self._last - LATE_SECONDS:
            lines.append(self._times(component, {"started": max(0.0, at)}))
        return lines

    def _end(self, component: TracedComponent) -> list[bytes]:
        kind = self._kinds[component.id]
        if component.error:
            error = values.error_of(component.error)
            self._has_interrupt = self._has_interrupt or error["type"] == "GraphInterrupt"
            if message := _GRAPH_SIGNALS.get(error["type"]):
                error = {"type": Interrupted.__name__, "message": message}
            event, data = f"on_{kind}_error", {"error": error}
        else:
            event, data = f"on_{kind}_end", {"output": self._output(component, kind)}
        if component.id != self.id:
            data["input"] = self._input(component)
        ended = None if component.ended is None else max(0.0, component.ended - self._zero)
        is_late = ended is not None and ended < self._last - LATE_SECONDS
        lines = [self._line(component, event, data, component.ended)]
        if is_late:
            lines.append(self._times(component, {"ended": ended}))
        component.has_ended = True
        component.inputs = component.outputs = None
        component.tokens, component.metadata = [], {}
        self._new.pop(component.id, None)
        return lines

    def _tokens(self, component: TracedComponent) -> list[bytes]:
        tokens = sorted(max(0.0, round(at - self._zero, 6)) for at in component.tokens)
        return [self._times(component, {"tokens": tokens}, component.tokens[0])]

    def _times(self, component: TracedComponent, times: dict[str, Any], at: float | None = None) -> bytes:
        return self._line(component, f"{EVENT_PREFIX}times", {"namespace": [], "payload": times}, at)

    def _line(self, component: TracedComponent, event: str, data: dict[str, Any], at: float | None) -> bytes:
        elapsed = self._last if at is None else min(max(self._last, at - self._zero), MAX_SECONDS)
        self._last = elapsed
        head = {"seq": self._events, "at": round(elapsed, 6), "event": event, **self._heads[component.id]}
        self._events += 1
        return serialization.dumps(head)[:-1] + b',"data":' + values.data_of(data) + b"}\n"

    @staticmethod
    def _input(component: TracedComponent) -> Any:
        if component.run_type in ("llm", "retriever"):
            return component.inputs or {}
        return values.unwrapped(component.inputs, "input") if component.inputs else {}

    @staticmethod
    def _output(component: TracedComponent, kind: str) -> Any:
        if kind == "chat_model":
            return values.model_output(component.outputs, component.metadata)
        if kind == "retriever":
            return values.unwrapped(component.outputs, "documents")
        return component.outputs if kind == "llm" else values.unwrapped(component.outputs, "output", "outputs")


_WRITERS = {_START: Trace._start, _TOKENS: Trace._tokens, _END: Trace._end}
