"""What is found on this machine: lists of models at ports, and what a strange server may send there."""

import json
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.support.serving import served
from weir.config.settings import USUAL_PORTS, Settings
from weir.llm.local_servers import MAX_BODY, MAX_MODELS, find_models
from weir.llm.provider import ModelProvider
from weir.runs.background_loop import BackgroundLoop

ODD = ["../etc", "a b", "<img src=x>", "`x`", "weir/router", "replay:1", "", 7, None, "n" * 101, "\u202egnp"]


class Server:
    """A server of a list of models, and what it was asked."""

    def __init__(self) -> None:
        self.answer: Response = JSONResponse({})
        self.asked: list[tuple[str, str | None]] = []
        self.app = Starlette(routes=[Route("/{path:path}", self._reply, methods=["GET", "POST"])])
        self.port = 0

    def _reply(self, request: Request) -> Response:
        self.asked.append((f"{request.method} {request.url.path}", request.headers.get("authorization")))
        return self.answer


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()
    with served(found.app, "local-models") as address:
        found.port = urlsplit(address).port or 0
        yield found


def listed(*names: object, **more: str) -> Response:
    return JSONResponse({"object": "list", "data": [{"id": name, **more} for name in names]})


async def test_a_server_is_asked_once_for_its_list_and_nothing_else(server: Server) -> None:
    server.answer = listed("llama3.2:latest", *ODD, "llama3.2:latest", "org/model@1")
    found = await find_models([server.port, 9])
    assert [(model.name, model.server) for model in found] == [
        ("llama3.2:latest", f"port {server.port}"),
        ("org/model@1", f"port {server.port}"),
    ]
    assert server.asked == [("GET /v1/models", None)]
    assert found[0].lines.splitlines()[:2] == [
        '[models."llama3.2:latest"]',
        f'base_url = "http://127.0.0.1:{server.port}/v1"',
    ]


@pytest.mark.parametrize(
    "answer",
    [
        RedirectResponse("/elsewhere"),
        Response("[" * 100_000),
        JSONResponse(["what?"]),
        JSONResponse({"data": {"id": "a"}}),
        listed("a" * 50, "x", filler="y" * MAX_BODY),
        Response(json.dumps({"data": [{"id": "a"}]}), 401),
        listed("weir/smart_router", "fast", owned_by="weir"),
    ],
)
async def test_what_is_no_list_offers_nothing(server: Server, answer: Response) -> None:
    server.answer = answer
    assert await find_models([server.port]) == ()
    assert len(server.asked) == 1


async def test_a_server_offers_a_bounded_number(server: Server) -> None:
    server.answer = listed(*(f"m-{number}" for number in range(5 * MAX_MODELS)))
    assert len(await find_models([server.port])) == MAX_MODELS


def test_a_found_model_is_selected_only_once_it_was_added(
    server: Server, loop: BackgroundLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answer = listed("fake", "other")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("OPENAI_MODEL", "fake")
    models = ModelProvider(Settings.model_validate({"WEIR_DISCOVER": str(server.port)}))
    fake, other = loop.submit(models.discover()).result(60)
    assert models.found == (fake, other)
    assert models.catalogue.names == ("fake",)
    assert [models.add(fake), models.add(other), models.add(fake)] == ["fake-2", "other", "fake-2"]
    assert models.select("fake").catalogue.names == ("fake", "fake-2", "other")
    assert models.select("fake-2").model.entry.model == "fake"
    assert models.select("other").host == f"127.0.0.1:{server.port}"
    loop.submit(models.aclose()).result(60)


@pytest.mark.parametrize(
    ("variables", "ports"),
    [
        ({}, USUAL_PORTS),
        ({"OPENAI_BASE_URL": "http://x/v1"}, ()),
        ({"WEIR_ALLOWED_HOSTS": "weir.example.org"}, ()),
        ({"OPENAI_BASE_URL": "http://x/v1", "WEIR_DISCOVER": "on"}, USUAL_PORTS),
        ({"WEIR_DISCOVER": "off"}, ()),
        ({"WEIR_DISCOVER": "1, 2"}, (1, 2)),
    ],
)
def test_the_usual_ports_are_looked_at_where_nothing_names_a_model(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object, variables: dict[str, str], ports: tuple[int, ...]
) -> None:
    monkeypatch.chdir(str(tmp_path))
    monkeypatch.delenv("WEIR_DISCOVER", raising=False)
    assert Settings.model_validate(variables).discovery_ports == ports
