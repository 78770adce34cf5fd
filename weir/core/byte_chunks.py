"""Byte chunks of one size for a response body: a slow reader holds one chunk in memory, however long the body is."""

from collections.abc import Iterable, Iterator

CHUNK_BYTES = 65_536


def byte_chunks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the same bytes in chunks of `CHUNK_BYTES`; the last may be shorter. Large pieces are not copied whole."""
    buffer = bytearray()
    for piece in pieces:
        for start in range(0, len(piece), CHUNK_BYTES):
            buffer += memoryview(piece)[start : start + CHUNK_BYTES]
            if len(buffer) >= CHUNK_BYTES:
                yield bytes(memoryview(buffer)[:CHUNK_BYTES])
                del buffer[:CHUNK_BYTES]
    if buffer:
        yield bytes(buffer)
