"""Static files are compressed once, for clients that accept it, and only as a cache and a range may expect."""

import asyncio
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import FileResponse, Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from tests.support.serving import served
from weir.api.middleware.compressed_static import CompressedStaticMiddleware, accepts_gzip

SCRIPT = "export const water = 1;\n" * 1_000
IMMUTABLE = "public, immutable, max-age=31536000"


class Files(StaticFiles):
    """Files as Streamlit serves them: the page for what is not there, and forever what is."""

    async def get_response(self, path: str, scope: Any) -> Response:
        try:
            response = await super().get_response(path, scope)
        except HTTPException:
            assert self.directory
            return FileResponse(Path(self.directory) / "page.html", headers={"Cache-Control": "no-cache"})
        response.headers["Cache-Control"] = IMMUTABLE
        return response


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("static")
    for name, text in {"a.js": SCRIPT, "small.js": "1", "picture.png": SCRIPT, "page.html": SCRIPT}.items():
        (folder / name).write_text(text)
    app = Starlette(
        routes=[Mount("/base/static", Files(directory=folder)), Mount("/other", Files(directory=folder))],
        middleware=[Middleware(CompressedStaticMiddleware)],
    )
    with served(app, "static files") as url:
        yield url


def get(address: str, path: str = "/base/static/a.js", method: str = "GET", **headers: str) -> httpx.Response:
    """Return the response as it was sent: its body is what came over the wire."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with httpx.stream(method, f"{address}{path}", headers={"accept-encoding": "gzip, br", **named}) as answer:
        body = b"".join(answer.iter_raw())
    # httpx would decompress the body that it is given.
    kept = [(name, value) for name, value in answer.headers.multi_items() if name != "content-encoding"]
    return httpx.Response(
        answer.status_code, headers=[*kept, ("x-encoding", answer.headers.get("content-encoding", ""))], content=body
    )


def test_a_script_is_sent_compressed_and_whole(address: str) -> None:
    plain, packed = get(address, accept_encoding="identity"), get(address)
    assert (packed.status_code, packed.headers["x-encoding"]) == (200, "gzip")
    assert gzip.decompress(packed.content) == plain.content == SCRIPT.encode()
    assert int(packed.headers["content-length"]) == len(packed.content) < len(plain.content) / 10
    assert packed.headers["content-type"] == plain.headers["content-type"]
    assert packed.headers["cache-control"] == plain.headers["cache-control"] == IMMUTABLE


def test_caches_are_told_that_there_are_two_forms(address: str) -> None:
    plain, packed = get(address, accept_encoding="identity"), get(address)
    assert plain.headers["vary"] == packed.headers["vary"] == "Accept-Encoding"
    assert packed.headers["etag"] == f"W/{plain.headers['etag']}"
    assert plain.headers["accept-ranges"] == "bytes"
    assert "accept-ranges" not in packed.headers


@pytest.mark.parametrize("accept_encoding", ["identity", "gzip, br"])
def test_a_file_that_a_client_has_is_not_sent_again(address: str, accept_encoding: str) -> None:
    etag = get(address, accept_encoding=accept_encoding).headers["etag"]
    answer = get(address, accept_encoding=accept_encoding, if_none_match=etag)
    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["etag"] == etag
    assert answer.headers["vary"] == "Accept-Encoding"


def test_a_range_counts_in_the_plain_bytes(address: str) -> None:
    answer = get(address, range="bytes=7-11")
    assert (answer.status_code, answer.content, answer.headers["x-encoding"]) == (206, b"const", "")
    assert answer.headers["content-range"] == f"bytes 7-11/{len(SCRIPT)}"


def test_a_range_of_the_compressed_form_is_the_whole_file(address: str) -> None:
    etag = get(address).headers["etag"]
    answer = get(address, range="bytes=7-11", if_range=etag)
    assert (answer.status_code, answer.content) == (200, SCRIPT.encode())


def test_the_headers_can_be_had_without_the_file(address: str) -> None:
    head, whole = get(address, method="HEAD"), get(address)
    assert head.content == b""
    ignored = {"date"}
    assert {name: value for name, value in head.headers.items() if name not in ignored} == {
        name: value for name, value in whole.headers.items() if name not in ignored
    }


@pytest.mark.parametrize(
    "path", ["/base/static/small.js", "/base/static/picture.png", "/base/static/nothing.js", "/other/a.js"]
)
def test_what_gains_nothing_or_may_change_is_sent_as_it_is(address: str, path: str) -> None:
    answer = get(address, path)
    assert (answer.status_code, answer.headers["x-encoding"]) == (200, "")
    assert not answer.headers["etag"].startswith("W/")


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("gzip", True),
        ("br;q=1.0, gzip;q=0.8", True),
        ("GZIP", True),
        ("*", True),
        ("deflate, *;q=0.5", True),
        ("", False),
        ("br", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000, *", False),
        ("*;q=0", False),
        ("identity", False),
    ],
)
def test_gzip_is_accepted_by_name_or_by_star_and_not_with_weight_0(header: str, accepted: bool) -> None:
    assert accepts_gzip(header) is accepted


class CountingFiles:
    """An app that serves one file and counts how often its bytes are read. A read takes several turns of the loop."""

    def __init__(self) -> None:
        self.reads = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = Response(SCRIPT, media_type="text/javascript", headers={"ETag": '"a"', "Cache-Control": IMMUTABLE})
        if scope["method"] == "GET":
            self.reads += 1
            for _ in range(3):
                await asyncio.sleep(0)
        await response(scope, receive, send)


async def nothing() -> Any:
    raise AssertionError("nothing is to be received")


async def fetch(app: CompressedStaticMiddleware, path: str, receive: Receive = nothing) -> bytes:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"accept-encoding", b"gzip")]
    await app({"type": "http", "method": "GET", "path": path, "headers": headers}, receive, send)
    return b"".join(message.get("body", b"") for message in sent)


async def test_clients_that_come_together_share_one_compression() -> None:
    files = CountingFiles()
    app = CompressedStaticMiddleware(files)
    paths = ["/static/a.js", "/static/a.js", "/static/./a.js", "/static//a.js"]
    bodies = await asyncio.gather(*(fetch(app, path) for path in paths))
    bodies += [await fetch(app, paths[0])]
    assert {gzip.decompress(body) for body in bodies} == {SCRIPT.encode()}
    assert files.reads == 1


async def test_the_compressed_files_in_memory_have_a_bound() -> None:
    files = CountingFiles()
    app = CompressedStaticMiddleware(files, max_cached_bytes=1_000)
    for number in range(100):
        await fetch(app, f"/static/{number}.js")
    assert files.reads == 100
    await fetch(app, "/static/99.js")
    assert files.reads == 100
    await fetch(app, "/static/0.js")
    assert files.reads == 101


async def test_a_client_that_leaves_while_a_file_is_read_leaves_it_whole_for_the_next(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text(SCRIPT * 50)
    app = CompressedStaticMiddleware(Starlette(routes=[Mount("/static", Files(directory=tmp_path))]))

    async def gone() -> Any:
        return {"type": "http.disconnect"}

    assert [gzip.decompress(await fetch(app, "/static/a.js", gone)) for _ in range(2)] == [(SCRIPT * 50).encode()] * 2
