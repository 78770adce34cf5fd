"""How many tokens a run has cost: the server's own counts, and an estimate of what it has not counted."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from weir.analysis.usage import Usage, read_usage
from weir.core import serialization
from weir.core.run_event import RunEvent

BYTES_PER_TOKEN = 4
"""Of a prompt, or of an answer in one piece, that no server has counted: it was cut off, or its count is none."""


@dataclass(slots=True)
class TokenUsageCounter:
    """Adds up tokens, read and written, as a run goes on. Of most events it looks at the name only."""

    _seen: int = 0
    _counted: int = 0
    _read: dict[str, int] = field(default_factory=dict)
    _written: dict[str, int] = field(default_factory=dict)

    def update(self, events: Sequence[RunEvent]) -> int:
        """Take in the events of the run that have come since the last time, and return its tokens so far."""
        until = len(events)
        for event in events[self._seen : until]:
            if event.event in ("on_chat_model_start", "on_llm_start"):
                self._read[event.run_id] = len(event.payload) // BYTES_PER_TOKEN
            elif event.event in ("on_chat_model_stream", "on_llm_stream"):
                self._written[event.run_id] = self._written.get(event.run_id, 0) + 1
            elif event.event in ("on_chat_model_end", "on_llm_end"):
                self._end_of_call(event)
            elif event.event in ("on_chat_model_error", "on_llm_error"):
                self._failed_call(event)
        self._seen = until
        return self._counted + sum(self._read.values()) + sum(self._written.values())

    def _end_of_call(self, event: RunEvent) -> None:
        """Put the server's counts in place of the estimates, as far as it counted."""
        output = event.get("output")
        usage = read_usage(output) or Usage(None, None)
        if usage.input_tokens is not None:
            self._read.pop(event.run_id, None)
        if usage.output_tokens is not None:
            self._written.pop(event.run_id, None)
        elif event.run_id not in self._written:
            self._written[event.run_id] = _size(output) // BYTES_PER_TOKEN
        self._counted += (usage.input_tokens or 0) + (usage.output_tokens or 0)

    def _failed_call(self, event: RunEvent) -> None:
        """A call that was refused, or reached nobody, has cost nothing; one that was cut short may have been read."""
        error = event.get("error")
        was_interrupted = isinstance(error, dict) and error.get("type") == "Interrupted"
        if event.run_id not in self._written and not was_interrupted:
            self._read.pop(event.run_id, None)


def _size(output: Any) -> int:
    """Return the bytes of what a model has written: a message's content and calls, or a completion model's result."""
    parts = (
        [output.get(field) for field in ("content", "tool_calls", "generations")] if isinstance(output, dict) else []
    )
    return sum(len(serialization.dumps(part)) for part in parts if part)
