"""Recording decoder: reads the lines of a recording in order (docs/recording.md).

It validates each line, so that code that uses the events need not check them: their fields have the types, bounds and
order that the recorder produces. `data`, which a chain emits, is any JSON.
"""

import re
from itertools import islice
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from weir.core import serialization
from weir.core.run_event import Component, RunEvent
from weir.runs.failure_sentences import Failure, FailureKind
from weir.runs.recording_lines import VERSION, End, Header, Line, RecordingError
from weir.runs.run import Status

MAX_NAME = 1_000
"""Characters of a name or tag."""

MAX_NAMES = 1_000
"""Parents, and tags, of one event."""

MAX_DETAIL = 10_000
"""Characters of a failure's detail."""

MAX_SECONDS = 1e9
"""Duration of a run: thirty years."""

MAX_STEP_BACK_SECONDS = 60.0
"""How much earlier than the event before it an event may be: it is then read with that event's time.

Recordings of Weir 0.1.0 go back in time where a thread and the loop wrote at once. A file that goes back further is
damaged.
"""

MAX_CONTAINERS = 1_000_000
"""Lists and objects in one line. Each takes two bytes as JSON and a hundred in memory."""

MAX_COMPONENT_VALUES = 1_000_000
"""Parents, tags and metadata values of all components together. They stay in memory as long as the run."""

MAX_HEADS = 10_000
"""Beginnings of lines that a decoder remembers."""

_HEAD_START = re.compile(
    rb'\{"seq":(0|[1-9][0-9]{0,8}),"at":((?:0|[1-9][0-9]{0,9})(?:\.[0-9]{1,20})?(?:e-?[0-9]{1,2})?),'
)
"""Number and time of an event, as Weir writes them."""

_MAX_TIMESTAMP = 32_503_680_000
"""The year 3000 in seconds since the epoch: a date that every calendar can show in every time zone."""
_CONTAINER = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|([\[{])', re.DOTALL)


class Decoder:
    """Reads the lines of one recording in order."""

    def __init__(self) -> None:
        self._lines = 0
        self._events = 0
        self._has_ended = False
        self._last_elapsed = 0.0
        self._components: dict[tuple[str, str], tuple[Component, bytes]] = {}
        self._component_values = 0
        self._heads: dict[bytes, tuple[str, Component]] = {}
        """Name and component of checked events, by the bytes of their lines between the time and the data."""

    @classmethod
    def after_events(cls, count: int, last_elapsed: float) -> "Decoder":
        """Return a decoder for the lines of a recording that come after its header and this many events."""
        decoder = cls()
        decoder._lines, decoder._events, decoder._last_elapsed = count + 1, count, last_elapsed
        return decoder

    def decode(self, line: bytes) -> Line:
        """Decode the next line, which may end in a newline. Raises RecordingError with the line's number."""
        self._lines += 1
        if self._lines == 1:
            return _header(line)
        if (event := self._event_as_before(line)) is not None:
            return event
        value = self._parse(line)
        if self._has_ended:
            raise RecordingError(f"Line {self._lines} of this recording comes after its end.")
        if "end" in value and "seq" not in value:
            self._has_ended = True
            return self._end(value)
        return self._event(value, line)

    def _event_as_before(self, line: bytes) -> RunEvent | None:
        """Return the event of a line that differs from a checked one in its number, time and data only, as most do.

        None: the line has to be read and checked in whole, which takes several times as long.
        """
        head, _, rest = line.partition(b',"data":')
        start = _HEAD_START.match(head)
        known = self._heads.get(head[start.end() :]) if start else None
        if start is None or known is None or self._has_ended or not rest.endswith(b"}\n"):
            return None
        payload, elapsed, (name, component) = rest[:-2], float(start[2]), known
        if int(start[1]) != self._events or not self._last_elapsed <= elapsed <= MAX_SECONDS:
            return None
        if line.count(b"[") + line.count(b"{") > serialization.MAX_DEPTH:
            return None
        try:
            data = serialization.loads(payload)
        except (ValueError, RecursionError):
            return None
        is_in_form = isinstance(data, dict) or name == "on_custom_event"
        if not is_in_form or serialization.dumps(data) != payload:
            return None
        self._events += 1
        self._last_elapsed = elapsed
        return RunEvent(int(start[1]), elapsed, name, component, payload)

    def _remember_head(self, line: bytes, event: RunEvent) -> None:
        """Have `_event_as_before` know lines like this one, of a checked event, if it is written as Weir does."""
        head, _, rest = line.partition(b',"data":')
        start = _HEAD_START.match(head)
        if start is None or rest.rstrip(b"\n") != event.payload + b"}" or len(self._heads) >= MAX_HEADS:
            return
        between = head[start.end() :]
        # A field that is there twice counts where it comes last.
        if int(start[1]) == event.seq and b'"seq"' not in between and b'"at"' not in between:
            self._heads[between] = event.event, event.component

    def _parse(self, line: bytes) -> dict[str, Any]:
        if _has_too_many_containers(line):
            raise RecordingError(f"Line {self._lines} of this recording has more than {MAX_CONTAINERS:,} lists.")
        try:
            value = serialization.loads(line)
            # A value is no deeper than it has containers; looking at each takes a third of the time of reading a line.
            if line.count(b"[") + line.count(b"{") > serialization.MAX_DEPTH:
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
            fields = _EventRecord.model_validate(value)
        except ValidationError as error:
            raise self._damaged(_first_problem(error)) from None
        if not isinstance(fields.data, dict) and fields.event != "on_custom_event":
            raise self._damaged("data: input should be an object")
        if fields.run_id in fields.parent_ids:
            raise self._damaged("parent_ids: a component cannot be its own parent")
        if fields.seq != self._events:
            raise RecordingError(
                f"Line {self._lines} of this recording is event {fields.seq} where {self._events} should be."
            )
        if fields.at < self._last_elapsed - MAX_STEP_BACK_SECONDS:
            raise RecordingError(f"Line {self._lines} of this recording goes back in time.")
        self._events += 1
        self._last_elapsed = max(self._last_elapsed, fields.at)
        event = RunEvent(
            fields.seq, self._last_elapsed, fields.event, self._component(fields), _payload(value, fields, line)
        )
        self._remember_head(line, event)
        return event

    def _component(self, fields: "_EventRecord") -> Component:
        """Return the component of an event. Events with equal components share one object."""
        key = fields.run_id, fields.name
        metadata = serialization.dumps(fields.metadata)
        known, known_metadata = self._components.get(key, (None, b""))
        if (
            known
            and known_metadata == metadata
            and (*fields.parent_ids,) == known.parent_ids
            and (*fields.tags,) == known.tags
        ):
            return known
        self._component_values += len(fields.parent_ids) + len(fields.tags) + _count_values(fields.metadata)
        if self._component_values > MAX_COMPONENT_VALUES:
            raise RecordingError(
                f"The tags and metadata of this recording have more than {MAX_COMPONENT_VALUES:,} parts."
            )
        component = Component(fields.name, fields.run_id, tuple(fields.parent_ids), tuple(fields.tags), fields.metadata)
        self._components.setdefault(key, (component, metadata))
        return component

    def _end(self, value: dict[str, Any]) -> End:
        try:
            fields = _EndRecord.model_validate(value["end"])
        except ValidationError as error:
            raise RecordingError(
                f"The end of this recording, line {self._lines}, is damaged: {_first_problem(error)}."
            ) from None
        return End(Status(fields.status), _failure(fields.failure) if fields.failure else None)


def _without_lone_surrogates(value: Any) -> Any:
    """Replace lone surrogates in text: JSON can hold them, and no page can show them."""
    return serialization.replace_lone_surrogates(value) if isinstance(value, str) else value


# With a maximum length pydantic decodes the text, and rejects one with a lone surrogate.
_Name = Annotated[str, Field(max_length=MAX_NAME)]
_Id = Annotated[str, Field(min_length=1, max_length=200)]


# Unknown fields are ignored, for files of newer versions. Values are not converted.
class _Record(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")


class _RunRecord(_Record):
    id: _Id
    name: Annotated[str, BeforeValidator(_without_lone_surrogates)] = Field(max_length=MAX_NAME)
    created_at: float = Field(ge=0, le=_MAX_TIMESTAMP, allow_inf_nan=False)
    input: Any
    context: dict[Any, Any]


class _HeaderRecord(_Record):
    format: Literal["weir-recording"]
    version: int = Field(ge=1, le=1_000_000)
    run: dict[Any, Any] = Field(default_factory=dict)


class _EventRecord(_Record):
    seq: int = Field(ge=0, le=1_000_000_000)
    at: float = Field(ge=0, le=MAX_SECONDS, allow_inf_nan=False)
    event: str = Field(pattern=re.compile(r"^on_[A-Za-z0-9_]{1,60}\Z"))
    name: _Name
    run_id: _Id
    parent_ids: list[_Id] = Field(max_length=MAX_NAMES)
    tags: list[_Name] = Field(max_length=MAX_NAMES)
    metadata: dict[Any, Any]
    data: Any


class _FailureRecord(_Record):
    kind: str
    detail: Annotated[str, BeforeValidator(_without_lone_surrogates)] = Field(max_length=MAX_DETAIL)


class _EndRecord(_Record):
    status: Literal["done", "waiting", "stopped", "failed", "abandoned"]
    failure: _FailureRecord | None = None


def _header(line: bytes) -> Header:
    not_a_recording = "This file is not a recording of Weir: its first line is not the header of one."
    if _has_too_many_containers(line):
        raise RecordingError(f"Line 1 of this recording has more than {MAX_CONTAINERS:,} lists.")
    try:
        value = serialization.loads_big_ints(line)
        serialization.check_depth(value)
        header = _HeaderRecord.model_validate(value)
    except (ValueError, RecursionError):
        raise RecordingError(not_a_recording) from None
    if header.version > VERSION:
        raise RecordingError(f"This recording has format version {header.version}; this Weir reads up to {VERSION}.")
    try:
        run = _RunRecord.model_validate(header.run)
    except ValidationError as error:
        raise RecordingError(f"The recording's header is damaged: {_first_problem(error)}.") from None
    return Header(run.id, run.name, run.created_at, run.input, run.context)


def _failure(fields: _FailureRecord) -> Failure:
    """Return the failure. A kind that this version does not know becomes INTERNAL."""
    return Failure(FailureKind.__members__.get(fields.kind.upper(), FailureKind.INTERNAL), fields.detail)


def _payload(value: dict[str, Any], fields: _EventRecord, line: bytes) -> bytes:
    payload = serialization.dumps(fields.data)
    # The fast parser reads integers of more than 64 bits as floats. Where the line differs, parse it exactly.
    if next(reversed(value)) == "data" and not line.rstrip(b"\n").endswith(payload + b"}"):
        payload = serialization.dumps(serialization.loads_big_ints(line)["data"])
    return payload


def _has_too_many_containers(line: bytes) -> bool:
    if line.count(b"[") + line.count(b"{") <= MAX_CONTAINERS:
        return False
    containers = (match for match in _CONTAINER.finditer(line) if match[1])
    return any(islice(containers, MAX_CONTAINERS, None))


def _count_values(value: Any) -> int:
    """Return the number of values in a JSON value, itself included."""
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
