"""Health of endpoints, and the providers of several models."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from tests.support.serving import served
from weir.config.settings import Settings
from weir.llm.endpoint_health import RETRY_SECONDS, VALID_SECONDS, HealthChecks
from weir.llm.provider import ModelProvider, UnknownModelError
from weir.runs.background_loop import BackgroundLoop

KEY = "sk-canary-0123456789"


def _models(request: Request) -> Response:
    match request.path_params["way"]:
        case "well":
            known = [{"id": "llama3.2:latest"}, {"id": "other"}]
            return JSONResponse({"object": "list", "data": known}) if _has_key(request) else JSONResponse({}, 401)
        case "page":
            return HTMLResponse("<html>Sign in</html>")
        case "odd":
            return JSONResponse(["what?"])
    return JSONResponse({}, int(request.path_params["way"]))


def _has_key(request: Request) -> bool:
    return request.headers.get("authorization") == f"Bearer {KEY}"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with served(Starlette(routes=[Route("/{way}/v1/models", _models)]), "models") as address:
        yield address


@pytest.fixture
def providers(
    server: str, loop: BackgroundLoop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ModelProvider]:
    monkeypatch.setenv("KEY_OF_A_TEST", KEY)
    file = tmp_path / "weir.toml"
    ways = {name: name for name in ("page", "odd", "404", "503")} | {"m401": "401", "well": "well", "keyless": "well"}
    parts = [
        f"[models.{name}]\nbase_url = {json.dumps(f'{server}/{way}/v1')}\nmodel = 'llama3.2'\n"
        for name, way in {f"of-{name}": way for name, way in ways.items()}.items()
    ]
    parts += [f"[models.lacks]\nbase_url = '{server}/well/v1'\nkey_env = 'KEY_OF_A_TEST'\n"]
    parts += ["[models.gone]\nbase_url = 'http://127.0.0.1:9/v1'\n", "[models.tiny]\nembedded = true\n"]
    parts += ["[models.unset]\nkey_env = 'NOT_SET_IN_A_TEST'\n"]
    text = "".join(parts).replace("of-well]\n", "of-well]\nkey_env = 'KEY_OF_A_TEST'\n")
    file.write_text(text, encoding="utf-8")
    models = ModelProvider(Settings.model_validate({"WEIR_CONFIG": file}))
    yield models
    loop.submit(models.aclose()).result(timeout=60)


def test_a_look_says_what_is_wrong_with_an_endpoint(
    providers: ModelProvider, loop: BackgroundLoop, server: str
) -> None:
    host = server.removeprefix("http://")
    expected = {
        "of-well": "",
        "of-odd": "",
        "of-404": "",
        "of-keyless": f"{host} refuses the key",
        "of-m401": f"{host} refuses the key",
        "of-503": f"{host} answers with an error (503)",
        "of-page": f"{host} answers with a web page: its address usually ends in /v1",
        "lacks": f"{host} has no such model: it has llama3.2:latest, other",
        "gone": "127.0.0.1:9 cannot be reached (ConnectError)",
        "unset": "NOT_SET_IN_A_TEST, which is to have its key, is not set",
        "tiny": "",
    }
    found = {
        name: loop.submit(providers.select(name).check_health()).result(timeout=60).problem
        for name in providers.catalogue.names
    }
    assert found == expected
    assert [name for name in found if providers.select(name).is_health_due] == []
    assert providers.select("tiny").health is None
    gone = providers.select("gone").health
    assert gone is not None
    assert gone.problem == expected["gone"]


def test_a_look_counts_for_a_while_and_one_that_found_a_problem_for_less(
    loop: BackgroundLoop, providers: ModelProvider
) -> None:
    now = 0.0
    checks = HealthChecks(providers._shared.http, lambda: now)
    assert checks.is_due("a")
    for name, seconds in (("of-well", VALID_SECONDS), ("gone", RETRY_SECONDS)):
        endpoint = providers.select(name).endpoint()
        assert endpoint is not None
        loop.submit(checks.check(name, endpoint, None)).result(timeout=60)
        assert not checks.is_due(name)
        now += seconds
        assert checks.is_due(name)


def test_a_provider_selects_models_that_share_their_connections(providers: ModelProvider) -> None:
    chosen = providers.select("lacks")
    endpoint = chosen.endpoint()
    assert endpoint is not None
    assert (chosen.name, endpoint.model, endpoint.name) == ("lacks", "lacks", "lacks")
    model = chosen.chat_model()
    assert model is not None
    assert model.metadata is not None
    assert model.metadata["weir_model"] == "lacks"
    assert providers.select("lacks").chat_model() is model
    assert providers.select("").name == providers.name == "of-page"
    assert providers.select("tiny").engine is not None
    assert chosen.engine is None
    assert (providers.select("tiny").routes_locally, chosen.routes_locally) == (True, False)
    for select in (providers.select, providers.choose):
        with pytest.raises(UnknownModelError, match="There is no model 'other'"):
            select("other")


def test_where_no_file_names_models_the_endpoint_may_have_another() -> None:
    models = ModelProvider(Settings.model_validate({"OPENAI_BASE_URL": "http://localhost:1/v1", "OPENAI_MODEL": "one"}))
    endpoint = models.choose("two").endpoint()
    assert endpoint is not None
    assert (endpoint.model, endpoint.base_url, endpoint.name) == ("two", "http://localhost:1/v1", "")
