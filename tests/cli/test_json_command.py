"""`weir json`: JSON as it grows, from a model and from a pipe."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from tests.support.command_process import running_command
from tests.support.fake_openai import FakeOpenAI, Fault, Plan
from tests.support.screen import screen_lines
from weir.cli.json_output import GrowingOutput
from weir.cli.terminal import Terminal

PIECES = ['{"na', 'me": "Py', 'thon", "stars": 7', "}"]
SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "stars": {"type": "integer", "maximum": 5}},
    "required": ["name", "stars"],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "schema.json").write_text(json.dumps(SCHEMA))
    return tmp_path


@pytest.mark.flaky(reruns=4)
def test_partials_are_printed_as_the_model_writes(folder: Path, openai_server: FakeOpenAI) -> None:
    openai_server.plan = Plan(structured_tokens=PIECES, fault=Fault.STALL, at=3)
    arguments = ("json", "Python", "--partials", "--schema", "schema.json")
    with running_command(folder, *arguments, url=openai_server.url) as shown:
        shown.output.wait_for("Partial: {'name': 'Python'}\n")
        at = shown.interrupt()
        assert shown.wait() == 130
    (asked,) = openai_server.seen
    assert asked.body["response_format"]["json_schema"]["schema"] == SCHEMA
    assert asked.seconds_to_hang_up(at) < 0.5
    assert shown.output.text == "Partial: {}\nPartial: {'name': 'Py'}\nPartial: {'name': 'Python'}\n"
    assert "Cut off. Line 1, column " in shown.errors.text


def test_a_stream_from_a_pipe_is_parsed_as_it_comes_without_a_model(folder: Path) -> None:
    with running_command(folder, "json", "-", "--fields", "--schema", "schema.json") as shown:
        shown.type('Here it is:\r\n```json\r\n{"name": "Grö')
        shown.output.wait_for("/ growing object\n/name growing string\n")
        shown.type('ße",\r\n "stars": 7}\r\n```\r\n')
        shown.output.wait_for("/ closed\n")
        shown.end_input()
        assert shown.wait() == 1
    assert '/name closed "Größe"\n/name valid\n' in shown.output.text
    assert "/stars invalid 7 is greater than the maximum of 5\n" in shown.output.text
    assert "Invalid. /stars: 7 is greater than the maximum of 5" in shown.errors.text


def test_a_large_text_from_a_pipe_gives_one_object(folder: Path) -> None:
    value = {"text": "0123456789" * 1_000_000, "list": [1, None, "Größe"]}
    with running_command(folder, "json") as shown:
        shown.type(json.dumps(value))
        shown.end_input()
        assert shown.wait() == 0
    assert json.loads(shown.output.text) == value
    assert shown.errors.text == ""


def test_in_a_terminal_the_object_grows_in_place(folder: Path, openai_server: FakeOpenAI) -> None:
    openai_server.plan = Plan(structured_tokens=['{"name": "Py', 'thon", "st', 'ars": 5', "}"], rate=4)
    arguments = ("json", "Python", "--schema", "schema.json")
    with running_command(
        folder, *arguments, url=openai_server.url, terminal=True, size=(10, 50), environment={"NO_COLOR": "1"}
    ) as shown:
        shown.output.wait_for("name:")
        shown.output.wait_for("stars")
        assert shown.wait() == 0
    assert "\x1b[3" not in shown.output.text, "there are colours"
    lines = screen_lines(shown.output.text, 50)
    assert [line for line in lines if line][:4] == ["{", '  "name": "Python",', '  "stars": 5', "}"]


def test_a_row_is_cut_where_a_narrow_terminal_ends() -> None:
    terminal, drawn = Terminal(), io.StringIO()
    terminal.console = Console(file=drawn, width=14, height=10, force_terminal=True, color_system=None)
    with GrowingOutput(terminal, SCHEMA) as output:
        output.feed('{"name": "A long name')
    assert "  … name:…\n  ○ stars…" in drawn.getvalue()


@pytest.mark.parametrize(
    ("arguments", "text", "code", "sentence"),
    [
        (("json", "-"), "no brackets here", 1, "No valid JSON."),
        (("json", "-"), '{"a": [1, ', 1, "Cut off. Line 1, column 11"),
        (("json", "-", "--schema", "absent.json"), "{}", 2, "absent.json cannot be read"),
        (("json", "-", "--schema", "wrong.json"), "{}", 2, "--schema: This is not a JSON Schema"),
    ],
)
def test_what_is_wrong_gives_a_sentence(
    folder: Path, arguments: tuple[str, ...], text: str, code: int, sentence: str
) -> None:
    (folder / "wrong.json").write_text('{"type": "nonsense"}')
    with running_command(folder, *arguments) as shown:
        shown.type(text)
        shown.end_input()
        assert shown.wait() == code
    assert sentence in shown.errors.text
    assert "Traceback" not in shown.errors.text
