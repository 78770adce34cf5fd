"""Bytes in pieces of one size, for what is sent: however much there is, a reader who is slow holds one piece."""

from collections.abc import Iterable, Iterator

CHUNK_BYTES = 65_536


def byte_chunks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the same bytes in pieces of `CHUNK_BYTES`; the last may be shorter. Large pieces are not copied whole."""
    gathered = bytearray()
    for piece in pieces:
        for start in range(0, len(piece), CHUNK_BYTES):
            gathered += memoryview(piece)[start : start + CHUNK_BYTES]
            if len(gathered) >= CHUNK_BYTES:
                yield bytes(memoryview(gathered)[:CHUNK_BYTES])
                del gathered[:CHUNK_BYTES]
    if gathered:
        yield bytes(gathered)
