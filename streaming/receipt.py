"""What pressing Stop did. A function of the run."""

from dataclasses import dataclass

from streaming.metrics import streamed_text
from streaming.run import Run, Status


@dataclass(frozen=True, slots=True)
class StopReceipt:
    """Seconds, chunks and characters."""

    to_last_event: float
    """From the click to the record's last event."""
    to_hang_up: float | None
    """From the click until the run, and with it its connection to the model, was gone; None if that is not known."""
    chunks_after: int
    """Chunks of text that came after the click."""
    kept: int
    """Characters of the answer."""


def stop_receipt(run: Run) -> StopReceipt | None:
    """Return what stopping did; None for a run that nobody has stopped, or that was recorded elsewhere."""
    asked = run.stop_asked_at
    if run.status is not Status.STOPPED or asked is None or not run.events:
        return None
    texts = [(event.at, text) for event in run.events if (text := streamed_text(event))]
    return StopReceipt(
        to_last_event=max(0.0, run.events[-1].at - asked),
        to_hang_up=None if run.ended_at is None else max(0.0, run.ended_at - asked),
        chunks_after=sum(at > asked for at, _ in texts),
        kept=sum(len(text) for _, text in texts),
    )
