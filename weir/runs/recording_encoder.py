"""Recording encoder: writes the lines of a recording (docs/recording.md)."""

from collections.abc import Iterator

from weir.core import serialization
from weir.core.run_event import Component, RunEvent
from weir.runs.recording_lines import FORMAT, VERSION, End, Header, Line

MAX_COPIED = 4_096
"""Bytes of a payload that are copied into its line, because that takes less time than a piece of its own."""


def encode(line: Line) -> bytes:
    """Return a line of a recording, with its newline."""
    return b"".join(encode_in_pieces(line))


def encode_in_pieces(line: Line) -> Iterator[bytes]:
    """Yield a line in pieces. An event's payload is a piece of its own: it may be large, and is not copied."""
    match line:
        case RunEvent():
            yield serialization.dumps(line.head())[:-1] + b',"data":'
            yield line.payload
            yield b"}\n"
        case Header():
            run = {
                "id": line.id,
                "name": line.name,
                "created_at": line.created_at,
                "input": line.input,
                "context": line.context,
            }
            yield serialization.dumps({"format": FORMAT, "version": VERSION, "run": run}) + b"\n"
        case End():
            failure = line.failure and {"kind": line.failure.kind.name.lower(), "detail": line.failure.detail}
            yield serialization.dumps({"end": {"status": line.status.value, "failure": failure}}) + b"\n"


class Encoder:
    """Writes the lines of one recording. It encodes what the events of a component have in common once."""

    def __init__(self) -> None:
        self._heads: dict[tuple[int, str], tuple[Component, bytes]] = {}
        """By `id()` of the component, which its entry keeps alive, and name of the event."""

    def encode_event(self, event: RunEvent) -> bytes:
        """Return the line of an event, which should not be large: its payload is copied."""
        return b"%b%b}\n" % (self._head(event), event.payload)

    def _head(self, event: RunEvent) -> bytes:
        key = id(event.component), event.event
        known = self._heads.get(key)
        if known is None:
            fields = event.head()
            del fields["seq"], fields["at"]
            known = self._heads[key] = event.component, b"," + serialization.dumps(fields)[1:-1] + b',"data":'
        return b'{"seq":%d,"at":%b%b' % (event.seq, serialization.dumps(event.elapsed), known[1])

    def encode_in_pieces(self, line: Line) -> Iterator[bytes]:
        """Yield what the function `encode_in_pieces` yields, in a quarter of its time."""
        if not isinstance(line, RunEvent):
            yield from encode_in_pieces(line)
            return
        head = self._head(line)
        if len(line.payload) <= MAX_COPIED:
            yield b"%b%b}\n" % (head, line.payload)
            return
        yield head
        yield line.payload
        yield b"}\n"
