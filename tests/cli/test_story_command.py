"""`weir story`: five methods, the bar, and pieces in place of chunks."""

from pathlib import Path

import pytest

from tests.support.command_process import running_command
from tests.support.fake_openai import FakeOpenAI, Fault, Plan
from tests.support.screen import screen_lines
from weir.cli.story_command import NO_LIMIT, BufferSize
from weir.runs.methods import Method
from weir.runs.recording_file import from_jsonl

STORY = "a weir is a low wall across a stream that lets you measure what falls over it"
TOKENS = [f"{word} " for word in STORY.split()]


@pytest.mark.flaky(reruns=4)
@pytest.mark.parametrize("method", Method)
def test_each_method_writes_the_story_and_shows_what_has_come_before_its_end(
    tmp_path: Path, openai_server: FakeOpenAI, method: Method
) -> None:
    openai_server.plan = Plan(tokens=TOKENS, fault=Fault.STALL if method.streams else None, at=5)
    arguments = ("story", "a", "weir", "--method", method.value, "-o", "run.jsonl")
    with running_command(tmp_path, *arguments, url=openai_server.url) as command:
        if method.streams:
            command.output.wait_for("a weir is a low ")
            at = command.interrupt()
        assert command.wait() == (130 if method.streams else 0)
    (answer,) = openai_server.answers
    if method.streams:
        assert answer.seconds_to_hang_up(at) < 0.5
    assert not (tmp_path / "data").exists(), "there is no archive to keep the run in"
    assert command.output.text == ("a weir is a low \n" if method.streams else "".join(TOKENS) + "\n")
    assert "tokens/s]" not in command.errors.text, "there is a bar without a terminal"
    assert from_jsonl((tmp_path / "run.jsonl").read_bytes()).context["method"] == method.value


def test_in_a_terminal_the_text_stands_above_a_bar_against_the_expected_length(
    tmp_path: Path, openai_server: FakeOpenAI
) -> None:
    openai_server.plan = Plan(tokens=["First line\n", *TOKENS, "end"], fault=Fault.STALL, at=18, rate=20)
    with running_command(
        tmp_path, "story", "a weir", "--length", "short", url=openai_server.url, terminal=True, size=(8, 60)
    ) as command:
        command.output.wait_for("| 18/160 [")
        *_, first, second, third, bar = screen_lines(command.output.text, 60)
        command.interrupt()
        assert command.wait() == 130
    assert (first, second) == ("First line", "a weir is a low wall across a stream that lets you measure w")
    assert third == "hat falls over it"
    assert bar.startswith("Generating:  11%|")
    assert "tokens/s]" in bar
    lines = screen_lines(command.output.text, 60)
    after = lines.index(third) + 1
    assert lines[after].startswith("gpt-4o-mini · first token"), "the bar is left over"
    assert "Stopped. This answer was stopped." in "".join(lines[after:])


@pytest.mark.parametrize(("options", "columns"), [(("--plain",), 80), ((), 20)], ids=["plain", "narrow"])
def test_without_colour_or_bar_where_the_terminal_is_to_be_plain_or_too_narrow(
    tmp_path: Path, openai_server: FakeOpenAI, options: tuple[str, ...], columns: int
) -> None:
    openai_server.plan = Plan(tokens=TOKENS)
    arguments, size = ("story", "a weir", *options), (24, columns)
    with running_command(tmp_path, *arguments, url=openai_server.url, terminal=True, size=size) as command:
        assert command.wait() == 0
    assert "\x1b" not in command.output.text
    assert "Generating" not in command.output.text
    assert "".join(TOKENS).rstrip() in command.output.text


def test_a_buffer_shows_the_text_in_pieces(tmp_path: Path, openai_server: FakeOpenAI) -> None:
    openai_server.plan = Plan(tokens=TOKENS, fault=Fault.STALL, at=12)
    with running_command(tmp_path, "story", "a weir", "--buffered", "10", url=openai_server.url) as command:
        command.output.wait_for("across a ")
        assert command.output.text == "".join(TOKENS[:10])
        command.interrupt()
        assert command.wait() == 130
    assert command.output.text == "".join(TOKENS[:12]) + "\n"


@pytest.mark.parametrize(
    ("text", "size"),
    [("10", (10, NO_LIMIT)), ("100ms", (NO_LIMIT, 0.1)), ("10,100ms", (10, 0.1)), ("3, 0.5s", (3, 0.5))],
)
def test_buffer_sizes_are_chunks_a_time_or_both(text: str, size: tuple[int, float]) -> None:
    assert BufferSize().convert(text, None, None) == size


@pytest.mark.parametrize("text", ["", "x", "0", "10,", ",100ms", "10 100ms", "10ms,5", "-1"])
def test_other_buffer_sizes_are_refused(text: str) -> None:
    with pytest.raises(Exception, match="is not a size like 10, 100ms or 10,100ms"):
        BufferSize().convert(text, None, None)
