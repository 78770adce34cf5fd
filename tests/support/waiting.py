"""Waiting in tests for what happens on another thread or in another process."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

LONGEST_SECONDS = 60.0
"""Time after which what should have happened is taken not to. A busy machine may take long."""


def until(look: Callable[[], T | None], *, seconds: float = LONGEST_SECONDS) -> T:
    """Return what `look` returns as soon as that is neither None nor false nor empty. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not (value := look()):
        if time.monotonic() > deadline:
            raise TimeoutError("it did not happen")
        time.sleep(0.02)
    return value
