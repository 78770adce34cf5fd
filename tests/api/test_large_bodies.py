"""Large responses take no more memory than one chunk for each client, however slowly it reads."""

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.support.serving import served
from weir.api.middleware.large_bodies import LargeBodyMiddleware
from weir.archive.run_archive import RunArchive
from weir.core import serialization
from weir.core.byte_chunks import CHUNK_BYTES, byte_chunks
from weir.core.run_event import Component, RunEvent
from weir.runs import recording_file
from weir.runs.memory_run import MemoryRun
from weir.runs.run import Status

STATM = Path("/proc/self/statm")
READERS = 20
MEGABYTES = 16
WORD = "water " * 1_000
FILE = bytes(range(256)) * 4_096 * MEGABYTES


def nothing() -> None: ...


def large_run(word: str = WORD, run_id: str = "large") -> MemoryRun:
    run = MemoryRun(
        run_id, "story", {"topic": "\ud800"}, context={}, created_at=12.5, cancel=nothing, on_last_reader_left=nothing
    )
    source = Component("story", run_id, (), (), {})
    payload = serialization.dumps({"chunk": word})
    for seq in range(1 + MEGABYTES * 1_000_000 // len(payload)):
        run.append(RunEvent(seq, seq / 1e3, "on_chain_stream", source, payload))
    run.close(Status.DONE, None)
    return run


def resident() -> int:
    """Bytes of memory that this process has."""
    return int(STATM.read_text().split()[1]) * 4_096


@contextlib.contextmanager
def stalled(address: str, path: str) -> Iterator[None]:
    """Keep twenty clients open that have read the beginning of a response and read no further."""
    url = urlsplit(address)
    with contextlib.ExitStack() as stack:
        for _ in range(READERS):
            reader = stack.enter_context(socket.create_connection((url.hostname, url.port), timeout=20))
            reader.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n".encode())
            received = b""
            while len(received.partition(b"\r\n\r\n")[2]) < 1_000:
                received += reader.recv(1_000)
            assert received.startswith(b"HTTP/1.1 200")
        yield


@pytest.mark.slow
@pytest.mark.skipif(not STATM.exists(), reason="memory is read from /proc")
@pytest.mark.parametrize("path", ["/api/runs/large/recording", "/api/runs/large", "/api/runs/large/events"])
def test_readers_that_stall_take_a_piece_each(client: httpx.Client, store: RunArchive, path: str) -> None:
    store.add(large_run())
    before = resident()
    with stalled(str(client.base_url), path):
        taken = resident() - before
    assert taken < READERS * MEGABYTES * 1_000_000 / 5


def file(request: Request) -> Response:
    headers = {"X-Encodings": request.headers.get("accept-encoding", "none")}
    return Response(FILE, media_type="application/jsonl", headers=headers)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    routes = [Route("/base/media/file.jsonl", file), Route("/other", file)]
    with served(
        Starlette(routes=routes, middleware=[Middleware(LargeBodyMiddleware), Middleware(GZipMiddleware)]), "files"
    ) as url:
        yield url


def test_a_file_of_a_page_is_whole_and_not_compressed(address: str) -> None:
    answer = httpx.get(f"{address}/base/media/file.jsonl")
    assert answer.content == FILE
    assert answer.headers["x-encodings"] == "none"
    assert "content-encoding" not in answer.headers
    assert httpx.get(f"{address}/other").headers["content-encoding"] == "gzip"


async def test_a_large_body_leaves_in_pieces() -> None:
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"a" * (2 * CHUNK_BYTES + 1), "more_body": True})
        await send({"type": "http.response.body", "body": b"b" * 2 * CHUNK_BYTES})

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("nothing is to be received")

    await LargeBodyMiddleware(app)({"type": "http", "path": "/", "headers": []}, receive, send)
    assert [(len(one["body"]), one["more_body"]) for one in sent[1:]] == [
        (CHUNK_BYTES, True),
        (CHUNK_BYTES, True),
        (1, True),
        (CHUNK_BYTES, True),
        (CHUNK_BYTES, False),
    ]


def test_bytes_in_pieces_are_the_same_bytes() -> None:
    chunks = [b"a" * 3, b"", b"b" * (3 * CHUNK_BYTES), b"c" * CHUNK_BYTES, b"d"]
    pieces = list(byte_chunks(chunks))
    assert b"".join(pieces) == b"".join(chunks)
    assert {len(piece) for piece in pieces[:-1]} == {CHUNK_BYTES}


def test_a_recording_is_sent_as_it_is_saved(client: httpx.Client, store: RunArchive) -> None:
    run = large_run()
    store.add(run)
    answer = client.get("/runs/large/recording")
    assert answer.content == b"".join(recording_file.to_jsonl(run))
    assert answer.headers["content-disposition"] == 'attachment; filename="weir-large.jsonl"'
    assert len(answer.content) == recording_file.size(run)


def test_a_run_is_shown_with_its_text_and_its_input(client: httpx.Client, store: RunArchive) -> None:
    run = MemoryRun(
        "odd",
        "story",
        {"topic": "\ud800", "n": 2**80},
        context={"page": "//elsewhere"},
        created_at=0,
        cancel=nothing,
        on_last_reader_left=nothing,
    )
    source = Component("story", "odd", (), (), {})
    for seq, piece in enumerate(["a\ud83d", '\ude00 "b"\n', "\ud83d"]):
        run.append(RunEvent(seq, 0.0, "on_chain_stream", source, serialization.dumps({"chunk": piece})))
    run.close(Status.DONE, None)
    store.add(run)
    body = client.get("/runs/odd").json()
    assert body["text"] == 'a😀 "b"\n\ufffd'
    assert body["input"] == {"topic": "\ufffd", "n": 2**80}
    assert body["links"]["page"] is None
    assert (body["status"], body["events"], body["created_at"]) == ("done", 3, "1970-01-01T00:00:00Z")


def test_a_run_that_is_taken_back_is_not_sent_any_further(client: httpx.Client, store: RunArchive) -> None:
    run = large_run()
    store.add(run)
    with client.stream("GET", "/runs/large/recording") as answer:
        pieces = answer.iter_bytes(CHUNK_BYTES)
        received = len(next(pieces))
        run.is_shared = False
        received += sum(map(len, pieces))
    assert received < recording_file.size(run)
