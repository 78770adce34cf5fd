"""Access to a run: who may read it, and who may stop it. Visitors and owners are ids of callers (`Caller.visitor`)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RunAccess:
    """Who may read a run, for pages that draw many of its kind and need no events."""

    id: str
    owner: str
    is_shared: bool

    def can_read(self, visitor: str) -> bool:
        """Whether this visitor may read the run."""
        return can_read(visitor, self.owner, self.is_shared)


def can_read(visitor: str, owner: str, is_shared: bool) -> bool:
    """Whether a visitor may read a run of this owner: its owner, and if it is shared everybody who knows its id."""
    return is_shared or (owner == visitor and bool(visitor))


def can_stop(visitor: str, owner: str, is_shared: bool) -> bool:
    """Whether a visitor may stop a run of this owner: its owner, or, if it has none, everybody who may read it."""
    return owner in ("", visitor) and can_read(visitor, owner, is_shared)
