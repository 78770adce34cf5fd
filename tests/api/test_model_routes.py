"""Models over HTTP: the list, and which one a request names."""

from pathlib import Path

import httpx
import pytest

from tests.api.conftest import Serve
from tests.support.fake_openai import FakeOpenAI


@pytest.fixture
def file(tmp_path: Path, openai_server: FakeOpenAI) -> Path:
    """A file with two models of one server."""
    path = tmp_path / "weir.toml"
    lines = [f"[models.{name}]\nbase_url = '{openai_server.url}'\nmodel = '{name}-id'" for name in ("fast", "slow")]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_a_request_names_the_model_that_answers(serve: Serve, file: Path, openai_server: FakeOpenAI) -> None:
    with serve(WEIR_CONFIG=file, OPENAI_MODEL="first", WEIR_ROUTER="local") as client:
        assert [(model["name"], model["model"], model["is_default"]) for model in client.get("/models").json()] == [
            ("first", "first", True),
            ("fast", "fast-id", False),
            ("slow", "slow-id", False),
        ]
        story = {"input": {"topic": "rain"}}
        invoked = client.post("/chains/story/invoke", json=story | {"model": "slow"})
        assert invoked.status_code == 200
        client.get("/stream", params={"topic": "rain", "model": "fast"})
        client.get("/stream", params={"topic": "rain"})
        started = client.post("/runs", json=story | {"chain": "story", "model": "fast"}).json()
        client.get(f"/runs/{started['id']}/events")
        refused = client.post("/runs", json=story | {"chain": "story", "model": "none"})
    assert [seen.body["model"] for seen in openai_server.answers] == ["slow-id", "fast-id", "first", "fast-id"]
    assert refused.status_code == 422
    assert refused.json()["detail"] == "There is no model 'none'. There are first, fast, slow."


def test_without_a_file_a_request_may_name_another_model_of_the_endpoint(
    client: httpx.Client, openai_server: FakeOpenAI
) -> None:
    client.get("/stream", params={"topic": "rain", "model": "another"})
    assert openai_server.answers[0].body["model"] == "another"
