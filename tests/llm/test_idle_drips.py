"""A server that sends byte after byte and never what was asked for: nobody waits for it longer than `WEIR_TIMEOUT`."""

import contextlib
import itertools
import socket
import socketserver
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import httpx2
import pytest

from chains.story_chain import story_chain
from weir.analysis.answer_reader import answer_text
from weir.analysis.metrics import run_metrics
from weir.analysis.outcome import AnswerStatus, Outcome, outcome
from weir.config.settings import Settings
from weir.llm.abortable_client import AbortableConnections
from weir.llm.chat_model import ModelOptions, chat_model, configured_endpoint
from weir.runs.failure_sentences import FailureKind
from weir.runs.methods import Method
from weir.runs.recorder import Recorder
from weir.runs.run import Run

TIMEOUT = 0.6
STORY = {"topic": "water", "words": 100, "tone": "calm"}
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
HI = (
    b'data: {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "m", "choices": [{"index": 0, '
    b'"delta": {"content": "Hi "}, "finish_reason": null}]}\n\n'
)


@dataclass
class RawServer:
    """Answers every connection with the same bytes, then with `drop` for ever."""

    url: str = ""
    first: bytes = b""
    drop: bytes | None = None
    """None closes the connection."""
    connections: int = field(default=0)

    def sent(self) -> Iterable[bytes]:
        self.connections += 1
        return itertools.chain([self.first], itertools.repeat(self.drop) if self.drop else [])


@contextlib.contextmanager
def raw_server() -> Iterator[RawServer]:
    plan = RawServer()
    gone = threading.Event()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            connection: socket.socket = self.request
            connection.recv(65_536)
            with contextlib.suppress(OSError):
                for piece in plan.sent():
                    connection.sendall(piece)
                    if gone.wait(0.05):
                        return

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        plan.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
        threading.Thread(target=server.serve_forever, args=(0.02,), name="raw-server", daemon=True).start()
        yield plan
        gone.set()
        server.shutdown()


@pytest.fixture
def raw() -> Iterator[RawServer]:
    with raw_server() as server:
        yield server


def begin(recorder: Recorder, http: httpx2.AsyncClient, url: str, method: Method, **given: float) -> Run:
    chosen = Settings.model_validate({"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "sk-test"} | given)
    line = None if method.is_async else AbortableConnections()
    options = ModelOptions(streaming=method.needs_streaming_model or None)
    model = chat_model(configured_endpoint(chosen), chosen, http, options=options, connections=line)
    return recorder.start(story_chain(model), STORY, method=method, connections=line)


def said_of(run: Run) -> Outcome:
    assert run.wait(60)
    return outcome(run, run_metrics(run.events))


DRIPS = {
    "header bytes": (b"HTTP/1.1 200 OK\r\nX: ", b"a"),
    "interim answers": (b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
    "a line without end": (OK + HI + b"data: {", b"a"),
    "a refusal without end": (b"HTTP/1.1 400 Bad\r\nContent-Type: application/json\r\n\r\n{", b"a"),
}


@pytest.mark.parametrize("drip", DRIPS)
def test_dripping_is_silence(recorder: Recorder, http: httpx2.AsyncClient, drip: str) -> None:
    with contextlib.ExitStack() as stack:
        # At once: each method waits for a server of its own.
        servers = {method: stack.enter_context(raw_server()) for method in Method}
        runs: dict[Method, Run] = {}
        for method, raw in servers.items():
            raw.first, raw.drop = DRIPS[drip]
            runs[method] = begin(recorder, http, raw.url, method, WEIR_TIMEOUT=TIMEOUT, WEIR_RETRIES=2)
        for method, run in runs.items():
            result = said_of(run)
            assert result.kind is FailureKind.TIMEOUT, method
            assert servers[method].connections == 1, method
            if method.streams and HI in servers[method].first:
                assert (result.status, answer_text(run.events)) == (AnswerStatus.CUT_OFF, "Hi "), method


@pytest.mark.parametrize("method", Method)
def test_a_refusal_that_is_cut_is_a_broken_connection(
    recorder: Recorder, http: httpx2.AsyncClient, raw: RawServer, method: Method
) -> None:
    raw.first = b"HTTP/1.1 500 Bad\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
    assert said_of(begin(recorder, http, raw.url, method, WEIR_RETRIES=0)).kind is FailureKind.CUT


@pytest.mark.parametrize("method", Method)
def test_stop_is_told_as_stop_where_the_cut_looks_like_an_end(
    recorder: Recorder, http: httpx2.AsyncClient, raw: RawServer, method: Method
) -> None:
    raw.first, raw.drop = OK, HI
    run = begin(recorder, http, raw.url, method)
    while not raw.connections or (method.streams and not answer_text(run.events)):
        assert not run.wait(0.01)
    run.stop()
    assert said_of(run).status is AnswerStatus.STOPPED


@pytest.mark.parametrize("method", [Method.ASTREAM, Method.STREAM])
def test_tries_that_fail_at_once_end_with_the_time_too(
    recorder: Recorder, http: httpx2.AsyncClient, method: Method
) -> None:
    began = time.monotonic()
    run = begin(recorder, http, "http://127.0.0.1:9/v1", method, WEIR_TIMEOUT=0.5, WEIR_RETRIES=10)
    assert said_of(run).kind is FailureKind.UNREACHABLE
    # openai's pauses are of half a second at first, and double.
    assert time.monotonic() - began < 20  # ten tries would take a minute
