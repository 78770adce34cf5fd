"""Attached programs: who sends runs, what each has sent, and whether it is still there (docs/attach.md).

What a program sends is not trusted. Lines that are here already are skipped, so that a request can be sent again; the
answer says which line of each run is wanted next.
"""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection
from typing import Any, Protocol

from weir.core.redaction import Redactor
from weir.runs.attach_request import AttachError, read_report, read_sections
from weir.runs.attached_program import Program, ProgramReport, ProgramState
from weir.runs.attached_run import AttachedRun, program_of
from weir.runs.background_loop import BackgroundLoop
from weir.runs.recording_decoder import Decoder
from weir.runs.recording_lines import Header, RecordingError
from weir.runs.run import Run, Status
from weir.runs.run_store import RunStore, RunUnavailableError

SILENCE_SECONDS = 15.0
"""Time without a word of a program, which says something every five seconds, until contact counts as lost."""

CHECK_SECONDS = 2.0

MAX_PROGRAMS = 500
MAX_LIVE_RUNS = 2_000

_LOG = logging.getLogger(__name__)


class RunStoreOfPrograms(RunStore, Protocol):
    """Run store in which a lost run can go on."""

    def is_known(self, run_id: str) -> bool:
        """Whether there is a run of this id, or was one that somebody has deleted."""

    def replace(self, run: AttachedRun) -> None:
        """Put a live run in the place of an ended one of the same id."""


class AttachedPrograms:
    """The programs that send runs. Thread-safe."""

    def __init__(
        self,
        store: RunStoreOfPrograms,
        loop: BackgroundLoop | None = None,
        redactor: Redactor | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`loop` looks after lost programs; without one, `check` has to be called."""
        self._store = store
        self._loop = loop
        self._redactor = redactor or Redactor()
        self._clock = clock
        self._lock = threading.Lock()
        self._programs: OrderedDict[str, Program] = OrderedDict()
        self._is_checking = False
        self._adding = threading.Lock()
        self._checks: list[Callable[[], None]] = []
        self.now = clock
        """The clock of `Program.heard_at`."""

    def add_check(self, check: Callable[[], None]) -> None:
        """Have something looked after as often as silent programs are."""
        self._checks.append(check)

    def of_kind(self, kind: str) -> list[Program]:
        """Return the programs of a kind, whoever has them."""
        with self._lock:
            return [program for program in self._programs.values() if program.report.kind == kind]

    def of_owners(self, owners: Collection[str]) -> list[Program]:
        """Return the programs whose runs these owners have, the newest first."""
        with self._lock:
            own = [program for program in self._programs.values() if program.owner in owners]
        return sorted(own, key=lambda program: -program.report.started_at)

    def receive(self, owner: str, body: bytes) -> dict[str, Any]:
        """Take in a request of a program and return the answer. Raises AttachError."""
        first, *lines = body.split(b"\n")
        program = self.enter(owner, read_report(first))
        with program.writing:
            sections = read_sections(lines)
            answers = {run_id: self._take(program, run_id, number, part) for run_id, number, part in sections}
            if program.report.ended:
                self._lose(program, ProgramState.ENDED)
        self.begin_checking()
        return {"runs": answers}

    def check(self) -> None:
        """Close the runs of the programs that have been silent for too long."""
        with self._lock:
            silent = [
                program
                for program in self._programs.values()
                if program.state is ProgramState.LIVE
                and not program.report.kind
                and self._clock() - program.heard_at > SILENCE_SECONDS
            ]
        for program in silent:
            with program.writing:
                if self._clock() - program.heard_at > SILENCE_SECONDS:
                    self._lose(program, ProgramState.LOST)
        for check in self._checks:
            check()

    def _lose(self, program: Program, state: ProgramState) -> None:
        program.state = state
        for run in program.live.values():
            run.lose()
        program.live.clear()

    def begin_checking(self) -> None:
        """Look after silent programs from now on, while there are live ones."""
        with self._lock:
            if self._is_checking or self._loop is None:
                return
            self._is_checking = True
        self._loop.call(self._check_later)

    def _check_later(self) -> None:
        assert self._loop is not None
        self._loop.loop.call_later(CHECK_SECONDS, self._check_again)

    def _check_again(self) -> None:
        try:
            self.check()
        except Exception:
            _LOG.exception("lost programs cannot be looked for")
        with self._lock:
            self._is_checking = any(program.state is ProgramState.LIVE for program in self._programs.values())
        if self._is_checking:
            self._check_later()

    def enter(self, owner: str, report: ProgramReport) -> Program:
        """Return the program of a report, which is there from now on. Raises AttachError."""
        report = report.model_copy(
            update={name: self._redactor.redact(getattr(report, name)) for name in ("name", "command", "host")}
        )
        with self._lock:
            program = self._programs.get(report.id)
            if program is None:
                self._make_room()
                program = self._programs[report.id] = Program(report, owner, self._clock())
            elif program.owner != owner:
                raise AttachError("This program's id belongs to another sender.")
            elif report.kind:
                # Its client does not report when it began.
                report = report.model_copy(update={"started_at": program.report.started_at})
            program.report, program.heard_at, program.state = report, self._clock(), ProgramState.LIVE
            return program

    def _make_room(self) -> None:
        """Forget the program that has been silent for longest, those that are gone first. Raises AttachError."""
        if len(self._programs) < MAX_PROGRAMS:
            return
        gone = [program for program in self._programs.values() if program.state is not ProgramState.LIVE]
        if not gone:
            raise AttachError(f"There are {MAX_PROGRAMS} live programs already.")
        del self._programs[min(gone, key=lambda program: program.heard_at).report.id]

    def _take(self, program: Program, run_id: str, number: int, lines: list[bytes]) -> dict[str, Any]:
        """Take in the lines of one run from this number on. Return the answer to the program."""
        if reason := program.refusals.get(run_id):
            return {"refused": reason}
        try:
            return {"next": self._feed(program, run_id, number, lines)}
        except (AttachError, RecordingError) as error:
            reason = str(error)
        except RunUnavailableError as gone:
            reason = gone.message
        if (run := program.live.pop(run_id, None)) is not None:
            run.lose()
        program.refused += 1
        program.refusals[run_id] = reason
        while len(program.refusals) > MAX_LIVE_RUNS:
            program.refusals.popitem(last=False)
        _LOG.warning("run %s of a program is not taken: %s", run_id, reason)
        return {"refused": reason}

    def _feed(self, program: Program, run_id: str, number: int, lines: list[bytes]) -> int:
        run = program.live.get(run_id)
        if run is None or not run.is_live:
            program.live.pop(run_id, None)
            if self._store.is_known(run_id):
                old = self._store.get(run_id)
                _check_owner(program, old)
                if old.status is not Status.ABANDONED:
                    # It is whole: the answer to its last lines was lost on the way.
                    return 2 + len(old.events)
                run = self._continue(program, old)
            elif number > 0 or not lines:
                return 0
            else:
                run = self.begin(program, run_id, lines[0])
                number, lines = 1, lines[1:]
        if number > run.next_line:
            return run.next_line
        self.write(program, run, lines[run.next_line - number :])
        return run.next_line + (not run.is_live)

    def write(self, program: Program, run: AttachedRun, lines: list[bytes]) -> None:
        """Append the lines that come next. Raises RecordingError, or AttachError where there is no room for the run."""
        before = len(run.events)
        with run.writing:
            try:
                run.feed(lines)
            finally:
                program.events += len(run.events) - before
        # Somebody may have asked for its end while this thread was writing.
        run.heed_request()
        if run.is_live:
            return
        program.live.pop(run.id, None)
        if run.status is Status.FAILED and run.requested_status is not None:
            raise AttachError("There is no room for this run.")

    def begin(self, program: Program, run_id: str, line: bytes) -> AttachedRun:
        """Return a new run of a program, by the first line of its recording. Raises AttachError or RecordingError."""
        header = Decoder().decode(line)
        assert isinstance(header, Header)
        if header.id != run_id:
            raise AttachError("The header is that of another run.")
        report = program.report
        about: dict[str, Any] = {"id": report.id, "name": report.name, "pid": report.pid, "host": report.host}
        if report.kind:
            about |= {"kind": report.kind, "client": report.command}
        run = AttachedRun(
            header,
            owner=program.owner,
            program={**about, "content": report.content},
            store=self._store,
            redactor=self._redactor,
            clock=self._clock,
        )
        self._add(program, run, is_new=True)
        return run

    def continue_lost(self, program: Program, run_id: str) -> AttachedRun:
        """Return a live run in the place of a lost one. Raises AttachError or RunUnavailableError."""
        old = self._store.get(run_id)
        _check_owner(program, old)
        return self._continue(program, old)

    def _continue(self, program: Program, old: Run) -> AttachedRun:
        run = AttachedRun.continued(old, self._store, self._redactor, self._clock)
        self._add(program, run, is_new=False)
        return run

    def is_known(self, run_id: str) -> bool:
        """Whether there is a run of this id, or was one, whoever has sent it."""
        return self._store.is_known(run_id)

    def _add(self, program: Program, run: AttachedRun, *, is_new: bool) -> None:
        with self._lock:
            live = sum(len(one.live) for one in self._programs.values())
        if live >= MAX_LIVE_RUNS:
            raise AttachError(f"There are {MAX_LIVE_RUNS:,} live runs of programs already.")
        if is_new:
            with self._adding:
                if self._store.is_known(run.id):
                    raise AttachError("There is a run of this id already, and it is not this program's.")
                self._store.add(run)
            program.runs += 1
        else:
            self._store.replace(run)
        program.live[run.id] = run


def _check_owner(program: Program, run: Run) -> None:
    """Raise AttachError unless this program has sent the run."""
    if run.owner != program.owner or program_of(run).get("id") != program.report.id:
        raise AttachError("There is a run of this id already, and it is not this program's.")
