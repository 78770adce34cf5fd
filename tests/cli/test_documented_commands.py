"""The commands of docs/terminal.md's table, each run as it stands there."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.app_process import ROOT, running_weir
from tests.support.command_process import running_command
from tests.support.documented_shell import shell_output
from tests.support.fake_openai import FakeOpenAI, Plan

STORY = "Once upon a time."
PROFILE = {"name": "Python", "kind": "language", "summary": "It is read.", "facts": ["It is old."], "difficulty": 2}


def commands() -> list[str]:
    """Return the commands of the table, in its order."""
    text = (ROOT / "docs" / "terminal.md").read_text(encoding="utf-8").partition("## From a program to a command")[2]
    rows = [re.split(r"(?<!\\)\|", line)[2] for line in text.splitlines() if line.startswith("| ")][1:]
    found = [re.search("`(.*?)`", row.replace("\\|", "|")) for row in rows]
    return [match[1] for match in found if match]


def _tells_the_story(output: str) -> bool:
    return output == f"{STORY}\n"


def _gives_json_lines(output: str) -> bool:
    events = [json.loads(line) for line in output.splitlines()]
    names = {event["name"] for event in events}
    return "StrOutputParser" not in names and events[-1]["data"]["output"] == STORY


CHECKS: dict[str, Callable[[str], bool]] = {
    "--chunks": lambda output: output.startswith("Chunk 0: 'Once'\nChunk 1: ' upon'\n"),
    "/api/stream": lambda output: output == STORY,
    "/api/sse": lambda output: "data:" in output and "upon" in output,
    "--tokens": _tells_the_story,
    "--exclude-names": _gives_json_lines,
    "weir events": lambda output: (
        output == f"🚀 Chain started: story\n💭 LLM thinking...\n{STORY}\n✅ LLM finished\n🏁 Chain complete\n"
    ),
    "--partials": lambda output: output == f"Partial: {{'name': ''}}\nPartial: {PROFILE!r}\n",
    "printf": lambda output: output.count(f"{STORY}\n") == 3,
    "weir story": _tells_the_story,
}
"""What a command writes, by the first of these that it has."""


def plan() -> Plan:
    profile = json.dumps(PROFILE)
    return Plan(tokens=["Once", " upon", " a", " time", "."], structured_tokens=[profile[:10], profile[10:]])


@pytest.mark.parametrize("command", [command for command in commands() if command not in ("weir chat",)])
def test_a_documented_command_does_what_the_program_does(
    command: str, tmp_path: Path, openai_server: FakeOpenAI
) -> None:
    openai_server.plan = plan()
    if "weir chat" in command:
        openai_server.structured = Plan(tokens=['{"category": "math"}'])
    check = next(check for key, check in CHECKS.items() if key in command)
    if command.startswith("curl"):
        with running_weir(OPENAI_BASE_URL=openai_server.url, OPENAI_API_KEY="sk-test") as url:
            output = shell_output(
                command.replace("http://localhost:8501", url), tmp_path, OPENAI_BASE_URL=openai_server.url
            )
    else:
        output = shell_output(command, tmp_path, OPENAI_BASE_URL=openai_server.url)
    assert check(output), output


def test_the_chat_keeps_the_history(tmp_path: Path, openai_server: FakeOpenAI) -> None:
    assert "weir chat" in commands()
    openai_server.plan = plan()
    openai_server.structured = Plan(tokens=['{"category": "general"}'])
    with running_command(tmp_path, "chat", url=openai_server.url, terminal=True) as chat:
        for question in ("One?", "Two?"):
            chat.output.wait_for_prompt("You: ")
            chat.type(f"{question}\n")
            chat.output.wait_for("tokens/s")
        chat.output.wait_for_prompt("You: ")
        chat.type("exit\n")
        assert chat.wait() == 0
    assert [message["content"] for message in openai_server.answers[1].body["messages"][1:]] == ["One?", STORY, "Two?"]
