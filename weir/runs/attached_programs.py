"""Attached programs: who sends runs, what each has sent, and whether it is still there (docs/attach.md).

What a program sends is not trusted. A request is the report of the program, then for each run a line that says which
line of its recording comes next, and the lines. Lines that are here already are skipped, so that sending again is
harmless; the answer says which line of each run is wanted next.
"""

import logging
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, Protocol

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from weir.core import serialization
from weir.core.redaction import Redactor
from weir.runs.attached_run import AttachedRun, program_of
from weir.runs.background_loop import BackgroundLoop
from weir.runs.recording_codec import Decoder, Header, RecordingError
from weir.runs.run import Run, Status
from weir.runs.run_store import RunStore, RunUnavailableError

SILENCE_SECONDS = 15.0
"""Time without a word of a program, which says something every five seconds, until contact counts as lost."""

CHECK_SECONDS = 2.0

MAX_PROGRAMS = 500
MAX_LIVE_RUNS = 2_000
MAX_SECTION_LINE = 400
MAX_SECTIONS = 1_000
"""Runs of one request: each may take a look into the database."""

_LOG = logging.getLogger(__name__)
_RUN_ID = re.compile(r"[A-Za-z0-9-]{8,64}")


class AttachError(ValueError):
    """A request is not one of the tail's. Its text is a sentence for whoever wrote the sender."""


class RunStoreOfPrograms(RunStore, Protocol):
    """Run store in which a lost run can go on."""

    def is_known(self, run_id: str) -> bool:
        """Whether there is a run of this id, or was one that somebody has deleted."""

    def replace(self, run: AttachedRun) -> None:
        """Put a live run in the place of an ended one of the same id."""


class ProgramState(StrEnum):
    """Whether a program is there. The value is its label."""

    LIVE = "live"
    LOST = "lost contact"
    ENDED = "ended"


def _clean(text: str) -> str:
    return serialization.replace_lone_surrogates(text)


_Text = Annotated[str, Field(max_length=1_000), AfterValidator(_clean)]
_Count = Annotated[int, Field(ge=0, le=10**15)]


class ProgramReport(BaseModel):
    """What a program says of itself with every request."""

    model_config = ConfigDict(extra="ignore")

    id: str = Field(min_length=32, max_length=32, pattern="^[0-9a-f]+$")
    name: _Text
    command: _Text = ""
    pid: _Count = 0
    host: _Text = ""
    python: Annotated[str, Field(max_length=50), AfterValidator(_clean)] = ""
    langchain_core: Annotated[str, Field(max_length=50), AfterValidator(_clean)] = ""
    started_at: float = Field(0.0, ge=0, le=32_503_680_000, allow_inf_nan=False)
    content: bool = True
    queued: _Count = 0
    dropped: _Count = 0
    errors: _Count = 0
    ended: bool = False


@dataclass(slots=True)
class Program:
    """A process that sends its runs."""

    report: ProgramReport
    owner: str
    heard_at: float
    state: ProgramState = ProgramState.LIVE
    runs: int = 0
    """Runs that it has begun to send."""
    events: int = 0
    refused: int = 0
    """Runs that were not taken."""
    live: dict[str, AttachedRun] = field(default_factory=dict)
    refusals: OrderedDict[str, str] = field(default_factory=OrderedDict)
    """Why runs were not taken, by their id."""
    writing: threading.Lock = field(default_factory=threading.Lock)

    @property
    def lag_seconds(self) -> float:
        """Time from the newest event of a live run to its arrival."""
        return max((run.lag_seconds for run in list(self.live.values())), default=0.0)


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

    def of_owners(self, owners: Collection[str]) -> list[Program]:
        """Return the programs whose runs these owners have, the newest first."""
        with self._lock:
            own = [program for program in self._programs.values() if program.owner in owners]
        return sorted(own, key=lambda program: -program.report.started_at)

    def receive(self, owner: str, body: bytes) -> dict[str, Any]:
        """Take in a request of a program and return the answer. Raises AttachError."""
        first, *lines = body.split(b"\n")
        program = self._program(owner, _report(first))
        with program.writing:
            answers = {run_id: self._take(program, run_id, number, part) for run_id, number, part in _sections(lines)}
            if program.report.ended:
                self._lose(program, ProgramState.ENDED)
        self._begin_checking()
        return {"runs": answers}

    def check(self) -> None:
        """Close the runs of the programs that have been silent for too long."""
        with self._lock:
            silent = [
                program
                for program in self._programs.values()
                if program.state is ProgramState.LIVE and self._clock() - program.heard_at > SILENCE_SECONDS
            ]
        for program in silent:
            with program.writing:
                if self._clock() - program.heard_at > SILENCE_SECONDS:
                    self._lose(program, ProgramState.LOST)

    def _lose(self, program: Program, state: ProgramState) -> None:
        program.state = state
        for run in program.live.values():
            run.lose()
        program.live.clear()

    def _begin_checking(self) -> None:
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

    def _program(self, owner: str, report: ProgramReport) -> Program:
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
        """Take in the lines of one run from this number on. Return what the program is told."""
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
                run = AttachedRun.continued(old, self._store, self._redactor, self._clock)
                self._add(program, run, is_new=False)
            elif number > 0 or not lines:
                return 0
            else:
                run = self._begin(program, run_id, lines[0])
                number, lines = 1, lines[1:]
        if number > run.next_line:
            return run.next_line
        before = len(run.events)
        with run.writing:
            try:
                run.feed(lines[run.next_line - number :])
            finally:
                program.events += len(run.events) - before
        # Somebody may have asked for its end while this thread was writing.
        run.heed_request()
        if run.is_live:
            return run.next_line
        program.live.pop(run_id, None)
        if run.status is Status.FAILED and run.requested_status is not None:
            raise AttachError("There is no room for this run.")
        return run.next_line + 1

    def _begin(self, program: Program, run_id: str, line: bytes) -> AttachedRun:
        header = Decoder().decode(line)
        assert isinstance(header, Header)
        if header.id != run_id:
            raise AttachError("The header is that of another run.")
        report = program.report
        about = {"id": report.id, "name": report.name, "pid": report.pid, "host": report.host}
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

    def _add(self, program: Program, run: AttachedRun, *, is_new: bool) -> None:
        with self._lock:
            live = sum(len(one.live) for one in self._programs.values())
        if live >= MAX_LIVE_RUNS:
            raise AttachError(f"There are {MAX_LIVE_RUNS:,} live runs of programs already.")
        if is_new:
            self._store.add(run)
            program.runs += 1
        else:
            self._store.replace(run)
        program.live[run.id] = run


def _check_owner(program: Program, run: Run) -> None:
    """Raise AttachError unless this program has sent the run."""
    if run.owner != program.owner or program_of(run).get("id") != program.report.id:
        raise AttachError("There is a run of this id already, and it is not this program's.")


def _report(line: bytes) -> ProgramReport:
    try:
        value = serialization.loads(line)
        return ProgramReport.model_validate(value["program"])
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else "it is not JSON of that form"
        raise AttachError(f"The first line is not the report of a program: {reason}.") from None


def _sections(lines: Iterable[bytes]) -> list[tuple[str, int, list[bytes]]]:
    """Return the runs of a request: the id, the number of the first line, and the lines with their newlines."""
    sections: list[tuple[str, int, list[bytes]]] = []
    for line in lines:
        if line.startswith(b'{"run":') and len(line) < MAX_SECTION_LINE:
            sections.append((*_section(line), []))
            if len(sections) > MAX_SECTIONS:
                raise AttachError(f"A request has the lines of {MAX_SECTIONS:,} runs at most.")
        elif line:
            if not sections:
                raise AttachError("The lines of a run come after a line that names it.")
            sections[-1][2].append(line + b"\n")
    return sections


def _section(line: bytes) -> tuple[str, int]:
    try:
        value = serialization.loads(line)
        run_id, number = value["run"], value["line"]
    except (ValueError, RecursionError, KeyError, TypeError):
        run_id, number = None, None
    if not isinstance(run_id, str) or not _RUN_ID.fullmatch(run_id) or type(number) is not int or number < 0:
        raise AttachError("A line that names a run has its id and the number of the line that follows.")
    return run_id, number
