"""Limit of open file descriptors (files and sockets) of the process. Each open page takes four."""

import contextlib
import sys

MAX_DESCRIPTORS = 65_536


def raise_descriptor_limit() -> None:
    """Raise the process's soft limit of open files to its hard limit, which is often far higher."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    target = MAX_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MAX_DESCRIPTORS)
    if soft == resource.RLIM_INFINITY or soft >= target:
        return
    # macOS has a lower limit of its own, and rejects values above it.
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (target, hard))
