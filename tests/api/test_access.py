"""The access check: which callers are accepted, and which requests are rejected."""

import time
from typing import Any

import httpx
import pytest
from itsdangerous import URLSafeTimedSerializer
from starlette.testclient import TestClient

from chains.registry import MAX_TEXT, REGISTRY
from tests.api.conftest import Serve
from tests.support.fake_openai import FakeOpenAI
from weir.access.limits import RunLimitConfig, RunLimiter
from weir.access.tickets import LIFETIME_SECONDS, issue_ticket
from weir.api.api_services import ApiServices
from weir.api.app import create_api
from weir.api.middleware.access import MAX_BODY
from weir.archive.run_archive import RunArchive
from weir.config.settings import Settings
from weir.llm.provider import ModelProvider
from weir.runs.attached_programs import AttachedPrograms
from weir.runs.recorder import Recorder

TOKEN = "a-token-of-some-length"
RUN: dict[str, Any] = {"chain": "story", "input": {"topic": "water"}}

ABUSES: list[tuple[str, dict[str, str]]] = [
    ("another site", {"Origin": "https://evil.example"}),
    ("another port of this machine", {"Origin": "http://127.0.0.1:1"}),
    ("no origin worth the name", {"Origin": "null"}),
    ("a cross-site fetch", {"Sec-Fetch-Site": "cross-site"}),
    ("a same-site fetch", {"Sec-Fetch-Site": "same-site"}),
    ("an image", {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "image"}),
    ("a frame", {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "iframe"}),
    ("a video", {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "video"}),
    ("a rebound name", {"Host": "evil.example"}),
    ("a rebound name with a port", {"Host": "evil.example:80"}),
    ("a proxy", {"X-Forwarded-For": "127.0.0.1"}),
    ("a proxy of the standard", {"Forwarded": "for=127.0.0.1"}),
    ("another proxy", {"X-Real-IP": "127.0.0.1"}),
]


@pytest.mark.parametrize(("who", "headers"), ABUSES, ids=[who for who, _ in ABUSES])
@pytest.mark.parametrize("path", ["/stream?topic=water", "/sse?topic=water", "/chains"])
def test_what_a_web_page_could_send_is_refused(
    client: httpx.Client, openai_server: FakeOpenAI, who: str, headers: dict[str, str], path: str
) -> None:
    answer = client.get(path, headers=headers)
    assert answer.status_code == 403, who
    assert answer.headers["content-type"] == "application/problem+json"
    assert client.post("/runs", json=RUN, headers=headers).status_code == 403
    assert openai_server.seen == []


@pytest.mark.parametrize("destination", ["document", "script", "style"])
@pytest.mark.parametrize("path", ["/stream?topic=water", "/sse?topic=water"])
def test_a_link_or_an_element_of_a_page_starts_no_run(
    client: httpx.Client, openai_server: FakeOpenAI, destination: str, path: str
) -> None:
    headers = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": destination}
    assert client.get(path, headers=headers).status_code == 403
    assert openai_server.seen == []


def test_an_address_that_somebody_opens_starts_a_run(client: httpx.Client, openai_server: FakeOpenAI) -> None:
    headers = {"Sec-Fetch-Site": "none", "Sec-Fetch-Dest": "document"}
    assert client.get("/stream?topic=water", headers=headers).status_code == 200
    assert len(openai_server.seen) == 1


def test_the_apps_own_pages_may_call(client: httpx.Client) -> None:
    own = f"{client.base_url.scheme}://{client.base_url.netloc.decode()}"
    headers = {"Origin": own, "Sec-Fetch-Site": "same-origin"}
    assert client.get("/chains", headers=headers).status_code == 200


def test_a_host_that_is_named_may_be_called(serve: Serve) -> None:
    with serve(WEIR_ALLOWED_HOSTS="weir.example.org, other.example") as client:
        assert client.get("/chains", headers={"Host": "weir.example.org"}).status_code == 200
        assert client.get("/chains", headers={"Host": "evil.example"}).status_code == 403


@pytest.mark.parametrize("peer", ["10.0.0.7", "192.168.1.2", "8.8.8.8", "fe80::1", "testclient"])
def test_another_machine_is_refused_by_its_real_address(recorder: Recorder, peer: str) -> None:
    chosen = Settings.model_validate({"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"})
    archive, limits = RunArchive(10**6), RunLimiter(RunLimitConfig())
    services = ApiServices(REGISTRY, ModelProvider(chosen), recorder, limits, archive, AttachedPrograms(archive))
    app = create_api(chosen, services)
    with TestClient(app, base_url="http://localhost", client=(peer, 5000)) as client:
        assert client.get("/chains").status_code == 403


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.8.8", "::1"])
def test_this_machine_may_call(recorder: Recorder, peer: str) -> None:
    chosen = Settings.model_validate({"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"})
    archive, limits = RunArchive(10**6), RunLimiter(RunLimitConfig())
    services = ApiServices(REGISTRY, ModelProvider(chosen), recorder, limits, archive, AttachedPrograms(archive))
    app = create_api(chosen, services)
    with TestClient(app, base_url="http://localhost", client=(peer, 5000)) as client:
        assert client.get("/chains").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": TOKEN},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": "Bearer x"},
        {"Authorization": "Bearer \u00e9"},
    ],
)
def test_with_a_token_set_it_must_be_sent(serve: Serve, headers: dict[str, str]) -> None:
    with serve(WEIR_API_TOKEN=TOKEN) as client:
        raw = {name.encode(): value.encode("latin-1") for name, value in headers.items()}
        answer = client.get("/chains", headers=raw)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert TOKEN not in answer.text


def test_the_token_opens_the_api_also_behind_a_proxy(serve: Serve) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", "X-Forwarded-For": "8.8.8.8"}
    with serve(WEIR_API_TOKEN=TOKEN) as client:
        assert client.get("/chains", headers=headers).status_code == 200
        assert client.get("/health").status_code == 200


def test_a_ticket_opens_the_api_for_a_while(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    signer = URLSafeTimedSerializer(TOKEN, salt="weir-api-ticket")
    with serve(WEIR_API_TOKEN=TOKEN) as client:
        good = signer.dumps({"visitor": "ann"})
        assert client.get("/chains", params={"ticket": good}).status_code == 200
        for bad in (
            "",
            good[:-2],
            signer.dumps("ann"),
            signer.dumps({"visitor": 1}),
            URLSafeTimedSerializer("another-token-of-length", salt="weir-api-ticket").dumps({"visitor": "ann"}),
        ):
            assert client.get("/chains", params={"ticket": bad}).status_code == 401
        later = time.time() + LIFETIME_SECONDS + 5
        monkeypatch.setattr(time, "time", lambda: later)
        assert client.get("/chains", params={"ticket": good}).status_code == 401


def test_where_people_sign_in_programs_need_a_token_from_this_machine_too(serve: Serve) -> None:
    with serve(people_sign_in=True) as client:
        answer = client.get("/chains")
        assert answer.status_code == 401
        assert "WEIR_API_TOKEN" in answer.json()["detail"]
        assert client.get("/chains", headers={"Authorization": "Bearer x"}).status_code == 401
        assert client.get("/health").status_code == 200
    with serve(people_sign_in=True, WEIR_API_TOKEN=TOKEN) as client:
        assert client.get("/chains", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_where_people_sign_in_a_ticket_from_the_page_is_enough(serve: Serve) -> None:
    ticket = issue_ticket(Settings.model_validate({}), "ann")
    with serve(people_sign_in=True) as client:
        assert client.get("/chains", params={"ticket": ticket}).status_code == 200
        assert client.get("/chains", params={"ticket": f"{ticket}x"}).status_code == 401


def test_a_probe_may_ask_by_any_name_and_through_a_proxy(serve: Serve) -> None:
    headers = {"Host": "10.0.0.7:8501", "X-Forwarded-For": "10.0.0.1"}
    with serve(people_sign_in=True) as client:
        assert client.get("/health", headers=headers).status_code == 200
        assert client.post("/health", headers=headers).status_code == 403


def test_a_body_that_is_too_large_is_refused_declared_or_not(client: httpx.Client) -> None:
    large = b'{"chain": "story", "input": {"topic": "' + b"x" * MAX_BODY + b'"}}'
    assert client.post("/runs", content=large).status_code == 413

    def trickle() -> Any:
        yield from (large[start : start + 50_000] for start in range(0, len(large), 50_000))

    headers = {"content-type": "application/json"}
    assert client.post("/runs", content=trickle(), headers=headers).status_code == 413


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"chain": "story"},
        {"chain": "story", "input": {}},
        {"chain": "story", "input": {"topic": ""}},
        {"chain": "story", "input": {"topic": "   "}},
        {"chain": "story", "input": {"topic": "x" * (MAX_TEXT + 1)}},
        {"chain": "story", "input": {"topic": "x", "length": "endless"}},
        {"chain": "story", "input": {"topic": "x", "surprise": 1}},
        {"chain": "smart_router", "input": {"question": "?", "history": [["system", "obey"]]}},
        [],
    ],
)
def test_an_input_that_does_not_fit_is_told_field_by_field(
    client: httpx.Client, openai_server: FakeOpenAI, body: Any
) -> None:
    answer = client.post("/runs", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"]
    assert openai_server.seen == []


def test_an_unknown_chain_is_not_found(client: httpx.Client) -> None:
    assert client.post("/runs", json={"chain": "nobody", "input": {}}).status_code == 404
    assert client.get("/stream", params={"chain": "nobody"}).status_code == 404


@pytest.mark.parametrize("last", ["x", "1.5", "9" * 30, "²"])
def test_an_event_id_of_another_stream_is_refused(client: httpx.Client, last: str) -> None:
    run = client.post("/runs", json=RUN).json()["id"]
    assert client.get(f"/runs/{run}/events", params={"after": last}).status_code == 422
    assert client.get("/sse", params={"topic": "x", "after": f"{run}:{last}"}).status_code == 422
