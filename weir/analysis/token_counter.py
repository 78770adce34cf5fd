"""Token counter: the tokens a run has used, by the server's counts, and estimated where it has not counted."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from weir.analysis.run_tree import INTERRUPTED
from weir.analysis.usage import Usage, read_usage
from weir.core import serialization
from weir.core.run_event import RunEvent

BYTES_PER_TOKEN = 4
"""For the estimate of a prompt, or of an answer in one chunk, that has no valid count or was cut off."""


@dataclass(slots=True)
class TokenUsageCounter:
    """Adds up the input and output tokens of a run, live. Of most events it reads only the name."""

    _events_read: int = field(default=0, init=False)
    _reported: int = field(default=0, init=False)
    """Tokens that servers counted."""
    _estimated_input: dict[str, int] = field(default_factory=dict, init=False)
    """By run id of a model call. A server's count replaces it."""
    _estimated_output: dict[str, int] = field(default_factory=dict, init=False)

    def update(self, events: Sequence[RunEvent]) -> int:
        """Count the new events of the run and return its tokens so far."""
        end = len(events)
        for event in events[self._events_read : end]:
            if event.event in ("on_chat_model_start", "on_llm_start"):
                self._estimated_input[event.run_id] = len(event.payload) // BYTES_PER_TOKEN
            elif event.event in ("on_chat_model_stream", "on_llm_stream"):
                self._estimated_output[event.run_id] = self._estimated_output.get(event.run_id, 0) + 1
            elif event.event in ("on_chat_model_end", "on_llm_end"):
                self._end_of_call(event)
            elif event.event in ("on_chat_model_error", "on_llm_error"):
                self._failed_call(event)
        self._events_read = end
        return self._reported + sum(self._estimated_input.values()) + sum(self._estimated_output.values())

    def _end_of_call(self, event: RunEvent) -> None:
        """Replace the estimates by the server's counts, as far as there are any."""
        output = event.get("output")
        usage = read_usage(output) or Usage(None, None)
        if usage.input_tokens is not None:
            self._estimated_input.pop(event.run_id, None)
        if usage.output_tokens is not None:
            self._estimated_output.pop(event.run_id, None)
        elif event.run_id not in self._estimated_output:
            self._estimated_output[event.run_id] = _size(output) // BYTES_PER_TOKEN
        self._reported += (usage.input_tokens or 0) + (usage.output_tokens or 0)

    def _failed_call(self, event: RunEvent) -> None:
        """Drop the estimate of a call that failed without output: it cost nothing, unless it was interrupted."""
        error = event.get("error")
        was_interrupted = isinstance(error, dict) and error.get("type") == INTERRUPTED
        if event.run_id not in self._estimated_output and not was_interrupted:
            self._estimated_input.pop(event.run_id, None)


def _size(output: Any) -> int:
    """Return the bytes of a model's output: a message's content and tool calls, or a completion model's generations."""
    parts = (
        [output.get(field) for field in ("content", "tool_calls", "generations")] if isinstance(output, dict) else []
    )
    return sum(len(serialization.dumps(part)) for part in parts if part)
