"""`weir measure`: what it says before it starts, its table and file, the comparison, and Ctrl-C."""

import json
from pathlib import Path

import pytest

from tests.support.command_process import running_command
from tests.support.fake_openai import FakeOpenAI, Plan
from weir.cli.main import main
from weir.config.settings import settings

QUICK = ("measure", "--concurrency", "1,2", "--tokens", "5", "--requests", "2")


def test_a_measurement_is_agreed_to_shown_kept_and_compared(tmp_path: Path, openai_server: FakeOpenAI) -> None:
    openai_server.plan = Plan(finish_reason="length")
    with running_command(tmp_path, *QUICK, url=openai_server.url, terminal=True, size=(24, 160)) as asked:
        asked.output.wait_for("Sends 5 requests to 1 model, 1, 2 at once; each asks for at most 5 tokens")
        asked.output.wait_for_prompt("Begin? [Y/n]: ")
        assert openai_server.seen == []
        asked.type("y\n")
        assert asked.wait() == 0
    assert "2 of 2" in asked.output.text
    (kept,) = (tmp_path / "data" / "measurements").iterdir()
    arguments = (*QUICK, "--yes", "--json", "-o", "new.json", "--compare", str(kept))
    openai_server.plan = Plan(tokens=[])
    with running_command(tmp_path, *arguments, url=openai_server.url) as again:
        assert again.wait() == 1
    found = json.loads(again.output.text)
    assert [level["answered"] for level in found["before"]["levels"]] == [2, 2]
    assert found["after"]["levels"] == []
    assert "without writing anything" in found["after"]["models"][0]["problem"]
    assert json.loads((tmp_path / "new.json").read_text(encoding="utf-8")) == found["after"]


def test_ctrl_c_stops_at_once_and_shows_what_was_measured(tmp_path: Path, openai_server: FakeOpenAI) -> None:
    openai_server.plan = Plan(rate=50)
    arguments = (*QUICK, "--requests", "1000", "--yes", "-o", "part.json")
    with running_command(tmp_path, *arguments, url=openai_server.url) as asked:
        asked.errors.wait_for(": 1 at once\n")
        asked.interrupt()
        assert asked.wait() == 130
    assert "It was stopped: these are the figures until then." in asked.errors.text
    assert json.loads((tmp_path / "part.json").read_text(encoding="utf-8"))["stopped"] is True


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--concurrency", "1,no"), "'1,no' are no numbers like 1,4,16."),
        (("--concurrency", "0"), "each number must be from 1 to 256"),
        (("one.json",), "Give two files and nothing else, or none."),
        (("absent.json", "other.json"), "absent.json cannot be read: No such file or directory."),
        (("--compare", "poem.json"), "poem.json: This file is not JSON."),
    ],
)
def test_what_cannot_be_measured_gives_a_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("poem.json").write_text("Once upon a time", encoding="utf-8")
    assert main(["measure", *arguments]) == 2
    assert sentence in capsys.readouterr().err


def test_nobody_to_ask_means_yes_must_be_given(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    settings.cache_clear()
    assert main(["measure"]) == 2
    settings.cache_clear()
    printed = capsys.readouterr().err
    assert "Sends 25 requests to 1 model" in printed
    assert "add --yes" in printed
