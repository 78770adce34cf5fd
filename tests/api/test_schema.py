"""The API against its own OpenAPI document, with valid and invalid requests that schemathesis generates."""

from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import status_code_conformance

from tests.api.conftest import Serve
from tests.support.fake_openai import FakeOpenAI, Plan

OPERATIONS = {
    ("GET", "/stream"),
    ("GET", "/sse"),
    ("GET", "/chains"),
    ("POST", "/chains/{name}/invoke"),
    ("GET", "/runs"),
    ("POST", "/runs"),
    ("GET", "/runs/{run_id}"),
    ("DELETE", "/runs/{run_id}"),
    ("GET", "/runs/{run_id}/events"),
    ("GET", "/runs/{run_id}/recording"),
    ("POST", "/attach"),
    ("GET", "/models"),
    ("GET", "/programs"),
    ("GET", "/health"),
    ("POST", "/connections/{name}/break"),
    ("GET", "/ticks"),
}
NOT_GENERATED = {("GET", "/ticks"), ("POST", "/attach")}
"""One takes ten seconds; the other takes lines, and has tests of its own with wrong ones."""
EXAMPLES = 40
"""Generated requests for each operation."""


@pytest.fixture(scope="module")
def documents() -> dict[str, Any]:
    """The documents read before, by the folders of their addresses. Making one takes as long as 30 requests."""
    return {}


def schema_of(base: str, documents: dict[str, Any]) -> Any:
    folder = urlsplit(base).path
    if folder not in documents:
        documents[folder] = schemathesis.openapi.from_dict(httpx.get(f"{base}/openapi.json").json())
    return documents[folder]


@pytest.mark.slow
@pytest.mark.parametrize(("method", "path"), sorted(OPERATIONS - NOT_GENERATED))
def test_no_request_meets_a_server_error_or_an_undocumented_status(
    serve: Serve, openai_server: FakeOpenAI, documents: dict[str, Any], method: str, path: str
) -> None:
    openai_server.plan = Plan(tokens=["a", "b"])
    statuses: set[int] = set()
    with serve(WEIR_TIMEOUT=30) as client:
        base = str(client.base_url).rstrip("/")
        schema = schema_of(base, documents)

        @given(case=schema[path][method].as_strategy())
        @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
        def holds(case: Any) -> None:
            response = case.call(base_url=base)
            statuses.add(response.status_code)
            case.validate_response(response, checks=[not_a_server_error, status_code_conformance])

        holds()
    assert statuses


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/models"), ("GET", "/models/{name}"), ("POST", "/chat/completions")]
)
def test_no_request_at_the_openai_door_meets_a_server_error(
    serve: Serve, openai_server: FakeOpenAI, documents: dict[str, Any], method: str, path: str
) -> None:
    openai_server.plan = Plan(tokens=["a", "b"])
    with serve(WEIR_TIMEOUT=30) as client:
        base = str(client.base_url).rstrip("/").removesuffix("/api") + "/v1"
        schema = schema_of(base, documents)

        @given(case=schema[path][method].as_strategy())
        @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
        def holds(case: Any) -> None:
            case.validate_response(case.call(base_url=base), checks=[not_a_server_error, status_code_conformance])

        holds()


def test_every_operation_is_documented(client: httpx.Client) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert {(method.upper(), path) for path, methods in paths.items() for method in methods} == OPERATIONS
