import hashlib
import json
import os
import select
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from local_model import files
from local_model.engine import Engine, EngineState, Phase
from local_model.problem import Problem, ProblemError

ROOT = Path(__file__).parents[2]
GGUF = files.MAGIC + b"rest of a model"

ANSWERS = """
import json, sys
wish = json.loads(sys.stdin.readline())
print(json.dumps({"url": "http://127.0.0.1:1/" + wish["name"]}), flush=True)
sys.stdin.read()
"""
REFUSES = "import json; input(); print(json.dumps({'error': 'ValueError: unknown model architecture'}), flush=True)"
DIES = "import sys; input(); print('the last words', file=sys.stderr)"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.gguf"
    path.write_bytes(GGUF)
    return path


@pytest.fixture
def engines() -> Iterator[list[Engine]]:
    started: list[Engine] = []
    yield started
    for engine in started:
        engine.stop()


def settled(engine: Engine, engines: list[Engine]) -> EngineState:
    engines.append(engine)
    engine.start()
    return engine.wait(60)


def child_of(engine: Engine) -> int:
    assert engine._child is not None
    return engine._child.pid


def test_an_engine_goes_from_idle_to_ready_and_stops(model: Path, engines: list[Engine]) -> None:
    engine = Engine(model, command=[sys.executable, "-c", ANSWERS])
    assert str(engine.state.phase) == "idle"
    state = settled(engine, engines)
    assert (state.phase, state.url, state.model_name) == (Phase.READY, "http://127.0.0.1:1/tiny", "tiny")
    pid = child_of(engine)
    engine.stop()
    assert engine.wait(0).phase is Phase.STOPPED
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_second_start_does_not_begin_a_second_child(model: Path, engines: list[Engine]) -> None:
    engine = Engine(model, command=[sys.executable, "-c", ANSWERS])
    settled(engine, engines)
    pid = child_of(engine)
    engine.start()
    assert child_of(engine) == pid


@pytest.mark.parametrize(
    ("content", "problem"), [(None, Problem.NO_SUCH_FILE), (b"", Problem.NOT_GGUF), (b"PK\x03\x04", Problem.NOT_GGUF)]
)
def test_a_file_that_cannot_be_a_model_is_told_before_anything_starts(
    tmp_path: Path, engines: list[Engine], content: bytes | None, problem: Problem
) -> None:
    path = tmp_path / "own.gguf"
    if content is not None:
        path.write_bytes(content)
    state = settled(Engine(path), engines)
    assert (state.phase, state.problem, state.detail) == (Phase.FAILED, problem, str(path))


@pytest.mark.parametrize(
    ("script", "words"), [(REFUSES, "ValueError: unknown model architecture"), (DIES, "the last words")]
)
def test_an_engine_that_cannot_start_says_why(model: Path, engines: list[Engine], script: str, words: str) -> None:
    state = settled(Engine(model, command=[sys.executable, "-c", script]), engines)
    assert (state.phase, state.problem) == (Phase.FAILED, Problem.NOT_STARTED)
    assert state.detail == words


def test_a_command_that_does_not_exist_is_told(model: Path, engines: list[Engine]) -> None:
    state = settled(Engine(model, command=["/no/such/program"]), engines)
    assert state.problem is Problem.NOT_STARTED


def test_an_engine_that_died_is_begun_anew_for_the_next_answer(model: Path, engines: list[Engine]) -> None:
    engine = Engine(model, command=[sys.executable, "-c", ANSWERS])
    ready = settled(engine, engines)
    os.kill(child_of(engine), signal.SIGKILL)
    died = engine.watch(ready, 10)
    assert (died.phase, died.problem) == (Phase.FAILED, Problem.DIED)
    engine.ensure()
    assert engine.wait(10).phase is Phase.READY


def test_ensure_leaves_a_failure_that_would_only_repeat(tmp_path: Path, engines: list[Engine]) -> None:
    engine = Engine(tmp_path / "missing.gguf")
    settled(engine, engines)
    assert engine.ensure().phase is Phase.FAILED


def test_the_key_is_not_in_the_state_s_text_nor_in_the_child_s_arguments(model: Path, engines: list[Engine]) -> None:
    engine = Engine(model, command=[sys.executable, "-c", ANSWERS])
    state = settled(engine, engines)
    assert state.api_key
    assert state.api_key not in repr(state)
    assert state.api_key not in Path(f"/proc/{child_of(engine)}/cmdline").read_text(encoding="utf-8")


def test_the_child_ends_when_its_parent_is_killed(model: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from local_model.engine import Engine\n"
        f"engine = Engine(Path({str(model)!r}), command=[sys.executable, '-c', {ANSWERS!r}])\n"
        "engine.start(); engine.wait(10); print(engine._child.pid, flush=True); input()"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        handle = os.pidfd_open(pid)
        parent.kill()
        parent.wait(5)
        assert select.select([handle], [], [], 10)[0] == [handle]
        os.close(handle)


def test_a_wrong_checksum_is_a_damaged_file(model: Path) -> None:
    seen: list[float] = []
    files.check_packaged(model, seen.append, sha256=hashlib.sha256(GGUF).hexdigest())
    assert seen[-1] == 1.0
    with pytest.raises(ProblemError) as told:
        files.check_packaged(model, seen.append)
    assert told.value.problem is Problem.DAMAGED


@pytest.fixture(scope="module")
def embedded() -> Iterator[EngineState]:
    engine = Engine()
    engine.start()
    state = engine.wait(120)
    assert state.phase is Phase.READY, state
    yield state
    engine.stop()


def post(state: EngineState, body: dict[str, Any], key: str | None = None) -> Any:
    request = urllib.request.Request(
        f"{state.url}/v1/chat/completions",
        json.dumps(
            {"model": state.model_name, "messages": [{"role": "user", "content": "Tell me of rain"}]} | body
        ).encode(),
        {"content-type": "application/json", "authorization": f"Bearer {key or state.api_key}"},
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)


@pytest.mark.embedded
def test_the_packaged_model_writes_and_keeps_to_the_limit(embedded: EngineState) -> None:
    answer = post(embedded, {"max_completion_tokens": 12})
    assert answer["usage"]["completion_tokens"] == 12
    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["choices"][0]["message"]["content"].strip()


@pytest.mark.embedded
def test_the_packaged_model_keeps_to_a_json_schema(embedded: EngineState) -> None:
    schema = {
        "type": "object",
        "properties": {"category": {"enum": ["math", "code", "general"]}},
        "required": ["category"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "json_schema": {"name": "c", "schema": schema}}
    answer = post(embedded, {"response_format": form, "max_tokens": 30})
    assert json.loads(answer["choices"][0]["message"]["content"])["category"] in ("math", "code", "general")


@pytest.mark.embedded
def test_four_answers_are_written_at_once(embedded: EngineState) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: post(embedded, {"max_tokens": 8}), range(4)))
    assert [answer["usage"]["completion_tokens"] for answer in answers] == [8] * 4


@pytest.mark.embedded
def test_the_engine_is_closed_to_those_without_the_key(embedded: EngineState) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        post(embedded, {}, key="wrong")
    refused.value.close()
    assert refused.value.code == 401
