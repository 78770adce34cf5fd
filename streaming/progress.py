"""How far an answer is: its phase, and the time that is left."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from streaming.events import Event
from streaming.metrics import streamed_text


class Phase(Enum):
    """What is going on; the value is how it is called."""

    CONNECTING = "Connecting"
    """The model's server has not answered yet."""
    READING = "Reading the prompt"
    """The server has answered, and no text has come."""
    WRITING = "Writing"


def phase(events: Iterable[Event], before: Phase = Phase.CONNECTING) -> Phase:
    """Return the phase after these events, when it was `before` ahead of them."""
    for event in events:
        if before is Phase.WRITING or streamed_text(event):
            return Phase.WRITING
        if event.event == "on_chat_model_stream":
            before = Phase.READING
    return before


@dataclass(frozen=True, slots=True)
class Progress:
    """How much of an answer has been written. Tokens and seconds."""

    written: int
    expected: int
    limit: int | None
    """Where the model is cut, if it is known: it can't become more."""
    pace: float | None
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
    def left(self) -> float | None:
        """Seconds to the expected length at the pace so far; None where there is no telling."""
        if not self.pace or self.written >= self.expected:
            return None
        return (self.expected - self.written) / self.pace

    @property
    def left_at_most(self) -> float | None:
        """Seconds to the limit at the pace so far."""
        if not self.pace or self.limit is None:
            return None
        return max(0, self.limit - self.written) / self.pace
