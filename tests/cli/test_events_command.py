"""`weir events` and `weir record`: events as they come, filtered, and the recording of a run."""

import json
from pathlib import Path

import pytest

from tests.support.command_process import running_command
from tests.support.fake_openai import FakeOpenAI, Fault, Plan
from weir.runs.recording_file import from_jsonl
from weir.runs.run import Status

CHAINS = """
from langchain_core.runnables import RunnableLambda

def fail(value):
    raise ValueError("too loud")

broken = RunnableLambda(fail)
"""
RAIN = '{"topic": "rain"}'


@pytest.mark.flaky(reruns=4)
def test_events_are_printed_as_they_come(tmp_path: Path, openai_server: FakeOpenAI) -> None:
    openai_server.plan = Plan(tokens=["It ", "rains.", "never"], fault=Fault.STALL, at=2)
    (tmp_path / "input.json").write_text(RAIN)
    arguments = ("events", "story", "--input", "@input.json", "-o", "run.jsonl")
    with running_command(tmp_path, *arguments, url=openai_server.url) as shown:
        shown.output.wait_for("🚀 Chain started: story\n💭 LLM thinking...\nIt rains.")
        at = shown.interrupt()
        assert shown.wait() == 130
    (answer,) = openai_server.answers
    assert answer.seconds_to_hang_up(at) < 0.5
    assert from_jsonl((tmp_path / "run.jsonl").read_bytes()).status is Status.STOPPED


def test_lines_json_and_tokens_of_one_chain(tmp_path: Path, openai_server: FakeOpenAI) -> None:
    openai_server.plan = Plan(tokens=["It ", "rains."])
    outputs = []
    for options in ((), ("--json", "--exclude-types", "prompt,parser"), ("--tokens", "--include-names", "ChatOpenAI")):
        with running_command(tmp_path, "events", "story", "--input", RAIN, *options, url=openai_server.url) as shown:
            assert shown.wait() == 0
        outputs.append(shown.output.text)
    lines, as_json, tokens = outputs
    assert lines == "🚀 Chain started: story\n💭 LLM thinking...\nIt rains.\n✅ LLM finished\n🏁 Chain complete\n"
    events = [json.loads(line) for line in as_json.splitlines()]
    assert events[0]["event"] == "on_chain_start"
    assert events[-1]["data"]["output"] == "It rains."
    assert {event["event"].split("_")[1] for event in events} == {"chain", "chat"}
    assert tokens == "It rains.\n"


def test_a_chain_that_fails_says_where(tmp_path: Path) -> None:
    (tmp_path / "my_chains.py").write_text(CHAINS)
    with running_command(tmp_path, "events", "my_chains:broken") as shown:
        assert shown.wait() == 1
    assert shown.output.text == "🚀 Chain started: fail\n❌ fail failed: too loud\n"
    assert "ValueError: too loud" in shown.errors.text


def test_record_writes_what_has_arrived_when_it_is_stopped(tmp_path: Path, openai_server: FakeOpenAI) -> None:
    openai_server.plan = Plan(tokens=["It ", "rains."], fault=Fault.STALL, at=1)
    with running_command(tmp_path, "record", "story", "--input", "-", url=openai_server.url) as recorded:
        recorded.type('{"topic": "Größe"}\r\n')
        recorded.end_input()
        while not openai_server.answers or not openai_server.answers[0].sent:
            assert not openai_server.answers or openai_server.answers[0].ended.wait(0.05) is False
        recorded.interrupt()
        assert recorded.wait() == 130
    run = from_jsonl(recorded.output.text.encode())
    assert (run.status, run.input["topic"]) == (Status.STOPPED, "Größe")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("events", "story", "--json", "--tokens"), "Choose --json or --tokens."),
        (("events", "absent"), "absent is no chain: name one of story"),
        (("events", "story", "--input", "{"), "--input is not JSON"),
        (("events", "story", "--input", "@absent.json"), "absent.json cannot be read: No such file"),
        (("record", "story", "-o", "absent/run.jsonl", "--input", RAIN), "there is no folder absent"),
        (("record", "story"), "topic: Field required"),
    ],
)
def test_what_cannot_begin_gives_a_sentence(tmp_path: Path, arguments: tuple[str, ...], sentence: str) -> None:
    with running_command(tmp_path, *arguments) as refused:
        assert refused.wait() == 2
    assert sentence in refused.errors.text
    assert "Traceback" not in refused.errors.text
    assert refused.output.text == ""
