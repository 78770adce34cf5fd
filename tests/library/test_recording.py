"""`import weir`: the functions and classes of the public face, and the examples in their docstrings."""

import asyncio
import doctest
import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda

import weir
from tests.support.planted_faults import planted
from weir.analysis.check_rules import RuleError
from weir.config.settings import settings
from weir.runs.recording_file import RecordingError
from weir.runs.run import Status

MODULES = ["weir.library.recording", "weir.llm.replay_model", "weir.partial_json.parser"]


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_in_the_docstrings_run(module: str) -> None:
    result = doctest.testmod(importlib.import_module(module), optionflags=doctest.ELLIPSIS)
    assert result.attempted
    assert not result.failed


@pytest.mark.parametrize("name", weir.__all__)
def test_everything_public_has_an_example(name: str) -> None:
    assert ">>>" in (getattr(weir, name).__doc__ or "")


def test_import_weir_loads_no_langchain_and_dir_lists_the_face() -> None:
    script = "import sys, weir; sys.exit(sorted({'langchain_core', 'pydantic', 'click'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "[]"
    assert set(weir.__all__) <= set(dir(weir))
    with pytest.raises(AttributeError, match="has no attribute 'absent'"):
        weir.absent  # noqa: B018


def test_a_recording_has_text_metrics_tree_and_events(tmp_path: Path) -> None:
    model = weir.ReplayChatModel.from_texts(["Once", " upon"], input_tokens=5, output_tokens=2)
    chain = (ChatPromptTemplate.from_template("About {topic}") | model).with_config(run_name="story")
    recording = weir.record(chain, {"topic": "rain"})
    assert (recording.name, recording.input, recording.text) == ("story", {"topic": "rain"}, "Once upon")
    assert (recording.metrics.tokens_in, recording.metrics.tokens_out) == (5, 2)
    names = [node.name for node in recording.tree.walk()]
    assert names == ["story", "ChatPromptTemplate", "ReplayChatModel"]
    recording.save(tmp_path / "run.jsonl")
    opened = weir.open(tmp_path / "run.jsonl")
    assert [event.payload for event in opened.events] == [event.payload for event in recording.events]
    assert repr(opened) == f"<Recording story: done, {len(opened.events)} events>"


def test_a_recording_replays_without_a_model() -> None:
    recording = weir.record(weir.ReplayChatModel.from_texts(["Once", " upon"]), "")
    again = weir.record(weir.ReplayChatModel.from_recording(recording), "")
    assert again.text == recording.text


def test_an_exception_of_the_chain_is_in_the_recording() -> None:
    def fail(_: str) -> str:
        raise ValueError("too loud")

    recording = weir.record(RunnableLambda(fail), "rain")
    assert recording.status is Status.FAILED
    assert "ValueError: too loud" in recording.error
    report = recording.check(no_error=True)
    assert not report
    assert "ValueError: too loud; asked for: no error" in str(report)
    assert "failed: ValueError: too loud" in recording.report()


async def test_arecord_runs_on_the_callers_loop() -> None:
    loops = []

    async def remember(value: str) -> str:
        loops.append(asyncio.get_running_loop())
        return value.upper()

    recording = await weir.arecord(RunnableLambda(remember), "rain")
    assert recording.text == "RAIN"
    assert loops == [asyncio.get_running_loop()]


async def test_a_cancelled_arecord_stops_the_run() -> None:
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def wait(_: str) -> str:
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return ""

    task = asyncio.create_task(weir.arecord(RunnableLambda(wait), ""))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(cancelled.wait(), 10)


def test_check_says_what_is_broken(tmp_path: Path) -> None:
    (tmp_path / "run.jsonl").write_bytes(planted("a late first token", 1))
    recording = weir.open(tmp_path / "run.jsonl")
    assert recording.check(first_token="5s", no_error=True)
    assert "first_token:" in repr(recording.check(first_token=1.0))
    with pytest.raises(RuleError, match="There is no rule firsttoken"):
        recording.check(firsttoken=1)


def test_a_file_that_is_no_recording_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("notes")
    with pytest.raises(RecordingError, match="not a recording of Weir"):
        weir.open(tmp_path / "notes.txt")


@pytest.fixture
def api_key(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-0123456789abcdef")
    settings.cache_clear()
    yield
    settings.cache_clear()


def test_a_key_of_the_settings_is_kept_out(api_key: None) -> None:

    def fail(_: str) -> str:
        raise ValueError("refused: sk-0123456789abcdef")

    recording = weir.record(RunnableLambda(fail), "")
    assert "sk-0123456789abcdef" not in recording.error
    assert all(b"sk-0123456789abcdef" not in event.payload for event in recording.events)


def test_the_report_has_tree_figures_and_diagnosis(tmp_path: Path) -> None:
    (tmp_path / "run.jsonl").write_bytes(planted("a stall", 1))
    report = weir.open(tmp_path / "run.jsonl").report()
    assert report.startswith("story")
    assert "  ChatOpenAI" in report
    assert "time to first token" in report
    assert "The stream stalled (event " in report
