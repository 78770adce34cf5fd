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
TIMEOUT_SECONDS = 60
ROUTER = "weir/smart_router"
NAMES = {"plain": "fake", "routed": ROUTER}
TOKENS = ["Größe ", "🌊", " and more"]
LITELLM = """
import json, sys
import litellm
def ask(base, model):
    question = {"role": "user", "content": "Why does it fall?"}
    asked = {"model": f"openai/{model}", "api_base": base, "api_key": "none", "messages": [question], "max_retries": 0}
    whole = litellm.completion(**asked)
    parts = list(litellm.completion(**asked, stream=True, stream_options={"include_usage": True}))
    usage = next(part.usage for part in reversed(parts) if getattr(part, "usage", None))
    choices = [part.choices[0] for part in parts if part.choices]
    return {
        "text": whole.choices[0].message.content,
        "end": whole.choices[0].finish_reason,
        "usage": [whole.usage.prompt_tokens, whole.usage.completion_tokens],
        "streamed": "".join(choice.delta.content or "" for choice in choices),
        "streamed end": [choice.finish_reason for choice in choices if choice.finish_reason],
        "streamed usage": [usage.prompt_tokens, usage.completion_tokens],
    }
print(json.dumps([ask(*pair.split("|")) for pair in sys.argv[1:]]))
"""
WAYS = {
    "litellm": [str(FOLDER / "python" / "bin" / "python"), "-c", LITELLM],
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


@pytest.mark.parametrize(("client", "way"), [("openai", ("whole",)), ("openai", ("stream",)), ("ai-sdk", ())])
def test_a_client_gets_the_same_from_weir_as_from_the_model(
    server: FakeOpenAI, weir: str, client: str, way: tuple[str, ...]
) -> None:
    server.plan = Plan(tokens=TOKENS)
    expected = asked(client, server.url, "fake", *way)
    assert expected["text"] == "".join(TOKENS)
    assert asked(client, weir, "fake", *way) == expected
    assert without_usage(asked(client, weir, ROUTER, *way)) == without_usage(expected)


def test_litellm_gets_the_same_from_weir_as_from_the_model(server: FakeOpenAI, weir: str) -> None:
    server.plan = Plan(tokens=TOKENS)
    # It takes seconds to import.
    direct, plain, routed = asked("litellm", f"{server.url}|fake", f"{weir}|fake", f"{weir}|{ROUTER}")
    assert direct["text"] == direct["streamed"] == "".join(TOKENS)
    assert plain == direct
    assert without_usage(routed) == without_usage(direct)


def test_the_openai_sdk_gets_tool_calls_errors_and_retries(server: FakeOpenAI, weir: str) -> None:
    server.plan = Plan(tool_calls=[("measure", ['{"dep', 'th": 3}'])], finish_reason="tool_calls")
    expected = asked("openai", server.url, "fake", "tools")
    assert expected["tools"] == 'measure{"depth": 3}'
    assert asked("openai", weir, "fake", "tools") == expected
    assert asked("openai", weir, ROUTER, "tools")["error"] == {"status": 400, "code": "unsupported_parameter"}
    server.plan = Plan(fault=Fault.CUT, at=2)
    cut = asked("openai", weir, "fake", "stream")
    assert (cut["text"], cut["error"]["code"], cut.get("end")) == ("Once upon", "cut", None)
    server.plan = Plan(status=429)
    before = len(server.seen)
    assert asked("openai", weir, "fake", "retry")["error"] == {"status": 429, "code": "rate_limit_exceeded"}
    assert len(server.seen) == before + 3
    server.plan = Plan(fault=Fault.STALL, at=2)
    asked("openai", weir, "fake", "abort")
    assert server.seen[-1].ended.wait(TIMEOUT_SECONDS)
    assert server.seen[-1].hung_up_at is not None


@pytest.mark.parametrize(("name", "way"), [("plain", ()), ("routed", ("--no-stream",))])
def test_llm_writes_what_the_model_writes(
    server: FakeOpenAI, weir: str, tmp_path: Path, name: str, way: tuple[str, ...]
) -> None:
    server.plan = Plan(tokens=TOKENS)
    entries = [f"- model_id: {id_}\n  model_name: {model}\n  api_base: {weir}\n" for id_, model in NAMES.items()]
    (tmp_path / "extra-openai-models.yaml").write_text("".join(entries), encoding="utf-8")
    ended = subprocess.run(
        [str(FOLDER / "python" / "bin" / "llm"), "-m", name, *way, "--key", "none", "Why does it fall?"],
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
        env={**CLEAN_ENVIRONMENT, "LLM_USER_PATH": str(tmp_path)},
    )
    assert (ended.returncode, ended.stdout) == (0, "".join(TOKENS) + "\n"), ended.stderr
