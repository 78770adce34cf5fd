"""How many tokens a run has cost: the server's own counts, and an estimate of what it has not counted."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from streaming.events import Event

BYTES_PER_TOKEN = 4
"""Of a prompt whose model never said what it has read: it was cut off, or its server counts nothing."""


@dataclass(slots=True)
class Tally:
    """Adds up tokens, read and written, as a run goes on. Of most events it looks at the name only."""

    _seen: int = 0
    _counted: int = 0
    _read: dict[str, int] = field(default_factory=dict)
    _written: dict[str, int] = field(default_factory=dict)

    def read(self, events: Sequence[Event]) -> int:
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

    def _end_of_call(self, event: Event) -> None:
        if (tokens := _counted_by_server(event.data.get("output"))) is not None:
            self._counted += tokens
            self._read.pop(event.run_id, None)
            self._written.pop(event.run_id, None)

    def _failed_call(self, event: Event) -> None:
        """A call that was refused, or reached nobody, has cost nothing; one that was cut short may have been read."""
        error = event.data.get("error")
        was_interrupted = isinstance(error, dict) and error.get("type") == "Interrupted"
        if event.run_id not in self._written and not was_interrupted:
            self._read.pop(event.run_id, None)


def _counted_by_server(output: Any) -> int | None:
    """Return the tokens that a message says, or a completion model's result; None where neither says any."""
    if not isinstance(output, dict):
        return None
    if isinstance(usage := output.get("usage_metadata"), dict):
        return int(usage.get("input_tokens", 0)) + int(usage.get("output_tokens", 0))
    about = output.get("llm_output")
    if isinstance(about, dict) and isinstance(usage := about.get("token_usage"), dict) and usage:
        return int(usage.get("prompt_tokens", 0)) + int(usage.get("completion_tokens", 0))
    return None
