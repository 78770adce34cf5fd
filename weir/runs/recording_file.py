"""Recording file: a run as `.jsonl`, written by `recording_encoder` and read by `recording_decoder`."""

import hashlib
from collections.abc import Iterable, Iterator

from weir.core.byte_chunks import byte_chunks
from weir.core.run_event import RunEvent
from weir.runs.memory_run import MemoryRun
from weir.runs.recording_decoder import Decoder
from weir.runs.recording_encoder import Encoder, encode
from weir.runs.recording_lines import End, Header, Line, RecordingError
from weir.runs.run import Run, Status

MEDIA_TYPE = "application/jsonl"

MAX_BYTES = 64_000_000
"""Size of the largest recording that Weir opens."""

ID_PREFIX = "rec-"
"""Prefix of an opened recording's id; the rest is a digest of the file."""

__all__ = [
    "MAX_BYTES",
    "MEDIA_TYPE",
    "RecordingError",
    "from_jsonl",
    "is_too_large",
    "jsonl_chunks",
    "read_run",
    "to_jsonl",
]


def to_jsonl(run: Run) -> Iterator[bytes]:
    """Yield the lines of a run as it is now. A live run has no end line."""
    return map(encode, _lines(run))


def jsonl_chunks(run: Run) -> Iterator[bytes]:
    """Yield what `to_jsonl` yields, in chunks of one size."""
    encoder = Encoder()
    return byte_chunks(piece for line in _lines(run) for piece in encoder.encode_in_pieces(line))


def is_too_large(run: Run) -> bool:
    """Whether a run's recording is too large for Weir to open."""
    heads: dict[tuple[int, str], int] = {}
    for number in range(len(run.events)):
        event = run.events[number]
        if (key := (id(event.component), event.event)) not in heads:
            heads[key] = len(encode(event)) - len(event.payload)
    # The exact size takes ten times as long. `run.size` counts all payloads, and for each event more than its number
    # and time take.
    most = _frame_size(run) + run.size + len(run.events) * max(heads.values(), default=0)
    return most > MAX_BYTES and size(run) > MAX_BYTES


def size(run: Run) -> int:
    """Return the size of a run's recording in bytes. It encodes only one event per component and kind."""
    heads: dict[tuple[int, str], int] = {}
    total = _frame_size(run)
    for number in range(len(run.events)):
        event = run.events[number]
        key = (id(event.component), event.event)
        if key not in heads:
            heads[key] = len(encode(event)) - len(event.payload) - len(f"{event.seq}{event.elapsed}")
        total += heads[key] + len(event.payload) + len(f"{event.seq}{event.elapsed}")
    return total


def read_run(lines: Iterable[bytes], run_id: str | None = None) -> MemoryRun:
    """Return the run of a recording's lines, as a run that has ended. `run_id` is its id if not the recorded one.

    A recording of a live run has no end line: it becomes an abandoned run with `is_truncated`. Raises RecordingError.
    """
    decoder, rest = Decoder(), iter(lines)
    header = decoder.decode(next(rest, b""))
    assert isinstance(header, Header)
    run = MemoryRun(
        run_id or header.id,
        header.name,
        header.input,
        context=header.context,
        created_at=header.created_at,
        cancel=_do_nothing,
        on_last_reader_left=_do_nothing,
        recorded_id=header.id,
    )
    end = End(Status.ABANDONED, None)
    run.is_truncated = True
    for line in rest:
        match decoder.decode(line):
            case RunEvent() as event:
                run.append(event)
            case End() as end:
                run.is_truncated = False
    run.close(end.status, end.failure)
    return run


def from_jsonl(content: bytes) -> MemoryRun:
    """Return the run of a recording file. The same file gives the same id. Raises RecordingError."""
    if len(content) > MAX_BYTES:
        raise RecordingError(f"This file is larger than {MAX_BYTES // 1_000_000} MB, the most that Weir opens.")
    if b"\n" in content and not content.endswith(b"\n"):
        Decoder().decode(content[: content.index(b"\n") + 1])
        number = content.count(b"\n") + 1
        raise RecordingError(f"This recording ends in the middle of line {number}.")
    return read_run(_split_lines(content), ID_PREFIX + hashlib.sha256(content).hexdigest()[:32])


def _header(run: Run) -> Header:
    return Header(run.recorded_id, run.name, run.created_at, run.input, run.context)


def _frame_size(run: Run) -> int:
    """Return the bytes of the first line, and of the last one if there is one."""
    end = 0 if run.is_live or run.is_truncated else len(encode(End(run.status, run.failure)))
    return len(encode(_header(run))) + end


def _lines(run: Run) -> Iterator[Line]:
    yield _header(run)
    has_end = not run.is_live and not run.is_truncated
    # By index, without a copy of the list: a reader may take minutes, and the run goes on in the meantime.
    for number in range(len(run.events)):
        yield run.events[number]
    if has_end:
        yield End(run.status, run.failure)


def _split_lines(content: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(content):
        end = content.find(b"\n", start) + 1 or len(content)
        yield content[start:end]
        start = end


def _do_nothing() -> None:
    """Do nothing: a recording has no task to cancel and no grace period."""
