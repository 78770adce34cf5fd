"""Every fault of the table over HTTP: its message, the partial text, an end in time, and a next request that works."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from httpx_sse import connect_sse

from tests.api.conftest import Serve
from tests.support.fake_openai import FakeOpenAI, Plan
from tests.support.faults import FAULTS, ModelFault
from weir.analysis.outcome import AnswerStatus
from weir.archive.run_archive import RunArchive
from weir.runs.failure_sentences import FailureKind

STORY = {"topic": "water"}
TIMEOUT = 1.0
"""Seconds of waiting for a model that is silent. Where a fault is another one, a busy machine gets `LONG`."""
LONG = 20.0
IN_TIME = 50.0
"""Seconds; the API answers within this on a busy machine too, and one that waits where a server asks it to does not."""
WELL = "Once upon a time."
SMALL = tuple(fault for fault in FAULTS if not fault.is_huge)
HUGE = tuple(fault for fault in FAULTS if fault.is_huge and fault.kind is None)


class Api:
    """The API, with a model that has a fault."""

    def __init__(self, serve: Serve, server: FakeOpenAI, store: RunArchive) -> None:
        self._serve = serve
        self.server = server
        self.store = store

    def after(self, fault: ModelFault) -> Iterator[httpx.Client]:
        """Yield a client while the fault lasts; check that it ended in time, and that no run goes on."""
        fault.befall(self.server)
        began = time.monotonic()
        timeout = TIMEOUT if fault.kind is FailureKind.TIMEOUT else LONG
        with self._serve(WEIR_TIMEOUT=timeout, **({"OPENAI_BASE_URL": fault.url} if fault.url else {})) as client:
            yield client
            assert fault.is_huge or time.monotonic() - began < IN_TIME
            assert [run for run in self.store.runs() if run.is_live] == []

    def is_well(self, client: httpx.Client) -> bool:
        self.server.plan = Plan(tokens=[WELL])
        return client.get("/stream", params=STORY).text == WELL


@pytest.fixture
def store() -> RunArchive:
    """A store as large as Weir's default, so that the huge answers fit."""
    return RunArchive(256_000_000)


@pytest.fixture
def api(serve: Serve, openai_server: FakeOpenAI, store: RunArchive) -> Api:
    return Api(serve, openai_server, store)


def message_of(fault: ModelFault) -> str:
    return fault.kind.message if fault.kind else ""


@pytest.mark.parametrize("fault", SMALL, ids=lambda fault: fault.name)
def test_partial_text_is_streamed_and_its_end_shows_whether_it_is_complete(api: Api, fault: ModelFault) -> None:
    for client in api.after(fault):
        with ThreadPoolExecutor() as pool:
            # At once: a silent model is waited for in each of the ways.
            asked = [pool.submit(way, client, fault) for way in (stream_says, sse_says, invoke_says, run_says)]
        for one in asked:
            one.result()
        if fault.url is None:
            assert api.is_well(client)


@pytest.mark.slow
@pytest.mark.parametrize("fault", HUGE, ids=lambda fault: fault.name)
def test_a_huge_answer_arrives_whole(api: Api, fault: ModelFault) -> None:
    for client in api.after(fault):
        stream_says(client, fault)
        assert api.is_well(client)


def stream_says(client: httpx.Client, fault: ModelFault) -> None:
    pieces: list[bytes] = []
    with client.stream("GET", "/stream", params=STORY) as answer:
        if fault.mark is AnswerStatus.FAILED:
            assert answer.status_code == 502
            answer.read()
            assert answer.json()["detail"].startswith(message_of(fault))
            return
        assert answer.status_code == 200
        if fault.is_answer:
            pieces.extend(answer.iter_bytes())
        else:
            with pytest.raises(httpx.RemoteProtocolError):
                pieces.extend(answer.iter_bytes())
    assert b"".join(pieces).decode() == fault.text


def sse_says(client: httpx.Client, fault: ModelFault) -> None:
    with connect_sse(client, "GET", "/sse", params=STORY) as source:
        *messages, last = list(source.iter_sse())
    assert "".join(message.json()["content"] for message in messages) == fault.text
    assert last.event == ("done" if fault.is_answer else "error")
    assert fault.is_answer or last.json()["message"].startswith(message_of(fault))


def invoke_says(client: httpx.Client, fault: ModelFault) -> None:
    answer = client.post("/chains/story/invoke", json={"input": STORY})
    if fault.is_answer:
        assert answer.json()["output"] == fault.text
    else:
        assert answer.status_code == 502
        assert answer.json()["detail"].startswith(message_of(fault))


def run_says(client: httpx.Client, fault: ModelFault) -> None:
    run = client.post("/runs", json={"chain": "story", "input": STORY}).json()["id"]
    with connect_sse(client, "GET", f"/runs/{run}/events") as source:
        *_, last = list(source.iter_sse())
    seen = client.get(f"/runs/{run}").json()
    assert (last.event, last.json()["status"]) == ("end", seen["status"])
    assert seen["status"] in ("done", "failed")
    assert (seen["mark"], seen["text"]) == (fault.mark.value, fault.text)
    assert seen["message"].startswith(message_of(fault))
