"""What counts as silence of a server that goes on sending."""

import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2
import openai
import pytest
import uvicorn

from weir.llm import idle_stream, retry_deadline
from weir.llm.abortable_client import AbortableConnections
from weir.llm.idle_timeout import AsyncIdleTimeoutClient, IdleTimeoutClient
from weir.llm.retry_deadline import attempt_timeout

ALLOWED = 30.0
COMMENT, DATA = b": still working\r\n\r\n", b'data: {"choices": []}\n\n'
URL = "http://model.test/v1/chat/completions"


def never() -> None:
    raise AssertionError("nothing is late here")


class Clock:
    """The clock of the clients: it moves when a body or a reader waits."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return time.time()


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    moving = Clock()
    monkeypatch.setattr(idle_stream, "time", moving)
    monkeypatch.setattr(retry_deadline, "time", moving)
    return moving


class Body(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """Pieces, each after so many seconds."""

    def __init__(self, clock: Clock, *pieces: tuple[float, bytes]) -> None:
        self.clock = clock
        self.pieces = pieces
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        for wait, piece in self.pieces:
            self.clock.now += wait
            yield piece

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece

    def close(self) -> None:
        self.closed += 1

    async def aclose(self) -> None:
        self.close()


def read(body: Body, *, pause: float = 0.0) -> list[bytes]:
    """Read a body, with a pause after each of its pieces."""
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, stream=body))
    pieces = []
    with (
        IdleTimeoutClient(abort=never, transport=transport, timeout=ALLOWED) as http,
        http.stream("POST", URL) as response,
    ):
        for piece in response.iter_raw():
            pieces.append(piece)
            body.clock.now += pause
    return pieces


@pytest.mark.parametrize(
    "kept_open_by",
    [[COMMENT], [b" "], [b"\n\n"], [b":\n: :: :\n\n"], [b": still", b" working", b"\n\n"], [b"event: ping\nid: 7\n\n"]],
)
def test_what_keeps_a_connection_open_is_silence(clock: Clock, kept_open_by: list[bytes]) -> None:
    body = Body(clock, (0.0, DATA), *[(10.0, piece) for piece in kept_open_by] * 5)
    with pytest.raises(httpx2.ReadTimeout, match="sends no data"):
        read(body)
    assert body.closed


async def test_the_same_holds_for_asyncio(clock: Clock) -> None:
    body = Body(clock, (0.0, DATA), *[(10.0, COMMENT)] * 5)
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, stream=body))
    async with (
        AsyncIdleTimeoutClient(transport=transport, timeout=ALLOWED) as http,
        http.stream("POST", URL) as response,
    ):
        with pytest.raises(httpx2.ReadTimeout, match="sends no data"):
            await response.aread()
    assert body.closed


@pytest.mark.parametrize(
    "chunk",
    [[DATA], [b"data", b': {"choices"', b": []}", b"\n\n"], [b"event: x\rdata: 1\r\r"], [b" ", b'{"id"', b": 1}\n"]],
)
def test_a_chunk_ends_the_silence(clock: Clock, chunk: list[bytes]) -> None:
    pieces = [(10.0, COMMENT), *[(2.0, piece) for piece in chunk]] * 4
    assert read(Body(clock, *pieces)) == [piece for _, piece in pieces]


def test_after_a_first_refusal_a_body_has_its_full_time(clock: Clock) -> None:
    refusal = httpx2.Response(503, headers={"retry-after-ms": "10"})
    answers = [refusal, httpx2.Response(200, stream=Body(clock, *[(10.0, COMMENT)] * 8, (0.0, b"data: [DONE]\n\n")))]

    def answer(_: httpx2.Request) -> httpx2.Response:
        clock.now += 40.0
        return answers.pop(0)

    http = IdleTimeoutClient(abort=never, transport=httpx2.MockTransport(answer))
    client = openai.OpenAI(api_key="none", base_url="http://model.test/v1", http_client=http, timeout=100.0)
    stream = client.chat.completions.create(model="m", messages=[{"role": "user", "content": "?"}], stream=True)
    assert list(stream) == []
    assert not answers


def test_a_later_attempt_has_what_earlier_ones_have_left(clock: Clock) -> None:
    request = httpx2.Request("POST", URL, extensions={"timeout": {"read": 60.0}})
    for number, left in enumerate((60.0, 29.0, retry_deadline.MIN_ATTEMPT_SECONDS)):
        request.headers["x-stainless-retry-count"] = str(number)
        with attempt_timeout(request) as seconds:
            assert seconds == left
        assert retry_deadline.read_timeout(request) == 60.0
        clock.now += 31.0


def test_an_attempt_that_is_aborted_before_it_is_sent_is_late() -> None:
    line = AbortableConnections()
    aborted = threading.Event()

    def abort() -> None:
        line.abort()
        aborted.set()

    line.http = IdleTimeoutClient(
        abort=abort, event_hooks=line.http.event_hooks, timeout=httpx2.Timeout(30.0, read=0.0)
    )
    line.http.event_hooks["request"].insert(0, lambda _: aborted.wait(30))
    with pytest.raises(openai.APITimeoutError):
        line.http.post(URL)
    line.close()


def test_what_could_hide_silence_is_not_asked_for() -> None:
    http = IdleTimeoutClient(abort=never, transport=httpx2.MockTransport(lambda _: httpx2.Response(200)))
    assert http.get(URL).request.headers["accept-encoding"] == "identity"


def test_a_line_that_never_ends_is_silence(clock: Clock) -> None:
    with pytest.raises(httpx2.ReadTimeout, match="sends no data"):
        read(Body(clock, (0.0, b"data: {"), *[(10.0, b"a")] * 5))


def test_a_slow_reader_is_not_taken_for_a_silent_server(clock: Clock) -> None:
    assert len(read(Body(clock, *[(0.0, COMMENT)] * 5), pause=10.0)) == 5


def test_a_body_made_to_be_hard_to_tell_is_read_through(clock: Clock) -> None:
    hard = b":" * 100_000 + b"\ndata: 1\n\n"
    assert b"".join(read(Body(clock, (0.0, hard)))) == hard


def test_a_connection_is_used_again_only_while_a_server_surely_keeps_it() -> None:
    kept_by_server = uvicorn.Config("app").timeout_keep_alive
    for client in (IdleTimeoutClient(abort=never), AsyncIdleTimeoutClient()):
        transport: Any = client._transport
        assert transport._pool._keepalive_expiry < kept_by_server
