"""Attached run: a run that another program drives and sends as the lines of its recording (docs/attach.md)."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from weir.core import serialization
from weir.core.redaction import Redactor
from weir.core.run_event import Component, RunEvent
from weir.runs.failure_sentences import Failure, FailureKind
from weir.runs.memory_run import MemoryRun, stopwatch
from weir.runs.recording_decoder import Decoder
from weir.runs.recording_lines import End, Header
from weir.runs.run import ATTACHED, Run, Status
from weir.runs.run_store import RunStore

LANGSMITH = "langsmith"
"""Kind of a program that sends its runs by LangSmith's client: the tree, and when tokens came, but not the tokens."""


class AttachedRun(MemoryRun):
    """A run whose writer is another process. Line 0 is the header, line n + 1 the event n, and the last one the end.

    `feed` is called by one thread at a time. Nobody can stop the run: Weir does not run it. Times are the sender's.
    """

    def __init__(
        self,
        header: Header,
        *,
        owner: str,
        program: dict[str, Any],
        store: RunStore,
        redactor: Redactor,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(
            header.id,
            redactor.redact(header.name),
            serialization.loads_big_ints(redactor.redact_json(serialization.dumps(header.input))),
            # What the program says of its context counts for nothing: Weir's own notes are there.
            context={"page": "events", "via": ATTACHED, "program": program},
            created_at=header.created_at,
            cancel=self.heed_request,
            on_last_reader_left=_do_nothing,
            clock=self._sender_seconds,
        )
        self.owner = owner
        self.is_shared = False
        self.lag_seconds = 0.0
        """Time from the newest event to its arrival, by the clocks of both."""
        self.writing = threading.RLock()
        self._store = store
        self._redactor = redactor
        self._monotonic = clock
        self._zero = clock()
        """When the run began, on this process's clock: as early as any of its events says."""
        self._decoder = Decoder.after_events(0, 0.0)
        self._redacted: dict[int, tuple[Component, Component]] = {}

    @classmethod
    def continued(cls, run: Run, store: RunStore, redactor: Redactor, clock: Callable[[], float]) -> "AttachedRun":
        """Return a live run with the events of one whose program was lost, and has come back."""
        header = Header(run.id, run.name, run.created_at, run.input, {})
        new = cls(header, owner=run.owner, program=program_of(run), store=store, redactor=redactor, clock=clock)
        new.is_shared, new.read_by_others = run.is_shared, run.read_by_others
        for event in run.events:
            new.append(event)
        new._decoder = Decoder.after_events(len(run.events), new._last_elapsed)
        new._zero = clock() - new._last_elapsed
        return new

    @property
    def next_line(self) -> int:
        """Number of the line that comes next."""
        return 1 + len(self.events)

    def feed(self, lines: Sequence[bytes]) -> None:
        """Append the lines that come next. Raises RecordingError at one that does not fit; those before it are kept."""
        for line in lines:
            self.heed_request()
            if not self.is_live:
                return
            decoded = self._decoder.decode(line)
            if isinstance(decoded, RunEvent):
                self._record(decoded)
            elif isinstance(decoded, End):
                self.close(decoded.status, self._redacted_failure(decoded.failure))

    def lose(self) -> None:
        """Close the run without an end of its own: contact with its program is lost, or the program has ended."""
        with self.writing:
            if self.is_live:
                self.close(Status.ABANDONED, None)

    def can_stop(self, visitor: str) -> bool:  # noqa: ARG002
        return False

    def close(self, status: Status, failure: Failure | None) -> None:
        self._zero = self._monotonic() - self._last_elapsed
        super().close(status, failure)
        self.ended_at = self._last_elapsed
        self._clock = stopwatch(self._monotonic, self._zero)
        self._redacted.clear()

    def _record(self, event: RunEvent) -> None:
        size_before = self.size
        event = replace(
            event,
            component=self._redacted_component(event.component),
            payload=self._redactor.redact_json(event.payload),
        )
        if self._input == b"null" and event.event.endswith("_start") and (value := event.get("input")):
            # LangChain gives the program no input of a chain that streams; its first step has it.
            self._input = serialization.dumps(value)
        self._zero = min(self._zero, self._monotonic() - event.elapsed)
        self.append(event)
        self.lag_seconds = max(0.0, time.time() - self.created_at - event.elapsed)
        if largest := self._store.add_bytes(self.size - size_before):
            largest.request_stop(Status.FAILED, Failure(FailureKind.RECORD_FULL))

    def _redacted_component(self, component: Component) -> Component:
        known = self._redacted.get(id(component))
        if known is None:
            fields = serialization.dumps([component.name, component.tags, component.metadata])
            redacted, found = component, self._redactor.redact_json(fields)
            if found != fields:
                name, tags, metadata = serialization.loads_big_ints(found)
                redacted = replace(component, name=name, tags=tuple(tags), metadata=metadata)
            # The entry keeps the object alive, so that its id stays its own.
            known = self._redacted[id(component)] = component, redacted
        return known[1]

    def _redacted_failure(self, failure: Failure | None) -> Failure | None:
        return failure and Failure(failure.kind, self._redactor.redact(failure.detail))

    def _sender_seconds(self) -> float:
        return round(self._monotonic() - self._zero, 6)

    def heed_request(self) -> None:
        """End the record if that was requested: there is no room for it, or this process ends.

        It does not wait for a thread that writes: that one heeds the request itself. Two runs that end each other for
        want of room would wait for ever.
        """
        if self.requested_status is None or not self.writing.acquire(blocking=False):
            return
        try:
            if self.is_live:
                is_stop = self.requested_status is Status.STOPPED
                self.close(Status.ABANDONED if is_stop else Status.FAILED, None if is_stop else self.failure)
        finally:
            self.writing.release()


def program_of(run: Run) -> dict[str, Any]:
    """Return the program that sent a run; empty if none did."""
    program = run.context.get("program") if run.is_attached else None
    return program if isinstance(program, dict) else {}


def has_no_stream(run: Run) -> bool:
    """Whether a run was sent by LangSmith's client, which leaves out what streamed."""
    return program_of(run).get("kind") == LANGSMITH


def _do_nothing() -> None:
    """Do nothing: a run of another program goes on without readers."""
