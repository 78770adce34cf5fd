"""Stop report: what pressing Stop did. A function of the run and of its connection to the model."""

from dataclasses import dataclass
from enum import Enum

from weir.analysis.metrics import root_chunk_text
from weir.runs.run import Run, Status

CONNECTION_WAIT_SECONDS = 3.0
"""How long after the end of a run to wait for its connection to report its own.

It mostly takes a few milliseconds, and took half a second on a busy machine."""


class ConnectionEnd(Enum):
    """How the connection to the model ended. The value is its label."""

    CLOSED = "closed"
    NONE = "not opened yet"
    WHOLE = "kept open: the answer was already complete"
    OPEN = "not closed yet"
    UNKNOWN = "not known: this run was started elsewhere"


@dataclass(frozen=True, slots=True)
class StopReport:
    """What stopping a run did, in seconds, chunks and characters."""

    to_last_event: float
    """Seconds from the click to the run's last event."""
    connection_end: ConnectionEnd
    seconds_to_connection_end: float | None
    """Seconds from the click until the connection reported that it was closed; None if it is not closed."""
    chunks_after: int
    """Chunks of text that arrived after the click."""
    characters: int
    """Characters of the answer."""


def stop_report(run: Run) -> StopReport | None:
    """Return the report of a stopped run; None for a run that was not stopped, or not in this process.

    A run may end a moment before its connection. This function waits for it, until `CONNECTION_WAIT_SECONDS` after the
    run's end.
    """
    stop_at = run.stop_requested_at
    if run.status is not Status.STOPPED or stop_at is None or not run.events:
        return None
    if run.connection and run.connection.sent_at is not None:
        since_end = run.elapsed - run.events[-1].elapsed
        run.connection.wait_finished(within=max(0.0, CONNECTION_WAIT_SECONDS - since_end))
    texts = [(event.elapsed, text) for event in run.events if (text := root_chunk_text(event))]
    closed = run.connection.closed_at if run.connection else None
    return StopReport(
        to_last_event=max(0.0, run.events[-1].elapsed - stop_at),
        connection_end=_connection_end(run),
        seconds_to_connection_end=None if closed is None else max(0.0, run.seconds_at(closed) - stop_at),
        chunks_after=sum(at > stop_at for at, _ in texts),
        characters=sum(len(text) for _, text in texts),
    )


def _connection_end(run: Run) -> ConnectionEnd:
    if run.connection is None:
        return ConnectionEnd.UNKNOWN
    if run.connection.closed_at is not None:
        return ConnectionEnd.CLOSED
    if run.connection.sent_at is None:
        return ConnectionEnd.NONE
    return ConnectionEnd.WHOLE if run.connection.wait_finished() else ConnectionEnd.OPEN
