"""Servers whose answer is none: compressed, sent on, without end. Every way to ask, and what it costs."""

import json
import resource
import tracemalloc
import zlib
from collections.abc import Iterator

import httpx2
import openai
import pytest

from tests.llm.test_idle_drips import RawServer, begin, raw, said_of
from weir.analysis.answer_reader import answer_text
from weir.analysis.outcome import AnswerStatus
from weir.config.settings import Settings
from weir.llm.chat_model import configured_endpoint, model_names
from weir.runs.background_loop import BackgroundLoop
from weir.runs.failure_sentences import FailureKind
from weir.runs.methods import Method
from weir.runs.recorder import Recorder

__all__ = ["raw"]

HEADERS = "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Encoding: {encoding}\r\nConnection: close\r\n\r\n"
ZEROS = 400_000_000
MEMORY = 60_000_000


@pytest.fixture(scope="module")
def bomb() -> bytes:
    """Four hundred megabytes, packed."""
    packed = zlib.compressobj(wbits=31)
    blank = b" " * 1_000_000
    return b"".join([*(packed.compress(blank) for _ in range(ZEROS // len(blank))), packed.flush()])


@pytest.fixture
def memory() -> Iterator[None]:
    """Fail where more is kept at once than may be."""
    tracemalloc.start()
    yield
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < MEMORY


def head(status: str = "200 OK", kind: str = "text/event-stream", encoding: str = "gzip") -> bytes:
    return HEADERS.format(status=status, kind=kind, encoding=encoding).encode()


@pytest.mark.usefixtures("memory")
@pytest.mark.parametrize("kind", ["text/event-stream", "application/json"])
@pytest.mark.parametrize("method", Method)
def test_what_would_have_to_be_unpacked_is_refused(
    recorder: Recorder, http: httpx2.AsyncClient, raw: RawServer, bomb: bytes, method: Method, kind: str
) -> None:
    raw.first = head(kind=kind) + bomb
    before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    result = said_of(begin(recorder, http, raw.url, method))
    assert (result.status, result.kind) == (AnswerStatus.FAILED, FailureKind.ENCODED)
    assert "Content-Encoding: gzip" in result.detail
    assert raw.connections == 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_utime - before < 5


@pytest.mark.parametrize("encoding", ["br", "zstd", "deflate", "GZIP", "gzip, gzip", "x-other", "identity, gzip"])
def test_so_is_every_encoding(
    recorder: Recorder, http: httpx2.AsyncClient, raw: RawServer, bomb: bytes, encoding: str
) -> None:
    raw.first = head(encoding=encoding) + bomb
    assert said_of(begin(recorder, http, raw.url, Method.ASTREAM)).kind is FailureKind.ENCODED


def test_a_body_as_it_was_asked_for_may_say_so(recorder: Recorder, http: httpx2.AsyncClient, raw: RawServer) -> None:
    chunk = {"choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": "stop"}]}
    raw.first = head(encoding="identity") + f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n".encode()
    run = begin(recorder, http, raw.url, Method.ASTREAM)
    assert (said_of(run).status, answer_text(run.events)) == (AnswerStatus.DONE, "Hi")


@pytest.mark.usefixtures("memory")
@pytest.mark.parametrize("method", Method)
def test_an_error_that_would_have_to_be_unpacked_says_what_its_status_says(
    recorder: Recorder, http: httpx2.AsyncClient, raw: RawServer, bomb: bytes, method: Method
) -> None:
    raw.first = head("401 Unauthorized", "application/json") + bomb
    result = said_of(begin(recorder, http, raw.url, method))
    assert result.kind is FailureKind.AUTHENTICATION
    assert "came compressed" in result.detail


@pytest.mark.usefixtures("memory")
@pytest.mark.parametrize("method", Method)
def test_an_error_without_end_is_read_in_part(
    recorder: Recorder, http: httpx2.AsyncClient, raw: RawServer, method: Method
) -> None:
    raw.first, raw.drop = b"HTTP/1.1 403 No\r\nContent-Type: text/plain\r\n\r\n", b"not you\n" * 1_000_000
    assert said_of(begin(recorder, http, raw.url, method, WEIR_TIMEOUT=5)).kind is FailureKind.PERMISSION


@pytest.mark.usefixtures("memory")
def test_a_list_of_models_is_no_way_around(
    loop: BackgroundLoop, http: httpx2.AsyncClient, raw: RawServer, bomb: bytes
) -> None:
    chosen = Settings.model_validate({"OPENAI_BASE_URL": raw.url, "OPENAI_API_KEY": "sk-test"})
    raw.drop = b"1," * 1_000_000
    for raw.first in (head() + bomb, head("500 No") + bomb, b"HTTP/1.1 200 OK\r\n\r\n["):
        with pytest.raises((openai.OpenAIError, httpx2.HTTPError)):
            loop.submit(model_names(configured_endpoint(chosen), http)).result(timeout=60)


TARGETS = {
    "another host": "http://127.0.0.2:9/v1/chat/completions",
    "another port": "http://127.0.0.1:9/v1/chat/completions",
    "another scheme": "https://{here}/v1/chat/completions",
    "another name": "//elsewhere.invalid/",
    "a name and a password": "http://ann:secret-canary@127.0.0.1:9/?key=secret-canary",
    "no address": "http://[",
}


@pytest.mark.parametrize(
    ("status", "target"),
    [*((307, target) for target in TARGETS), *((status, "another host") for status in (301, 302, 303, 308))],
)
@pytest.mark.parametrize("method", [Method.ASTREAM, Method.STREAM, Method.INVOKE])
def test_another_address_is_named_and_not_asked(
    recorder: Recorder, http: httpx2.AsyncClient, raw: RawServer, method: Method, status: int, target: str
) -> None:
    address = TARGETS[target].format(here=raw.url.removeprefix("http://").removesuffix("/v1"))
    raw.first = f"HTTP/1.1 {status} Away\r\nLocation: {address}\r\nContent-Length: 0\r\n\r\n".encode()
    result = said_of(begin(recorder, http, raw.url, method))
    assert result.kind is FailureKind.REDIRECTED
    assert str(status) in result.detail
    assert "canary" not in result.detail
    assert "OPENAI_BASE_URL" in result.hint
    assert raw.connections == 1


@pytest.mark.parametrize("status", [301, 302, 303])
def test_an_address_that_would_be_asked_without_the_prompt_is_not_asked(
    recorder: Recorder, http: httpx2.AsyncClient, raw: RawServer, status: int
) -> None:
    raw.first = f"HTTP/1.1 {status} Away\r\nLocation: /v1/other\r\nContent-Length: 0\r\n\r\n".encode()
    assert said_of(begin(recorder, http, raw.url, Method.ASTREAM)).kind is FailureKind.REDIRECTED


@pytest.mark.parametrize("method", [Method.ASTREAM, Method.STREAM, Method.INVOKE])
def test_a_circle_of_addresses_ends(
    recorder: Recorder, http: httpx2.AsyncClient, raw: RawServer, method: Method
) -> None:
    raw.first = b"HTTP/1.1 307 Away\r\nLocation: /v1/chat/completions\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    assert said_of(begin(recorder, http, raw.url, method)).kind is FailureKind.REDIRECTED
