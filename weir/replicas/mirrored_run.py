"""Mirrored run: how far a run was sent to Redis, what of it is to be sent next, and its whole recording at the end."""

import gzip
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from weir.replicas import redis_keys
from weir.runs.memory_run import MemoryRun
from weir.runs.recording_encoder import Encoder, encode
from weir.runs.recording_lines import End, Header
from weir.runs.run import Run

MAX_ENTRY = 64_000
"""Bytes from which a batch of lines is sent in several entries."""

LEVEL = 1
"""Compression level of whole recordings, as that of the files on disk."""


@dataclass(slots=True, eq=False)
class MirroredRun:
    """How far a run was sent."""

    run: MemoryRun
    encoder: Encoder = field(default_factory=Encoder)
    sent: int = 0
    """Lines that Redis has."""
    has_begun: bool = False
    begun: threading.Event = field(default_factory=threading.Event)
    """Set when other replicas can find it."""
    is_read_elsewhere: bool = False
    begin_at: float = 0.0
    checked_at: float = 0.0
    access: tuple[str, bool] = ("", True)
    """Owner, and whether it is shared, as Redis has them."""

    @property
    def lines(self) -> int:
        """Lines that there are now, without the end."""
        return 1 + len(self.run.events)

    def beginning(self, replica: bytes, folder: bytes, entry: bytes, ttl: int) -> tuple[list[bytes], list[Any]]:
        """Return the keys and arguments of the script `BEGIN`. `entry` is the row of the lists."""
        run = self.run
        self.access = (run.owner, run.is_shared)
        keys = [
            redis_keys.meta(run.id),
            redis_keys.events(run.id),
            redis_keys.whole(run.id),
            redis_keys.LIVE,
            redis_keys.of_owner(run.owner),
        ]
        header = encode(Header(run.id, run.name, run.created_at, run.input, run.context))
        times = (redis_keys.LIVE_SECONDS, redis_keys.SHARED_SECONDS, ttl + redis_keys.LIVE_SECONDS)
        fields = (b"shared", int(run.is_shared), b"folder", folder, b"entry", entry)
        is_attached = int(run.is_attached)
        values = [replica, run.owner, is_attached, run.id, repr(run.created_at), header, *times, redis_keys.MAX_LISTED]
        return keys, [*values, *fields]

    def batches(self, room: int) -> Iterator[tuple[int, int, bytes]]:
        """Yield what is to be sent: the number of the first line, that after the last one, and the lines."""
        first, encode_event = self.sent, self.encoder.encode_event
        # Line n + 1 is event n.
        events = self.run.events[first - 1 :]
        lines, size, number = [], 0, first
        for event in events:
            line = encode_event(event)
            lines.append(line)
            size += len(line)
            number += 1
            if size >= MAX_ENTRY:
                yield first, number, b"".join(lines)
                room -= size
                if room <= 0:
                    return
                lines, size, first = [], 0, number
        if lines:
            yield first, number, b"".join(lines)


def store_whole(pipeline: Any, run: Run, ttl: int, *, state: bytes) -> None:
    """Store an ended run as one compressed recording, and let its stream go once its readers are at the end."""
    header, end = Header(run.id, run.name, run.created_at, run.input, run.context), End(run.status, run.failure)
    lines = map(Encoder().encode_event, run.events)
    recording = gzip.compress(b"".join((encode(header), *lines, encode(end))), LEVEL)
    key, now = run.id, time.time()
    pipeline.set(redis_keys.whole(key), recording, ex=ttl)
    fields = {"status": state, "run_status": run.status.value, "ended_at": repr(now), "events": len(run.events)}
    pipeline.hset(redis_keys.meta(key), mapping=fields)
    pipeline.expire(redis_keys.meta(key), ttl)
    pipeline.expire(redis_keys.events(key), redis_keys.STREAM_SECONDS)
    pipeline.hdel(redis_keys.LIVE, key)
    pipeline.zadd(redis_keys.ENDED, {key: now})
    pipeline.hset(redis_keys.SIZES, key, len(recording))
    pipeline.expire(redis_keys.ENDED, redis_keys.SHARED_SECONDS)
    pipeline.expire(redis_keys.SIZES, redis_keys.SHARED_SECONDS)


def lines_of(fields: dict[bytes, bytes]) -> tuple[int, list[bytes]]:
    """Return the number of an entry's first line, and its lines with their newlines."""
    return int(fields[b"n"]), [line + b"\n" for line in fields[b"d"].split(b"\n") if line]
