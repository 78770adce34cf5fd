"""`weir classify`: questions and their routes, from a pipe, a file and a terminal, and labelled questions measured."""

import json
import re
from pathlib import Path

import pytest

from tests.support.app_process import ROOT
from tests.support.command_process import running_command
from tests.support.documented_shell import shell_output
from tests.support.fake_openai import FakeOpenAI, Plan
from tests.support.screen import screen_lines
from weir.cli.main import main

MATH, CODE = "What is 25 * 17?", "Write a Python function that reverses a string"
LABELLED = f"math\t{MATH}\r\ncode\t{CODE}\r\ncode\tWhat is the capital of Größenland?\r\n"


def test_lines_from_a_pipe_are_classified_as_they_come(tmp_path: Path) -> None:
    with running_command(tmp_path, "classify") as asked:
        asked.type(f"\ufeff{MATH}\r\n\r\n")
        asked.output.wait_for("\n")
        asked.type("What is the capital of Größenland?\n")
        asked.output.wait_for("Größenland?\n")
        asked.interrupt()
        assert asked.wait() == 130
    first, second = (line.split("\t") for line in asked.output.text.splitlines())
    assert (first[0], first[2]) == ("math", MATH)
    assert 0.5 < float(first[1]) <= 1
    assert (second[0], second[2]) == ("general", "What is the capital of Größenland?")
    assert "Stopped after 2 questions." in asked.errors.text


def test_in_a_terminal_there_is_a_table_as_wide_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "questions.txt").write_text(f"{MATH}\n{CODE}\n{'long ' * 2_000_000}\n", encoding="utf-8")
    arguments = ("classify", "--file", "questions.txt")
    with running_command(tmp_path, *arguments, terminal=True, size=(8, 42)) as asked:
        assert asked.wait() == 0
    head, first, second, third, *rest = screen_lines(asked.output.text, 42)
    assert head == "route    probability  question"
    assert first.split(maxsplit=2) == ["math", first.split()[1], MATH]
    assert second.endswith("  Write a Python func…")
    assert third.endswith("  long long long long…")
    assert not any(rest)


def test_json_has_the_probability_of_each_route_and_a_reason(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["classify", "--json", *CODE.split()]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["question"], answer["route"], answer["abstained"]) == (CODE, "code", False)
    assert answer["probability"] == answer["probabilities"]["code"]
    assert sum(answer["probabilities"].values()) == pytest.approx(1)
    assert answer["reason"]


def test_labelled_questions_are_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.tsv"
    path.write_bytes(b"\xef\xbb\xbf" + LABELLED.encode())
    assert main(["classify", "--evaluate", str(path)]) == 0
    printed = capsys.readouterr().out
    assert "mine.tsv: 66.7% of 3 questions right (95 % interval 20.8% to 93.9%)" in printed
    assert "recall: math 100.0%, code 50.0%\n" in printed
    assert "expected calibration error 0." in printed
    assert "code -> general (" in printed
    assert "Größenland" in printed
    assert main(["classify", "--evaluate", str(path), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["questions"], figures["right"], figures["recall"]) == (3, 2, {"math": 1.0, "code": 0.5})
    (miss,) = figures["misses"]
    assert (miss["right_route"], miss["route"], miss["before"]) == ("code", "general", [])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--evaluate", "absent.tsv"), "absent.tsv cannot be read: No such file or directory."),
        (("--file", "absent.txt"), "absent.txt cannot be read: No such file or directory."),
        (("--evaluate", "poem.tsv"), "poem.tsv:2 is not a question with its category: math, code or general."),
        (("--evaluate", "latin.tsv"), "latin.tsv cannot be read: it is not UTF-8."),
        (("--evaluate", "empty.tsv"), "There is no question in empty.tsv."),
        (("--file", "empty.tsv"), "There is no question. For example: weir classify"),
        (("Why?", "--file", "empty.tsv"), "Give a question, --file, --evaluate or --train, and only one of them."),
    ],
)
def test_what_cannot_be_read_gives_a_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("poem.tsv").write_text("math\tWhy?\npoem\tWhy?\n")
    Path("latin.tsv").write_bytes("math\tGröße?\n".encode("latin-1"))
    Path("empty.tsv").write_text("\n\n")
    assert main(["classify", *arguments]) == 2
    printed = capsys.readouterr()
    assert (printed.out, sentence in printed.err) == ("", True)


@pytest.mark.slow
def test_the_documented_commands_lead_from_an_empty_folder_to_a_measured_router(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "routing.md").read_text(encoding="utf-8").partition("From an empty folder")[2]
    documented = re.search(r"```sh\n(.*?)```", text, re.DOTALL)
    assert documented
    commands = documented[1].strip().splitlines()
    assert commands[-1] == "weir classify --evaluate questions.tsv"
    folder, home = tmp_path / "empty", tmp_path / "home"
    folder.mkdir()
    home.mkdir()
    (home / "weir").symlink_to(ROOT)
    _, trained, question, measured = (shell_output(command, folder, HOME=str(home)) for command in commands)
    assert trained.startswith("examples.tsv: 140 examples in 4 categories.\ncross-validation: ")
    assert 'In weir.toml, below [router]: file = "bike_shop.npz"' in trained
    assert question.startswith("delivery\t")
    accuracy = re.match(r"questions.tsv: ([\d.]+)% of 32 questions right", measured)
    assert accuracy
    assert float(accuracy[1]) > 75
    assert "billing  delivery    repair    advice   <- went to" in measured


@pytest.mark.parametrize(
    ("content", "arguments", "sentence"),
    [
        (
            "a\tWhy?\nb\tHow?\n",
            ("--to", "own.npz"),
            "Each category needs 10 examples at least, better 30 or more: a has 1",
        ),
        (
            "a\tWhy?\nb\twhy?\n",
            ("--to", "own.npz"),
            "has one question in two categories, a and b: 'why?'. Decide for one.",
        ),
        ("a\tWhy?\n<b>\tHow?\n", ("--to", "own.npz"), "own.tsv:2 does not begin with the name of a category"),
        ("a\tWhy?\n", ("--to", "own.pkl"), "The file of a classifier ends in .npz: --to own.npz"),
        ("a\tWhy?\n", (), "--train FILE and --to FILE.npz go together."),
    ],
)
def test_examples_that_cannot_be_learned_from_give_a_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    content: str,
    arguments: tuple[str, ...],
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own.tsv").write_text(content)
    assert main(["classify", "--train", "own.tsv", *arguments]) == 2
    assert sentence in capsys.readouterr().err
    assert not Path("own.npz").exists()


# A model decides ------------------------------------------------------------------------------------------------------


def test_a_model_decides_without_a_probability_and_is_measured_like_the_local_classifier(
    tmp_path: Path, openai_server: FakeOpenAI
) -> None:
    openai_server.plan = Plan(category="code")
    (tmp_path / "labelled.tsv").write_text(LABELLED, encoding="utf-8")
    arguments = ("classify", "--by", "model", "--model", "other", "--evaluate", "labelled.tsv")
    with running_command(tmp_path, *arguments, url=openai_server.url) as asked:
        assert asked.wait() == 0
    assert asked.output.text.startswith("labelled.tsv: 66.7% of 3 questions right")
    assert "calibration" not in asked.output.text
    assert "math -> code 'What is 25 * 17?'" in asked.output.text
    assert [seen.body["model"] for seen in openai_server.seen] == ["other"] * 3
    with running_command(tmp_path, "classify", "--by", "model", "--json", CODE, url=openai_server.url) as asked:
        assert asked.wait() == 0
    answer = json.loads(asked.output.text)
    assert (answer["route"], answer["probability"], answer["probabilities"]) == ("code", None, None)


def test_a_model_that_cannot_answer_is_asked_three_times_and_no_more(tmp_path: Path, openai_server: FakeOpenAI) -> None:
    openai_server.plan = Plan(status=401)
    with running_command(tmp_path, "classify", "--by", "model", url=openai_server.url) as asked:
        asked.type(f"{MATH}\n" * 9)
        asked.end_input()
        assert asked.wait() == 2
    assert asked.output.text == f"general\t\t{MATH}\n" * 2
    assert "3 questions one after the other got no answer" in asked.errors.text
    assert len(openai_server.seen) == 3


def test_the_local_classifier_asks_no_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["classify", "--by", "local", "--model", "other", MATH]) == 2
    assert "leave out --by local, or --model" in capsys.readouterr().err
