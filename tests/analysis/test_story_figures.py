"""Progress, pacing, chunks, the stop receipt and the race: functions of events."""

import time
from dataclasses import dataclass
from itertools import pairwise

import pytest

from weir.analysis import method_race
from weir.analysis.method_race import Lane
from weir.analysis.metrics import run_metrics
from weir.analysis.progress import Progress, RunPhase, run_phase
from weir.analysis.stop_report import ConnectionEnd, stop_report
from weir.analysis.text_chunks import chunk_label, show_whitespace, text_chunks
from weir.core.run_event import Component, RunEvent
from weir.core.serialization import dumps
from weir.runs.memory_run import MemoryRun
from weir.runs.methods import Method
from weir.runs.run import Run, Status
from weir.text.chunk_buffer import ChunkBuffer

ROOT = Component("story", "root", (), (), {})
MODEL = Component("model", "model", ("root",), (), {})


def told(*pieces: tuple[float, str], source: Component = ROOT, kind: str = "on_chain_stream") -> list[RunEvent]:
    return [RunEvent(seq, at, kind, source, dumps({"chunk": text})) for seq, (at, text) in enumerate(pieces)]


def ended(events: list[RunEvent], status: Status = Status.DONE, clock: float = 0.0) -> Run:
    run = MemoryRun(
        "id",
        "story",
        {"topic": "t"},
        context={},
        created_at=0.0,
        cancel=lambda: None,
        on_last_reader_left=lambda: None,
        clock=lambda: clock,
    )
    for event in events:
        run.append(event)
    if status is Status.STOPPED:
        run.stop()
    run.close(status, None)
    return run


def lane(method: Method, *pieces: tuple[float, str]) -> Lane:
    return Lane(method, ended(told(*pieces))).read()


@dataclass
class Told:
    sent_at: float | None = None
    closed_at: float | None = None
    over: bool = True

    def wait_finished(self, within: float = 0.0) -> bool:  # noqa: ARG002
        return self.over


def test_a_phase_has_a_name_until_words_come() -> None:
    empty = told((0.1, ""), source=MODEL, kind="on_chat_model_stream")
    assert run_phase([], RunPhase.WAITING, Told()) is RunPhase.CONNECTING
    assert run_phase([], RunPhase.CONNECTING, Told(sent_at=1.0)) is RunPhase.READING
    assert run_phase([], RunPhase.CONNECTING, Told(sent_at=1.0), streams=False) is RunPhase.GENERATING_UNSTREAMED
    assert run_phase([*empty, *told((0.2, "Once"))], RunPhase.READING, Told(sent_at=1.0)) is RunPhase.WRITING
    assert run_phase([], RunPhase.WRITING, Told(sent_at=1.0)) is RunPhase.WRITING


def test_a_request_that_is_sent_again_is_connecting_again() -> None:
    assert run_phase([], RunPhase.READING, Told()) is RunPhase.CONNECTING


def test_of_a_connection_that_is_not_watched_nothing_is_said_but_what_events_show() -> None:
    empty = told((0.1, ""), source=MODEL, kind="on_chat_model_stream")
    assert run_phase([], RunPhase.WAITING, None) is RunPhase.WAITING
    assert run_phase(empty, RunPhase.WAITING, None) is RunPhase.READING


def test_progress_grows_and_is_whole_at_no_time_before_the_end() -> None:
    shares = [Progress(written, 400, 800, None).fraction for written in range(0, 1200, 50)]
    assert shares[0] == 0
    assert all(earlier <= later for earlier, later in pairwise(shares))
    assert shares[-1] < 1
    assert Progress(900, 400, None, None).fraction < 1


def test_the_time_left_is_what_the_pace_says() -> None:
    assert Progress(100, 400, 800, 50.0).eta == 6
    assert Progress(100, 400, 800, 50.0).max_eta == 14
    assert Progress(400, 400, 800, 50.0).eta is None
    assert Progress(0, 400, None, None).eta is None


def test_a_buffer_lets_go_at_ten_chunks_or_a_hundred_milliseconds() -> None:
    buffer = ChunkBuffer(chunks=3, seconds=0.1)
    assert [buffer.add(text, 0.0) for text in "abc"] == ["", "", "abc"]
    assert buffer.add("d", 1.0) == ""
    assert buffer.flush_if_due(1.05) == ""
    assert buffer.flush_if_due(1.11) == "d"
    assert buffer.flush_if_due(9.0) == ""
    buffer.add("e", 2.0)
    assert buffer.flush() == "e"


def test_chunks_are_numbered_with_arrival_and_gap_and_visible_blanks() -> None:
    first, second = text_chunks(told((0.5, "Once"), (0.6, ""), (0.75, " upon\n")))
    assert (first.number, first.text, first.elapsed, first.gap) == (0, "Once", 0.5, None)
    assert (second.number, second.elapsed) == (1, 0.75)
    assert second.gap == pytest.approx(0.25)
    assert show_whitespace(" a\tb\n") == "␣a⇥b⏎"
    assert chunk_label(second) == "Chunk 1: '␣upon⏎'"
    assert list(text_chunks(told((0.75, " upon\n")), after=first)) == [second]


def test_the_receipt_counts_what_came_after_the_click() -> None:
    run = ended(told((0.5, "Once"), (1.5, " upon")), Status.STOPPED, clock=1.0)
    receipt = stop_report(run)
    assert receipt is not None
    assert (receipt.to_last_event, receipt.chunks_after, receipt.kept) == (0.5, 1, 9)
    assert (receipt.connection_end, receipt.seconds_to_connection_end) == (ConnectionEnd.UNKNOWN, None)
    assert stop_report(ended(told((0.5, "Once")))) is None


def test_the_receipt_says_of_the_connection_what_the_connection_said() -> None:
    run = ended(told((0.5, "Once")), Status.STOPPED, clock=1.0)
    cases = {
        ConnectionEnd.NONE: Told(over=False),
        ConnectionEnd.WHOLE: Told(sent_at=1.0),
        ConnectionEnd.OPEN: Told(sent_at=1.0, over=False),
    }
    for said, connection in cases.items():
        run.connection = connection
        receipt = stop_report(run)
        assert receipt is not None
        assert (receipt.connection_end, receipt.seconds_to_connection_end) == (said, None)
    run.connection = Told(sent_at=1.0, closed_at=time.monotonic() + 0.25)
    receipt = stop_report(run)
    assert receipt is not None
    assert receipt.connection_end is ConnectionEnd.CLOSED
    assert receipt.seconds_to_connection_end == pytest.approx(0.25, abs=0.1)


def test_the_95th_percentile_of_latency_is_of_the_gaps() -> None:
    arrivals = [0.0]
    for number in range(100):
        arrivals.append(arrivals[-1] + (0.5 if number >= 96 else 0.01))
    seen = run_metrics(told(*[(at, "x") for at in arrivals]))
    assert seen.median_latency == pytest.approx(0.01)
    assert seen.p95_latency == pytest.approx(0.01)
    assert run_metrics([]).p95_latency is None


def test_the_summary_says_what_streaming_saves() -> None:
    lanes = [lane(Method.STREAM, (0.31, "a"), (8.0, "b")), lane(Method.INVOKE, (8.4, "ab"))]
    assert (
        method_race.summary(lanes) == "Without streaming you would have waited 8.4 s for the first word; with it 0.3 s."
    )


def test_the_summary_of_streams_alone_gives_their_span() -> None:
    lanes = [lane(Method.STREAM, (0.3, "a"), (8.0, "b")), lane(Method.ASTREAM, (0.5, "a"), (8.1, "b"))]
    assert method_race.summary(lanes).endswith("the first word came after 0.3 s to 0.5 s, the last after 8.1 s.")


def test_a_lane_that_was_stopped_says_nothing() -> None:
    stopped = Lane(Method.INVOKE, ended(told((0.5, "Once")), Status.STOPPED)).read()
    assert method_race.summary([stopped, lane(Method.STREAM, (0.3, "a"))]) == ""
    assert method_race.text_agreement([stopped, lane(Method.STREAM, (0.3, "a"))]) == ""


def test_texts_agree_or_the_place_where_they_part_is_told() -> None:
    same = [lane(Method.STREAM, (0.1, "abc")), lane(Method.INVOKE, (0.1, "ab"), (0.2, "c"))]
    assert method_race.text_agreement(same) == "All 2 texts are the same, to the character (3 characters)."
    parted = [lane(Method.STREAM, (0.1, "abc")), lane(Method.INVOKE, (0.1, "abXc"))]
    assert method_race.text_agreement(parted).startswith("The texts are the same for 2 characters")
    longer = [lane(Method.STREAM, (0.1, "abc")), lane(Method.INVOKE, (0.1, "abcd"))]
    assert method_race.text_agreement(longer).startswith("The texts are the same for 3 characters")
