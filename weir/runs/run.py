"""Run: one execution of one Runnable, as its readers see it: pages, endpoints, the `weir` command.

The class here is an interface. `memory_run.py` has the run that a recorder or the reader of recording files writes.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import AbstractContextManager
from enum import StrEnum
from typing import Any, Protocol

from weir.core import serialization
from weir.core.run_event import RunEvent
from weir.runs import run_access
from weir.runs.failure_sentences import Failure

ATTACHED = "attach"
"""`via` in the context of a run that another program has sent."""


class Status(StrEnum):
    """What a run is doing, or how it ended."""

    RUNNING = "running"
    DONE = "done"
    WAITING = "waiting"
    """It is a graph that waits for a person (`interrupt()` of LangGraph), and can be resumed."""
    STOPPED = "stopped"
    """Somebody pressed Stop."""
    FAILED = "failed"
    """An exception ended it; `Run.failure` says which."""
    ABANDONED = "abandoned"
    """It had no reader for the grace period; or it is another program's, and contact was lost before its end."""


class ConnectionTiming(Protocol):
    """Timing of a run's connection to the model. Times are `time.monotonic()` seconds, None if not known yet."""

    @property
    def sent_at(self) -> float | None:
        """When the request had been sent completely."""

    @property
    def closed_at(self) -> float | None:
        """When the connection was closed before the answer was complete."""

    def wait_finished(self, within: float = 0.0) -> bool:
        """Return whether the answer is complete or the connection closed, waiting for at most `within` seconds."""


class Run(ABC):
    """The record of one execution of a Runnable, and the handle to stop it.

    Any number of threads and asyncio tasks may read at once, from any event on, during the run or afterwards. A run
    without a reader for the grace period is abandoned; an iteration of `follow` or `afollow` counts as a reader.
    """

    is_remote = False
    """Whether another replica writes it, and this is a copy that may lag behind."""

    def __init__(
        self, run_id: str, name: str, *, context: dict[str, Any], created_at: float, recorded_id: str | None = None
    ) -> None:
        self.id = run_id
        """LangChain's `run_id` of the root, a random UUID. For an opened recording, a digest of its file."""
        self.recorded_id = recorded_id or run_id
        """Id of the run when it was recorded."""
        self.is_truncated = False
        """Whether it is a recording that was saved while the run was live."""
        self.name = name
        """Name of the chain."""
        self.context = context
        """Notes in JSON of the code that started the run, such as its page and method."""
        self.created_at = created_at
        """Seconds since the epoch."""
        self.owner = ""
        """`Caller.visitor` of the caller who started it; "" for nobody."""
        self.is_shared = True
        """Whether everybody who knows the id may read it. If not, only the owner may."""
        self.read_by_others = False
        """Whether somebody else than its owner has opened its link."""
        self.failure: Failure | None = None
        self.stop_requested_at: float | None = None
        """Seconds from the start to the request to end the run early."""
        self.ended_at: float | None = None
        """Seconds from the start to the end of its task; None for a recording."""
        self.connection: ConnectionTiming | None = None
        """Connection to the model that answers. Set by the code that starts the run, if it can be observed."""

    @property
    @abstractmethod
    def status(self) -> Status: ...

    @property
    @abstractmethod
    def input_json(self) -> bytes:
        """Input of the Runnable, as JSON bytes."""

    @property
    @abstractmethod
    def events(self) -> Sequence[RunEvent]:
        """All events so far. The sequence grows while the run is live."""

    @property
    @abstractmethod
    def elapsed(self) -> float:
        """Seconds since the start. For a recording, the time of its last event."""

    @property
    @abstractmethod
    def readers(self) -> int:
        """Number of current readers."""

    @property
    @abstractmethod
    def size(self) -> int:
        """Bytes that the run takes in memory."""

    @abstractmethod
    def follow(
        self, after: int = -1, *, every: float = 0.0, heartbeat: float | None = None
    ) -> Generator[Sequence[RunEvent], None, None]:
        """Yield the events numbered above `after` in batches, as they arrive, until the run has ended.

        Between two batches at least `every` seconds pass, unless the run ends. If nothing arrives for `heartbeat`
        seconds, an empty batch is yielded, so that the reader can do something else in between.
        """

    @abstractmethod
    def afollow(self, after: int = -1, *, heartbeat: float | None = None) -> AsyncGenerator[Sequence[RunEvent], None]:
        """`follow` for asyncio, on any loop."""

    @abstractmethod
    def reading(self) -> AbstractContextManager[None]:
        """Count as a reader within a `with` block."""

    @abstractmethod
    def wait(self, timeout: float | None = None) -> bool:
        """Block until the run has ended, for at most `timeout` seconds. Return whether it has ended."""

    @abstractmethod
    def add_done_callback(self, callback: "Callable[[Run], None]") -> None:
        """Call `callback` with the run when it has ended, on the recorder's thread, so it must be quick."""

    @abstractmethod
    def extend_grace_period(self) -> None:
        """Restart the grace period, because somebody still wants the run."""

    @abstractmethod
    def stop(self) -> None:
        """Stop the run and keep the events so far. Returns at once; does nothing if the run has ended."""

    @property
    def input(self) -> Any:
        """Input of the Runnable, as JSON values."""
        return serialization.loads(self.input_json)

    @property
    def is_live(self) -> bool:
        """Whether the run has not ended: more events may arrive."""
        return self.status is Status.RUNNING

    @property
    def is_recording(self) -> bool:
        """Whether it was opened from a recording file."""
        return self.recorded_id != self.id

    @property
    def is_attached(self) -> bool:
        """Whether another program has sent it: Weir does not run it, and cannot stop it."""
        return self.context.get("via") == ATTACHED

    def seconds_at(self, moment: float) -> float:
        """Return the seconds from the start to a moment of `time.monotonic()`."""
        return self.elapsed - (time.monotonic() - moment)

    def can_read(self, visitor: str) -> bool:
        """Whether this visitor (`Caller.visitor`) may read the run."""
        return run_access.can_read(visitor, self.owner, self.is_shared)

    def can_stop(self, visitor: str) -> bool:
        """Whether this visitor may stop the run."""
        return run_access.can_stop(visitor, self.owner, self.is_shared)
