"""The tail's queue and what it sends, in one process: full, forgotten, refused, without texts, and odd values."""

import dataclasses
import http.server
import json
import math
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableConfig, RunnableLambda

from tests.support.attaching import wait_until
from weir.analysis.metrics import run_metrics
from weir.archive.run_archive import RunArchive
from weir.attach import weir_tail
from weir.attach.weir_tail import Tail
from weir.core import serialization
from weir.runs.attached_programs import AttachedPrograms
from weir.runs.recording_decoder import Decoder
from weir.runs.run import Run, Status

WORDS = "Once upon a time there was a weir"
CHAIN = ChatPromptTemplate.from_template("tell {topic}") | GenericFakeChatModel(
    messages=iter([AIMessage(WORDS) for _ in range(1_000)])
)


class WeirStub:
    """Weir's endpoint alone, which can be set to fail."""

    def __init__(self) -> None:
        self.archives = [RunArchive(50_000_000)]
        self.programs = AttachedPrograms(self.archives[-1])
        self.status = 200
        self.bodies: list[bytes] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(handler) -> None:  # noqa: N805
                body = handler.rfile.read(int(handler.headers["Content-Length"]))
                answer = b"{}"
                if self.status == 200:
                    self.bodies.append(body)
                    answer = serialization.dumps(self.programs.receive("owner", body))
                handler.send_response(self.status)
                handler.send_header("Content-Length", str(len(answer)))
                handler.end_headers()
                handler.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def forget_all(self) -> None:
        """Have a new memory, as after a crash."""
        self.archives.append(RunArchive(50_000_000))
        self.programs = AttachedPrograms(self.archives[-1])

    @property
    def runs(self) -> list[Run]:
        return self.archives[-1].runs()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        for archive in self.archives:
            archive.close(10)


@pytest.fixture
def weir() -> Iterator[WeirStub]:
    stub = WeirStub()
    yield stub
    stub.close()


def attached(url: str, *, has_content: bool = True, folder: str = "") -> tuple[Tail, RunnableConfig]:
    tail = Tail(url, "", folder, has_content)
    return tail, {"callbacks": [weir_tail._make_handler(tail)]}


def ended(weir: WeirStub, count: int = 1) -> list[Run]:
    wait_until(lambda: len(weir.runs) == count and not any(run.is_live for run in weir.runs))
    return weir.runs


def test_a_weir_that_was_started_anew_gets_the_run_from_its_beginning(weir: WeirStub) -> None:
    tail, config = attached(weir.url)
    stream = CHAIN.stream({"topic": "a restart"}, config)
    next(stream)
    wait_until(lambda: bool(weir.runs))
    weir.forget_all()
    assert "".join(str(chunk.content) for chunk in stream) == WORDS.removeprefix("Once")
    (run,) = ended(weir)
    tail.close()
    assert run_metrics(run.events).characters == len(WORDS)
    assert [event.seq for event in run.events] == list(range(len(run.events)))


def test_a_weir_that_fails_for_a_while_misses_nothing(weir: WeirStub, capsys: pytest.CaptureFixture[str]) -> None:
    weir.status = 500
    tail, config = attached(weir.url)
    for _ in range(3):
        CHAIN.invoke({"topic": "errors"}, config)
        list(CHAIN.stream({"topic": "errors"}, config))
    wait_until(lambda: tail.is_explained)
    weir.status = 200
    assert len(ended(weir, 6)) == 6
    tail.close()
    # One line, once.
    assert capsys.readouterr().err.count("\n") == 1


def test_a_full_queue_leaves_out_payloads_then_tokens_and_says_so(
    weir: WeirStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weir_tail, "MAX_QUEUE", 12_000)
    weir.status = 500
    tail, config = attached(weir.url)
    list(CHAIN.stream({"topic": "x" * 4_000}, config))
    (run,) = tail._runs.values()
    assert tail._queued <= 2 * 12_000
    assert tail.dropped > 0
    dropped = tail.dropped
    weir.status = 200
    tail.close()
    (kept,) = ended(weir)
    assert kept.id == run.id
    assert kept.status is Status.DONE
    marks = [event.data for event in kept.events if event.name == "weir_dropped"]
    assert sum(mark["events"] for mark in marks) == dropped
    assert sum(mark["payloads"] for mark in marks) > 0
    assert any("omitted" in event.data for event in kept.events)


class Waiting(threading.Event):
    """An event that notes how long it is waited for; each wait ends early, as under load."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.seconds.append(timeout or 0.0)
        return super().wait(0.05)


@pytest.mark.parametrize(("asked_before", "most"), [(0.0, 0.5), (0.4, 0.11), (60.0, 0.0)])
def test_an_exit_has_one_deadline_for_all_that_it_waits_for(
    monkeypatch: pytest.MonkeyPatch, asked_before: float, most: float
) -> None:
    monkeypatch.setenv("WEIR_ATTACH_TIMEOUT", "0.5")
    tail = Tail("", "", "", True)
    # A thread that never gets done, as its Weir hangs.
    waiting = Waiting()
    tail._thread, tail._idle = threading.current_thread(), waiting
    tail._asked_at = asked_before and time.monotonic() - asked_before
    tail.close()
    assert max(waiting.seconds, default=0.0) <= most
    assert waiting.seconds == sorted(waiting.seconds, reverse=True)
    tail._thread = None


def test_without_a_weir_the_oldest_runs_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weir_tail, "MAX_QUEUE", 60_000)
    tail, config = attached("http://127.0.0.1:9")
    for number in range(30):
        list(CHAIN.stream({"topic": str(number)}, config))
    assert tail._queued <= 60_000
    assert json.loads(list(tail._runs.values())[-1].input) == {"topic": "29"}
    assert tail.dropped > 0
    tail.close()


def test_without_texts_the_times_and_sizes_stay(weir: WeirStub) -> None:
    tail, config = attached(weir.url, has_content=False)
    list(CHAIN.stream({"topic": "a secret"}, {**config, "metadata": {"user": "Ann"}, "tags": ["mine"]}))
    failing: RunnableLambda[Any, Any] = RunnableLambda(lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        failing.invoke("a secret", config)
    tail.close()
    streamed, failed = sorted(ended(weir, 2), key=lambda run: run.created_at)
    sent = b"".join(weir.bodies)
    assert not any(word in sent for word in (b"secret", b"Once", b"upon", b"Ann", b"division"))
    metrics = run_metrics(streamed.events)
    assert metrics.characters == len(WORDS)
    assert metrics.time_to_first_token is not None
    assert streamed.events[0].component.tags == ("mine",)
    assert failed.failure is not None
    assert failed.failure.detail == "ZeroDivisionError: "


def test_values_of_variables_that_look_like_keys_are_hidden(weir: WeirStub, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = 'kä"y\\of-mine'
    monkeypatch.setenv("MY_SERVICE_PASSWORD", secret)
    tail, config = attached(weir.url)
    list(CHAIN.stream({"topic": f"the key is {secret}!"}, config))
    tail.close()
    (run,) = ended(weir)
    assert run.input == {"topic": "the key is •••!"}
    assert "of-mine" not in b"".join(weir.bodies).decode()


def test_values_of_options_that_look_like_keys_are_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    argv = ["python", "app.py", "--api-key", "sk-1", "--token=t", "--verbose", "rain", "--password", "--dry", "key.txt"]
    monkeypatch.setattr(sys, "orig_argv", argv)
    hidden = "python app.py --api-key ••• --token=••• --verbose rain --password --dry key.txt"
    assert weir_tail._command() == hidden


@pytest.mark.parametrize(
    ("argv", "name"),
    [
        ("python -X dev -W ignore app/main.py --fast", "main.py"),
        ("python -m my.worker", "my.worker"),
        ("python /venv/bin/uvicorn --port 80 app:make(x)", "uvicorn app:make(x)"),
        ("python -m gunicorn --bind 127.0.0.1:80 app:app", "gunicorn app:app"),
        ("python /venv/bin/streamlit run app.py", "streamlit app.py"),
        ("python -c pass", "python -c"),
    ],
)
def test_a_program_is_called_after_what_it_runs(monkeypatch: pytest.MonkeyPatch, argv: str, name: str) -> None:
    monkeypatch.setattr(sys, "orig_argv", argv.split())
    assert weir_tail.program_name() == name


def test_recordings_are_written_for_the_user_alone(tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    tail, config = attached("", folder=str(folder))
    list(CHAIN.stream({"topic": "a file"}, config))
    tail.close()
    (path,) = folder.glob("*.jsonl")
    assert (path.stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (0o600, 0o700)
    decoder = Decoder()
    lines = [decoder.decode(line) for line in path.read_bytes().splitlines(keepends=True)]
    assert getattr(lines[-1], "status", None) is Status.DONE
    assert tail._runs == {}
    assert tail._queued == 0


@dataclasses.dataclass
class Point:
    x: int


class Broken:
    def __repr__(self) -> str:
        raise RuntimeError


def nested(depth: int) -> Any:
    value: Any = "deep"
    for _ in range(depth):
        value = [value]
    return value


CYCLE: list[Any] = []
CYCLE.append(CYCLE)
VALUES = [
    {"a": [1, 2.5, None, True], "b": "é😀\u2028", "c": (1, 2)},
    HumanMessage("hello"),
    AIMessageChunk(content="hi", response_metadata={"finish_reason": "stop"}),
    ChatPromptTemplate.from_template("x {y}").invoke({"y": 1}),
    {Point(1).x: Point(2), "s": {"one"}, "e": ValueError("no")},
    [float("nan"), math.inf, 2**70],
    {"bytes": b"x", "class": Point},
]
ODD = ["\ud800 half", nested(80), nested(300), nested(5_000), CYCLE, Broken(), {Broken(): 1}, 10**5_000, "x" * 10**6]


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_values_are_written_as_weirs_own_recorder_writes_them(value: Any) -> None:
    assert json.loads(weir_tail._encode(value)) == json.loads(serialization.dumps(value))


@pytest.mark.parametrize("value", ODD, ids=range(len(ODD)))
def test_odd_values_break_neither_the_program_nor_the_record(weir: WeirStub, value: Any) -> None:
    tail, config = attached(weir.url)
    step: RunnableLambda[Any, Any] = RunnableLambda(lambda _: value)
    more: RunnableConfig = {"tags": ["half \ud800"], "run_name": "n" * 5_000, "metadata": {"large": "😀" * 10**5}}
    assert step.invoke(value, {**config, **more}) is value
    tail.close()
    (run,) = ended(weir)
    assert (run.status, tail.errors) == (Status.DONE, 0)
    assert len(run.events) == 3
    assert run.size < 2_000_000
