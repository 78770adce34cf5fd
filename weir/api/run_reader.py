"""Readers of a run over HTTP: a new one from the first event, or one that resumes after an event id."""

from dataclasses import dataclass

from weir.api.problem_details import ApiError, StreamAlreadyCompleteError
from weir.runs.failure_sentences import FailureKind
from weir.runs.run import Run

MAX_EVENT_ID_DIGITS = 12

MAX_AHEAD = 100_000
"""Events that a reader may have had from the replica that makes a run, and that a copy of it does not have yet."""


@dataclass(frozen=True, slots=True)
class RunReader:
    """A run, the visitor who reads it, and the number of the last event that the client already has."""

    run: Run
    visitor: str
    after: int = -1

    @property
    def is_allowed(self) -> bool:
        """Whether the visitor may still read the run."""
        return self.run.can_read(self.visitor)

    @classmethod
    def resume(cls, run: Run, visitor: str, event_id: str) -> "RunReader":
        """Return a reader that continues after an event.

        Raises StreamAlreadyCompleteError if the client has the last event of a run that has ended, and ApiError if the
        id is not one of this run's events.
        """
        if not (event_id.isascii() and event_id.isdigit() and len(event_id) <= MAX_EVENT_ID_DIGITS):
            raise _unknown_event_id(event_id)
        reader = cls(run, visitor, int(event_id))
        if reader.after >= len(run.events) and run.is_remote:
            return reader._of_copy()
        if reader.after >= len(run.events):
            raise _unknown_event_id(event_id) if run.is_live else StreamAlreadyCompleteError
        return reader

    def _of_copy(self) -> "RunReader":
        """Return a reader of another replica's run, which may have sent more than the copy has.

        The end of a run that was cut off has a number of its own: who has the last event has not got the end yet.
        """
        if self.after > len(self.run.events) + MAX_AHEAD:
            raise _unknown_event_id(str(self.after))
        if not self.run.is_live and (not is_cut_off(self.run) or self.after == end_number(self.run)):
            raise StreamAlreadyCompleteError
        return self


def is_cut_off(run: Run) -> bool:
    """Whether the replica that made the run went away, maybe with events that it has sent to readers only."""
    return run.failure is not None and run.failure.kind is FailureKind.SERVER_GONE


def end_number(run: Run) -> int:
    """Return the number of a run's end in event ids: that after the last event, unless readers may have had more."""
    return len(run.events) + (MAX_AHEAD if is_cut_off(run) else 0)


def _unknown_event_id(event_id: str) -> ApiError:
    return ApiError(422, "The event id does not belong to this stream.", cause=repr(event_id[:40]))
