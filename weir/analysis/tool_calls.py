"""Tool calls of a run: name, arguments as they were written, and what came of each. A function of the events."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from weir.analysis.messages import is_message
from weir.core.run_event import RunEvent


@dataclass(slots=True)
class ToolCall:
    """One call of a tool by a model. Times are seconds since the run's start."""

    seq: int
    """`seq` of the event with its beginning."""
    name: str
    call_id: str
    written_from: float
    written_to: float
    pieces: list[str] = field(default_factory=list)
    """The arguments, piece by piece."""
    started: float | None = None
    """When the tool began; None if it has not."""
    ended: float | None = None
    result: Any = None
    error: str = ""

    @property
    def arguments(self) -> str:
        """The arguments so far: JSON that may be incomplete."""
        return "".join(self.pieces)

    @property
    def status(self) -> str:
        """What is happening with the call, in one or two words."""
        if self.ended is not None:
            return "failed" if self.error else "done"
        return "at work" if self.started is not None else "called"


class _CallReader:
    def __init__(self) -> None:
        self.calls: list[ToolCall] = []
        self._writing: dict[tuple[str, Any], ToolCall] = {}
        """Calls by the model's run id and the index of the call in its message."""
        self._starts: dict[str, float] = {}
        """When each tool began, by its run id."""
        self._by_run: dict[str, ToolCall] = {}

    def read(self, event: RunEvent) -> None:
        match event.event:
            case "on_chat_model_stream":
                for piece in _pieces(event.get("chunk")):
                    self._add_piece(event, piece)
            case "on_tool_start":
                self._start(event)
            case "on_tool_end" | "on_tool_error":
                self._end(event)

    def _add_piece(self, event: RunEvent, piece: dict[str, Any]) -> None:
        key = event.run_id, piece.get("index")
        call = self._writing.get(key)
        if call is None or (piece.get("id") and piece["id"] != call.call_id):
            call = ToolCall(
                event.seq, str(piece.get("name") or ""), str(piece.get("id") or ""), event.elapsed, event.elapsed
            )
            self._writing[key] = call
            self.calls.append(call)
        call.written_to = event.elapsed
        if isinstance(piece.get("args"), str):
            call.pieces.append(piece["args"])

    def _start(self, event: RunEvent) -> None:
        self._starts[event.run_id] = event.elapsed
        waiting = (call for call in self.calls if call.name == event.name and call.started is None)
        if call := next(waiting, None):
            call.started = event.elapsed
            self._by_run[event.run_id] = call

    def _end(self, event: RunEvent) -> None:
        output, error = event.get("output"), event.get("error")
        call_id = (output if isinstance(output, dict) else {}).get("tool_call_id") or event.get("tool_call_id")
        named = (call for call in reversed(self.calls) if call.call_id == call_id and call.ended is None)
        call = next(named, None) or self._by_run.get(event.run_id)
        if call is None:
            return
        call.started, call.ended = self._starts.get(event.run_id, call.started), event.elapsed
        if isinstance(error, dict):
            call.error = f"{error.get('type')}: {error.get('message')}"
        elif isinstance(output, dict) and output.get("status") == "error":
            call.error = str(output.get("content"))
        else:
            call.result = output.get("content") if is_message(output) else output


def _pieces(chunk: Any) -> Iterator[dict[str, Any]]:
    if is_message(chunk):
        yield from (piece for piece in chunk.get("tool_call_chunks", ()) if isinstance(piece, dict))


def tool_calls(events: Iterable[RunEvent]) -> list[ToolCall]:
    """Return the calls that models wrote as a stream, in the order in which they began to write them."""
    reader = _CallReader()
    for event in events:
        reader.read(event)
    return reader.calls
