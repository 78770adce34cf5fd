import hashlib
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from weir.llm.local import model_files
from weir.llm.local.engine import Engine, EnginePhase, EngineState
from weir.llm.local.engine_problem import EngineError, EngineProblem

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="has no signal that ends a process")
ROOT = Path(__file__).parents[3]
GGUF = model_files.MAGIC + b"rest of a model"

ANSWERS = """
import json, sys
wish = json.loads(sys.stdin.readline())
print(json.dumps({"url": "http://127.0.0.1:1/" + wish["name"]}), flush=True)
sys.stdin.read()
"""
REFUSES = "import json; input(); print(json.dumps({'error': 'ValueError: unknown model architecture'}), flush=True)"
TALKS = """
import json, os
input()
os.write(2, b"\\xff\\n" * 100_000)
print(json.dumps({"url": "http://127.0.0.1:1"}), flush=True)
input()
"""
GARBLES = "input(); print('llama says hello', flush=True); input()"
HANGS = "import threading; threading.Event().wait()"
LONG_LAST_WORDS = "import os; os.write(2, b'noise\\n' * 5000 + b'the last words\\n')"
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
    assert (state.phase, state.url, state.model_name) == (EnginePhase.READY, "http://127.0.0.1:1/tiny", "tiny")
    pid = child_of(engine)
    engine.stop()
    assert engine.wait(0).phase is EnginePhase.STOPPED
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_second_start_does_not_begin_a_second_child(model: Path, engines: list[Engine]) -> None:
    engine = Engine(model, command=[sys.executable, "-c", ANSWERS])
    settled(engine, engines)
    pid = child_of(engine)
    engine.start()
    assert child_of(engine) == pid


@pytest.mark.parametrize(
    ("content", "problem"),
    [(None, EngineProblem.NO_SUCH_FILE), (b"", EngineProblem.NOT_GGUF), (b"PK\x03\x04", EngineProblem.NOT_GGUF)],
)
def test_a_file_that_cannot_be_a_model_is_told_before_anything_starts(
    tmp_path: Path, engines: list[Engine], content: bytes | None, problem: EngineProblem
) -> None:
    path = tmp_path / "own.gguf"
    if content is not None:
        path.write_bytes(content)
    state = settled(Engine(path), engines)
    assert (state.phase, state.problem, state.detail) == (EnginePhase.FAILED, problem, str(path))


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (REFUSES, "ValueError: unknown model architecture"),
        (DIES, "the last words"),
        (LONG_LAST_WORDS, "the last words"),
        (GARBLES, "llama says hello"),
        ("pass", "It printed nothing."),
    ],
)
def test_an_engine_that_cannot_start_says_why(model: Path, engines: list[Engine], script: str, words: str) -> None:
    state = settled(Engine(model, command=[sys.executable, "-c", script]), engines)
    assert (state.phase, state.problem) == (EnginePhase.FAILED, EngineProblem.NOT_STARTED)
    assert state.detail == words


def test_a_command_that_does_not_exist_is_told(model: Path, engines: list[Engine]) -> None:
    state = settled(Engine(model, command=["/no/such/program"]), engines)
    assert state.problem is EngineProblem.NOT_STARTED


def test_an_engine_that_died_is_begun_anew_for_the_next_answer(model: Path, engines: list[Engine]) -> None:
    engine = Engine(model, command=[sys.executable, "-c", ANSWERS])
    ready = settled(engine, engines)
    os.kill(child_of(engine), signal.SIGKILL)
    died = engine.watch(ready, 10)
    assert (died.phase, died.problem) == (EnginePhase.FAILED, EngineProblem.DIED)
    engine.ensure()
    assert engine.wait(30).phase is EnginePhase.READY


def test_ensure_leaves_a_failure_that_would_only_repeat(tmp_path: Path, engines: list[Engine]) -> None:
    engine = Engine(tmp_path / "missing.gguf")
    settled(engine, engines)
    assert engine.ensure().phase is EnginePhase.FAILED


def killed_at_first(times: int, count: Path) -> str:
    """Return the script of a child that is killed while it loads, the first `times` times."""
    return f"""
import os, signal
with open({str(count)!r}, "a+") as file:
    file.write("x")
    file.flush()
    if file.tell() <= {times}:
        os.kill(os.getpid(), signal.SIGKILL)
{ANSWERS}"""


@POSIX
def test_a_load_that_was_killed_is_begun_anew_for_the_next_answer(
    model: Path, tmp_path: Path, engines: list[Engine]
) -> None:
    engine = Engine(model, command=[sys.executable, "-c", killed_at_first(1, tmp_path / "count")])
    killed = settled(engine, engines)
    assert (killed.phase, killed.problem) == (EnginePhase.FAILED, EngineProblem.KILLED)
    engine.ensure()
    assert engine.wait(60).phase is EnginePhase.READY


@POSIX
def test_a_load_that_is_killed_again_waits_for_somebody_to_start_it(
    model: Path, tmp_path: Path, engines: list[Engine]
) -> None:
    count = tmp_path / "count"
    engine = Engine(model, command=[sys.executable, "-c", killed_at_first(3, count)])
    settled(engine, engines)
    engine.ensure()
    assert engine.wait(60).problem is EngineProblem.KILLED
    assert engine.ensure().phase is EnginePhase.FAILED
    assert count.read_text() == "xx"
    engine.start()
    assert engine.wait(60).problem is EngineProblem.KILLED
    engine.ensure()
    assert engine.wait(60).phase is EnginePhase.READY


def test_a_load_that_hangs_is_ended_at_its_deadline(
    model: Path, engines: list[Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("weir.llm.local.engine.LOAD_TIMEOUT_SECONDS", 0.0)
    engine = Engine(model, command=[sys.executable, "-c", HANGS])
    state = settled(engine, engines)
    assert (state.phase, state.problem) == (EnginePhase.FAILED, EngineProblem.TOO_SLOW)
    with pytest.raises(ProcessLookupError):
        os.kill(child_of(engine), 0)
    assert engine.ensure() == state


@LINUX
def test_the_key_is_not_in_the_state_s_text_nor_in_the_child_s_arguments(model: Path, engines: list[Engine]) -> None:
    engine = Engine(model, command=[sys.executable, "-c", ANSWERS])
    state = settled(engine, engines)
    assert state.api_key
    assert state.api_key not in repr(state)
    assert state.api_key not in Path(f"/proc/{child_of(engine)}/cmdline").read_text(encoding="utf-8")


@LINUX
def test_the_child_ends_when_its_parent_is_killed(model: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from weir.llm.local.engine import Engine\n"
        f"engine = Engine(Path({str(model)!r}), command=[sys.executable, '-c', {ANSWERS!r}])\n"
        "engine.start(); engine.wait(30); print(engine._child.pid, flush=True); input()"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        handle = os.pidfd_open(pid)
        parent.kill()
        parent.wait(30)
        assert select.select([handle], [], [], 10)[0] == [handle]
        os.close(handle)


def test_a_wrong_checksum_is_a_damaged_file(model: Path) -> None:
    seen: list[float] = []
    model_files.check_packaged(model, seen.append, sha256=hashlib.sha256(GGUF).hexdigest())
    assert seen[-1] == 1.0
    with pytest.raises(EngineError) as raised:
        model_files.check_packaged(model, seen.append)
    assert raised.value.problem is EngineProblem.DAMAGED


@LINUX
def test_a_file_that_cannot_be_read_is_told(engines: list[Engine]) -> None:
    state = settled(Engine(Path("/proc/self/mem")), engines)
    assert (state.problem, state.detail) == (EngineProblem.UNREADABLE, "/proc/self/mem: Input/output error")
    with pytest.raises(EngineError) as raised:
        model_files.check_packaged(Path("/proc/self/mem"), lambda _: None)
    assert raised.value.problem is EngineProblem.UNREADABLE


def test_whatever_the_engine_prints_does_not_block_it(model: Path, engines: list[Engine]) -> None:
    assert settled(Engine(model, command=[sys.executable, "-c", TALKS]), engines).phase is EnginePhase.READY


def test_an_engine_that_never_answers_can_be_stopped(model: Path, engines: list[Engine]) -> None:
    engine = Engine(model, command=[sys.executable, "-c", HANGS])
    engine.start()
    state = engine.state
    while state.phase is not EnginePhase.LOADING:
        state = engine.watch(state, 10)
    pid = child_of(engine)
    stopping = threading.Thread(target=engine.stop)
    stopping.start()
    stopping.join(60)
    assert not stopping.is_alive()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert engine.state == EngineState(EnginePhase.STOPPED, "tiny")


def test_a_load_that_was_stopped_leaves_the_next_one_alone(model: Path, tmp_path: Path, engines: list[Engine]) -> None:
    started = tmp_path / "started"
    script = f"open({str(started)!r}, 'a').write('x')\n{ANSWERS}"
    checking, go_on, over = threading.Event(), threading.Event(), threading.Event()

    class SlowlyChecked(Engine):
        def _load(self, turn: int) -> None:
            super()._load(turn)
            over.set()

        def _checked_file(self, turn: int) -> Path:
            if not checking.is_set():
                checking.set()
                go_on.wait(200)
            return super()._checked_file(turn)

    engine = SlowlyChecked(model, command=[sys.executable, "-c", script])
    engine.start()
    assert checking.wait(30)
    engine.stop()
    ready = settled(engine, engines)
    pid = child_of(engine)
    go_on.set()
    assert over.wait(30)
    assert (engine.state, child_of(engine)) == (ready, pid)
    os.kill(pid, 0)


def test_without_its_packages_it_says_what_is_missing() -> None:
    script = (
        "from weir.llm.local import model_files\nfrom weir.llm.local.engine import Engine\n"
        "engine = Engine(); engine.start(); print(engine.wait(30).problem.name)\n"
        "try: model_files.packaged()\nexcept Exception as error: print(error.problem.name)"
    )
    without_packages = [sys.executable, "-S", "-c", script]
    result = subprocess.run(without_packages, cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["NO_ENGINE", "NO_PACKAGED_MODEL"]
