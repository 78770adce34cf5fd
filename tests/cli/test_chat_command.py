"""`weir chat`: line by line from a pipe, with a person at a terminal, and in the conversations of the app."""

import re
from pathlib import Path

import pytest

from tests.support.command_process import running_command
from tests.support.fake_openai import FakeOpenAI, Fault, Plan
from tests.support.screen import screen_lines
from weir.storage.database import database_url
from weir.storage.records import MessageStatus, NewAttachment
from weir.storage.repository import TERMINAL_VISITOR, ConversationRepository, open_repository


def conversations_in(folder: Path) -> ConversationRepository:
    return open_repository(database_url(folder / "data", None))


def test_lines_from_a_pipe_are_answered_one_by_one_and_stored(tmp_path: Path, openai_server: FakeOpenAI) -> None:
    openai_server.plan = Plan(tokens=["It is ", "425."], category="math")
    with running_command(tmp_path, "chat", url=openai_server.url) as chat:
        chat.type("\ufeffWhich proof is short?\r\n")
        chat.output.wait_for("It is 425.\n")
        openai_server.plan = Plan(tokens=["Größe ", "先"], category="general")
        chat.type("\r\nUnd die Größe?\r\n/save out.md\nquit\nnever asked\n")
        chat.end_input()
        assert chat.wait() == 0
    assert chat.output.text == "It is 425.\nGröße 先\n"
    assert re.findall("Route: (.*)[.]", chat.errors.text) == ["math", "general"]
    _, second = openai_server.answers
    assert [message["content"] for message in second.body["messages"][1:]] == [
        *("Which proof is short?", "It is 425.", "Und die Größe?"),
    ]
    repository = conversations_in(tmp_path)
    (conversation,) = repository.conversations(TERMINAL_VISITOR)
    path = repository.path(TERMINAL_VISITOR, conversation.id)
    assert [message.text for message in path] == ["Which proof is short?", "It is 425.", "Und die Größe?", "Größe 先"]
    assert path[1].details["decision"]["route"] == "math"
    assert "Größe 先" in (tmp_path / "out.md").read_text()
    repository.close()


@pytest.mark.flaky(reruns=4)
def test_a_browser_that_opens_the_link_goes_on_and_so_does_the_terminal(
    tmp_path: Path, openai_server: FakeOpenAI
) -> None:
    repository = conversations_in(tmp_path)
    conversation = repository.create(TERMINAL_VISITOR)
    notes = NewAttachment("notes.txt", "text/plain", b"Rain at noon.", 13)
    question = repository.add_question(TERMINAL_VISITOR, conversation, "Why?", parent=None, files=[notes])
    answer = repository.answers.add(TERMINAL_VISITOR, question, run_id="run")
    assert not repository.take_over("a browser", conversation), "its answer is being written"
    repository.answers.update(TERMINAL_VISITOR, answer, "Because.", status=MessageStatus.DONE)
    assert repository.take_over("a browser", conversation)
    assert not repository.take_over("another browser", conversation)

    openai_server.plan = Plan(tokens=["It ", "rains."], fault=Fault.STALL, at=1)
    with running_command(tmp_path, "chat", "--open", conversation, "--route", "code", url=openai_server.url) as chat:
        chat.type("And now?\nnever asked\n")
        chat.output.wait_for("It ")
        at = chat.interrupt()
        assert chat.wait() == 130
    (asked,) = openai_server.answers
    assert asked.seconds_to_hang_up(at) < 0.5
    assert asked.body["messages"][1]["content"].startswith('The file "notes.txt":\n```\nRain at noon.')
    path = repository.path("a browser", conversation)
    assert [message.text for message in path] == ["Why?", "Because.", "And now?", "It "]
    assert path[-1].status is MessageStatus.STOPPED
    repository.close()


def test_a_person_chats_in_a_terminal(tmp_path: Path, openai_server: FakeOpenAI) -> None:
    openai_server.plan = Plan(tokens=["# Title\n\nSome **bold**", " text\x1b[2J", " and vector<int>.", "x"], at=3)
    openai_server.plan.fault = Fault.STALL
    with running_command(tmp_path, "chat", url=openai_server.url, terminal=True, size=(20, 100)) as chat:
        chat.output.wait_for_prompt("You: ")
        chat.type("Why?\n")
        chat.output.wait_for("vector<int>")
        chat.interrupt()
        chat.output.wait_for("Stopped. This answer was stopped.")
        openai_server.plan = Plan(tokens=["Again."])
        for typed, shown in (
            ("/route code", "Questions take the route code."),
            ("/retry", "Again."),
            ("/nonsense", "There is no command /nonsense."),
            ("\x1b[A\x1b[A", "Route: code. You chose it."),  # two lines up in the history: /retry
            ("/model other", "The model is other."),
            ("/open", "1. Why?"),
            ("/new", "The next question begins another conversation."),
        ):
            chat.output.wait_for_prompt("You: ")
            chat.type(f"{typed}\n")
            chat.output.wait_for(shown)
        chat.output.wait_for_prompt("You: ")
        chat.type("\x04")
        assert chat.wait() == 0
    assert "\x1b[2J" not in chat.output.text, "an escape sequence of the model reached the terminal"
    assert "**bold**" not in chat.output.text
    assert "http://localhost:8501/?conversation=" in chat.output.text
    assert (tmp_path / "data" / "chat_history").read_text().splitlines()[:2] == ["Why?", "/route code"]
    screen = screen_lines(chat.output.text.partition("/route code")[0], 100)
    assert len([line for line in screen if "Some bold text" in line]) == 1, "the streamed text is repeated"


def test_what_cannot_begin_and_an_answer_that_fails(tmp_path: Path) -> None:
    with running_command(tmp_path, "chat", "--open", "absent") as chat:
        assert chat.wait() == 2
    assert "There is no conversation absent here." in chat.errors.text
    with running_command(tmp_path, "chat", "--route", "math", environment={"WEIR_RETRIES": "0"}) as chat:
        chat.type(f"{'x' * 20_001}\nWhy?\n")
        chat.end_input()
        assert chat.wait() == 2
    assert "question: String should have at most 20000 characters" in chat.errors.text
    assert "The model's server cannot be reached." in chat.errors.text
    assert chat.output.text == ""
