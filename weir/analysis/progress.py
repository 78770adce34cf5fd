"""Progress of an answer: its phase, the written fraction, and the estimated time to the end."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from weir.analysis.messages import reasoning_of
from weir.analysis.metrics import root_chunk_text
from weir.core.run_event import RunEvent
from weir.runs.run import ConnectionTiming


class RunPhase(Enum):
    """Phase of a run. The value is its label."""

    WAITING = "Waiting for the model"
    """The state of the connection is not known."""
    CONNECTING = "Connecting"
    """The request has not been sent completely."""
    READING = "Reading the prompt"
    """The model's server has the request, and no text has arrived. It may be serving other requests first."""
    GENERATING_UNSTREAMED = "Reading the prompt and writing, out of sight"
    """The same for a method that does not stream: text arrives only when the answer is complete."""
    THINKING = "Thinking"
    """The model reasons before it answers."""
    WRITING = "Writing"


def run_phase(
    events: Iterable[RunEvent], before: RunPhase, connection: ConnectionTiming | None, *, streams: bool = True
) -> RunPhase:
    """Return the phase after these events; `before` is the phase ahead of them.

    `streams`: whether text arrives before the answer is complete.
    """
    for event in events:
        if before is RunPhase.WRITING or root_chunk_text(event):
            return RunPhase.WRITING
        if event.event == "on_chat_model_stream":
            thinks = before is RunPhase.THINKING or reasoning_of(event.get("chunk"))
            before = RunPhase.THINKING if thinks else RunPhase.READING
    if connection is None or before in (RunPhase.THINKING, RunPhase.WRITING):
        return before
    if connection.sent_at is None:
        return RunPhase.CONNECTING
    return RunPhase.READING if streams else RunPhase.GENERATING_UNSTREAMED


@dataclass(frozen=True, slots=True)
class Progress:
    """How much of an answer is written, in tokens."""

    written: int
    expected: int
    limit: int | None
    """Maximal tokens of the answer (`max_tokens`), if known."""
    tokens_per_second: float | None
    """Speed so far."""

    @property
    def fraction(self) -> float:
        """Written fraction of the expected length; beyond that, of the limit. Below 1 until the end."""
        if self.written < self.expected:
            return 0.95 * self.written / self.expected
        if self.limit and self.limit > self.expected:
            return min(0.99, 0.95 + 0.04 * (self.written - self.expected) / (self.limit - self.expected))
        return 0.95

    @property
    def eta(self) -> float | None:
        """Seconds to the expected length at the speed so far; None if not known."""
        if not self.tokens_per_second or self.written >= self.expected:
            return None
        return (self.expected - self.written) / self.tokens_per_second

    @property
    def max_eta(self) -> float | None:
        """Seconds to the limit at the speed so far; None if not known."""
        if not self.tokens_per_second or self.limit is None:
            return None
        return max(0, self.limit - self.written) / self.tokens_per_second
