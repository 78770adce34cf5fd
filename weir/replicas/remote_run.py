"""Remote run: a run of another replica, read from Redis: its lines as they come, or its whole recording."""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence

from weir.core.run_event import RunEvent
from weir.runs.failure_sentences import Failure, FailureKind
from weir.runs.memory_run import MemoryRun, stopwatch
from weir.runs.recording_decoder import Decoder
from weir.runs.recording_lines import End, Header, RecordingError
from weir.runs.run import Status


class RemoteRun(MemoryRun):
    """A copy of another replica's run. Its lines are numbered: line 0 is the header, line n + 1 the event n.

    One thread calls `feed`. `ask_stop` asks the replica that runs it to stop, `keep` to let it go on: it is read here.
    """

    is_remote = True

    def __init__(
        self,
        header: Header,
        *,
        ask_stop: Callable[[str], None],
        keep: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(
            header.id,
            header.name,
            header.input,
            context=header.context,
            created_at=header.created_at,
            cancel=_do_nothing,
            on_last_reader_left=lambda: keep(header.id),
            clock=self._writer_seconds,
        )
        self._ask_stop = ask_stop
        self._keep = keep
        self._monotonic = clock
        self._zero = clock()
        """When the run began, on this process's clock: as early as any of its events says."""
        self._decoder = Decoder.after_events(0, 0.0)
        self.missing_since: float | None = None
        """Monotonic time since which Redis does not have it."""

    @property
    def may_go_on(self) -> bool:
        """Whether it has no end of its own: its program may come back to another replica, and go on with it."""
        is_cut_off = self.failure is not None and self.failure.kind is FailureKind.SERVER_GONE
        return self.is_attached and (is_cut_off or self.status is Status.ABANDONED)

    @property
    def next_line(self) -> int:
        """Number of the line that comes next."""
        return 1 + len(self.events)

    def feed(self, first: int, lines: Sequence[bytes]) -> None:
        """Append lines, of which the first has this number; those that are here already are skipped.

        Raises RecordingError if a line is missing before them, or is none.
        """
        if first > self.next_line and self.is_live:
            raise RecordingError(f"Line {self.next_line} of run {self.id} is missing.")
        for line in lines[max(0, self.next_line - first) :]:
            if not self.is_live:
                return
            decoded = self._decoder.decode(line)
            if isinstance(decoded, RunEvent):
                self._zero = min(self._zero, self._monotonic() - decoded.elapsed)
                self.append(decoded)
            elif isinstance(decoded, End):
                self.close(decoded.status, decoded.failure)

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        with super().reading():
            if self.readers == 1 and self.is_live:
                self._keep(self.id)
            yield

    def stop(self) -> None:
        if self.is_live:
            self._ask_stop(self.id)

    def extend_grace_period(self) -> None:
        self._keep(self.id)

    def close(self, status: Status, failure: Failure | None) -> None:
        self._zero = self._monotonic() - self._last_elapsed
        super().close(status, failure)
        self.ended_at = self._last_elapsed
        self._clock = stopwatch(self._monotonic, self._zero)

    @property
    def elapsed(self) -> float:
        return self._last_elapsed if not self.is_live else super().elapsed

    def _writer_seconds(self) -> float:
        return round(self._monotonic() - self._zero, 6)


def _do_nothing() -> None:
    """Do nothing: another replica has the task."""
