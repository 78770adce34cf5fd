"""A run as a `.jsonl` file: the lines of `codec.py`, one after the other."""

import hashlib
from collections.abc import Iterator

from weir.core.byte_chunks import byte_chunks
from weir.core.run_event import RunEvent
from weir.runs.recording_codec import Decoder, End, Header, Line, RecordingError, encode, encode_in_pieces
from weir.runs.run import Run, Status

MEDIA_TYPE = "application/jsonl"

MAX_BYTES = 64_000_000
"""Of a recording that is opened."""

ID_PREFIX = "rec-"
"""What the id of an opened recording begins with; the rest is a digest of the file."""

__all__ = ["MAX_BYTES", "MEDIA_TYPE", "RecordingError", "from_jsonl", "is_too_large", "jsonl_chunks", "to_jsonl"]


def to_jsonl(run: Run) -> Iterator[bytes]:
    """Yield a run as it is now, line by line. A live run has no last line."""
    return map(encode, _parts(run))


def jsonl_chunks(run: Run) -> Iterator[bytes]:
    """Yield what `lines` yields in pieces of one size."""
    return byte_chunks(piece for part in _parts(run) for piece in encode_in_pieces(part))


def is_too_large(run: Run) -> bool:
    """Whether a run is larger, as a recording, than what Weir opens."""
    return size(run) > MAX_BYTES


def size(run: Run) -> int:
    """Return how many bytes a run has as a recording. Only one event of each component is encoded for it."""
    heads: dict[tuple[int, str], int] = {}
    total = sum(len(encode(part)) for part in _parts(run) if not isinstance(part, RunEvent))
    for number in range(len(run.events)):
        event = run.events[number]
        key = (id(event.component), event.event)
        if key not in heads:
            heads[key] = len(encode(event)) - len(event.payload) - len(f"{event.seq}{event.elapsed}")
        total += heads[key] + len(event.payload) + len(f"{event.seq}{event.elapsed}")
    return total


def from_jsonl(content: bytes) -> Run:
    """Return the run that `lines` wrote, as a finished one. Raises RecordingError.

    A recording of a run that was live has no end: it is opened as an abandoned run that breaks off.
    """
    if len(content) > MAX_BYTES:
        raise RecordingError(f"This file is larger than {MAX_BYTES // 1_000_000} MB, the most that Weir opens.")
    decoder = Decoder()
    found = _lines_of(content)
    header = decoder.decode(next(found, b""))
    assert isinstance(header, Header)
    if b"\n" in content and not content.endswith(b"\n"):
        number = content.count(b"\n") + 1
        raise RecordingError(f"This recording breaks off in the middle of line {number}.")
    recorded = Run(
        ID_PREFIX + hashlib.sha256(content).hexdigest()[:32],
        header.name,
        header.input,
        context=header.context,
        created_at=header.created_at,
        cancel=_nothing,
        on_last_reader_left=_nothing,
        recorded_id=header.id,
    )
    end = End(Status.ABANDONED, None)
    recorded.is_truncated = True
    for line in found:
        match decoder.decode(line):
            case RunEvent() as event:
                recorded.append(event)
            case End() as end:
                recorded.is_truncated = False
    recorded.close(end.status, end.failure)
    return recorded


def _parts(run: Run) -> Iterator[Line]:
    yield Header(run.recorded_id, run.name, run.created_at, run.input, run.context)
    has_end = not run.is_live and not run.is_truncated
    # No copy of the list: a reader may take minutes.
    for number in range(len(run.events)):
        yield run.events[number]
    if has_end:
        yield End(run.status, run.failure)


def _lines_of(content: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(content):
        end = content.find(b"\n", start) + 1 or len(content)
        yield content[start:end]
        start = end


def _nothing() -> None:
    """A recording cannot be stopped and does not mind being left alone."""
