"""`weir ask`, as people and scripts use it."""

import json
import os
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.app_process import CLEAN_ENVIRONMENT, ROOT
from tests.support.command_process import TIMEOUT_SECONDS, running_command
from tests.support.fake_openai import FakeOpenAI, Fault, Plan
from tests.support.preloaded_python import COMMAND, preloaded_python
from weir.runs.recording_file import from_jsonl

HANG_UP_SECONDS = 0.5


@pytest.mark.flaky(reruns=4)
def test_the_answer_streams_into_a_pipe_before_the_model_has_ended(tmp_path: Path, openai_server: FakeOpenAI) -> None:
    openai_server.plan = Plan(tokens=["Größe ", "先 ", "last"], fault=Fault.STALL, at=2, category="math")
    with running_command(tmp_path, "ask", "Which", "proof is short?", url=openai_server.url) as asked:
        asked.output.wait_for("Größe 先 ")
        assert not openai_server.answers[0].ended.is_set()
        assert "Route: math." in asked.errors.text
        at = asked.interrupt()
        assert asked.wait() == 130
    (answer,) = openai_server.answers
    assert answer.seconds_to_hang_up(at) < HANG_UP_SECONDS
    assert asked.output.text == "Größe 先 \n"
    assert "Stopped. This answer was stopped. The text so far is kept." in asked.errors.text
    assert answer.body["messages"][-1]["content"] == "Which proof is short?"


@pytest.mark.flaky(reruns=4)
def test_ctrl_c_in_a_terminal_stops_a_model_that_is_silent(tmp_path: Path, openai_server: FakeOpenAI) -> None:
    openai_server.plan = Plan(tokens=["\x1b[31mred ", "more"], fault=Fault.STALL, at=1)
    with running_command(tmp_path, "ask", "Why?", url=openai_server.url, terminal=True, size=(5, 12)) as asked:
        asked.output.wait_for("[31mred ")
        at = asked.interrupt()
        assert asked.wait() == 130
    (answer,) = openai_server.answers
    assert answer.seconds_to_hang_up(at) < HANG_UP_SECONDS
    assert "\x1b" not in asked.output.text, "an escape sequence of the model reached the terminal"
    assert "This answer was stopped." in asked.output.text


def test_json_and_a_recording_of_a_question_from_a_pipe(tmp_path: Path, openai_server: FakeOpenAI) -> None:
    openai_server.plan = Plan(tokens=["4", "25"])
    (tmp_path / "notes.txt").write_text("Rain at noon.")
    arguments = ("ask", "-", "--route", "code", "--json", "-o", "run.jsonl", "--model", "other")
    with running_command(tmp_path, *arguments, "--attach", "notes.txt", url=openai_server.url) as asked:
        asked.type("\ufeffWhich is\r\nGröße?\r\n")
        asked.end_input()
        assert asked.wait() == 0
    answer = json.loads(asked.output.text)
    assert answer["question"] == "Which is\r\nGröße?"
    assert (answer["answer"], answer["route"], answer["model"]) == ("425", "code", "other")
    assert (answer["status"], answer["figures"]["tokens_out"]) == ("Done", 2)
    assert from_jsonl((tmp_path / "run.jsonl").read_bytes()).recorded_id == answer["run_id"]
    sent = openai_server.answers[0].body["messages"][-1]["content"]
    assert sent == 'The file "notes.txt":\n```\nRain at noon.\n```\n\nWhich is\r\nGröße?'
    assert [seen.body["model"] for seen in openai_server.seen] == ["other"]


@pytest.mark.flaky(reruns=4)
@pytest.mark.parametrize(
    ("arguments", "first", "errors"),
    [
        (("ask", "--route", "math", "Go on"), "first\n", "Route: math. You chose it.\n"),
        (("json", "Python", "--lines"), '[["first"]]\n', ""),
    ],
    ids=["ask", "json"],
)
def test_a_closed_pipe_is_quiet_and_stops_the_run(
    tmp_path: Path, openai_server: FakeOpenAI, arguments: tuple[str, ...], first: str, errors: str
) -> None:
    openai_server.plan = Plan(
        tokens=["first\n", *["more\n"] * 10_000], structured_tokens=['[["first"]', *[', "more"'] * 10_000], rate=50
    )
    environment = CLEAN_ENVIRONMENT | {"PYTHONPATH": str(ROOT), "OPENAI_BASE_URL": openai_server.url}
    asked = subprocess.Popen(
        [*preloaded_python(*COMMAND), "-m", "weir", *arguments],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with asked:
        assert asked.stdout is not None
        assert asked.stderr is not None
        assert asked.stdout.readline().decode() == first
        asked.stdout.close()
        closed_at = time.monotonic()
        assert asked.wait(timeout=TIMEOUT_SECONDS) == 141
        assert asked.stderr.read().decode() == errors
    (answer,) = openai_server.seen
    assert answer.seconds_to_hang_up(closed_at) < HANG_UP_SECONDS + 0.1


def test_an_answer_of_ten_megabytes_arrives_whole(tmp_path: Path, openai_server: FakeOpenAI) -> None:
    openai_server.plan = Plan(tokens=["0123456789" * 10_000] * 100)
    with running_command(tmp_path, "ask", "--route", "general", "Long", url=openai_server.url) as asked:
        assert asked.wait() == 0
    assert asked.output.text == "0123456789" * 1_000_000 + "\n"


def test_an_answer_that_is_cut_off_is_kept_and_the_command_fails(tmp_path: Path, openai_server: FakeOpenAI) -> None:
    openai_server.plan = Plan(tokens=["half ", "an ", "answer"], fault=Fault.CUT, at=2)
    with running_command(tmp_path, "ask", "--route", "general", "Why?", url=openai_server.url) as asked:
        assert asked.wait() == 1
    assert asked.output.text == "half an \n"
    assert "Cut off. The connection to the model broke" in asked.errors.text


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "sentence"),
    [
        (("ask",), {}, 2, "There is no question. For example: weir ask"),
        (("ask", "--route", "poetry", "Why?"), {}, 2, "'poetry' is not one of 'math', 'code', 'general'"),
        (("ask", "-o", "absent/run.jsonl", "Why?"), {}, 2, "there is no folder absent"),
        (("ask", "--route", "math", "x" * 20_001), {}, 2, "question: String should have at most 20000 characters"),
        (("ask", "--route", "math", "Why?"), {"WEIR_RETRIES": "0"}, 1, "The model's server cannot be reached."),
        (
            ("ask", "Why?"),
            {"OPENAI_BASE_URL": "", "WEIR_LOCAL_MODEL": "/absent.gguf"},
            2,
            "There is no file at the path in WEIR_LOCAL_MODEL.",
        ),
        (("ask", "Why?"), {"WEIR_WINDOW": "many"}, 2, "WEIR_WINDOW has a value 'many' that Weir cannot use"),
    ],
)
def test_what_goes_wrong_gives_a_sentence_and_no_output(
    tmp_path: Path, arguments: tuple[str, ...], environment: dict[str, str], code: int, sentence: str
) -> None:
    with running_command(tmp_path, *arguments, environment=environment) as asked:
        asked.end_input()
        assert asked.wait() == code
    assert sentence in " ".join(asked.errors.text.split())
    assert "Traceback" not in asked.errors.text
    assert asked.output.text == ""
    assert os.listdir(tmp_path) == []
