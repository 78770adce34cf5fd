"""OpenAI clients that are not Weir's, at a running Weir and at the model itself: `make test-clients` installs them.

Without them nothing is tested here.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.app_process import CLEAN_ENVIRONMENT, running_weir
from tests.support.fake_openai import FakeOpenAI, Fault, Plan, fake_openai

FOLDER = Path(os.environ.get("WEIR_TEST_CLIENTS", "no such folder"))
TIMEOUT_SECONDS = 240.0
ROUTER = "weir/smart_router"
NAMES = {"plain": "fake", "routed": ROUTER}
TOKENS = ["Größe ", "🌊", " and more"]
WAYS = {
    "litellm": [str(FOLDER / "python" / "bin" / "python"), str(Path(__file__).with_name("ask_litellm.py"))],
    "openai": ["node", str(FOLDER / "node" / "ask_openai.mjs")],
    "ai-sdk": ["node", str(FOLDER / "node" / "ask_ai_sdk.mjs")],
}

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="needs WEIR_TEST_CLIENTS: make test-clients")


@pytest.fixture(scope="module")
def server() -> Iterator[FakeOpenAI]:
    with fake_openai() as serving:
        yield serving


@pytest.fixture(scope="module")
def weir(server: FakeOpenAI) -> Iterator[str]:
    variables = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "none", "OPENAI_MODEL": "fake"}
    with running_weir(WEIR_RETRIES="0", WEIR_ROUTER="local", **variables) as url:
        yield f"{url}/v1"


def asked(client: str, *arguments: str) -> Any:
    """Run a client and return what it prints."""
    ended = subprocess.run(
        [*WAYS[client], *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
        env={**CLEAN_ENVIRONMENT, "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])


def without_usage(found: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if "usage" not in name}


def of(client: str, way: str, server: FakeOpenAI, base: str, model: str) -> dict[str, Any]:
    """Return what a client makes of an answer; LiteLLM's takes several questions at once, as it imports for seconds."""
    if client == "litellm":
        (found,) = asked(client, way, f"{base}|{model}")
    else:
        found = asked(client, base, model, way)
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("client", WAYS)
@pytest.mark.parametrize("way", ["whole", "stream"])
def test_a_client_gets_the_same_from_weir_as_from_the_model(
    server: FakeOpenAI, weir: str, client: str, way: str
) -> None:
    server.plan = Plan(tokens=TOKENS)
    expected = of(client, way, server, server.url, "fake")
    assert expected["text"] == "".join(TOKENS)
    assert expected["usage"][1] == len(TOKENS)
    assert of(client, way, server, weir, "fake") == expected
    assert without_usage(of(client, way, server, weir, ROUTER)) == without_usage(expected)


@pytest.mark.parametrize("client", WAYS)
def test_a_client_gets_tool_calls_as_from_the_model(server: FakeOpenAI, weir: str, client: str) -> None:
    server.plan = Plan(tool_calls=[("measure", ['{"dep', 'th": 3}'])], finish_reason="tool_calls")
    expected = of(client, "tools", server, server.url, "fake")
    assert expected["tools"].replace(" ", "") == 'measure{"depth":3}'
    assert of(client, "tools", server, weir, "fake") == expected
    refused = of(client, "tools", server, weir, ROUTER)
    assert (refused["error"]["status"], refused.get("tools") or "") == (400, "")


@pytest.mark.parametrize("client", WAYS)
def test_a_client_gets_an_error_before_and_in_the_middle(server: FakeOpenAI, weir: str, client: str) -> None:
    for base in (server.url, weir):
        for way in ("whole", "stream"):
            server.plan = Plan(status=400, message="This is not possible.")
            found = of(client, way, server, base, "fake")
            assert (found["error"]["status"], found.get("text") or "", found.get("end")) in (
                (400, "", None),
                (400, "", "error"),  # the AI SDK's end of a stream with an error
            )
        server.plan = Plan(fault=Fault.CUT, at=2)
        found = of(client, "stream", server, base, "fake")
        assert (found["text"], found.get("end") in (None, "error", "other")) == ("Once upon", True)
        assert found["error"]


@pytest.mark.parametrize("client", WAYS)
def test_a_client_retries_as_it_does_with_the_model(server: FakeOpenAI, weir: str, client: str) -> None:
    server.plan = Plan(status=429)
    counts = []
    for base in (server.url, weir):
        before = len(server.seen)
        assert of(client, "retry", server, base, "fake")["error"]["status"] == 429
        counts.append(len(server.seen) - before)
    assert counts == [3, 3]


@pytest.mark.parametrize("client", WAYS)
def test_a_client_that_leaves_hangs_up_on_the_model(server: FakeOpenAI, weir: str, client: str) -> None:
    server.plan = Plan(fault=Fault.STALL, at=2)
    of(client, "abort", server, weir, "fake")
    assert server.seen[-1].ended.wait(TIMEOUT_SECONDS)
    assert server.seen[-1].hung_up_at is not None


def test_the_openai_sdk_reads_the_codes_of_errors(server: FakeOpenAI, weir: str) -> None:
    server.plan = Plan()
    assert asked("openai", weir, ROUTER, "tools")["error"] == {"status": 400, "code": "unsupported_parameter"}
    server.plan = Plan(fault=Fault.CUT, at=2)
    assert asked("openai", weir, "fake", "stream")["error"]["code"] == "cut"
    server.plan = Plan(status=429)
    assert asked("openai", weir, "fake", "whole")["error"] == {"status": 429, "code": "rate_limit_exceeded"}


def llm(folder: Path, servers: dict[str, tuple[str, str]], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `llm` with these models: base and name by the id that `-m` takes."""
    entries = [
        f"- model_id: {id_}\n  model_name: {name}\n  api_base: {base}\n" for id_, (base, name) in servers.items()
    ]
    (folder / "extra-openai-models.yaml").write_text("".join(entries), encoding="utf-8")
    return subprocess.run(
        [str(FOLDER / "python" / "bin" / "llm"), *arguments, "--key", "none", "Why does it fall?"],
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
        env={**CLEAN_ENVIRONMENT, "LLM_USER_PATH": str(folder)},
    )


@pytest.mark.parametrize(("name", "way"), [("plain", ()), ("plain", ("--no-stream",)), ("routed", ("--no-stream",))])
def test_llm_writes_what_the_model_writes(
    server: FakeOpenAI, weir: str, tmp_path: Path, name: str, way: tuple[str, ...]
) -> None:
    server.plan = Plan(tokens=TOKENS)
    servers = {id_: (weir, model) for id_, model in NAMES.items()} | {"direct": (server.url, "fake")}
    ended, direct = (llm(tmp_path, servers, "-m", id_, "--usage", *way) for id_ in (name, "direct"))
    assert (ended.returncode, ended.stdout) == (0, "".join(TOKENS) + "\n"), ended.stderr
    assert ended.stdout == direct.stdout
    if name == "plain":
        assert "output" in direct.stderr
        assert ended.stderr == direct.stderr


@pytest.mark.parametrize("plan", [Plan(status=400, message="This is not possible."), Plan(fault=Fault.CUT, at=2)])
def test_llm_fails_where_the_model_does(server: FakeOpenAI, weir: str, tmp_path: Path, plan: Plan) -> None:
    server.plan = plan
    servers = {"plain": (weir, "fake"), "direct": (server.url, "fake")}
    ended, direct = (llm(tmp_path, servers, "-m", id_) for id_ in servers)
    assert ended.returncode == direct.returncode == 1
    assert ended.stdout.strip() == direct.stdout.strip()
    assert "Error:" in ended.stderr
