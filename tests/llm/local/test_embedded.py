import contextlib
import http.client
import json
import os
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest

from weir.llm.local.engine import SLOTS, Engine, EnginePhase, EngineState
from weir.llm.local.engine_problem import EngineProblem

pytestmark = pytest.mark.embedded

ENDLESS = {"stream": True, "ignore_eos": True, "max_tokens": 4000}
"""Minutes of answer."""


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = Engine()
    engine.start()
    yield engine
    engine.stop()


@pytest.fixture
def embedded(engine: Engine) -> EngineState:
    state = engine.wait(120)
    assert state.phase is EnginePhase.READY, state
    return state


def body(**fields: Any) -> bytes:
    return json.dumps({"messages": [{"role": "user", "content": "Tell me of rain"}]} | fields).encode()


def ask(state: EngineState, *, key: str | None = None, timeout: float = 60, **fields: Any) -> Any:
    headers = {"content-type": "application/json", "authorization": f"Bearer {key or state.api_key}"}
    request = urllib.request.Request(f"{state.url}/v1/chat/completions", body(**fields), headers)
    with urllib.request.urlopen(request, timeout=timeout) as response:
        return json.load(response)


@contextlib.contextmanager
def stream(state: EngineState, **fields: Any) -> Iterator[http.client.HTTPResponse]:
    """Yield a response whose first event has arrived; leaving hangs up."""
    address = urlsplit(state.url or "")
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=60)
    headers = {"content-type": "application/json", "authorization": f"Bearer {state.api_key}"}
    connection.request("POST", "/v1/chat/completions", body(**fields), headers)
    with contextlib.closing(connection), connection.getresponse() as response:
        assert response.readline().startswith(b"data: ")
        yield response


def test_it_streams_words_and_then_the_usage(embedded: EngineState) -> None:
    with stream(embedded, stream=True, max_tokens=12, stream_options={"include_usage": True}) as response:
        lines = [line[6:].strip() for line in response if line.startswith(b"data: ")]
    assert lines[-1] == b"[DONE]"
    chunks = [json.loads(line) for line in lines[:-1]]
    deltas = [choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"]]
    assert "".join(deltas).strip()
    assert len(deltas) > 6
    assert (chunks[-1]["choices"], chunks[-1]["usage"]["completion_tokens"]) == ([], 12)


@pytest.mark.parametrize("limit", [{"max_tokens": 12}, {"max_completion_tokens": 12}])
def test_it_keeps_to_the_limit(embedded: EngineState, limit: dict[str, Any]) -> None:
    answer = ask(embedded, **limit)
    assert answer["usage"]["completion_tokens"] == 12
    assert answer["choices"][0]["finish_reason"] == "length"


def test_it_keeps_to_a_json_schema(embedded: EngineState) -> None:
    schema = {
        "type": "object",
        "properties": {"category": {"enum": ["math", "code", "general"]}},
        "required": ["category"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "json_schema": {"name": "c", "schema": schema}}
    answer = ask(embedded, response_format=form, max_tokens=30)
    assert json.loads(answer["choices"][0]["message"]["content"])["category"] in ("math", "code", "general")


def test_four_answers_are_written_at_once(embedded: EngineState) -> None:
    with ThreadPoolExecutor(SLOTS) as pool:
        answers = list(pool.map(lambda _: ask(embedded, max_tokens=8), range(SLOTS)))
    assert [answer["usage"]["completion_tokens"] for answer in answers] == [8] * SLOTS


def test_a_short_answer_does_not_wait_for_long_ones(embedded: EngineState) -> None:
    with contextlib.ExitStack() as long_ones:
        for _ in range(SLOTS - 1):
            long_ones.enter_context(stream(embedded, **ENDLESS))
        assert ask(embedded, max_tokens=4)["usage"]["completion_tokens"] == 4


def test_hanging_up_frees_the_slot(embedded: EngineState) -> None:
    with contextlib.ExitStack() as all_slots:
        for _ in range(SLOTS):
            all_slots.enter_context(stream(embedded, **ENDLESS))
    assert ask(embedded, max_tokens=4, timeout=30)["usage"]["completion_tokens"] == 4


def test_it_is_closed_to_those_without_the_key(embedded: EngineState) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask(embedded, key="wrong")
    refused.value.close()
    assert refused.value.code == 401


def test_no_page_of_another_origin_may_read_it(embedded: EngineState) -> None:
    request = urllib.request.Request(f"{embedded.url}/health", headers={"origin": "null"})
    with urllib.request.urlopen(request, timeout=10) as response:
        assert not response.headers["access-control-allow-origin"]


def test_the_engine_runs_in_another_process(embedded: EngineState) -> None:
    assert "xllamacpp" not in sys.modules


def test_killed_it_is_back_for_the_next_answer(engine: Engine, embedded: EngineState) -> None:
    assert engine._child is not None
    killed = engine._child.pid
    os.kill(killed, signal.SIGKILL)
    assert engine.watch(embedded, 10).problem is EngineProblem.DIED
    engine.ensure()
    again = engine.wait(60)
    assert engine._child.pid != killed
    assert ask(again, max_tokens=4)["usage"]["completion_tokens"] == 4
