"""The commands that read recordings: `weir show`, `weir replay`, `weir diff`, `weir serve-replay`."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import openai
import pytest

from tests.support.planted_faults import planted, recording, sound_plan
from tests.support.preloaded_python import COMMAND, preloaded_python
from weir.cli.main import COMMANDS, main

ROOT = Path(__file__).parents[2]
RECORDINGS = ROOT / "pages" / "assets" / "recordings"
STORY = str(RECORDINGS / "1-a-story.jsonl")


def start(*arguments: str, stdout: int = subprocess.PIPE) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    command = [*preloaded_python(*COMMAND), "-m", "weir", *arguments]
    return subprocess.Popen(command, env=environment, stdout=stdout, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def sound(tmp_path: Path) -> str:
    path = tmp_path / "sound.jsonl"
    path.write_bytes(recording(sound_plan(1)))
    return str(path)


def test_show_has_outcome_tree_figures_and_diagnosis(sound: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", sound, str(RECORDINGS / "5-a-model-that-died.jsonl")]) == 0
    printed = capsys.readouterr().out
    assert f"{sound}: story, " in printed
    assert "events. Done." in printed
    assert "    StrOutputParser  parser  " in printed
    assert "  finish reason                stop" in printed
    assert "  Nothing holds the stream up." in printed
    assert "events. Cut off. " in printed
    assert "failed: OpenAIConnectionError: Connection error." in printed


def test_show_prints_the_text_alone(sound: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "--text", sound]) == 0
    assert capsys.readouterr().out == "".join(sound_plan(1).chunks) + "\n"


@pytest.mark.parametrize("path", sorted(RECORDINGS.glob("*.jsonl")), ids=lambda path: path.name)
def test_every_recording_that_comes_with_weir_is_shown_and_replayed(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", str(path)]) == 0
    assert main(["replay", "--instant", str(path)]) == 0
    assert main(["diff", str(path), str(path)]) == 0
    assert "The events are the same" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["show", "replay", "serve-replay", "check"])
def test_a_file_that_cannot_be_opened_is_named(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    more = ["--no-error"] if name == "check" else []
    assert main([name, "absent.jsonl", *more]) == 2
    printed = capsys.readouterr()
    assert "absent.jsonl cannot be read: No such file or directory." in printed.err + printed.out


def test_replay_prints_the_chunks_with_their_timing(tmp_path: Path) -> None:
    path = tmp_path / "late.jsonl"
    path.write_bytes(planted("a late first token", 1))
    process = start("replay", str(path), "--speed", "4")
    assert process.stdout is not None
    with process:
        first = process.stdout.read(1)
        first_at = time.monotonic()
        rest = process.stdout.read()
        took = time.monotonic() - first_at
    assert first + rest == "".join(sound_plan(1).chunks) + "\n"
    assert took >= sum(sound_plan(1).gaps[1:]) / 4 * 0.9
    assert process.returncode == 0


def test_replay_of_values_prints_a_line_of_json_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "--instant", str(RECORDINGS / "6-json-field-by-field.jsonl")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 1
    assert lines[0] == "{}"


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_ends_a_replay() -> None:
    process = start("replay", STORY, "--speed", "0.2")
    with process:
        assert process.stdout is not None
        assert process.stdout.read(1)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in error


@pytest.mark.skipif(sys.platform == "win32", reason="pipes")
def test_a_closed_pipe_ends_a_replay_without_a_traceback() -> None:
    process = start("replay", STORY, "--speed", "2")
    with process:
        assert process.stdout is not None
        assert process.stdout.read(1)
        process.stdout.close()
        assert process.stderr is not None
        error = process.stderr.read()
        process.wait(timeout=30)
    assert error == ""


def test_diff_says_where_two_recordings_differ(sound: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "other.jsonl"
    other.write_bytes(planted("a wrong route", 1))
    assert main(["diff", sound, str(other)]) == 1
    printed = capsys.readouterr().out
    assert "The texts are the same" in printed
    assert "The events differ from event 1 on, in data:" in printed
    assert '{"route":"code"}' in printed
    other.write_bytes(planted("a missing word", 1))
    assert main(["diff", sound, str(other)]) == 1
    assert "The texts differ from character " in capsys.readouterr().out


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_serve_replay_answers_and_ends_with_ctrl_c() -> None:
    process = start("serve-replay", STORY, "--port", "0", "--instant")
    with process:
        assert process.stderr is not None
        line = process.stderr.readline()
        match = re.search(r"1 recorded call at (http://127\.0\.0\.1:\d+/v1) ", line)
        assert match, line
        client = openai.OpenAI(base_url=match[1], api_key="none")
        answer = client.chat.completions.create(model="any", messages=[{"role": "user", "content": "Hello"}])
        client.close()
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=30)
    assert (answer.choices[0].message.content or "").startswith("The sun began to set")
    assert (process.returncode, error) == (0, "")


def test_serve_replay_names_a_port_that_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main(["serve-replay", STORY, "--port", str(taken.getsockname()[1])]) == 2
    assert "cannot be used: Address already in use. Try --port 0." in capsys.readouterr().err


@pytest.mark.parametrize("name", ["show", "replay", "diff", "check", "serve-replay"])
def test_every_command_has_a_help_with_its_exit_codes(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert name in COMMANDS
    assert main([name, "--help"]) == 0
    assert "Exit codes: 0 " in " ".join(capsys.readouterr().out.split())
