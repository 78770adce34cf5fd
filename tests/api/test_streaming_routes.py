import json
import random
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from httpx_sse import ServerSentEvent, connect_sse

from tests.api.conftest import Serve
from tests.support.fake_openai import FakeOpenAI, Fault, Plan
from weir.api.sse import RETRY_MILLISECONDS
from weir.archive.run_archive import RunArchive
from weir.runs.failure_sentences import FailureKind

WORDS = [f" word{number}" for number in range(60)]
STORY = {"topic": "water"}
SHORT_GRACE = 0.5
"""Seconds."""


def events(client: httpx.Client, path: str, last: str | None = None, **query: str) -> list[ServerSentEvent]:
    headers = {"Last-Event-ID": last} if last else {}
    with connect_sse(client, "GET", path, params=query, headers=headers) as source:
        source.response.raise_for_status()
        return list(source.iter_sse())


def streamed_text(seen: list[ServerSentEvent]) -> str:
    return "".join(event.json()["content"] for event in seen if event.event == "message")


def test_text_comes_chunk_by_chunk(client: httpx.Client, openai_server: FakeOpenAI) -> None:
    openai_server.plan = Plan(tokens=WORDS, rate=100)
    with client.stream("GET", "/stream", params=STORY, headers={"Accept-Encoding": "gzip"}) as response:
        chunks = list(response.iter_raw())
    assert b"".join(chunks).decode() == "".join(WORDS)
    assert len(chunks) > len(WORDS) / 2
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.headers["x-accel-buffering"] == "no"
    assert "no-transform" in response.headers["cache-control"]


def test_further_query_fields_choose_another_chain_and_its_input(
    client: httpx.Client, openai_server: FakeOpenAI
) -> None:
    openai_server.plan = Plan(tokens=WORDS, category="math")
    answer = client.get("/stream", params={"chain": "smart_router", "question": "25 * 17?"})
    assert answer.text == "25 × 17 = **425**\n\n" + "".join(WORDS)
    content = openai_server.answers[0].body["messages"][-1]["content"]
    assert content == "25 * 17?\n(The calculator says 25 × 17 = 425.)"


def test_server_sent_events_are_messages_then_done(client: httpx.Client, openai_server: FakeOpenAI) -> None:
    openai_server.plan = Plan(tokens=WORDS)
    seen = events(client, "/sse", **STORY)
    assert streamed_text(seen[:-1]) == "".join(WORDS)
    assert (seen[-1].event, seen[-1].json()) == ("done", {"status": "complete"})
    ids = [event.id for event in seen]
    assert len(set(ids)) == len(ids)


def test_retry_comes_with_the_first_event_so_that_every_event_has_data(
    client: httpx.Client, openai_server: FakeOpenAI
) -> None:
    openai_server.plan = Plan(tokens=WORDS)
    seen = events(client, "/sse", **STORY)
    run_id = seen[0].id.partition(":")[0]
    resumed = events(client, "/sse", last=seen[-2].id, **STORY)
    recorded = events(client, f"/runs/{run_id}/events")
    filtered = events(client, f"/runs/{run_id}/events", include_names="nobody")
    assert [event.event for event in (*resumed, *filtered)] == ["done", "end"]
    for stream in (seen, resumed, recorded, filtered):
        assert [event.retry for event in stream] == [RETRY_MILLISECONDS] + [None] * (len(stream) - 1)
        assert all(json.loads(event.data) for event in stream)


def test_a_stream_starts_before_its_first_event(client: httpx.Client, openai_server: FakeOpenAI) -> None:
    openai_server.plan = Plan(tokens=WORDS, fault=Fault.STALL, at=0)
    with client.stream("GET", "/sse", params=STORY) as response:
        assert next(response.iter_raw()) == b": stream\n\n"


def test_a_failure_before_the_first_word_is_a_bad_gateway(client: httpx.Client, openai_server: FakeOpenAI) -> None:
    openai_server.plan = Plan(status=401, message="Incorrect API key provided: sk-canary")
    answer = client.get("/stream", params=STORY)
    assert answer.status_code == 502
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"].startswith(FailureKind.AUTHENTICATION.message)
    assert "sk-canary" not in answer.text


def test_a_text_that_is_cut_has_no_end_that_could_be_taken_for_one(
    client: httpx.Client, openai_server: FakeOpenAI
) -> None:
    openai_server.plan = Plan(tokens=WORDS, fault=Fault.CUT, at=5)
    chunks: list[bytes] = []
    with client.stream("GET", "/stream", params=STORY) as response, pytest.raises(httpx.RemoteProtocolError):
        chunks.extend(response.iter_bytes())
    assert b"".join(chunks).decode() == "".join(WORDS[:5])


@pytest.mark.parametrize("fault", [Fault.CUT, Fault.NO_FINISH, Fault.SSE_ERROR, Fault.STALL])
def test_a_failure_in_the_middle_is_an_error_event_with_a_reference(
    client: httpx.Client, openai_server: FakeOpenAI, fault: Fault
) -> None:
    openai_server.plan = Plan(tokens=WORDS, fault=fault, at=5)
    seen = events(client, "/sse", **STORY)
    assert streamed_text(seen[:-1]) == "".join(WORDS[:5])
    assert seen[-1].event == "error"
    assert set(seen[-1].json()) == {"message", "reference"}
    assert "kept" in seen[-1].json()["message"]


def test_a_hundred_broken_connections_lose_nothing_and_repeat_nothing(
    client: httpx.Client, openai_server: FakeOpenAI
) -> None:
    words = [f" word{number}" for number in range(400)]
    openai_server.plan = Plan(tokens=words, rate=400)
    chance = random.Random(5)
    last: str | None = None
    seen: list[ServerSentEvent] = []
    breaks = 0
    while not seen or seen[-1].event != "done":
        headers = {"Last-Event-ID": last} if last else {}
        with connect_sse(client, "GET", "/sse", params=STORY, headers=headers) as source:
            remaining = chance.randint(1, 7) if breaks < 100 else 10_000
            for event in source.iter_sse():
                seen.append(event)
                last = event.id
                remaining -= 1
                if not remaining or event.event == "done":
                    break
        breaks += 1
    assert breaks > 90
    assert streamed_text(seen) == "".join(words)
    assert len(openai_server.seen) == 1


def test_a_client_that_has_the_last_event_gets_no_content(client: httpx.Client, openai_server: FakeOpenAI) -> None:
    seen = events(client, "/sse", **STORY)
    again = client.get("/sse", params=STORY, headers={"Last-Event-ID": seen[-1].id})
    assert again.status_code == 204
    assert len(openai_server.seen) == 1


@pytest.mark.parametrize("stalled", [False, True])
@pytest.mark.parametrize("path", ["/sse", "/stream"])
def test_the_model_is_hung_up_on_once_the_client_stays_away(
    serve: Serve, openai_server: FakeOpenAI, path: str, stalled: bool
) -> None:
    openai_server.plan = Plan(tokens=WORDS * 100, rate=50, fault=Fault.STALL if stalled else None, at=5)
    with serve(WEIR_GRACE=SHORT_GRACE, WEIR_TIMEOUT=60) as client:
        with client.stream("GET", path, params=STORY) as response:
            lines = response.iter_text()
            while "word3" not in next(lines):
                pass
            gone = time.monotonic()
        (request,) = openai_server.seen
        assert request.ended.wait(30)
    assert request.hung_up_at is not None
    assert request.hung_up_at - gone > SHORT_GRACE / 2


def test_a_client_that_leaves_an_invocation_stops_it(serve: Serve, openai_server: FakeOpenAI) -> None:
    openai_server.plan = Plan(tokens=WORDS * 100, rate=50)
    with serve(WEIR_GRACE=SHORT_GRACE) as client:
        with pytest.raises(httpx.ReadTimeout):
            client.post("/chains/story/invoke", json={"input": STORY}, timeout=httpx.Timeout(10, read=1))
        (request,) = openai_server.seen
        assert request.ended.wait(30)
    assert request.hung_up_at is not None


def test_a_named_connection_can_be_broken_and_its_client_resumes(
    client: httpx.Client, openai_server: FakeOpenAI
) -> None:
    openai_server.plan = Plan(tokens=WORDS, rate=40)
    query = STORY | {"connection": "mine"}
    seen: list[ServerSentEvent] = []
    with connect_sse(client, "GET", "/sse", params=query) as source:
        for event in source.iter_sse():
            seen.append(event)
            if len(seen) == 8:
                assert client.post("/connections/mine/break").status_code == 204
    assert seen[-1].event == "message"
    seen += events(client, "/sse", last=seen[-1].id, **query)
    assert streamed_text(seen) == "".join(WORDS)
    assert seen[-1].event == "done"
    assert len(openai_server.seen) == 1


def test_ticks_come_evenly(client: httpx.Client) -> None:
    seen = events(client, "/ticks", count="3")
    assert [json.loads(event.data).get("n") for event in seen] == [0, 1, 2, None]
    assert [round(event.json()["sent"], 1) for event in seen[:3]] == [0.0, 0.2, 0.4]


@pytest.mark.slow
def test_fifty_clients_at_once_each_get_all(serve: Serve, openai_server: FakeOpenAI) -> None:
    openai_server.plan = Plan(tokens=WORDS, rate=60)
    with serve(WEIR_TIMEOUT=60, WEIR_RETRIES=3, WEIR_GRACE=60) as client, ThreadPoolExecutor(50) as pool:

        def read(_: int) -> str:
            with httpx.Client(base_url=client.base_url, timeout=60) as own:
                return streamed_text(events(own, "/sse", **STORY))

        assert set(pool.map(read, range(50))) == {"".join(WORDS)}


def test_the_limit_of_live_runs_says_when_to_come_back(
    serve: Serve, openai_server: FakeOpenAI, store: RunArchive
) -> None:
    openai_server.plan = Plan(tokens=WORDS, fault=Fault.STALL, at=1)
    with serve(WEIR_MAX_RUNS_PER_CLIENT=2) as client:
        body = {"chain": "story", "input": STORY}
        answers = [client.post("/runs", json=body) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert answers[-1].headers["retry-after"] == "5"
    assert len(store.runs()) == 2
