"""Byte chunks of one size for a response body: a slow reader holds one chunk in memory, however long the body is."""

from collections.abc import Iterable, Iterator

CHUNK_BYTES = 65_536


def byte_chunks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the same bytes in chunks of `CHUNK_BYTES`; the last may be shorter. Large pieces are not copied whole."""
    buffer = bytearray()
    for piece in pieces:
        # A view takes longer than to copy a small piece, as most are.
        for part in (piece,) if len(piece) <= CHUNK_BYTES else _parts(piece):
            buffer += part
            if len(buffer) >= CHUNK_BYTES:
                yield bytes(memoryview(buffer)[:CHUNK_BYTES])
                del buffer[:CHUNK_BYTES]
    if buffer:
        yield bytes(buffer)


def _parts(piece: bytes) -> Iterator[memoryview]:
    view = memoryview(piece)
    return (view[start : start + CHUNK_BYTES] for start in range(0, len(piece), CHUNK_BYTES))
