"""How many files and sockets the process may have open: an open page takes four."""

import contextlib
import sys

MOST = 65_536


def raise_descriptor_limit() -> None:
    """Raise the process's limit of open files to what the system allows it, which is often far above the default."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST if hard == resource.RLIM_INFINITY else min(hard, MOST)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    # macOS has a lower bound of its own, and refuses what is above it.
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
