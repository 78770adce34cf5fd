"""Leases: they tell an answer that is being written from one whose process is gone.

The process that writes an answer holds a lease on it and renews it with each update. When the process dies, its leases
expire, and its answers are read as cut. A process that was only late can renew an expired lease and go on.
"""

from weir.storage.records import MessageStatus

LEASE_SECONDS = 30.0
"""Seconds after its last update until an answer counts as cut."""


def lease_expiry(now: float) -> float:
    """Return when a lease that is renewed at `now` expires. Both are seconds since the epoch."""
    return now + LEASE_SECONDS


def effective_status(status: MessageStatus, lease_until: float | None, now: float) -> MessageStatus:
    """Return the status to show at `now` for an answer with this stored status and lease.

    Times are seconds since the epoch.
    """
    if status is MessageStatus.RUNNING and (lease_until is None or lease_until < now):
        return MessageStatus.CUT
    return status
