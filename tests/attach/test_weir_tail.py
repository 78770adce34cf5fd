"""Unchanged programs, as processes, attached to Weir: what arrives is what Weir's own handler hears inside them."""

import contextlib
import http.server
import json
import signal
import statistics
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from tests.support.app_process import free_port
from tests.support.attaching import AttachServer, attach_server, environment, runs_of, start, wait_until
from weir.analysis.metrics import run_metrics
from weir.analysis.outcome import AnswerStatus, outcome
from weir.runs.run import Run, Status

pytestmark = pytest.mark.slow

MODEL = """
import asyncio, os, sys, threading, time
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate

def chain():
    model = GenericFakeChatModel(messages=iter(["Once upon a time"] * 99))
    return ChatPromptTemplate.from_template("tell {topic}") | model | StrOutputParser()
"""

PROGRAMS = {
    "threads": """
def work(number):
    for _ in chain().stream({"topic": f"t{number}"}): pass
threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
""",
    "asyncio": """
async def work(number):
    async for _ in chain().astream({"topic": f"a{number}"}): await asyncio.sleep(0)
async def main():
    await asyncio.gather(*(work(n) for n in range(10)))
asyncio.run(main())
""",
    "forks": """
import multiprocessing
def work(number):
    chain().invoke({"topic": f"f{number}"}, {"tags": ["mine"], "metadata": {"user": {"a": [1, None, 2.5]}}})
work(0)
children = [multiprocessing.get_context("fork").Process(target=work, args=(n,)) for n in (1, 2)]
for child in children: child.start()
for child in children: child.join()
""",
    "graph": """
from typing import TypedDict
from langchain_core.tools import tool
from langgraph.graph import END, START, StateGraph
class State(TypedDict, total=False):
    topic: str
    text: str
@tool
def measure(depth: int) -> str:
    "Measure."
    return f"{depth} m"
def write(state): return {"text": chain().invoke({"topic": measure.invoke({"depth": 3}) + state["topic"]})}
def fail(state):
    try: measure.invoke({"depth": "deep"})
    except Exception: pass
    return {}
graph = StateGraph(State)
graph.add_node("write", write)
graph.add_node("fail", fail)
graph.add_edge(START, "write"); graph.add_edge("write", "fail"); graph.add_edge("fail", END)
for _ in graph.compile().stream({"topic": "weir"}, stream_mode="messages"): pass
""",
}
RUNS = {"threads": 4, "asyncio": 10, "forks": 3, "graph": 1}


@pytest.fixture(scope="module")
def server() -> Iterator[AttachServer]:
    with attach_server() as serving:
        yield serving


def write(folder: Path, name: str, program: str) -> str:
    (folder / name).write_text(MODEL + program, encoding="utf-8")
    return name


def heard(folder: Path, run: Run) -> list[dict[str, Any]]:
    lines = (folder / f"{run.id}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def assert_as_heard(folder: Path, run: Run) -> None:
    """The events of a run are those that Weir's own handler heard: in order, none twice, none missing."""
    expected = heard(folder, run)
    own = ("chain_error", "model_error", "on_weir_attached")
    arrived = [event.as_dict() for event in run.events if not event.event.endswith(own)]
    assert [event.seq for event in run.events] == list(range(len(run.events)))
    apart = [one["at"] - other["at"] for one, other in zip(arrived, expected, strict=True)]
    assert statistics.median(abs(one - statistics.median(apart)) for one in apart) < 0.001
    for event in (*arrived, *expected):
        event.pop("seq", None)
        del event["at"]
    # LangChain has not told the handler the input of a chain that streams when it starts; the tail waits for it.
    first, first_expected = arrived[0].pop("data"), expected[0].pop("data")
    assert set(first) <= set(first_expected)
    assert arrived == expected


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_a_program_sends_is_what_the_handler_hears(server: AttachServer, tmp_path: Path, name: str) -> None:
    script = write(tmp_path, f"app_{name}.py", PROGRAMS[name])
    process = start([script], environment(server.url, tmp_path), tmp_path)
    output, errors = process.communicate(timeout=200)
    assert (process.returncode, output, errors) == (0, "", "")
    runs = runs_of(server, script)
    assert len(runs) == RUNS[name]
    for run in runs:
        assert run.status is Status.DONE
        assert_as_heard(tmp_path, run)
        assert run.input["topic"]
    assert len({run.context["program"]["pid"] for run in runs}) == (3 if name == "forks" else 1)


def test_a_program_that_crashes_leaves_its_error(server: AttachServer, tmp_path: Path) -> None:
    script = write(
        tmp_path,
        "crash.py",
        """
from langchain_core.runnables import RunnableLambda
def fail(text): raise ValueError("too deep: " + os.environ["MY_API_KEY"]) from KeyError("depth")
(chain() | RunnableLambda(fail)).invoke({"topic": "a crash"})
""",
    )
    process = start([script], environment(server.url, MY_API_KEY="a-secret-of-mine"), tmp_path)
    _, errors = process.communicate(timeout=200)
    assert process.returncode == 1
    assert "ValueError: too deep" in errors.splitlines()[-1]
    (run,) = runs_of(server, script)
    assert run.status is Status.FAILED
    assert run.failure is not None
    assert run.failure.detail == "ValueError: too deep: •••"
    last = run.events[-1]
    assert last.event == "on_chain_error"
    assert last.get("error")["causes"] == [{"type": "KeyError", "message": "'depth'"}]


def test_a_server_with_two_workers_is_two_programs(server: AttachServer, tmp_path: Path) -> None:
    write(
        tmp_path,
        "served.py",
        """
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
app = FastAPI()
@app.get("/{topic}")
async def tell(topic: str):
    return StreamingResponse(chain().astream({"topic": topic}))
""",
    )
    port = free_port()
    command = ["-m", "uvicorn", "served:app", "--workers", "2", "--port", str(port), "--log-level", "warning"]
    process = start(command, environment(server.url, tmp_path), tmp_path)
    name, answers = "uvicorn served:app", []

    def has_both() -> bool:
        with contextlib.suppress(httpx.TransportError):
            answers.append(httpx.get(f"http://127.0.0.1:{port}/rain", timeout=60).text)
        return len({run.context["program"]["pid"] for run in runs_of(server, name)}) == 2

    wait_until(has_both)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=100)
    assert set(answers) == {"Once upon a time"}
    runs = runs_of(server, name)
    assert len(runs) == len(answers)
    for run in runs:
        assert run.status is Status.DONE
        assert_as_heard(tmp_path, run)


def test_a_program_that_leaves_at_once_leaves_no_damage(server: AttachServer, tmp_path: Path) -> None:
    script = write(tmp_path, "leaves.py", "list(chain().stream({'topic': 'a leaf'})); os._exit(3)")
    process = start([script], environment(server.url, tmp_path), tmp_path)
    output, errors = process.communicate(timeout=200)
    assert (process.returncode, output, errors) == (3, "", "")
    # What the last tenth of a second brought may be missing; what is there is there in order.
    for run in runs_of(server, script):
        assert [event.seq for event in run.events] == list(range(len(run.events)))


STREAMLIT_APP = """
import streamlit as st
st.write_stream(chain().stream({"topic": "a page"}))
"""


def test_a_streamlit_app_of_somebodys_own_is_attached(server: AttachServer, tmp_path: Path) -> None:
    write(tmp_path, "page.py", STREAMLIT_APP)
    port = free_port()
    options = {"server.port": port, "server.headless": "true", "browser.gatherUsageStats": "false"}
    command = ["-m", "streamlit", "run", "page.py", *(f"--{name}={value}" for name, value in options.items())]
    process = start(command, environment(server.url, tmp_path, HOME=str(tmp_path)), tmp_path)
    name = "streamlit page.py"

    def is_open() -> bool:
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"http://127.0.0.1:{port}/_stcore/health", timeout=60).status_code == 200
        return False

    try:
        wait_until(is_open)
        # What a browser sends when somebody opens the page.
        with connect(f"ws://127.0.0.1:{port}/_stcore/stream", subprotocols=[Subprotocol("streamlit")]) as page:
            page.send(BackMsg(rerun_script=ClientState()).SerializeToString())
            wait_until(lambda: any(not run.is_live for run in runs_of(server, name)))
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=100)
    (run,) = runs_of(server, name)
    assert run.status is Status.DONE
    assert_as_heard(tmp_path, run)


def test_a_test_run_by_pytest_is_attached(server: AttachServer, tmp_path: Path) -> None:
    write(tmp_path, "test_mine.py", "def test_mine():\n    assert len(list(chain().stream({'topic': 'a test'}))) > 3\n")
    options = ["-p", "no:cacheprovider", "-p", "no:weir", "-p", "no:schemathesis", "-p", "no:langsmith_plugin"]
    process = start(["-m", "pytest", "-q", *options, "test_mine.py"], environment(server.url, tmp_path), tmp_path)
    output, _ = process.communicate(timeout=200)
    assert "1 passed" in output
    (run,) = runs_of(server, "pytest")
    assert_as_heard(tmp_path, run)


def test_what_a_program_asks_of_its_model_is_the_same_to_the_byte(server: AttachServer, tmp_path: Path) -> None:
    script = write(
        tmp_path,
        "asks.py",
        """
import asyncio
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.prebuilt import create_react_agent
@tool
def measure(depth: int) -> str:
    "Measure."
    return f"{depth} m"
model = ChatOpenAI(model="m", base_url=sys.argv[1], api_key="none", max_retries=0)
model.invoke("one")
for _ in model.stream("two"): pass
model.batch(["three"])
asyncio.run(model.ainvoke("four"))
for mode in ("values", "messages"):
    for _ in create_react_agent(model, [measure]).stream({"messages": ["five"]}, stream_mode=mode): pass
""",
    )
    with recording_server() as (url, requests):
        runs = []
        for variables in (environment(server.url), environment("0")):
            process = start(["-W", "ignore", script, url], variables, tmp_path)
            _, errors = process.communicate(timeout=200)
            assert (process.returncode, errors) == (0, "")
            runs.append(requests.copy())
            requests.clear()
    with_tail, without = runs
    assert len(with_tail) == 6
    assert with_tail == without
    assert len(runs_of(server, script)) == 6


@contextlib.contextmanager
def recording_server() -> Iterator[tuple[str, list[bytes]]]:
    """An OpenAI-compatible server that notes every request whole, its head and its body."""
    requests: list[bytes] = []
    message = {"role": "assistant", "content": "An answer"}

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            requests.append(self.requestline.encode() + bytes(self.headers) + body)
            head = {"id": "x", "created": 0, "model": "m"}
            if json.loads(body).get("stream"):
                choices = [{"index": 0, "delta": message, "finish_reason": "stop"}]
                event = json.dumps({**head, "object": "chat.completion.chunk", "choices": choices})
                kind, answer = "text/event-stream", f"data: {event}\n\ndata: [DONE]\n\n"
            else:
                choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
                kind, answer = "application/json", json.dumps({**head, "object": "chat.completion", "choices": choices})
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer.encode())

        def log_message(self, *_: Any) -> None:
            """Be quiet."""

    served = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=served.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{served.server_port}/v1", requests
    served.shutdown()
    served.server_close()


@pytest.mark.parametrize(("number", "has_end"), [(signal.SIGTERM, True), (signal.SIGKILL, False), (0, False)])
def test_a_program_that_is_killed_or_leaves_by_os_exit_leaves_what_it_had_sent(
    server: AttachServer, tmp_path: Path, number: int, has_end: bool
) -> None:
    script = write(
        tmp_path,
        f"killed{number}.py",
        """
for chunk in chain().stream({"topic": "a river"}):
    if chunk == "time": print("ready"); sys.stdin.readline(); os._exit(0)
""",
    )
    process = start([script], environment(server.url), tmp_path, stdin=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    wait_until(lambda: any(run.events[-1].event == "on_chat_model_stream" for run in runs_of(server, script)))
    if number:
        process.send_signal(number)
    process.communicate("" if number else "\n", timeout=100)
    assert process.returncode == -number
    (run,) = runs_of(server, script)
    assert run.is_live is not has_end
    if has_end:
        result = outcome(run, run_metrics(run.events))
        assert result.status is AnswerStatus.LOST
        assert run_metrics(run.events).characters == len("Once upon a time")
