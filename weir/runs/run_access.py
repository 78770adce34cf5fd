"""Access to a run: who may read it, and who may stop it. Visitors and owners are ids of callers (`Caller.visitor`)."""


def can_read(visitor: str, owner: str, is_shared: bool) -> bool:
    """Whether a visitor may read a run of this owner: its owner, and if it is shared everybody who knows its id."""
    return is_shared or (owner == visitor and bool(visitor))


def can_stop(visitor: str, owner: str, is_shared: bool) -> bool:
    """Whether a visitor may stop it: its owner, or, if it has no owner, everybody who may read it."""
    return owner in ("", visitor) and can_read(visitor, owner, is_shared)
