"""Proxies of the environment: a SOCKS proxy works, and nothing on this machine goes through one."""

import socket
import socketserver
import threading
from collections.abc import Callable, Iterator

import httpx2
import pytest

from tests.llm.test_idle_drips import begin, said_of
from tests.support.fake_openai import FakeOpenAI
from weir.analysis.answer_reader import answer_text
from weir.analysis.outcome import AnswerStatus
from weir.config import proxies
from weir.llm.abortable_client import AbortableConnections
from weir.llm.chat_model import http_client
from weir.runs.background_loop import BackgroundLoop
from weir.runs.failure_sentences import FailureKind
from weir.runs.methods import Method
from weir.runs.recorder import Recorder

Asked = list[str]
FROM_THE_ENVIRONMENT = ("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in FROM_THE_ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def socks(openai_server: FakeOpenAI) -> Iterator[tuple[str, Asked]]:
    """A SOCKS proxy (https://www.rfc-editor.org/rfc/rfc1928) that leads to the fake server, whatever is asked for."""
    requests: Asked = []
    port = int(openai_server.url.rpartition(":")[2].partition("/")[0])

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            client: socket.socket = self.request
            client.recv(262)
            client.sendall(b"\x05\x00")
            wanted = client.recv(262)
            requests.append(wanted[5:-2].decode())
            client.sendall(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00")
            with socket.create_connection(("127.0.0.1", port)) as server:
                threading.Thread(target=pump, args=(client, server), daemon=True).start()
                pump(server, client)

    def pump(source: socket.socket, target: socket.socket) -> None:
        while piece := received(source):
            target.sendall(piece)

    def received(source: socket.socket) -> bytes:
        try:
            return source.recv(65_536)
        except OSError:
            return b""

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"socks5h://127.0.0.1:{server.server_address[1]}", requests
        server.shutdown()


@pytest.fixture
def client(loop: BackgroundLoop) -> Iterator[Callable[[], httpx2.AsyncClient]]:
    """Makes clients, which read the environment when they are made."""
    made: list[httpx2.AsyncClient] = []

    def make() -> httpx2.AsyncClient:
        made.append(http_client())
        return made[-1]

    yield make
    for one in made:
        loop.submit(one.aclose()).result(timeout=60)


@pytest.mark.parametrize("method", [Method.ASTREAM, Method.STREAM])
def test_a_socks_proxy_is_used(
    recorder: Recorder,
    client: Callable[[], httpx2.AsyncClient],
    socks: tuple[str, Asked],
    monkeypatch: pytest.MonkeyPatch,
    method: Method,
) -> None:
    monkeypatch.setenv("ALL_PROXY", socks[0])
    proxies.check()
    run = begin(recorder, client(), "http://model.invalid/v1", method)
    assert (said_of(run).status, answer_text(run.events)) == (AnswerStatus.DONE, "Once upon a time.")
    assert socks[1] == ["model.invalid"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("method", [Method.ASTREAM, Method.STREAM])
def test_what_is_on_this_machine_is_asked_directly(
    recorder: Recorder,
    client: Callable[[], httpx2.AsyncClient],
    openai_server: FakeOpenAI,
    monkeypatch: pytest.MonkeyPatch,
    method: Method,
    host: str,
) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    run = begin(recorder, client(), openai_server.url.replace("127.0.0.1", host), method)
    assert said_of(run).status is AnswerStatus.DONE


def test_a_proxy_that_is_not_there_is_a_server_that_cannot_be_reached(
    recorder: Recorder, client: Callable[[], httpx2.AsyncClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    run = begin(recorder, client(), "http://model.invalid/v1", Method.ASTREAM, WEIR_RETRIES=0)
    assert said_of(run).kind is FailureKind.UNREACHABLE


def test_a_line_can_be_made_beside_a_socks_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    line = AbortableConnections()
    assert line.http.trust_env
    line.close()
