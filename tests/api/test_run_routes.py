import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from httpx_sse import connect_sse

from tests.api.conftest import Serve
from tests.support.fake_openai import FakeOpenAI, Fault, Plan
from weir import __version__

WORDS = [f" word{number}" for number in range(20)]
STORY = {"chain": "story", "input": {"topic": "water", "length": "short"}}


def started(client: httpx.Client, body: dict[str, Any] | None = None) -> dict[str, Any]:
    answer = client.post("/runs", json=body or STORY)
    assert answer.status_code == 201, answer.text
    result: dict[str, Any] = answer.json()
    assert answer.headers["location"] == result["links"]["run"]
    return result


def recorded(client: httpx.Client, run_id: str, **query: Any) -> list[dict[str, Any]]:
    with connect_sse(client, "GET", f"/runs/{run_id}/events", params=query) as source:
        seen = list(source.iter_sse())
    assert seen[-1].event == "end"
    assert [event.id for event in seen[:-1]] == [str(event.json()["seq"]) for event in seen[:-1]]
    return [event.json() for event in seen[:-1]]


def test_the_catalogue_has_every_chain_with_its_schema(client: httpx.Client) -> None:
    listed = {chain["name"]: chain["input_schema"] for chain in client.get("/chains").json()}
    assert set(listed) == {"story", "smart_router", "classify", "structured", "showcase", "graph", "agent"}
    assert listed["story"]["required"] == ["topic"]
    assert listed["classify"]["required"] == ["question"]


def test_a_chain_is_invoked_to_its_end(client: httpx.Client, openai_server: FakeOpenAI) -> None:
    openai_server.plan = Plan(tokens=WORDS, category="code")
    story = client.post("/chains/story/invoke", json={"input": {"topic": "water"}}).json()
    assert story["output"] == "".join(WORDS)
    route = client.post("/chains/classify/invoke", json={"input": {"question": "Reverse a string"}}).json()
    assert (route["output"]["category"], route["output"]["by"]) == ("code", "model")


def test_a_run_has_status_figures_text_and_links(client: httpx.Client, openai_server: FakeOpenAI) -> None:
    openai_server.plan = Plan(tokens=WORDS)
    run = started(client)
    events = recorded(client, run["id"])
    body = client.get(f"/runs/{run['id']}").json()
    assert (body["status"], body["mark"], body["text"]) == ("done", "Done", "".join(WORDS))
    assert body["figures"]["tokens_out"] == 20
    assert body["events"] == len(events)
    assert body["links"]["page"] == f"/story?run={run['id']}"


def test_every_event_comes_in_langchains_shape(client: httpx.Client) -> None:
    events = recorded(client, started(client)["id"])
    assert [event["seq"] for event in events] == list(range(len(events)))
    assert events[0]["event"] == "on_chain_start"
    assert events[0]["data"]["input"]["topic"] == "water"
    assert {"event", "name", "run_id", "parent_ids", "tags", "metadata", "data"} <= set(events[0])


def test_events_go_on_after_the_last_one_that_is_named(client: httpx.Client) -> None:
    run = started(client)
    events = recorded(client, run["id"])
    assert recorded(client, run["id"], after=3) == events[4:]


def test_filters_are_langchains(client: httpx.Client) -> None:
    run = started(client)
    events = recorded(client, run["id"])
    filtered = recorded(client, run["id"], include_types=["chat_model", "prompt"], exclude_names="ChatOpenAI")
    assert filtered == [event for event in events if event["name"] == "ChatPromptTemplate"]


@pytest.mark.flaky(reruns=4)
@pytest.mark.parametrize("stalled", [False, True])
def test_delete_hangs_up_at_once_and_keeps_the_text(serve: Serve, openai_server: FakeOpenAI, stalled: bool) -> None:
    openai_server.plan = Plan(tokens=WORDS * 50, rate=50, fault=Fault.STALL if stalled else None, at=3)
    with serve(WEIR_TIMEOUT=60) as client:
        assert seconds_to_hang_up(client, openai_server) < 0.5


def seconds_to_hang_up(client: httpx.Client, openai_server: FakeOpenAI) -> float:
    """Start a run, delete it in the middle, and return how long the server waited for the hang-up."""
    run = started(client)
    with connect_sse(client, "GET", f"/runs/{run['id']}/events") as source:
        for event in source.iter_sse():
            if "word2" in event.data and not event.json()["parent_ids"]:
                break
    stopped_at = time.monotonic()
    stopped = client.delete(f"/runs/{run['id']}").json()
    (request,) = openai_server.seen
    seconds = request.seconds_to_hang_up(stopped_at)
    assert stopped["status"] == "stopped"
    assert "word0 word1 word2" in stopped["text"]
    return seconds


def test_a_recording_is_one_json_object_a_line(client: httpx.Client) -> None:
    run = started(client)
    events = recorded(client, run["id"])
    answer = client.get(f"/runs/{run['id']}/recording")
    first, *middle, last = [json.loads(line) for line in answer.content.splitlines()]
    assert (first["format"], first["version"], first["run"]["id"]) == ("weir-recording", 1, run["id"])
    assert middle == events
    assert last == {"end": {"status": "done", "failure": None}}
    assert b"sk-canary" not in answer.content


@pytest.mark.parametrize("path", ["/runs/nobody", "/runs/nobody/events", "/runs/nobody/recording"])
def test_a_run_that_is_not_there_is_not_found(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert "no run at this link" in answer.json()["detail"]


def test_health_says_that_weir_is_ready(client: httpx.Client) -> None:
    answer = client.get("/health")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ready",
        "model": "gpt-4o-mini",
        "live_runs": 0,
        "kept_runs": 0,
        "version": __version__,
    }


def test_without_a_model_health_and_runs_say_so(serve: Serve, tmp_path: Path) -> None:
    missing = {"OPENAI_BASE_URL": "", "OPENAI_API_KEY": "", "WEIR_LOCAL_MODEL": str(tmp_path / "none.gguf")}
    with serve(**missing) as client:
        assert client.get("/health").status_code == 503
        answer = client.post("/runs", json=STORY)
        assert answer.status_code == 503
        assert "No model can answer yet" in answer.json()["detail"]


def test_the_documentation_needs_nothing_from_elsewhere(client: httpx.Client) -> None:
    page = client.get("/docs")
    assert page.status_code == 200
    assert "//cdn" not in page.text
    assert client.get("/assets/swagger-ui-bundle.js").status_code == 200
    assert client.get("/openapi.json").json()["info"]["title"] == "Weir"


NO_EVENT_IDS = ("-1", "-2", "--2", "+1", "1.0", "1e3", "²", "١", "1" * 13, "x", "0x1", "1 2")


@pytest.mark.parametrize("stalled", [False, True])
def test_an_event_id_that_is_no_number_of_an_event_is_refused(
    client: httpx.Client, openai_server: FakeOpenAI, stalled: bool
) -> None:
    openai_server.plan = Plan(tokens=WORDS, fault=Fault.STALL if stalled else None, at=3)
    run_id = started(client)["id"]
    if not stalled:
        recorded(client, run_id)
    for event_id in NO_EVENT_IDS:
        for path, seen in ((f"/runs/{run_id}/events", event_id), ("/sse", f"{run_id}:{event_id}")):
            header = {b"Last-Event-ID": seen.encode()}
            for answer in (client.get(path, params={"after": seen}), client.get(path, headers=header)):
                assert answer.status_code == 422, event_id
                assert answer.json()["detail"] == "The event id does not belong to this stream."
    client.delete(f"/runs/{run_id}")


def test_an_event_id_beyond_the_last_event_is_refused_while_more_may_come(
    client: httpx.Client, openai_server: FakeOpenAI
) -> None:
    openai_server.plan = Plan(tokens=WORDS, fault=Fault.STALL, at=3)
    run_id = started(client)["id"]
    beyond = f"/runs/{run_id}/events?after=999999999999"
    assert client.get(beyond).status_code == 422
    client.delete(f"/runs/{run_id}")
    assert client.get(beyond).status_code == 204


def test_an_event_id_without_a_number_is_the_beginning(client: httpx.Client) -> None:
    run_id = started(client)["id"]
    everything = recorded(client, run_id)
    with connect_sse(client, "GET", f"/runs/{run_id}/events?after=", headers={"Last-Event-ID": ""}) as source:
        again = [event.json() for event in source.iter_sse()]
    assert again[:-1] == everything
