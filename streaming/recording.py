"""A run as a `.jsonl` file: one JSON object a line. `docs/recording.md` describes the format.

{"format": "weir-recording", "version": 1, "run": {…}}
{"seq": 0, "at": 0.0012, "event": "on_chain_start", …}
…
{"end": {"status": "done", "failure": null}}
"""

import hashlib
import math
import re
from collections.abc import Iterator
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from streaming import plain
from streaming.events import Event, Source
from streaming.failure import Failure, FailureKind
from streaming.run import Run, Status

FORMAT = "weir-recording"
VERSION = 1
MEDIA_TYPE = "application/jsonl"

MAX_BYTES = 64_000_000
"""Of a recording that is opened."""

ID_PREFIX = "rec-"
"""What the id of an opened recording begins with; the rest is a digest of the file."""


class RecordingError(ValueError):
    """A file that is not a recording that this Weir can open. Its text is a sentence for people."""


def lines(run: Run) -> Iterator[bytes]:
    """Yield a run as it is now, line by line. A live run has no last line."""
    yield _line({"format": FORMAT, "version": VERSION, "run": _about(run)})
    ended = not run.is_live and not run.breaks_off
    for event in list(run.events):
        head = plain.dumps(event.head())
        yield head[:-1] + b',"data":' + event.payload + b"}\n"
    if ended:
        yield _line({"end": {"status": run.status.value, "failure": _failure(run)}})


def read(content: bytes) -> Run:
    """Return the run that `lines` wrote, as a finished one. Raises RecordingError.

    A recording of a run that was live has no end: it is opened as an abandoned run that breaks off.
    """
    if len(content) > MAX_BYTES:
        raise RecordingError(f"This file is larger than {MAX_BYTES // 1_000_000} MB, the most that Weir opens.")
    first, *rest = content.split(b"\n")
    about = _read_header(first)
    if rest and not rest[-1]:
        rest.pop()
    elif rest:
        raise RecordingError(f"This recording breaks off in the middle of line {len(rest) + 1}.")
    end = _read_end(rest.pop(), len(rest) + 2) if rest and rest[-1].startswith(b'{"end"') else None
    recorded = Run(
        ID_PREFIX + hashlib.sha256(content).hexdigest()[:32],
        about.name,
        about.input,
        context=about.context,
        created_at=about.created_at,
        cancel=_nothing,
        unread=_nothing,
        recorded_id=about.id,
    )
    _read_events(rest, recorded)
    if end is None:
        recorded.breaks_off = True
        recorded.close(Status.ABANDONED, None)
    else:
        recorded.close(Status(end.status), _read_failure(end.failure) if end.failure else None)
    return recorded


def _nothing() -> None:
    """A recording cannot be stopped and does not mind being left alone."""


def _about(run: Run) -> dict[str, Any]:
    return {
        "id": run.recorded_id,
        "name": run.name,
        "created_at": run.created_at,
        "input": run.input,
        "context": run.context,
    }


def _failure(run: Run) -> dict[str, Any] | None:
    return {"kind": run.failure.kind.name.lower(), "detail": run.failure.detail} if run.failure else None


def _line(value: dict[str, Any]) -> bytes:
    return plain.dumps(value) + b"\n"


# A reader ignores fields that it does not know, and takes no value for what it is not.
class _Read(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")


class _About(_Read):
    id: str = Field(min_length=1, max_length=200)
    name: str = Field(max_length=1_000)
    created_at: float
    input: Any
    context: dict[str, Any]


class _Header(_Read):
    format: str
    version: int
    run: dict[str, Any] = Field(default_factory=dict)


class _ReadEvent(_Read):
    seq: int
    at: float = Field(ge=0, allow_inf_nan=False)
    event: str = Field(pattern=re.compile(r"^on_[a-z_]{1,60}$"))
    name: str = Field(max_length=1_000)
    run_id: str = Field(min_length=1, max_length=200)
    parent_ids: list[str] = Field(max_length=1_000)
    tags: list[str] = Field(max_length=1_000)
    metadata: dict[str, Any]
    data: Any


class _ReadFailure(_Read):
    kind: str
    detail: str = Field(max_length=10_000)


class _ReadEnd(_Read):
    status: Literal["done", "stopped", "failed", "abandoned"]
    failure: _ReadFailure | None = None


def _read_header(line: bytes) -> _About:
    value = _parsed(line, "This file is not a recording of Weir: its first line is not the header of one.")
    try:
        header = _Header.model_validate(value)
    except ValidationError:
        header = None
    if header is None or header.format != FORMAT:
        raise RecordingError("This file is not a recording of Weir: its first line is not the header of one.")
    if header.version > VERSION:
        raise RecordingError(f"This recording has format version {header.version}; this Weir reads up to {VERSION}.")
    try:
        about = _About.model_validate(header.run)
    except ValidationError as error:
        raise RecordingError(f"The recording's header is damaged: {_first_problem(error)}.") from None
    if not math.isfinite(about.created_at):
        raise RecordingError("The recording's header is damaged: created_at is not a number.")
    return about


def _read_events(rest: list[bytes], recorded: Run) -> None:
    sources: dict[str, Source] = {}
    last = 0.0
    for seq, line in enumerate(rest):
        number = seq + 2
        value = _parsed(line, f"Line {number} of this recording is damaged: it is not JSON, or nested too deeply.")
        try:
            read = _ReadEvent.model_validate(value)
        except ValidationError as error:
            raise RecordingError(f"Line {number} of this recording is damaged: {_first_problem(error)}.") from None
        if read.seq != seq:
            raise RecordingError(f"Line {number} of this recording is event {read.seq} where {seq} should be.")
        if read.at < last:
            raise RecordingError(f"Line {number} of this recording goes back in time.")
        last = read.at
        fresh = Source(read.name, read.run_id, tuple(read.parent_ids), tuple(read.tags), read.metadata)
        known = sources.setdefault(read.run_id, fresh)
        recorded.append(
            Event(seq, read.at, read.event, known if known == fresh else fresh, _payload(value, read, line))
        )


def _payload(value: dict[str, Any], read: _ReadEvent, line: bytes) -> bytes:
    payload = plain.dumps(read.data)
    # The fast parser takes integers of more than 64 bits for floats; the file itself has what was written.
    if list(value)[-1] == "data" and not line.endswith(payload + b"}"):
        payload = plain.dumps(plain.loads_exactly(line)["data"])
    return payload


def _read_end(line: bytes, number: int) -> _ReadEnd:
    value = _parsed(line, f"Line {number} of this recording is damaged.")
    try:
        return _ReadEnd.model_validate(value["end"])
    except (ValidationError, TypeError, KeyError):
        raise RecordingError(f"The end of this recording, line {number}, is damaged.") from None


def _read_failure(failure: _ReadFailure) -> Failure:
    try:
        kind = FailureKind[failure.kind.upper()]
    except KeyError:
        kind = FailureKind.INTERNAL
    return Failure(kind, failure.detail)


def _parsed(line: bytes, sentence: str) -> Any:
    try:
        value = plain.loads(line)
        plain.check_depth(value)
    except (ValueError, RecursionError):
        raise RecordingError(sentence) from None
    if not isinstance(value, dict):
        raise RecordingError(sentence)
    return value


def _first_problem(error: ValidationError) -> str:
    problem = error.errors(include_input=False, include_url=False)[0]
    return f"{'.'.join(str(part) for part in problem['loc']) or 'it'}: {problem['msg'].lower()}"
