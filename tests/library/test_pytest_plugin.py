"""The pytest plugin, in runs of pytest of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.fake_openai import FakeOpenAI
from tests.support.preloaded_python import preloaded_python

ROOT = Path(__file__).parents[2]
MODULES = ("langchain_openai", "pytest_asyncio.plugin", "hypothesis", "weir.analysis.stream_diagnosis")
EXAMPLE = ROOT / "examples" / "tale_contract"
TEST = """
import pytest
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_openai import ChatOpenAI

def model():
    return ChatOpenAI(model="fake", stream_usage=True)

def chain(model):
    return (ChatPromptTemplate.from_template("About {topic}") | model | StrOutputParser()).with_config(run_name="tale")

def test_chain(weir_record):
    recording = weir_record(chain, {"topic": TOPIC}, model=model)
    assert recording.check(contains=WORD, finish="stop", no_error=True)

@pytest.mark.parametrize("place", ["sea/shore", "hill"])
def test_runnable(weir_record, place):
    first = weir_record(chain(model()), {"topic": place})
    second = weir_record(chain(model()), {"topic": place + " again"})
    assert first.check(contains=WORD) and second.check(contains=WORD)

async def test_async(weir_record):
    recording = await weir_record.arecord(chain, {"topic": TOPIC}, model=model)
    assert recording.check(contains=WORD)

def test_nothing():
    pass
"""


def run_pytest(
    folder: Path, *arguments: str, url: str = "http://127.0.0.1:9/v1", python: Sequence[str] | None = None
) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("OPENAI_", "PYTEST_"))}
    environment |= {"PYTHONPATH": str(ROOT), "OPENAI_BASE_URL": url, "OPENAI_API_KEY": "sk-0123456789abcdef"}
    plugin = ("-p", "weir.library.pytest_plugin")
    others = ["-p", "no:langsmith_plugin", "-p", "no:schemathesis", "-p", "no:xdist", "-p", "no:playwright"]
    return subprocess.run(
        [*(python or preloaded_python(*MODULES)), "-m", "pytest", "-q", *plugin, *others, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n"
    )
    (tmp_path / "test_tale.py").write_text(f"TOPIC = 'rain'\nWORD = 'upon'\n{TEST}")
    return tmp_path


def test_what_is_recorded_once_is_replayed_without_a_model(folder: Path, openai_server: FakeOpenAI) -> None:
    # Two processes: a ChatOpenAI is bound to the event loop that used it first.
    for chosen in ("not async", "async"):
        recorded = run_pytest(folder, "--weir=record", "-k", chosen, url=openai_server.url)
        assert recorded.returncode == 0, recorded.stdout
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.jsonl"))
    assert files == [
        "recordings/test_tale/test_async.jsonl",
        "recordings/test_tale/test_chain.jsonl",
        "recordings/test_tale/test_runnable_hill-2.jsonl",
        "recordings/test_tale/test_runnable_hill.jsonl",
        "recordings/test_tale/test_runnable_sea_shore-2.jsonl",
        "recordings/test_tale/test_runnable_sea_shore.jsonl",
    ]
    asked = len(openai_server.seen)
    replayed = run_pytest(folder)
    assert replayed.returncode == 0, replayed.stdout
    assert len(openai_server.seen) == asked == 6

    openai_server.plan.tokens = ["Another", " word"]
    live = run_pytest(folder, "--weir=live", "-k", "test_chain", url=openai_server.url)
    assert live.returncode == 1
    assert "contains 'upon': not in the 12 characters; asked for: in the answer" in live.stdout
    assert "upon" in (folder / "recordings" / "test_tale" / "test_chain.jsonl").read_text()

    # With a model of its own, the chain itself is run on the recorded answers: a change of it is noticed.
    (folder / "test_tale.py").write_text(f"TOPIC = 'snow'\nWORD = 'upon'\n{TEST}")
    changed = run_pytest(folder, "-k", "test_chain")
    assert changed.returncode == 1
    assert "was recorded with another input. Run the test with --weir=record." in changed.stdout

    (folder / "test_tale.py").write_text(f"TOPIC = 'rain'\nWORD = 'absent'\n{TEST}")
    failed = run_pytest(folder, "-k", "test_chain", "--weir-artifacts", "kept")
    assert failed.returncode == 1
    assert "weir: tale, done" in failed.stdout
    assert "  ChatPromptTemplate  prompt" in failed.stdout
    assert "Nothing holds the stream up." in failed.stdout
    (kept,) = (folder / "kept").glob("*.jsonl")
    assert json.loads(kept.read_text().splitlines()[-1])["end"]["status"] == "done"
    assert f"recording: {kept}" in failed.stdout


def test_a_missing_recording_is_named(folder: Path) -> None:
    done = run_pytest(folder, "-k", "test_chain")
    assert done.returncode == 1
    assert "test_chain.jsonl. Run the test once with --weir=record." in done.stdout


def test_tests_without_the_fixture_load_no_langchain(folder: Path) -> None:
    (folder / "conftest.py").write_text(
        "import sys\ndef pytest_unconfigure():\n    print(sorted({'langchain_core', 'pydantic'} & set(sys.modules)))\n"
    )
    (folder / "test_tale.py").write_text("def test_nothing():\n    pass\n")
    done = run_pytest(folder, python=[sys.executable])
    assert done.returncode == 0
    assert done.stdout.rstrip().endswith("[]")


def test_the_example_holds_its_contract_without_a_model() -> None:
    done = run_pytest(EXAMPLE, "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout
