"""`weir attach`: the program loads the tail first, and is the process that was started."""

import json
from pathlib import Path

import pytest

from tests.support.app_process import ROOT
from tests.support.command_process import running_command

SHOW = """
import json, os, sys
more = ("", "_TOKEN", "_FILE", "_CONTENT", "_NAME")
names = ("PYTHONPATH", *(f"WEIR_ATTACH{name}" for name in more))
print(json.dumps({name: os.environ.get(name) for name in names}))
print(json.dumps([sys.argv[1:], "langchain_core" in sys.modules, type(sys.meta_path[0]).__name__]))
sys.exit(7)
"""


def test_the_program_is_started_with_the_tail_and_its_exit_code_is_kept(tmp_path: Path) -> None:
    options = ("--file", "runs", "--no-content", "--name", "mine")
    program = ("--", "python3", "-c", SHOW, "--url", "is the program's")
    environment = {"WEIR_API_TOKEN": "a-long-random-token"}
    with running_command(tmp_path, "attach", *options, *program, environment=environment) as process:
        assert process.wait() == 7
        variables, seen = map(json.loads, process.output.text.splitlines())
        assert process.errors.text == ""
    assert variables == {
        "PYTHONPATH": f"{ROOT / 'weir' / 'attach' / 'pythonpath'}:{ROOT / 'weir' / 'attach'}:{ROOT}",
        "WEIR_ATTACH": "http://127.0.0.1:8501",
        "WEIR_ATTACH_TOKEN": "a-long-random-token",
        "WEIR_ATTACH_FILE": str(tmp_path / "runs"),
        "WEIR_ATTACH_CONTENT": "0",
        "WEIR_ATTACH_NAME": "mine",
    }
    # LangChain is not imported unless the program does.
    assert seen == [["--url", "is the program's"], False, "_ImportWaiter"]


def test_the_token_is_not_given_to_another_machine(tmp_path: Path) -> None:
    environment = {"WEIR_API_TOKEN": "a-long-random-token"}
    arguments = ("attach", "--url", "https://weir.example.org", "--", "python3", "-c", SHOW)
    with running_command(tmp_path, *arguments, environment=environment) as process:
        process.wait()
        assert json.loads(process.output.text.splitlines()[0])["WEIR_ATTACH_TOKEN"] is None


def test_the_tail_is_printed_for_a_place_without_weir(tmp_path: Path) -> None:
    with running_command(tmp_path, "attach", "--print") as process:
        assert process.wait() == 0
        assert process.output.text == (ROOT / "weir" / "attach" / "weir_tail.py").read_text(encoding="utf-8")
        assert "PYTHONPATH" in process.errors.text


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "A command is missing. For example: weir attach -- python app.py"),
        (("--", "no-such-program"), "no-such-program cannot be started: No such file or directory."),
    ],
)
def test_what_cannot_be_started_is_said(tmp_path: Path, arguments: tuple[str, ...], sentence: str) -> None:
    with running_command(tmp_path, "attach", *arguments) as process:
        assert process.wait() == 2
        assert sentence in process.errors.text
