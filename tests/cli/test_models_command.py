"""`weir models`, and `--model` with a file of several."""

import json
from pathlib import Path

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.support.command_process import running_command
from tests.support.fake_openai import FakeOpenAI, Plan
from tests.support.serving import served


def test_the_models_are_listed_with_what_is_wrong_and_named_by_option(
    tmp_path: Path, openai_server: FakeOpenAI
) -> None:
    openai_server.plan = Plan(tokens=["4", "25"])
    (tmp_path / "weir.toml").write_text(
        "default = 'up'\n[models.down]\nbase_url = 'http://127.0.0.1:9/v1'\n"
        f"[models.up]\nbase_url = '{openai_server.url}'",
        encoding="utf-8",
    )
    app = Starlette(routes=[Route("/v1/models", lambda _: JSONResponse({"data": [{"id": "llama3.2"}]}))])
    with served(app, "found") as address:
        ports = {"WEIR_DISCOVER": address.rpartition(":")[2]}
        with running_command(tmp_path, "models", "--json", url=openai_server.url, environment=ports) as listed:
            assert listed.wait() == 0
    found = [json.loads(line) for line in listed.output.text.splitlines()]
    assert [(model["name"], model["default"], model["problem"]) for model in found] == [
        ("up", True, ""),
        ("gpt-4o-mini", False, ""),
        ("down", False, "127.0.0.1:9 cannot be reached (ConnectError)"),
        ("llama3.2", False, ""),
    ]
    assert [model["found"] for model in found] == [False, False, False, True]
    arguments = ("ask", "Why?", "--route", "code", "--json", "--model")
    with running_command(tmp_path, *arguments, "up", url=openai_server.url) as asked:
        assert asked.wait() == 0
    assert json.loads(asked.output.text)["model"] == "up"
    assert openai_server.answers[0].body["model"] == "up"
    with running_command(tmp_path, *arguments, "other", url=openai_server.url) as refused:
        assert refused.wait() == 2
    assert "There is no model 'other'. There are gpt-4o-mini, down, up." in refused.errors.text
