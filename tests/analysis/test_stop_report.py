import time
from dataclasses import dataclass

import pytest

from tests.support.event_strategies import recorded
from tests.support.timed_runs import stream_events
from weir.analysis.stop_report import ConnectionEnd, StopReport, stop_report
from weir.runs.run import Run, Status


@dataclass
class Connection:
    """A connection whose times and end are given."""

    sent_at: float | None = None
    closed_at: float | None = None
    is_finished: bool = True

    def wait_finished(self, within: float = 0.0) -> bool:  # noqa: ARG002
        return self.is_finished


def stopped(*chunks: tuple[float, str]) -> Run:
    """Return a run that was stopped after one second."""
    return recorded(list(stream_events(*chunks)), status=Status.STOPPED)


def report(run: Run) -> StopReport:
    result = stop_report(run)
    assert result is not None
    return result


def test_stop_report_counts_what_arrived_after_the_click() -> None:
    result = report(stopped((0.5, "Once"), (1.5, " upon")))
    assert (result.to_last_event, result.chunks_after, result.characters) == (0.5, 1, 9)
    assert (result.connection_end, result.seconds_to_connection_end) == (ConnectionEnd.UNKNOWN, None)


def test_stop_report_of_a_run_that_was_not_stopped_is_none() -> None:
    assert stop_report(recorded(list(stream_events((0.5, "Once"))))) is None


@pytest.mark.parametrize(
    ("end", "connection"),
    [
        (ConnectionEnd.NONE, Connection(is_finished=False)),
        (ConnectionEnd.WHOLE, Connection(sent_at=1.0)),
        (ConnectionEnd.OPEN, Connection(sent_at=1.0, is_finished=False)),
    ],
)
def test_stop_report_names_how_the_connection_ended(end: ConnectionEnd, connection: Connection) -> None:
    run = stopped((0.5, "Once"))
    run.connection = connection
    result = report(run)
    assert (result.connection_end, result.seconds_to_connection_end) == (end, None)


def test_stop_report_measures_the_time_to_the_close() -> None:
    run = stopped((0.5, "Once"))
    start = time.monotonic()
    run.connection = Connection(sent_at=1.0, closed_at=start + 0.25)
    result = report(run)
    passed = time.monotonic() - start
    assert result.connection_end is ConnectionEnd.CLOSED
    assert result.seconds_to_connection_end is not None
    # The run's clock stands still here, so that the time that has really passed counts as negative.
    assert 0.25 - passed <= result.seconds_to_connection_end <= 0.2501
