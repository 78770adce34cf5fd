"""Chunk buffer: collects chunks of text and releases them after a number of chunks or a time.

The story page's "buffered" display mode repaints once a release instead of once a chunk.
"""

from dataclasses import dataclass, field


@dataclass(slots=True)
class ChunkBuffer:
    """Buffers until it holds `chunks` chunks, or until `seconds` after the first of them."""

    chunks: int = 10
    seconds: float = 0.1
    _buffered: list[str] = field(default_factory=list, init=False)
    _first_at: float = field(default=0.0, init=False)

    def add(self, chunk: str, at: float) -> str:
        """Buffer a chunk that arrived at the time `at` and return the text to show now, or ""."""
        if not self._buffered:
            self._first_at = at
        self._buffered.append(chunk)
        return self.flush_if_due(at)

    def flush_if_due(self, now: float) -> str:
        """Return the buffered text if it is due, else ""."""
        if len(self._buffered) >= self.chunks or (self._buffered and now - self._first_at >= self.seconds):
            return self.flush()
        return ""

    def flush(self) -> str:
        """Return all of the buffered text."""
        text = "".join(self._buffered)
        self._buffered.clear()
        return text
