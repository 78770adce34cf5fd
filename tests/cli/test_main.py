"""The command, as a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.preloaded_python import COMMAND, preloaded_python
from weir.cli.engine_wait import NoModelError, await_model
from weir.cli.record import find_chain
from weir.config.settings import Settings
from weir.llm.provider import ModelProvider
from weir.runs.recording_file import from_jsonl
from weir.runs.run import Status

ROOT = Path(__file__).parents[2]
STORY = str(ROOT / "pages" / "assets" / "recordings" / "1-a-story.jsonl")
SLOW = ("langchain_core", "langchain_openai", "openai", "streamlit", "sqlalchemy", "fastapi", "starlette", "numpy")
CHAINS = """
from langchain_core.runnables import RunnableLambda

async def shout(value):
    return value["topic"].upper()

async def fails(value):
    raise ValueError("too loud")

chain = RunnableLambda(shout)
broken = RunnableLambda(fails)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "my_chains.py").write_text(CHAINS)
    (tmp_path / "chains").mkdir()
    return tmp_path


def weir(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(folder, *preloaded_python(*COMMAND), "-m", "weir", *arguments)


def python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(folder, sys.executable, *arguments)


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("OPENAI_", "WEIR_"))}
    return subprocess.run(
        command,
        cwd=folder,
        env=environment | {"PYTHONPATH": str(ROOT), "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_chain_is_recorded_to_a_file_without_a_page(folder: Path) -> None:
    done = weir(folder, "my_chains:chain", "--input", '{"topic": "rain"}', "--record", "run.jsonl")
    assert (done.returncode, "Done." in done.stderr) == (0, True)
    run = from_jsonl((folder / "run.jsonl").read_bytes())
    assert (run.status, run.input) == (Status.DONE, {"topic": "rain"})
    assert run.events[-1].data["output"] == "RAIN"


@pytest.mark.slow
def test_record_imports_neither_streamlit_nor_the_database(folder: Path) -> None:
    script = (
        "import sys; from weir.cli.main import main; main(sys.argv[1:]);"
        "sys.exit(sorted({'streamlit', 'sqlalchemy', 'fastapi'} & set(sys.modules)))"
    )
    done = python(folder, "-c", script, "my_chains:chain", "--input", '{"topic": "rain"}', "--record", "run.jsonl")
    assert done.stderr.splitlines()[-1] == "[]"
    assert (folder / "run.jsonl").exists()


@pytest.mark.parametrize(
    ("arguments", "slow"),
    [
        (("--help",), ("pydantic", "rich")),
        (("check", STORY, "--first-token", "1s", "--no-error", "--doctor", "--contains", "light"), ("jsonschema",)),
        (("show", STORY), ()),
        (("replay", STORY, "--instant"), ()),
    ],
    ids=["help", "check", "show", "replay"],
)
def test_what_needs_no_chain_imports_no_slow_library(
    folder: Path, arguments: tuple[str, ...], slow: tuple[str, ...]
) -> None:
    slow_ones = {*slow, *SLOW}
    script = (
        "import sys; from weir.cli.main import main; code = main(sys.argv[1:]);"
        f"sys.exit(sorted({slow_ones!r} & set(sys.modules)) or code)"
    )
    done = python(folder, "-c", script, *arguments)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_run_that_fails_is_recorded_and_the_command_says_so(folder: Path) -> None:
    done = weir(folder, "my_chains:broken", "--record", "-")
    assert done.returncode == 1
    assert "ValueError: too loud" in done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["end"]["status"] == "failed"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("my_chains:absent", "--record", "-"), "my_chains:absent cannot be imported: AttributeError"),
        (("absent:chain",), "absent:chain cannot be imported: ModuleNotFoundError"),
        (("absent",), "attribute. It is no command either: `weir --help` lists them."),
        (("chains:agent",), "chains:agent cannot be opened in the app, because the app has a package called chains"),
        (("--record", "-"), "--record needs a chain"),
        (("story", "--input", "{", "--record", "-"), "--input is not JSON"),
        (("story", "--input", "{}", "--record", "-"), "topic"),
    ],
)
def test_what_cannot_begin_gives_a_sentence(folder: Path, arguments: tuple[str, ...], sentence: str) -> None:
    done = weir(folder, *arguments)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert done.stdout == ""


def test_await_model_names_an_embedded_model_that_is_not_ready_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.setenv(variable, "")

    class NeverStarted(ModelProvider):
        def start(self) -> None:
            """Leave the engine idle."""

        def endpoint(self) -> None:
            return None

    models, story = NeverStarted(Settings()), find_chain("story")
    value = story.input_model.model_validate({"topic": "rain"})
    with pytest.raises(NoModelError, match="The embedded model is not ready after 0 s: it is idle"):
        await_model(models, lambda: story.prepare(models, value), timeout=0)


GRAPH = """
import sqlite3
from typing import TypedDict
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt

class State(TypedDict, total=False):
    topic: str
    answer: str

def ask(state: State) -> State:
    return {"answer": interrupt(f"Is {state['topic']} right?")}

saver = SqliteSaver(sqlite3.connect("threads.sqlite", check_same_thread=False))
graph = StateGraph(State).add_node(ask).add_edge(START, "ask").compile(checkpointer=saver)
"""


def test_a_graph_is_interrupted_and_resumed_by_two_commands(folder: Path) -> None:
    (folder / "my_graph.py").write_text(GRAPH)
    first = ("my_graph:graph", "--input", '{"topic": "rain"}', "--thread", "one", "--record", "first.jsonl")
    asked = weir(folder, *first)
    assert (asked.returncode, "Waiting for a person." in asked.stderr) == (0, True)
    assert from_jsonl((folder / "first.jsonl").read_bytes()).status is Status.WAITING
    done = weir(folder, "my_graph:graph", "--thread", "one", "--resume", '"yes"', "--record", "second.jsonl")
    assert (done.returncode, "Done." in done.stderr) == (0, True)
    run = from_jsonl((folder / "second.jsonl").read_bytes())
    assert (run.status, run.events[-1].data["output"]) == (Status.DONE, {"topic": "rain", "answer": "yes"})


def test_a_thread_of_what_is_no_graph_is_refused(folder: Path) -> None:
    refused = weir(folder, "my_chains:chain", "--thread", "one", "--record", "-")
    assert (refused.returncode, "Only a graph has a thread" in refused.stderr) == (2, True)
