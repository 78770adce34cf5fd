"""Who is writing an answer, and for how long that is believed without a sign of life.

The process that writes an answer holds a lease on it and renews it with each update. When a process dies its leases run
out, and its answers are read as cut from then on. A process that was only late takes its answer up again.
"""

from weir.storage.message import MessageStatus

LEASE = 30.0
"""Seconds that an answer counts as being written after its last update."""


def lease_expiry(now: float) -> float:
    """Return when a lease that is renewed at `now` runs out. Both in seconds since the epoch."""
    return now + LEASE


def effective_status(status: MessageStatus, lease_until: float | None, now: float) -> MessageStatus:
    """Return how an answer with this stored status and lease is to be read at `now`, in seconds since the epoch."""
    if status is MessageStatus.RUNNING and (lease_until is None or lease_until < now):
        return MessageStatus.CUT
    return status
