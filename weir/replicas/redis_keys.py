"""Redis keys: their names, what is in them, and how long they last (docs/hosting.md, Several replicas).

All begin with `{weir}`: what is in braces decides a key's slot, so a cluster has them on one node, where one blocking
read and one script can have many of them. No key is without an expiry.
"""

TAG = b"{weir}"
"""What decides the slot of all keys in a cluster."""
LIVE = b"{weir}:live"
"""Hash of the live runs: id -> replica."""
ENDED = b"{weir}:ended"
"""Sorted set of the ended runs by the time of their end."""
SIZES = b"{weir}:sizes"
"""Hash of the ended runs: id -> bytes."""
CONTROL = b"{weir}:control"
"""Stream of what replicas say to each other: to stop a run, to let it go on, who may read it, that it is deleted …"""
SWEEPER = b"{weir}:sweeper"
"""Lock of the replica that looks for dead ones and removes old runs."""

END_ID = b"18446744073709551615-0"
"""Id of a run's last entry. Redis takes no entry after it, so a run ends once, whoever comes first."""

LIVE_SECONDS = 900
"""Time for which the keys of a live run last without a sign of its writer."""
STREAM_SECONDS = 120
"""Time for which the stream of an ended run lasts: its readers are at its end by then, and others read the whole."""
SHARED_SECONDS = 7 * 86_400
"""Time for which the keys of all runs together last after the last run."""
MAX_LISTED = 500
"""Runs of an owner that a list has, the newest."""
MAX_CONTROL = 10_000
"""Messages that the control stream keeps, for replicas that were away."""


def events(run_id: str) -> bytes:
    """Stream of a run's lines. An entry has `d`, lines from number `n` on; its id is the number after the last."""
    return b"{weir}:run:%b:e" % run_id.encode()


def meta(run_id: str) -> bytes:
    """Hash of a run: its owner, whether it is shared, its replica, its state, its row of the lists."""
    return b"{weir}:run:%b:m" % run_id.encode()


def whole(run_id: str) -> bytes:
    """Recording of an ended run, compressed."""
    return b"{weir}:run:%b:z" % run_id.encode()


def run_of(key: bytes) -> str:
    """Return the id of the run that a key of `events`, `meta` or `whole` is about."""
    return key.split(b":")[2].decode()


def of_owner(owner: str) -> bytes:
    """Sorted set of an owner's newest runs by the time of their start."""
    return b"{weir}:owner:%b" % owner.encode()


def replica(name: str) -> bytes:
    """Sign of life of a replica."""
    return b"{weir}:replica:%b" % name.encode()


def wake(name: str) -> bytes:
    """Stream that ends the blocking read of a replica, when it has one more run to follow."""
    return b"{weir}:wake:%b" % name.encode()


def limit(*parts: str) -> str:
    """What a limit counts: live runs, starts or tokens, in all, of a visitor or of an address."""
    return ":".join(("{weir}:limits", *parts))
