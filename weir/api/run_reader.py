"""Readers of a run over HTTP: a new one from the first event, or one that resumes after an event id."""

from dataclasses import dataclass

from weir.api.problem_details import ApiError, StreamAlreadyCompleteError
from weir.runs.run import Run

MAX_EVENT_ID_DIGITS = 12


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
        if reader.after >= len(run.events):
            raise _unknown_event_id(event_id) if run.is_live else StreamAlreadyCompleteError
        return reader


def _unknown_event_id(event_id: str) -> ApiError:
    return ApiError(422, "The event id does not belong to this stream.", cause=repr(event_id[:40]))
