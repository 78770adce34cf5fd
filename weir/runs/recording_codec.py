"""The lines of a recording: `encode` makes one, a `Decoder` reads them in order. `docs/recording.md` describes them.

A line is checked when it is read, so that whoever computes with events need not: their fields have the types, bounds
and order that the recorder gives them. What a chain emitted, `data`, is any JSON.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from weir.core import serialization
from weir.core.run_event import Component, RunEvent
from weir.runs.failure import Failure, FailureKind
from weir.runs.run import Status

FORMAT = "weir-recording"
VERSION = 1

MAX_NAME = 1_000
"""Characters of a name, or of a tag."""
MAX_NAMES = 1_000
"""Parents, or tags, of one event."""
MAX_DETAIL = 10_000
"""Characters of a failure's detail."""
MAX_SECONDS = 1e9
"""Of a run: thirty years."""
MAX_STEP_BACK = 60.0
"""Seconds. Recordings of Weir 0.1.0 go back in time where a thread and the loop wrote at once; such a time is read as
the one before it. A file that goes back further is damaged."""
MAX_CONTAINERS = 1_000_000
"""Lists and objects in one line: two bytes of JSON each become a hundred in memory."""
MAX_SOURCE_VALUES = 1_000_000
"""Parents, tags and values of metadata of all components together: they stay in memory for as long as the run."""

_END_OF_TIME = 32_503_680_000
"""The year 3000, in seconds since the epoch: every calendar has it, in every time zone."""
_CONTAINER = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|([\[{])', re.DOTALL)


class RecordingError(ValueError):
    """A file that is not a recording that this Weir can open. Its text is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Header:
    """The first line: what was run. Its fields are those of `Run`."""

    id: str
    name: str
    created_at: float
    input: Any
    context: dict[str, Any]


@dataclass(frozen=True, slots=True)
class End:
    """The last line: how the run ended."""

    status: Status
    failure: Failure | None


Line = Header | RunEvent | End


def encode(line: Line) -> bytes:
    """Return a line of a recording, with its line end."""
    return b"".join(encode_in_pieces(line))


def encode_in_pieces(line: Line) -> Iterator[bytes]:
    """Yield a line in pieces. An event's payload is one of them as it is: it may be large, and is not copied."""
    match line:
        case RunEvent():
            yield serialization.dumps(line.head())[:-1] + b',"data":'
            yield line.payload
            yield b"}\n"
        case Header():
            about = {
                "id": line.id,
                "name": line.name,
                "created_at": line.created_at,
                "input": line.input,
                "context": line.context,
            }
            yield serialization.dumps({"format": FORMAT, "version": VERSION, "run": about}) + b"\n"
        case End():
            failure = line.failure and {"kind": line.failure.kind.name.lower(), "detail": line.failure.detail}
            yield serialization.dumps({"end": {"status": line.status.value, "failure": failure}}) + b"\n"


class Decoder:
    """Reads the lines of one recording, in their order."""

    def __init__(self) -> None:
        self._lines = 0
        self._events = 0
        self._has_ended = False
        self._last_at = 0.0
        self._sources: dict[tuple[str, str], tuple[Component, bytes]] = {}
        self._source_values = 0

    def decode(self, line: bytes) -> Line:
        """Return what the next line says; it may have its line end. Raises RecordingError, which names the line."""
        self._lines += 1
        if self._lines == 1:
            return _header(line)
        value = self._parsed(line)
        if self._has_ended:
            raise RecordingError(f"Line {self._lines} of this recording comes after its end.")
        if "end" in value and "seq" not in value:
            self._has_ended = True
            return self._end(value)
        return self._event(value, line)

    def _parsed(self, line: bytes) -> dict[str, Any]:
        if _has_too_many_containers(line):
            raise RecordingError(f"Line {self._lines} of this recording has more than {MAX_CONTAINERS:,} lists.")
        try:
            value = serialization.loads(line)
            serialization.check_depth(value)
        except (ValueError, RecursionError):
            raise self._damaged("it is not JSON, or nested too deeply") from None
        if not isinstance(value, dict):
            raise self._damaged("it is not a JSON object")
        return value

    def _damaged(self, reason: str) -> RecordingError:
        return RecordingError(f"Line {self._lines} of this recording is damaged: {reason}.")

    def _event(self, value: dict[str, Any], line: bytes) -> RunEvent:
        try:
            read = _Event.model_validate(value)
        except ValidationError as error:
            raise self._damaged(_first_problem(error)) from None
        if not isinstance(read.data, dict) and read.event != "on_custom_event":
            raise self._damaged("data: input should be an object")
        if read.run_id in read.parent_ids:
            raise self._damaged("parent_ids: a component cannot be its own parent")
        if read.seq != self._events:
            raise RecordingError(
                f"Line {self._lines} of this recording is event {read.seq} where {self._events} should be."
            )
        if read.at < self._last_at - MAX_STEP_BACK:
            raise RecordingError(f"Line {self._lines} of this recording goes back in time.")
        self._events += 1
        self._last_at = max(self._last_at, read.at)
        return RunEvent(read.seq, self._last_at, read.event, self._source(read), _payload(value, read, line))

    def _source(self, read: "_Event") -> Component:
        """Return what an event is of: one object for all events that agree in it."""
        key = read.run_id, read.name
        metadata = serialization.dumps(read.metadata)
        known, known_metadata = self._sources.get(key, (None, b""))
        if (
            known
            and known_metadata == metadata
            and (*read.parent_ids,) == known.parent_ids
            and (*read.tags,) == known.tags
        ):
            return known
        self._source_values += len(read.parent_ids) + len(read.tags) + _values(read.metadata)
        if self._source_values > MAX_SOURCE_VALUES:
            raise RecordingError(f"The tags and metadata of this recording have more than {MAX_SOURCE_VALUES:,} parts.")
        fresh = Component(read.name, read.run_id, tuple(read.parent_ids), tuple(read.tags), read.metadata)
        self._sources.setdefault(key, (fresh, metadata))
        return fresh

    def _end(self, value: dict[str, Any]) -> End:
        try:
            read = _End.model_validate(value["end"])
        except ValidationError as error:
            raise RecordingError(
                f"The end of this recording, line {self._lines}, is damaged: {_first_problem(error)}."
            ) from None
        return End(Status(read.status), _failure(read.failure) if read.failure else None)


def _text(value: Any) -> Any:
    """Return text without halves of a surrogate pair, which JSON can hold and no page can show."""
    return serialization.replace_lone_surrogates(value) if isinstance(value, str) else value


# With a bound, pydantic looks into the text: one with half a surrogate pair is none.
_Name = Annotated[str, Field(max_length=MAX_NAME)]
_Id = Annotated[str, Field(min_length=1, max_length=200)]


# A reader ignores fields that it does not know, and takes no value for what it is not.
class _Read(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")


class _About(_Read):
    id: _Id
    name: Annotated[str, BeforeValidator(_text)] = Field(max_length=MAX_NAME)
    created_at: float = Field(ge=0, le=_END_OF_TIME, allow_inf_nan=False)
    input: Any
    context: dict[Any, Any]


class _Header(_Read):
    format: Literal["weir-recording"]
    version: int = Field(ge=1, le=1_000_000)
    run: dict[Any, Any] = Field(default_factory=dict)


class _Event(_Read):
    seq: int = Field(ge=0, le=1_000_000_000)
    at: float = Field(ge=0, le=MAX_SECONDS, allow_inf_nan=False)
    event: str = Field(pattern=re.compile(r"^on_[A-Za-z0-9_]{1,60}\Z"))
    name: _Name
    run_id: _Id
    parent_ids: list[_Id] = Field(max_length=MAX_NAMES)
    tags: list[_Name] = Field(max_length=MAX_NAMES)
    metadata: dict[Any, Any]
    data: Any


class _Failure(_Read):
    kind: str
    detail: Annotated[str, BeforeValidator(_text)] = Field(max_length=MAX_DETAIL)


class _End(_Read):
    status: Literal["done", "stopped", "failed", "abandoned"]
    failure: _Failure | None = None


def _header(line: bytes) -> Header:
    foreign = "This file is not a recording of Weir: its first line is not the header of one."
    if _has_too_many_containers(line):
        raise RecordingError(f"Line 1 of this recording has more than {MAX_CONTAINERS:,} lists.")
    try:
        value = serialization.loads_big_ints(line)
        serialization.check_depth(value)
        header = _Header.model_validate(value)
    except (ValueError, RecursionError):
        raise RecordingError(foreign) from None
    if header.version > VERSION:
        raise RecordingError(f"This recording has format version {header.version}; this Weir reads up to {VERSION}.")
    try:
        about = _About.model_validate(header.run)
    except ValidationError as error:
        raise RecordingError(f"The recording's header is damaged: {_first_problem(error)}.") from None
    return Header(about.id, about.name, about.created_at, about.input, about.context)


def _failure(read: _Failure) -> Failure:
    """Return a failure; of a kind that this Weir does not know, one of its own."""
    return Failure(FailureKind.__members__.get(read.kind.upper(), FailureKind.INTERNAL), read.detail)


def _payload(value: dict[str, Any], read: _Event, line: bytes) -> bytes:
    payload = serialization.dumps(read.data)
    # The fast parser takes integers of more than 64 bits for floats; the file itself has what was written.
    if next(reversed(value)) == "data" and not line.rstrip(b"\n").endswith(payload + b"}"):
        payload = serialization.dumps(serialization.loads_big_ints(line)["data"])
    return payload


def _has_too_many_containers(line: bytes) -> bool:
    if line.count(b"[") + line.count(b"{") <= MAX_CONTAINERS:
        return False
    found = (match for match in _CONTAINER.finditer(line) if match[1])
    return any(islice(found, MAX_CONTAINERS, None))


def _values(value: Any) -> int:
    """Return how many values a JSON value has, itself among them."""
    count, pending = 0, [value]
    while pending:
        item = pending.pop()
        count += 1
        if isinstance(item, dict):
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)
    return count


def _first_problem(error: ValidationError) -> str:
    problem = error.errors(include_input=False, include_url=False)[0]
    return f"{'.'.join(str(part) for part in problem['loc']) or 'it'}: {problem['msg'].lower()}"
