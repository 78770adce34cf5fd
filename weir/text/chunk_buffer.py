"""When what has come is shown: at each chunk, or once some have gathered."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class ChunkBuffer:
    """Holds chunks back until `chunks` of them have gathered or the first has waited for `seconds`."""

    chunks: int = 10
    seconds: float = 0.1
    _held: list[str] = field(default_factory=list)
    _since: float = 0.0

    def add(self, chunk: str, at: float) -> str:
        """Take a chunk that came at a time, and return what is to be shown now, or ""."""
        if not self._held:
            self._since = at
        self._held.append(chunk)
        return self.flush_if_due(at)

    def flush_if_due(self, now: float) -> str:
        """Return what is to be shown now, or ""."""
        if len(self._held) >= self.chunks or (self._held and now - self._since >= self.seconds):
            return self.flush()
        return ""

    def flush(self) -> str:
        """Return all that is held."""
        text = "".join(self._held)
        self._held.clear()
        return text
