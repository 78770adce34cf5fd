"""The five methods run the story chain against a real server with the same text, record and Stop."""

import threading
import time
from collections.abc import Callable

import httpx2
import pytest

from chains.story_chain import story_chain
from tests.llm.test_chat_model import STORY, WORDS, settings_for
from tests.support.fake_openai import FakeOpenAI, Fault, Plan
from weir.analysis.answer_reader import answer_text
from weir.analysis.metrics import run_metrics
from weir.analysis.outcome import AnswerStatus, outcome
from weir.analysis.progress import RunPhase, run_phase
from weir.analysis.stop_report import ConnectionEnd, stop_report
from weir.llm.abortable_client import AbortableConnections
from weir.llm.chat_model import ModelOptions, chat_model, configured_endpoint
from weir.llm.transport_timing import TransportTiming
from weir.runs.failure_sentences import FailureKind
from weir.runs.methods import Method
from weir.runs.recorder import Recorder
from weir.runs.run import Run, Status

SOON = 5.0
"""Seconds from Stop to the hang-up on a busy machine. Nothing else ends a run so early; test_runs.py has the bound."""

Start = Callable[[Method], Run]


@pytest.fixture
def start(recorder: Recorder, http: httpx2.AsyncClient, openai_server: FakeOpenAI) -> Start:
    def start_run(method: Method) -> Run:
        settings = settings_for(openai_server.url, timeout=20.0)
        connection = TransportTiming()
        line = None if method.is_async else AbortableConnections(connection)
        options = ModelOptions(streaming=method.needs_streaming_model or None)
        endpoint = configured_endpoint(settings)
        model = chat_model(endpoint, settings, http, options=options, connections=line, timing=connection)
        run = recorder.start(story_chain(model), STORY, method=method, connections=line)
        run.connection = connection
        return run

    return start_run


def wait_for_request(server: FakeOpenAI) -> None:
    wait_for(lambda: bool(server.seen))


def wait_for(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)


def wait_for_text(run: Run, wanted: str) -> None:
    for _ in run.follow(heartbeat=0.05):
        if answer_text(run.events).startswith(wanted):
            return
    raise AssertionError(answer_text(run.events))


@pytest.mark.parametrize("method", Method)
def test_every_method_gives_the_same_text_and_metrics(start: Start, openai_server: FakeOpenAI, method: Method) -> None:
    openai_server.plan = Plan(tokens=WORDS)
    run = start(method)
    assert run.wait(30)
    metrics = run_metrics(run.events)
    assert run.status is Status.DONE
    assert outcome(run, metrics).status is AnswerStatus.DONE
    assert answer_text(run.events) == "".join(WORDS)
    assert (metrics.tokens_out, metrics.exact, metrics.finish_reason) == (20, True, "stop")
    assert metrics.chunks == (20 if method.streams else 1)
    assert bool(openai_server.seen[0].body.get("stream")) is method.streams


@pytest.mark.parametrize("method", Method)
def test_every_method_leaves_a_record_with_the_same_components(
    start: Start, openai_server: FakeOpenAI, method: Method
) -> None:
    run = start(method)
    assert run.wait(30)
    assert [event.seq for event in run.events] == list(range(len(run.events)))
    assert run.events[0].event == "on_chain_start"
    assert run.events[0].run_id == run.id
    assert run.events[-1].event == "on_chain_end"
    assert run.events[-1].run_id == run.id
    opened = [(event.name, event.type) for event in run.events if event.event.endswith("_start")]
    closed = [(event.name, event.type) for event in run.events if event.event.endswith("_end")]
    components = [("ChatOpenAI", "chat_model"), ("ChatPromptTemplate", "prompt"), ("StrOutputParser", "parser")]
    assert sorted(opened) == sorted(closed) == [*components, ("story", "chain")]
    chunks = [event for event in run.events if event.event == "on_chat_model_stream"]
    assert bool(chunks) is method.streams
    assert all(event.component.parent_ids == (run.id,) for event in chunks)


@pytest.mark.flaky(reruns=4)
@pytest.mark.parametrize("method", Method)
@pytest.mark.parametrize("rate", [0.0, 20.0], ids=["stalled", "flowing"])
def test_stop_hangs_up_and_keeps_the_text(start: Start, openai_server: FakeOpenAI, method: Method, rate: float) -> None:
    openai_server.plan = Plan(tokens=WORDS * 50, rate=rate, fault=None if rate else Fault.STALL, at=3)
    run = start(method)
    wait_for_request(openai_server)
    if method.streams:
        wait_for_text(run, "".join(WORDS[:3]))
    stop_hangs_up(run, openai_server)
    assert answer_text(run.events).startswith("".join(WORDS[:3]) if method.streams else "")


@pytest.mark.flaky(reruns=4)
@pytest.mark.parametrize("method", Method)
def test_stop_hangs_up_before_the_first_token(start: Start, openai_server: FakeOpenAI, method: Method) -> None:
    openai_server.plan = Plan(tokens=WORDS, fault=Fault.STALL, at=0)
    run = start(method)
    wait_for_request(openai_server)
    stop_hangs_up(run, openai_server)
    assert answer_text(run.events) == ""


@pytest.mark.parametrize("method", Method)
def test_phases_of_every_method_follow_the_connection(start: Start, openai_server: FakeOpenAI, method: Method) -> None:
    openai_server.plan = Plan(tokens=WORDS, fault=Fault.STALL, at=0)
    run = start(method)
    connection = run.connection
    assert connection is not None
    wait_for(lambda: connection.sent_at is not None)
    waiting = RunPhase.READING if method.streams else RunPhase.GENERATING_UNSTREAMED
    assert run_phase(run.events, RunPhase.WAITING, run.connection, streams=method.streams) is waiting
    run.stop()
    assert run.wait(SOON)


def test_a_connection_whose_answer_was_read_to_its_end_is_kept() -> None:
    connection = TransportTiming()
    assert connection.sent_at is None
    for event in ("send_request_headers.started", "send_request_body.complete", "receive_response_body.complete"):
        connection.trace(f"http11.{event}", {})
    connection.trace("http11.response_closed.complete", {})
    assert connection.sent_at is not None
    assert connection.closed_at is None


def test_a_request_that_is_sent_again_begins_anew() -> None:
    connection = TransportTiming()
    for event in ("send_request_headers.started", "send_request_body.complete", "response_closed.complete"):
        connection.trace(f"http11.{event}", {})
    assert connection.closed_at is not None
    connection.trace("http11.send_request_headers.started", {})
    assert not connection.wait_finished()
    assert [connection.sent_at, connection.closed_at] == [None, None]


def stop_hangs_up(run: Run, server: FakeOpenAI) -> None:
    pressed = time.monotonic()
    run.stop()
    hung_up_after = server.seen[0].seconds_to_hang_up(pressed)
    assert hung_up_after < SOON
    assert run.wait(30)
    assert run.status is Status.STOPPED
    assert run.events[-1].event == "on_chain_error"
    assert run.events[-1].data["error"]["type"] == "Interrupted"
    assert run.stop_requested_at is not None
    assert run.ended_at is not None
    assert run.ended_at - run.stop_requested_at < SOON
    receipt = stop_report(run)
    assert receipt is not None
    assert receipt.connection_end is ConnectionEnd.CLOSED
    assert receipt.seconds_to_connection_end is not None
    assert receipt.seconds_to_connection_end == pytest.approx(hung_up_after, abs=1.0)
    assert len(server.seen) == 1


@pytest.mark.parametrize("method", Method)
def test_a_stop_at_the_very_start_ends_every_method(start: Start, openai_server: FakeOpenAI, method: Method) -> None:
    openai_server.plan = Plan(tokens=WORDS, fault=Fault.STALL, at=0)
    run = start(method)
    run.stop()
    assert run.wait(2)
    assert run.status is Status.STOPPED


@pytest.mark.parametrize("method", Method)
def test_failure_is_classified_for_every_method(start: Start, openai_server: FakeOpenAI, method: Method) -> None:
    openai_server.plan = Plan(status=401)
    run = start(method)
    assert run.wait(30)
    assert run.status is Status.FAILED
    assert run.failure is not None
    assert run.failure.kind is FailureKind.AUTHENTICATION
    assert [event.name for event in run.events if event.event.endswith("_error")] == ["ChatOpenAI", "story"]


def test_method_code_is_the_function_that_runs() -> None:
    for method in Method:
        assert method.code.splitlines()[0].endswith(("(", ":"))
        assert f"def with_{method.value}(" in method.code
