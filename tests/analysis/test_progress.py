from dataclasses import dataclass
from itertools import pairwise

from tests.support.timed_runs import MODEL, stream_events
from weir.analysis.progress import Progress, RunPhase, run_phase


@dataclass
class Connection:
    """The part of a connection that a phase depends on."""

    sent_at: float | None = None
    closed_at: float | None = None

    def wait_finished(self, within: float = 0.0) -> bool:  # noqa: ARG002
        return True


EMPTY_CHUNK = stream_events((0.1, ""), component=MODEL, event="on_chat_model_stream")


def test_run_phase_follows_the_request_until_text_arrives() -> None:
    sent = Connection(sent_at=1.0)
    assert run_phase([], RunPhase.WAITING, Connection()) is RunPhase.CONNECTING
    assert run_phase([], RunPhase.CONNECTING, sent) is RunPhase.READING
    assert run_phase([], RunPhase.CONNECTING, sent, streams=False) is RunPhase.GENERATING_UNSTREAMED
    assert run_phase([*EMPTY_CHUNK, *stream_events((0.2, "Once"))], RunPhase.READING, sent) is RunPhase.WRITING
    assert run_phase([], RunPhase.WRITING, sent) is RunPhase.WRITING


def test_run_phase_of_a_request_that_is_sent_again_is_connecting() -> None:
    assert run_phase([], RunPhase.READING, Connection()) is RunPhase.CONNECTING


def test_run_phase_without_a_connection_depends_on_events_only() -> None:
    assert run_phase([], RunPhase.WAITING, None) is RunPhase.WAITING
    assert run_phase(EMPTY_CHUNK, RunPhase.WAITING, None) is RunPhase.READING


def test_progress_grows_and_stays_below_one() -> None:
    fractions = [Progress(written, 400, 800, None).fraction for written in range(0, 1200, 50)]
    assert fractions[0] == 0
    assert all(earlier <= later for earlier, later in pairwise(fractions))
    assert fractions[-1] < 1
    assert Progress(900, 400, None, None).fraction < 1


def test_progress_eta_follows_from_the_speed() -> None:
    assert Progress(100, 400, 800, 50.0).eta == 6
    assert Progress(100, 400, 800, 50.0).max_eta == 14
    assert Progress(400, 400, 800, 50.0).eta is None
    assert Progress(0, 400, None, None).eta is None
