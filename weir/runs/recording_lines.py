"""Lines of a recording: the header, the events and the end (docs/recording.md)."""

from dataclasses import dataclass
from typing import Any

from weir.core.run_event import RunEvent
from weir.runs.failure_sentences import Failure
from weir.runs.run import Status

FORMAT = "weir-recording"
VERSION = 1


class RecordingError(ValueError):
    """A file cannot be opened as a recording. Its text is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Header:
    """First line of a recording: what was run. Its fields are those of `Run`."""

    id: str
    name: str
    created_at: float
    input: Any
    context: dict[str, Any]


@dataclass(frozen=True, slots=True)
class End:
    """Last line of a recording: how the run ended."""

    status: Status
    failure: Failure | None


Line = Header | RunEvent | End
