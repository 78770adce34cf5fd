"""`weir check`, by the command's own function, and once as a process."""

import json
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import click
import pytest

from tests.support.planted_faults import FAULTS, RULES, SCHEMA, planted, recording, sound_plan
from tests.support.preloaded_python import COMMAND, preloaded_python
from weir.analysis.check_rules import Rules
from weir.cli.check_command import command
from weir.cli.main import main

TOML = """
[check."*"]
no_error = true
json_valid = "schema.json"
[check.story]
first_token = "1s"
calls = ["measure:2"]
[check.another]
first_token = "1ms"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "sound.jsonl").write_bytes(recording(sound_plan(1)))
    (tmp_path / "late.jsonl").write_bytes(planted("a late first token", 1))
    (tmp_path / "one.jsonl").write_bytes(planted("the answer in one chunk", 1))
    (tmp_path / "schema.json").write_text(json.dumps(SCHEMA))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_rule_is_an_option() -> None:
    options = {parameter.name for parameter in command.params}
    assert set(Rules.model_fields) <= options


def test_all_rules_hold(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules = ["--first-token", "1s", "--gap-p95", "100ms", "--gap-max", "200ms", "--duration", "20s", "--finish", "stop"]
    rules += ["--tokens-per-second", "20", "--max-tokens", "300", "--no-error", "--route", "code", "--doctor"]
    rules += ["--streams", "ChatOpenAI -> StrOutputParser", "--json-valid", "schema.json", "--contains", "weir"]
    assert main(["check", "sound.jsonl", *rules, "--calls", "measure:2"]) == 0
    printed = capsys.readouterr().out
    assert printed.endswith("1 file: 14 hold, 0 broken, 0 not checked.\n")


def test_a_broken_rule_is_shown_with_its_event(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "sound.jsonl", "late.jsonl", "--first-token", "1s", "--no-error"]) == 1
    printed = capsys.readouterr().out
    assert "BROKEN  first_token" in printed
    assert "asked for: at most 1.00 s (event " in printed
    assert printed.endswith("2 files: 3 hold, 1 broken, 0 not checked.\n")


def test_what_cannot_be_checked_has_its_own_exit_code(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "one.jsonl", "--gap-max", "1s"]) == 2
    assert main(["check", "absent.jsonl", "sound.jsonl", "--no-error"]) == 2
    printed = capsys.readouterr().out
    assert "1 chunk of text, so there is no gap" in printed
    assert "not checked: absent.jsonl cannot be read: No such file or directory." in printed


def test_a_file_that_is_no_recording_is_not_checked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "notes.txt").write_text("no recording")
    assert main(["check", "notes.txt", "--no-error"]) == 2
    assert "This file is not a recording of Weir" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["sound.jsonl"], "There is no rule: name one"),
        (["sound.jsonl", "--first-token", "soon"], "The rule first_token cannot be read: 'soon' is no duration"),
        (["sound.jsonl", "--json-valid", "absent.json"], "The schema absent.json cannot be read"),
        (["sound.jsonl", "--config", "absent.toml"], "absent.toml cannot be read"),
        (["sound.jsonl", "--against", "absent.jsonl"], "absent.jsonl cannot be read"),
        (["sound.jsonl", "--against", "sound.jsonl", "--tolerance", "some"], "--tolerance some is no share"),
        ([], "Missing argument"),
    ],
)
def test_what_cannot_begin_gives_a_sentence(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    assert main(["check", *arguments]) == 2
    printed = capsys.readouterr()
    assert sentence in printed.err
    assert printed.out == ""


def test_rules_come_from_the_configuration_by_chain(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "weir.toml").write_text(TOML)
    assert main(["check", "sound.jsonl", "late.jsonl"]) == 1
    assert capsys.readouterr().out.endswith("7 hold, 1 broken, 0 not checked.\n")
    assert main(["check", "late.jsonl", "--first-token", "5s"]) == 0


def test_a_wrong_configuration_gives_a_sentence(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "weir.toml").write_text("[check]\nno_error = true\n")
    assert main(["check", "sound.jsonl"]) == 2
    (folder / "weir.toml").write_text('[check."*"]\nno_errors = true\n')
    assert main(["check", "sound.jsonl"]) == 2
    printed = capsys.readouterr().err
    assert "weir.toml has no tables of rules" in printed
    assert "There is no rule no_errors" in printed


def test_json_has_a_line_for_each_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "sound.jsonl", "late.jsonl", "--first-token", "1s", "--json"]) == 1
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert (first["file"], first["holds"], second["holds"]) == ("sound.jsonl", True, False)
    assert second["results"][0]["rule"] == "first_token"
    assert isinstance(second["results"][0]["seq"], int)


def test_junit_has_a_case_for_each_rule(folder: Path) -> None:
    rules = ["--first-token", "1s", "--gap-max", "200ms", "--contains", "\x00"]
    files = ["sound.jsonl", "late.jsonl", "one.jsonl", "absent.jsonl"]
    assert main(["check", *files, *rules, "--junit", "report.xml"]) == 1
    suites = ElementTree.parse(folder / "report.xml").getroot().findall("testsuite")
    assert [suite.get("tests") for suite in suites] == ["3", "3", "3", "1"]
    assert [suite.get("failures") for suite in suites] == ["1", "2", "1", "0"]
    assert [suite.get("errors") for suite in suites] == ["0", "0", "1", "1"]


def test_two_recordings_are_compared_by_rule(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "sound.jsonl", "--against", "sound.jsonl"]) == 0
    assert main(["check", "late.jsonl", "--against", "sound.jsonl"]) == 1
    assert main(["check", "late.jsonl", "--against", "sound.jsonl", "--tolerance", "2000%"]) == 0
    assert "BROKEN  first_token" in capsys.readouterr().out


def test_each_planted_fault_ends_the_command_with_1(folder: Path) -> None:
    (folder / "weir.toml").write_text(_toml(RULES))
    for fault in FAULTS:
        (folder / "run.jsonl").write_bytes(planted(fault, 3))
        assert main(["check", "run.jsonl"]) == 1, fault
    for seed in range(50, 60):
        (folder / "run.jsonl").write_bytes(recording(sound_plan(seed)))
        assert main(["check", "run.jsonl"]) == 0, seed


def test_a_recording_comes_from_standard_input(folder: Path) -> None:
    done = subprocess.run(
        [*preloaded_python(*COMMAND), "-m", "weir", "check", "-", "--no-error"],
        input=(folder / "sound.jsonl").read_bytes(),
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": ""},
        cwd=folder,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_the_help_names_every_rule_and_exit_code() -> None:
    text = command.get_help(click.Context(command, info_name="weir check"))
    assert "--gap-p95" in text
    assert "Exit codes: 0 all rules hold, 1 a rule is broken, 2 a rule could not be checked." in " ".join(text.split())


def _toml(rules: dict[str, object]) -> str:
    values = {**rules, "json_valid": "schema.json", "calls": ["measure:2"]}
    return '[check."*"]\n' + "\n".join(f"{name} = {json.dumps(value)}" for name, value in values.items())
