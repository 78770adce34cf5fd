"""The pytest plugin, in runs of pytest of its own: in this process, where LangChain is imported already."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from langchain_core import output_parsers, prompts

import weir.library.recording
import weir.llm.replay_model
from tests.support.app_process import CLEAN_ENVIRONMENT, ROOT

# pytester forgets the modules that a run of its has imported. These must not be imported a second time.
IMPORTED_BEFORE = (output_parsers, prompts, weir.library.recording, weir.llm.replay_model)

pytest_plugins = ["pytester"]

EXAMPLE = ROOT / "examples" / "tale_contract"
OPTIONS = (
    *("-p", "weir.library.pytest_plugin", "-o", "asyncio_default_fixture_loop_scope=function"),
    *("-p", "no:langsmith_plugin", "-p", "no:schemathesis", "-p", "no:xdist", "-p", "no:playwright"),
)
INI = "[pytest]\nasyncio_mode = auto\n"
TEST = """
import pytest
import weir
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate

def model():
    return weir.ReplayChatModel.from_texts(ANSWER)

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


def write_test(folder: Path, *, topic: str = "rain", word: str = "upon", answer: str = "Once upon a time") -> None:
    """Write a test file whose model gives an answer, about a topic, and that asks for a word in it."""
    names = {"TOPIC": topic, "WORD": word, "ANSWER": [f"{piece} " for piece in answer.split()]}
    head = "".join(f"{name} = {value!r}\n" for name, value in names.items())
    (folder / "pytest.ini").write_text(INI)
    (folder / "test_tale.py").write_text(head + TEST)


def test_what_is_recorded_once_is_replayed_without_a_model(pytester: pytest.Pytester) -> None:
    write_test(pytester.path)
    pytester.runpytest_inprocess(*OPTIONS, "--weir=record").assert_outcomes(passed=5)
    assert sorted(path.relative_to(pytester.path).as_posix() for path in pytester.path.rglob("*.jsonl")) == [
        "recordings/test_tale/test_async.jsonl",
        "recordings/test_tale/test_chain.jsonl",
        "recordings/test_tale/test_runnable_hill-2.jsonl",
        "recordings/test_tale/test_runnable_hill.jsonl",
        "recordings/test_tale/test_runnable_sea_shore-2.jsonl",
        "recordings/test_tale/test_runnable_sea_shore.jsonl",
    ]
    write_test(pytester.path, answer="Another story")
    pytester.runpytest_inprocess(*OPTIONS).assert_outcomes(passed=5)

    live = pytester.runpytest_inprocess(*OPTIONS, "--weir=live", "-k", "test_chain")
    live.assert_outcomes(failed=1, deselected=4)
    assert "contains 'upon': not in the 14 characters; asked for: in the answer" in live.stdout.str()
    assert "upon" in (pytester.path / "recordings" / "test_tale" / "test_chain.jsonl").read_text()

    # With a model of its own, the chain itself is run on the recorded answers: a change of it is noticed.
    write_test(pytester.path, topic="snow")
    changed = pytester.runpytest_inprocess(*OPTIONS, "-k", "test_chain")
    changed.assert_outcomes(failed=1, deselected=4)
    assert "was recorded with another input. Run the test with --weir=record." in changed.stdout.str()

    write_test(pytester.path, word="absent")
    failed = pytester.runpytest_inprocess(*OPTIONS, "-k", "test_chain", "--weir-artifacts", "kept")
    failed.assert_outcomes(failed=1, deselected=4)
    shown = failed.stdout.str()
    assert "weir: tale, done" in shown
    assert "  ChatPromptTemplate  prompt" in shown
    assert "The server did not count its tokens" in shown
    (kept,) = (pytester.path / "kept").glob("*.jsonl")
    assert json.loads(kept.read_text().splitlines()[-1])["end"]["status"] == "done"
    assert f"recording: {kept}" in shown


def test_a_missing_recording_is_named(pytester: pytest.Pytester) -> None:
    write_test(pytester.path)
    done = pytester.runpytest_inprocess(*OPTIONS, "-k", "test_chain")
    done.assert_outcomes(failed=1, deselected=4)
    assert "test_chain.jsonl. Run the test once with --weir=record." in done.stdout.str()


def test_the_example_holds_its_contract_without_a_model(pytester: pytest.Pytester) -> None:
    done = pytester.runpytest_inprocess(*OPTIONS, "-p", "no:cacheprovider", "-c", EXAMPLE / "pytest.ini", EXAMPLE)
    done.assert_outcomes(passed=2)


def test_tests_without_the_fixture_load_no_langchain(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(
        "import sys\ndef pytest_unconfigure():\n    print(sorted({'langchain_core', 'pydantic'} & set(sys.modules)))\n"
    )
    (tmp_path / "test_nothing.py").write_text("def test_nothing():\n    pass\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *OPTIONS],
        cwd=tmp_path,
        env=CLEAN_ENVIRONMENT | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0
    assert done.stdout.rstrip().endswith("[]")
