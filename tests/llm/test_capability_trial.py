"""What a model can do: tried with short requests, kept without a password, and used where its file says nothing."""

from pathlib import Path

import pytest

from tests.support.fake_openai import FakeOpenAI, Plan
from weir.config.capabilities import FILE, Capabilities, read_capabilities
from weir.config.settings import Settings
from weir.llm.capability_trial import TrialError, try_capabilities
from weir.llm.provider import ModelProvider
from weir.runs.background_loop import BackgroundLoop


@pytest.fixture(autouse=True)
def by_plan(openai_server: FakeOpenAI) -> None:
    openai_server.able = None


TOOL = Plan(tool_calls=[("report_depth", ['{"metres": 3}'])], finish_reason="tool_calls")


def tried(server: FakeOpenAI, loop: BackgroundLoop, folder: Path, more: str = "") -> Capabilities:
    file = folder / "weir.toml"
    file.write_text(f"[models.fake]\nbase_url = '{server.url}'\n{more}", encoding="utf-8")
    models = ModelProvider(Settings.model_validate({"WEIR_CONFIG": file, "WEIR_DATA": folder / "data"}))
    try:
        return loop.submit(try_capabilities(models)).result(60)
    finally:
        loop.submit(models.aclose()).result(60)


@pytest.mark.parametrize(
    ("plan", "structured", "found"),
    [
        (TOOL, Plan(tokens=['{"metres"', ": 3}"]), (True, True, False)),
        (Plan(), Plan(tokens=['{"depth": 3}']), (False, False, False)),
        (Plan(reasoning=["Hm."]), Plan(tokens=["Three."]), (False, False, True)),
        (Plan(status=400), Plan(status=422), (False, False, None)),
    ],
)
def test_a_model_shows_what_it_can(
    openai_server: FakeOpenAI,
    loop: BackgroundLoop,
    tmp_path: Path,
    plan: Plan,
    structured: Plan,
    found: tuple[bool, bool, bool | None],
) -> None:
    openai_server.plan, openai_server.structured = plan, structured
    known = tried(openai_server, loop, tmp_path)
    assert (known.tools, known.json_schema, known.reasoning) == found
    assert len(openai_server.seen) == 2


def test_what_is_known_is_not_asked(openai_server: FakeOpenAI, loop: BackgroundLoop, tmp_path: Path) -> None:
    openai_server.structured = Plan(tokens=['{"metres": 3}'])
    known = tried(openai_server, loop, tmp_path, "tools = false\nreasoning = true\n")
    assert known == Capabilities(json_schema=True), "a grammar may keep it from thinking"
    assert [seen.is_structured for seen in openai_server.seen] == [True]


def test_a_server_in_trouble_says_nothing_of_its_model(
    openai_server: FakeOpenAI, loop: BackgroundLoop, tmp_path: Path
) -> None:
    openai_server.plan = Plan(status=503)
    with pytest.raises(TrialError):
        tried(openai_server, loop, tmp_path)
    assert len(openai_server.seen) == 1


def test_what_was_found_out_is_kept_and_used_where_the_file_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "weir.toml").write_text(
        "[models.one]\nbase_url = 'http://ann:password@here:1/v1'\nmodel = 'id'\ntools = true\n"
        "[models.tiny]\nembedded = true\n",
        encoding="utf-8",
    )
    settings = Settings.model_validate({"WEIR_CONFIG": tmp_path / "weir.toml", "WEIR_DATA": tmp_path})
    models = ModelProvider(settings)
    assert models.capabilities == Capabilities(tools=True)
    models.keep_capabilities(Capabilities(tools=False, json_schema=False))
    models.select("one").keep_capabilities(Capabilities(reasoning=True))
    assert "password" not in (tmp_path / FILE).read_text(encoding="utf-8")
    known = Capabilities(tools=True, json_schema=False, reasoning=True)
    assert [models.capabilities, ModelProvider(settings).capabilities] == [known, known]
    assert models.routes_locally, "a model that does not keep to a schema cannot classify"
    assert models.select("tiny").capabilities.unknown == ()
    (tmp_path / FILE).write_text("[", encoding="utf-8")
    assert read_capabilities(tmp_path) == {}
    assert known.words == "tools, no JSON schema, reasoning"
