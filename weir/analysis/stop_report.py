"""What pressing Stop did: a function of the run and of what its connection told."""

from dataclasses import dataclass
from enum import Enum

from weir.analysis.metrics import root_chunk_text
from weir.runs.run import Run, Status

CONNECTION_WAIT_SECONDS = 0.5
"""Seconds."""


class ConnectionEnd(Enum):
    """What became of the connection to the model; the value is how that is said."""

    CLOSED = "closed"
    NONE = "had not been made yet"
    WHOLE = "kept: the answer had already come whole"
    OPEN = "not closed yet"
    UNKNOWN = "was not watched: this run was started elsewhere"


@dataclass(frozen=True, slots=True)
class StopReport:
    """Seconds, chunks and characters."""

    to_last_event: float
    """From the click to the record's last event."""
    connection_end: ConnectionEnd
    seconds_to_connection_end: float | None
    """From the click until the connection itself told that it was closed; None where it is not."""
    chunks_after: int
    """Chunks of text that came after the click."""
    kept: int
    """Characters of the answer."""


def stop_report(run: Run) -> StopReport | None:
    """Return what stopping did; None for a run that nobody has stopped, or that was recorded elsewhere.

    A run may end a moment before its connection: this waits for it, for at most `PATIENCE` seconds.
    """
    asked = run.stop_requested_at
    if run.status is not Status.STOPPED or asked is None or not run.events:
        return None
    if run.connection and run.connection.sent_at is not None:
        run.connection.wait_finished(within=CONNECTION_WAIT_SECONDS)
    texts = [(event.elapsed, text) for event in run.events if (text := root_chunk_text(event))]
    closed = run.connection.closed_at if run.connection else None
    return StopReport(
        to_last_event=max(0.0, run.events[-1].elapsed - asked),
        connection_end=_hang_up(run),
        seconds_to_connection_end=None if closed is None else max(0.0, run.seconds_at(closed) - asked),
        chunks_after=sum(at > asked for at, _ in texts),
        kept=sum(len(text) for _, text in texts),
    )


def _hang_up(run: Run) -> ConnectionEnd:
    if run.connection is None:
        return ConnectionEnd.UNKNOWN
    if run.connection.closed_at is not None:
        return ConnectionEnd.CLOSED
    if run.connection.sent_at is None:
        return ConnectionEnd.NONE
    return ConnectionEnd.WHOLE if run.connection.wait_finished() else ConnectionEnd.OPEN
