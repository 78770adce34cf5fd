from typing import Any

import httpx
import pytest

from tests.support.archived_runs import end, entry, live_run
from weir.access.caller import LOCAL_PROGRAMS
from weir.archive.run_archive import RunArchive
from weir.storage.storage_errors import StorageError, StorageProblem

ME = LOCAL_PROGRAMS[0]


def listed(client: httpx.Client, **parameters: Any) -> list[str]:
    response = client.get("/runs", params=parameters)
    assert response.status_code == 200, response.text
    return [run["input"] for run in response.json()["runs"]]


@pytest.fixture
def runs(store: RunArchive) -> None:
    for number in range(7):
        status = "failed" if number % 2 else "done"
        values = {
            "chain": f"chain{number % 3}",
            "status": status,
            "search_text": f"run {number}",
            "is_pinned": number == 4,
        }
        store.index.add(entry(f"run-{number}", owner=ME, created_at=1e9 + number, input=str(number), **values))
    store.index.add(entry("another's", input="another's"))


def test_the_callers_runs_come_in_pages_newest_first(client: httpx.Client, runs: None) -> None:
    pages, cursor = [], None
    while True:
        body = client.get("/runs", params={"limit": 3, **({"cursor": cursor} if cursor else {})}).json()
        pages.append([run["input"] for run in body["runs"]])
        cursor = body["next"]
        if cursor is None:
            break
    assert pages == [["6", "5", "4"], ["3", "2", "1"], ["0"]]


def test_the_list_is_filtered(client: httpx.Client, runs: None) -> None:
    assert listed(client, chain=["chain0", "chain1"]) == ["6", "4", "3", "1", "0"]
    assert listed(client, status="failed") == ["5", "3", "1"]
    assert listed(client, text="RUN 2") == ["2"]
    assert listed(client, since="2001-09-09T01:46:45+00:00") == ["6", "5"]
    assert listed(client, since="2001-09-09T01:46:45") == ["6", "5"]
    assert listed(client, pinned=True) == ["4"]


def test_live_runs_come_first_and_on_the_first_page_only(client: httpx.Client, store: RunArchive, runs: None) -> None:
    live = live_run("live", owner=ME)
    store.add(live)
    store.add(live_run("another's", owner="ben"))
    first = client.get("/runs", params={"limit": 2}).json()
    assert [(run["input"], run["status"]) for run in first["runs"][:2]] == [("live", "writing"), ("6", "done")]
    assert listed(client, limit=9, cursor=first["next"]) == ["4", "3", "2", "1", "0"]
    end(live)
    store.flush()
    assert listed(client, text="live") == ["live"]


def test_a_listed_run_opens_by_its_links(client: httpx.Client, store: RunArchive) -> None:
    run = live_run("rain", owner=ME)
    store.add(run)
    end(run)
    store.flush()
    (item,) = client.get("/runs").json()["runs"]
    assert (item["model"], item["tokens_out"], item["time_to_first_token"], item["page"]) == ("fake", 3, 0.5, "story")
    assert item["links"]["page"] == f"/events?run={run.id}"
    address = item["links"]["run"].removeprefix("/api")
    assert client.get(address).json()["id"] == run.id


def test_a_run_over_http_says_so_in_the_list(client: httpx.Client, store: RunArchive) -> None:
    run_id = client.post("/runs", json={"chain": "story", "input": {"topic": "rain"}}).json()["id"]
    store.get(run_id).wait(30)
    store.flush()
    (item,) = client.get("/runs").json()["runs"]
    assert (item["id"], item["chain"], item["page"], item["input"]) == (run_id, "story", "http", "rain")


@pytest.mark.parametrize("cursor", ["x", "!!!", "aW5mIHg=", "bmFu", "é"])
def test_a_cursor_of_no_list_is_refused(client: httpx.Client, cursor: str) -> None:
    response = client.get("/runs", params={"cursor": cursor})
    assert response.status_code == 422
    assert "cursor" in response.json()["detail"]


def test_a_database_that_fails_is_said(
    client: httpx.Client, store: RunArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise StorageError(StorageProblem.CORRUPT)

    monkeypatch.setattr(store.index, "_reading", fail)
    assert client.get("/runs").status_code == 503
