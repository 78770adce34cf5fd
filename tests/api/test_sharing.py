"""Rights of callers to runs: to start them within the limits, and to read others' runs while they are shared."""

import httpx
import pytest

from tests.api.conftest import Serve
from tests.support.fake_openai import FakeOpenAI, Plan
from weir.access.anonymous_id import COOKIE, new_anonymous_id
from weir.access.caller import Caller
from weir.access.tickets import issue_ticket
from weir.archive.run_archive import RunArchive
from weir.config.settings import Settings

TOKEN = "a-token-of-some-length"
RUN = {"chain": "story", "input": {"topic": "water"}}


@pytest.mark.parametrize(
    ("variables", "seconds", "says"),
    [
        ({"WEIR_RUNS_PER_MINUTE": 1}, range(50, 61), "within a minute"),
        ({"WEIR_MAX_RUNS_PER_VISITOR": 1}, range(5, 6), "Try again when one of them has ended."),
        ({"WEIR_TOKENS_PER_DAY": 1}, range(1, 86_401), "You have used your tokens for today."),
        ({"WEIR_TOTAL_TOKENS_PER_DAY": 1}, range(1, 86_401), "All visitors together"),
    ],
)
def test_a_caller_beyond_a_limit_gets_its_name_and_when_to_retry(
    serve: Serve, openai_server: FakeOpenAI, variables: dict[str, int], seconds: range, says: str
) -> None:
    openai_server.plan = Plan(tokens=[" word"] * 2_000, rate=100)
    # Between two requests nobody reads the run.
    with serve(WEIR_GRACE=30, **variables) as client:
        run = client.post("/runs", json=RUN).json()["id"]
        with client.stream("GET", f"/runs/{run}/events") as lines:
            next(line for line in lines.iter_lines() if "on_chat_model_stream" in line)
        for again in (
            client.post("/runs", json=RUN),
            client.get("/sse", params={"topic": "water"}),
            client.post("/chains/story/invoke", json={"input": {"topic": "water"}}),
        ):
            assert again.status_code == 429
            assert again.headers["content-type"] == "application/problem+json"
            assert int(again.headers["retry-after"]) in seconds
            assert says in again.json()["detail"]
        client.delete(f"/runs/{run}")
    assert len(openai_server.seen) == 1


def test_a_browser_and_a_program_at_one_address_are_two_visitors(serve: Serve) -> None:
    with serve(WEIR_RUNS_PER_MINUTE=1) as client:
        assert client.post("/runs", json=RUN).status_code == 201
        assert client.post("/runs", json=RUN).status_code == 429
        client.cookies.set(COOKIE, new_anonymous_id())
        assert client.post("/runs", json=RUN).status_code == 201


def test_behind_a_proxy_on_this_machine_each_visitor_has_the_address_that_it_tells(
    serve: Serve, openai_server: FakeOpenAI
) -> None:
    openai_server.plan = Plan(tokens=[" word"] * 2_000, rate=100)
    with serve(WEIR_MAX_RUNS_PER_CLIENT=1, WEIR_API_TOKEN=TOKEN, WEIR_GRACE=30) as client:
        client.headers["Authorization"] = f"Bearer {TOKEN}"

        def start(address: str) -> int:
            return client.post("/runs", json=RUN, headers={"X-Forwarded-For": address}).status_code

        # Of several only the last, which the proxy itself has added, counts.
        assert [start("10.0.0.1"), start("6.6.6.6, 10.0.0.1"), start("10.0.0.2")] == [201, 429, 201]


def ended_run(client: httpx.Client) -> str:
    run: str = client.post("/chains/story/invoke", json={"input": {"topic": "water"}}).json()["id"]
    return run


def test_a_run_that_is_taken_back_is_gone_for_all_but_its_owner(client: httpx.Client, store: RunArchive) -> None:
    me = new_anonymous_id()
    client.cookies.set(COOKIE, me)
    run = ended_run(client)
    assert store.get(run).owner == Caller.from_identity(me).visitor
    store.get(run).is_shared = False
    paths = [f"/runs/{run}", f"/runs/{run}/events", f"/runs/{run}/recording", f"/sse?after={run}:1"]
    assert [client.get(path).status_code for path in paths] == [200] * 4
    client.cookies.clear()
    for path in paths:
        answer = client.get(path)
        assert answer.status_code == 410
        assert "not shared any more" in answer.json()["detail"]
        assert "water" not in answer.text
    assert client.delete(f"/runs/{run}").status_code == 410
    client.cookies.set(COOKIE, new_anonymous_id())
    assert client.get(f"/runs/{run}").status_code == 410
    store.get(run).is_shared = True
    assert client.get(f"/runs/{run}").status_code == 200


def test_a_visitor_cannot_stop_what_another_has_started_and_a_program_of_this_machine_can(
    serve: Serve, store: RunArchive, openai_server: FakeOpenAI
) -> None:
    openai_server.plan = Plan(tokens=[" word"] * 2_000, rate=100)
    me, another = new_anonymous_id(), new_anonymous_id()
    with serve(WEIR_GRACE=30) as client:
        client.cookies.set(COOKIE, me)
        first, second = (client.post("/runs", json=RUN).json()["id"] for _ in range(2))
        client.cookies.set(COOKIE, another)
        answer = client.delete(f"/runs/{first}")
        assert answer.status_code == 403
        assert "ask them to stop it" in answer.json()["detail"]
        assert client.get(f"/runs/{first}").json()["status"] == "running"
        assert store.get(first).stop_requested_at is None
        client.cookies.set(COOKIE, me)
        assert client.delete(f"/runs/{first}").json()["status"] == "stopped"
        client.cookies.clear()
        assert client.delete(f"/runs/{second}").json()["status"] == "stopped"


def test_a_ticket_stops_the_runs_of_its_own_visitor_and_the_token_stops_all(
    serve: Serve, openai_server: FakeOpenAI
) -> None:
    openai_server.plan = Plan(tokens=[" word"] * 2_000, rate=100)
    settings = Settings.model_validate({"WEIR_API_TOKEN": TOKEN})
    ann, ben = ({"ticket": issue_ticket(settings, Caller.from_identity(name).visitor)} for name in ("ann", "ben"))
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    with serve(WEIR_API_TOKEN=TOKEN, WEIR_GRACE=30) as client:
        first, second = (client.post("/runs", json=RUN, params=ann).json()["id"] for _ in range(2))
        programs = client.post("/runs", json=RUN, headers=bearer).json()["id"]
        for run in (first, programs):
            assert client.delete(f"/runs/{run}", params=ben).status_code == 403
            assert client.get(f"/runs/{run}", params=ben).json()["status"] == "running"
        assert client.delete(f"/runs/{first}").status_code == 401
        assert client.delete(f"/runs/{first}", params=ann).json()["status"] == "stopped"
        client.cookies.set(COOKIE, new_anonymous_id())
        for run in (second, programs):
            assert client.delete(f"/runs/{run}", headers=bearer).json()["status"] == "stopped"


def test_whoever_follows_a_run_that_is_taken_back_gets_no_more_of_it(
    client: httpx.Client, store: RunArchive, openai_server: FakeOpenAI
) -> None:
    openai_server.plan = Plan(tokens=[f" word{number}" for number in range(500)], rate=50)
    client.cookies.set(COOKIE, new_anonymous_id())
    run = client.post("/runs", json=RUN).json()["id"]
    client.cookies.clear()
    with client.stream("GET", f"/runs/{run}/events") as answer:
        lines = answer.iter_lines()
        next(line for line in lines if "word9" in line)
        store.get(run).is_shared = False
        rest = list(lines)
    assert store.get(run).is_live
    assert not any("word99" in line or line == "event: end" for line in rest)
    store.get(run).stop()
