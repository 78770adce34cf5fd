"""Attach routes: who may send, whose the runs are, and what the lists have of them."""

import uuid
from typing import Any

import httpx

from tests.api.conftest import Serve
from tests.runs.test_attached_programs import END, PROGRAM, RUN, body, event, header
from weir.access.tickets import issue_ticket
from weir.config.settings import Settings

TOKEN = {"Authorization": "Bearer a-long-random-token"}


def send(client: httpx.Client, *lines: Any, **headers: str) -> httpx.Response:
    return client.post("/attach", content=body((0, [header(), *lines])), headers=headers)


def test_a_program_and_its_run_are_listed(client: httpx.Client) -> None:
    assert send(client, event(0), event(1, "Once")).json() == {"runs": {RUN: {"next": 3}}}
    (program,) = client.get("/programs").json()["programs"]
    assert (program["name"], program["state"], program["runs"], program["live_runs"], program["events"]) == (
        "app.py", "live", 1, 1, 2,
    )  # fmt: skip
    for chosen in ("app.py", PROGRAM):
        (item,) = client.get("/runs", params={"program": chosen}).json()["runs"]
        assert (item["id"], item["status"], item["page"], item["program"]) == (RUN, "writing", "attach", "app.py")
    assert client.get("/runs", params={"program": "other.py"}).json()["runs"] == []
    run = client.get(f"/runs/{RUN}").json()
    assert (run["status"], run["links"]["page"]) == ("running", f"/events?run={RUN}")


def test_a_run_of_a_program_has_events_and_a_recording_and_cannot_be_stopped(client: httpx.Client) -> None:
    send(client, event(0), event(1, "Once"))
    refused = client.delete(f"/runs/{RUN}")
    assert refused.status_code == 409
    assert refused.json()["detail"] == "Another program runs this: Weir cannot stop it."
    send(client, event(0), event(1, "Once"), END)
    assert "event: end" in client.get(f"/runs/{RUN}/events").text
    lines = client.get(f"/runs/{RUN}/recording").text.splitlines()
    assert len(lines) == 4


def test_runs_belong_to_whoever_holds_the_token(serve: Serve) -> None:
    with serve(WEIR_API_TOKEN="a-long-random-token") as client:
        assert send(client, event(0)).status_code == 401
        assert client.get("/programs").status_code == 401
        assert send(client, event(0), **TOKEN).status_code == 200
        assert client.get(f"/runs/{RUN}", headers=TOKEN).status_code == 200
        assert [run["id"] for run in client.get("/runs", headers=TOKEN).json()["runs"]] == [RUN]


def test_a_ticket_sends_nothing_and_reads_no_run_of_a_program(serve: Serve) -> None:
    with serve(WEIR_API_TOKEN="a-long-random-token") as client:
        send(client, event(0), **TOKEN)
        settings = Settings.model_validate({"WEIR_API_TOKEN": "a-long-random-token"})
        ticket = {"ticket": issue_ticket(settings, "a visitor")}
        assert client.post("/attach", content=body(), params=ticket).status_code == 403
        assert client.get(f"/runs/{RUN}", params=ticket).status_code in (403, 404, 410)
        assert client.get("/programs", params=ticket).json() == {"programs": []}


def test_a_page_of_another_site_sends_nothing(client: httpx.Client) -> None:
    assert send(client, event(0), **{"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert client.get("/programs").json() == {"programs": []}


def test_what_is_too_large_or_no_report_is_refused(client: httpx.Client) -> None:
    assert client.post("/attach", content=b"x" * 1_000_001).status_code == 413
    wrong = client.post("/attach", content=b"hello\n")
    assert wrong.status_code == 422
    assert wrong.json()["detail"].startswith("The first line is not the report of a program")


def test_deleting_and_unknown_ids_are_as_for_other_runs(client: httpx.Client) -> None:
    assert client.get(f"/runs/{uuid.uuid4()}").status_code == 404
