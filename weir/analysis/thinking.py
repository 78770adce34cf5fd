"""Thinking: what a run's models reason before they answer, with its time and tokens, chunk by chunk."""

from dataclasses import dataclass, field
from typing import Any

from weir.analysis.messages import reasoning_of
from weir.analysis.usage import reasoning_tokens_of
from weir.core.run_event import RunEvent


@dataclass(slots=True)
class Thinking:
    """What models think before they answer, with time and tokens. Reads each chunk of a model once."""

    first_at: float | None = field(default=None, init=False)
    seconds: float = field(default=0.0, init=False)
    in_last_call: int = field(default=0, init=False)
    """Reasoning tokens of the call that ended last: the server's count, else the number of chunks."""
    _texts: list[str] = field(default_factory=list, init=False)
    _writer: str = field(default="", init=False)
    _since: dict[str, float] = field(default_factory=dict, init=False)
    """Time of the newest chunk of each call, by run id, if that was reasoning."""
    _chunks: dict[str, int] = field(default_factory=dict, init=False)
    _counted: int = field(default=0, init=False)

    def read(self, event: RunEvent, chunk: Any, text: str) -> bool:
        """Process a chunk of a model, which has this text, and return whether it has reasoning."""
        run_id = event.run_id
        if run_id in self._since:
            self.seconds += event.elapsed - self._since.pop(run_id)
        reasoning = "" if text else reasoning_of(chunk)
        if not reasoning:
            return False
        if self.first_at is None:
            self.first_at = event.elapsed
        if run_id != self._writer:
            self._writer = run_id
            self._texts.clear()
        self._texts.append(reasoning)
        self._since[run_id] = event.elapsed
        self._chunks[run_id] = self._chunks.get(run_id, 0) + 1
        return True

    def end_of_call(self, event: RunEvent, message: dict[str, Any]) -> None:
        """Replace the number of chunks by the server's count, if there is one."""
        self._since.pop(event.run_id, None)
        if event.run_id not in self._chunks and (reasoning := reasoning_of(message)):
            # The call was not streamed.
            self._writer, self._texts = event.run_id, [reasoning]
        self.in_last_call = self._chunks.get(event.run_id, 0)
        if (counted := reasoning_tokens_of(message)) is not None:
            self._chunks.pop(event.run_id, None)
            self._counted += counted
            self.in_last_call = counted

    @property
    def text(self) -> str:
        """What the model that reasoned last has thought."""
        return "".join(self._texts)

    @property
    def tokens(self) -> int | None:
        """Reasoning tokens: the server's counts, and chunks where it has not counted."""
        return self._counted + sum(self._chunks.values()) or None
