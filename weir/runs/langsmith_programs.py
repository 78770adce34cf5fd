"""LangSmith programs: those that send their runs by LangSmith's client, in the same machinery as attached ones.

A program is a project of a client. Such a client says nothing between the start and the end of a component, and not
which process it is: contact with a run is lost after minutes, and a program without live runs is quiet.
"""

import hashlib
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from weir.core.run_event import label
from weir.runs.attach_request import AttachError
from weir.runs.attached_program import Program, ProgramReport, ProgramState
from weir.runs.attached_programs import MAX_LIVE_RUNS, SILENCE_SECONDS, AttachedPrograms
from weir.runs.attached_run import LANGSMITH, AttachedRun
from weir.runs.langsmith_operations import IngestError, Operation
from weir.runs.langsmith_trace import Trace
from weir.runs.recording_lines import RecordingError
from weir.runs.run import Status
from weir.runs.run_store import RunUnavailableError

SILENCE_OF_RUN_SECONDS = 300.0
"""Time without a word of a run until contact counts as lost: a model may take that long."""

SETTLE_SECONDS = 2.0
"""Time for what is heard of a run after the end of its root."""

MAX_WAITING_BYTES = 20_000_000
"""Bytes of operations whose root has not come."""

_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class _TracedRun:
    trace: Trace
    program: Program
    heard_at: float
    run: AttachedRun | None = None
    waiting: int = 0
    """Bytes, approximately, that wait for the root."""
    writing: threading.Lock = field(default_factory=threading.Lock)


class LangSmithPrograms:
    """The runs of LangSmith's clients. Thread-safe."""

    def __init__(self, programs: AttachedPrograms) -> None:
        self._programs = programs
        self._lock = threading.Lock()
        self._runs: OrderedDict[tuple[str, str], _TracedRun] = OrderedDict()
        """By owner and id, those that were heard of last at the end. Closed and refused ones are not among them."""
        self._trace_ids: dict[tuple[str, str], str] = {}
        """Id of the root, by owner and id of a component, for an operation that does not say it."""
        programs.add_check(self.check)

    def receive(self, owner: str, client: str, operations: Iterable[Operation], size: int = 0) -> None:
        """Take in the operations of a request with a body of this size. Raises AttachError and IngestError."""
        by_trace: dict[str, list[Operation]] = {}
        for operation in operations:
            trace_id = operation.trace_id or self._trace_ids.get((owner, operation.id), "")
            if trace_id:
                by_trace.setdefault(trace_id, []).append(operation)
        for trace_id, part in by_trace.items():
            traced = self._traced(owner, client, trace_id, part)
            if traced is not None:
                with traced.writing:
                    self._take(traced, part, size // len(by_trace))
        self._programs.begin_checking()

    def check(self) -> None:
        """Close the runs whose root has ended, and those of which nothing was heard for too long."""
        now = self._programs.now()
        with self._lock:
            all_runs = list(self._runs.values())
        for traced in all_runs:
            with traced.writing:
                silent = now - traced.heard_at
                if traced.run is None or not traced.run.is_live:
                    if silent > 2 * SILENCE_OF_RUN_SECONDS:
                        self._forget(traced)
                elif traced.trace.is_over and silent > SETTLE_SECONDS:
                    self._guarded(traced, self._close)
                elif silent > SILENCE_OF_RUN_SECONDS:
                    traced.program.live.pop(traced.trace.id, None)
                    traced.run.lose()
        for program in self._programs.of_kind(LANGSMITH):
            _note_silence(program, now)

    def _traced(self, owner: str, client: str, trace_id: str, part: list[Operation]) -> _TracedRun | None:
        with self._lock:
            traced = self._runs.get((owner, trace_id))
            if traced is not None:
                self._runs.move_to_end((owner, trace_id))
        now = self._programs.now()
        if traced is None:
            if self._programs.is_known(trace_id):
                # It has ended: nothing is added to it, whoever sends.
                return None
            traced = _TracedRun(Trace(trace_id), self._program(owner, client, part), now)
            with self._lock:
                traced = self._runs.setdefault((owner, trace_id), traced)
                self._make_room()
        traced.heard_at = traced.program.heard_at = now
        traced.program.state = ProgramState.LIVE
        return traced

    def _make_room(self) -> None:
        """Forget the runs that wait for their root for longest, where there are too many or they take too much."""
        waiting = sum(one.waiting for one in self._runs.values())
        for key, one in list(self._runs.items())[:-1]:
            if len(self._runs) <= MAX_LIVE_RUNS and waiting <= MAX_WAITING_BYTES:
                return
            if one.run is None or not one.run.is_live:
                waiting -= one.waiting
                self._drop(key, one)

    def _program(self, owner: str, client: str, part: list[Operation]) -> Program:
        fields = next((one.fields for one in part if isinstance(one.fields.get("session_name"), str)), {})
        project = label(fields.get("session_name") or "default")
        extra = fields.get("extra")
        runtime = extra.get("runtime") if isinstance(extra, dict) else None
        about = runtime if isinstance(runtime, dict) else {}
        kind = client.partition("/")[0]
        report = ProgramReport(
            id=hashlib.sha256(f"{owner}\0{project}\0{kind}".encode()).hexdigest()[:32],
            kind=LANGSMITH,
            name=project,
            command=label(" ".join(filter(None, (client, *_texts(about, "library", "library_version", "platform"))))),
            started_at=time.time(),
        )
        return self._programs.enter(owner, report)

    def _take(self, traced: _TracedRun, operations: list[Operation], size: int) -> None:
        key = (traced.program.owner, traced.trace.id)
        if self._runs.get(key) is not traced:
            return

        def write() -> None:
            for operation in operations:
                traced.trace.take(operation)
                self._trace_ids[traced.program.owner, operation.id] = traced.trace.id
            if traced.trace.root is None:
                traced.waiting += size
                return
            traced.waiting = 0
            self._write(traced)

        self._guarded(traced, lambda _: write())

    def _guarded(self, traced: _TracedRun, action: Any) -> None:
        """Do something with a run; if it cannot be taken, close and forget it."""
        try:
            action(traced)
        except (AttachError, IngestError, RecordingError) as error:
            reason = str(error)
        except RunUnavailableError as gone:
            reason = gone.message
        else:
            return
        if traced.run is not None:
            traced.run.lose()
        traced.program.refused += 1
        self._forget(traced)
        _LOG.warning("run %s of a LangSmith client is not taken: %s", traced.trace.id, reason)

    def _write(self, traced: _TracedRun) -> None:
        run, trace = traced.run, traced.trace
        if run is None:
            run = traced.run = self._programs.begin(traced.program, trace.id, trace.header())
        elif not run.is_live:
            if run.status is not Status.ABANDONED:
                self._forget(traced)
                return
            run = traced.run = self._programs.continue_lost(traced.program, trace.id)
        self._programs.write(traced.program, run, trace.lines())
        if trace.is_over and not trace.has_open_components:
            self._close(traced)
        elif not run.is_live:
            self._forget(traced)

    def _close(self, traced: _TracedRun) -> None:
        assert traced.run is not None
        traced.trace.adopt()
        lines = [*traced.trace.lines(), *traced.trace.closing_lines()]
        self._programs.write(traced.program, traced.run, lines)
        self._forget(traced)

    def _forget(self, traced: _TracedRun) -> None:
        with self._lock:
            self._drop((traced.program.owner, traced.trace.id), traced)

    def _drop(self, key: tuple[str, str], traced: _TracedRun) -> None:
        self._runs.pop(key, None)
        traced.program.live.pop(traced.trace.id, None)
        for run_id in list(traced.trace.components):
            self._trace_ids.pop((traced.program.owner, run_id), None)


def _note_silence(program: Program, now: float) -> None:
    if not program.live and now - program.heard_at > SILENCE_SECONDS:
        program.state = ProgramState.QUIET


def _texts(values: dict[str, Any], *names: str) -> Iterable[str]:
    return (value for name in names if isinstance(value := values.get(name), str))
