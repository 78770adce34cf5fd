"""What pressing Stop did: a function of the run and of what its connection told."""

from dataclasses import dataclass
from enum import Enum

from weir.analysis.metrics import streamed_text
from weir.runs.run import Run, Status

PATIENCE = 0.5
"""Seconds."""


class HangUp(Enum):
    """What became of the connection to the model; the value is how that is said."""

    CLOSED = "closed"
    NONE = "had not been made yet"
    WHOLE = "kept: the answer had already come whole"
    OPEN = "not closed yet"
    UNKNOWN = "was not watched: this run was started elsewhere"


@dataclass(frozen=True, slots=True)
class StopReceipt:
    """Seconds, chunks and characters."""

    to_last_event: float
    """From the click to the record's last event."""
    hang_up: HangUp
    to_hang_up: float | None
    """From the click until the connection itself told that it was closed; None where it is not."""
    chunks_after: int
    """Chunks of text that came after the click."""
    kept: int
    """Characters of the answer."""


def stop_receipt(run: Run) -> StopReceipt | None:
    """Return what stopping did; None for a run that nobody has stopped, or that was recorded elsewhere.

    A run may end a moment before its connection: this waits for it, for at most `PATIENCE` seconds.
    """
    asked = run.stop_asked_at
    if run.status is not Status.STOPPED or asked is None or not run.events:
        return None
    if run.connection and run.connection.sent_at is not None:
        run.connection.is_over(within=PATIENCE)
    texts = [(event.at, text) for event in run.events if (text := streamed_text(event))]
    closed = run.connection.closed_at if run.connection else None
    return StopReceipt(
        to_last_event=max(0.0, run.events[-1].at - asked),
        hang_up=_hang_up(run),
        to_hang_up=None if closed is None else max(0.0, run.seconds_at(closed) - asked),
        chunks_after=sum(at > asked for at, _ in texts),
        kept=sum(len(text) for _, text in texts),
    )


def _hang_up(run: Run) -> HangUp:
    if run.connection is None:
        return HangUp.UNKNOWN
    if run.connection.closed_at is not None:
        return HangUp.CLOSED
    if run.connection.sent_at is None:
        return HangUp.NONE
    return HangUp.WHOLE if run.connection.is_over() else HangUp.OPEN
