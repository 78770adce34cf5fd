"""How far an answer is: its phase, and the time that is left."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from weir.analysis.metrics import root_chunk_text
from weir.core.run_event import RunEvent
from weir.runs.run import ConnectionTiming


class RunPhase(Enum):
    """What is going on; the value is how it is called."""

    WAITING = "Waiting for the model"
    """Nothing is known of the way to it."""
    CONNECTING = "Connecting"
    """The request has not been sent whole."""
    READING = "Reading the prompt"
    """The model's server has it, and no text has come. It may have others to answer first."""
    GENERATING_UNSTREAMED = "Reading the prompt and writing, out of sight"
    """The same where text comes only when all of it is written."""
    WRITING = "Writing"


def run_phase(
    events: Iterable[RunEvent], before: RunPhase, connection: ConnectionTiming | None, *, streams: bool = True
) -> RunPhase:
    """Return the phase after these events, when it was `before` ahead of them.

    `streams` says whether text comes before it is whole.
    """
    for event in events:
        if before is RunPhase.WRITING or root_chunk_text(event):
            return RunPhase.WRITING
        if event.event == "on_chat_model_stream":
            before = RunPhase.READING
    if connection is None or before is RunPhase.WRITING:
        return before
    if connection.sent_at is None:
        return RunPhase.CONNECTING
    return RunPhase.READING if streams else RunPhase.GENERATING_UNSTREAMED


@dataclass(frozen=True, slots=True)
class Progress:
    """How much of an answer has been written. Tokens and seconds."""

    written: int
    expected: int
    limit: int | None
    """Where the model is cut, if it is known: it can't become more."""
    tokens_per_second: float | None
    """Tokens a second so far."""

    @property
    def fraction(self) -> float:
        """Of the expected length; beyond it, of the limit. Never whole before the end."""
        if self.written < self.expected:
            return 0.95 * self.written / self.expected
        if self.limit and self.limit > self.expected:
            return min(0.99, 0.95 + 0.04 * (self.written - self.expected) / (self.limit - self.expected))
        return 0.95

    @property
    def eta(self) -> float | None:
        """Seconds to the expected length at the pace so far; None where there is no telling."""
        if not self.tokens_per_second or self.written >= self.expected:
            return None
        return (self.expected - self.written) / self.tokens_per_second

    @property
    def max_eta(self) -> float | None:
        """Seconds to the limit at the pace so far."""
        if not self.tokens_per_second or self.limit is None:
            return None
        return max(0, self.limit - self.written) / self.tokens_per_second
