"""Who starts or reads a run, as far as the record, the limits and the log need to know."""

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Party:
    """A visitor, and the network address that they come from: "" where it is not known."""

    visitor: str
    """A digest: the same for the same visitor, and it says to nobody who that is."""
    address: str = ""

    @classmethod
    def of(cls, visitor: str, address: str = "") -> "Party":
        """Return the party of a visitor, by whatever tells them from others."""
        return cls(hashlib.sha256(f"weir {visitor}".encode()).hexdigest()[:16], address)
