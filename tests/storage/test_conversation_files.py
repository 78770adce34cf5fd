import json
from pathlib import Path

import pytest

from tests.storage.conftest import Clock
from tests.support.conversation_files import conversation_file, encoded
from tests.support.conversations import ANN, BOB, ask, texts
from weir.storage import json_export
from weir.storage.records import MessageStatus
from weir.storage.repository import ConversationRepository

ROOT = Path(__file__).parents[2]


@pytest.fixture
def conversation(repository: ConversationRepository) -> str:
    """Two versions of an answer, and a second question below the first of them."""
    conversation = repository.create(ANN)
    first, one = ask(repository, conversation, "What *is* it?", "Text with\n\n# a heading")
    repository.answers.add(ANN, first, run_id="secret-run")
    _, second = ask(repository, conversation, "And\nthen?", "Done", parent=one)
    repository.answers.update(ANN, second, "", status=MessageStatus.DONE)
    return conversation


def test_an_imported_conversation_is_the_exported_one_with_new_ids(
    repository: ConversationRepository, conversation: str, clock: Clock
) -> None:
    exported = repository.files.export_json(ANN, conversation)
    clock.move(1)
    copy = repository.files.import_json(BOB, exported)
    assert copy != conversation
    before, after = repository.path(ANN, conversation), repository.path(BOB, copy)
    assert texts(after) == texts(before)
    assert not {message.id for message in before} & {message.id for message in after}
    assert [len(message.siblings) for message in after] == [len(message.siblings) for message in before]
    assert repository.conversation(BOB, copy).title == "What is it?"
    assert repository.conversation(BOB, copy).updated_at == clock.now
    again = json.loads(repository.files.export_json(BOB, copy))
    once = json.loads(exported)
    assert [line["text"] for line in again["messages"]] == [line["text"] for line in once["messages"]]
    assert [line["parent"] for line in again["messages"]] == [line["parent"] for line in once["messages"]]


def test_a_file_says_nothing_of_visitors_and_runs(repository: ConversationRepository, conversation: str) -> None:
    exported = repository.files.export_json(ANN, conversation).decode()
    assert "secret-run" not in exported
    assert '"ann"' not in exported
    assert conversation not in exported


def test_an_answer_that_was_being_written_is_imported_as_cut(
    repository: ConversationRepository, conversation: str
) -> None:
    copy = repository.files.import_json(ANN, repository.files.export_json(ANN, conversation))
    repository.choose_branch(ANN, repository.path(ANN, copy)[1].siblings[1])
    answer = repository.path(ANN, copy)[-1]
    assert (answer.status, answer.run_id) == (MessageStatus.CUT, None)


def test_markdown_shows_the_current_branch(repository: ConversationRepository, conversation: str) -> None:
    assert repository.files.export_markdown(ANN, conversation) == (
        "# What is it?\n\n> What *is* it?\n\nText with\n\n# a heading\n\n> And\n> then?\n\nDone\n"
    )
    repository.choose_branch(ANN, repository.path(ANN, conversation)[1].siblings[1])
    assert repository.files.export_markdown(ANN, conversation).endswith("> What *is* it?\n\n*(still being written)*\n")


def test_an_empty_conversation_can_be_exported_and_imported(repository: ConversationRepository) -> None:
    empty = repository.create(ANN)
    assert repository.path(ANN, repository.files.import_json(ANN, repository.files.export_json(ANN, empty))) == []
    assert repository.files.export_markdown(ANN, empty) == "\n"


def test_the_longest_file_is_imported(repository: ConversationRepository) -> None:
    conversation = repository.files.import_json(ANN, encoded(conversation_file(json_export.MAX_MESSAGES)))
    assert len(repository.path(ANN, conversation)) == json_export.MAX_MESSAGES


def test_the_documented_file_is_imported(repository: ConversationRepository) -> None:
    described = (ROOT / "docs" / "storage.md").read_text(encoding="utf-8")
    documented = described.partition("```json\n")[2].partition("```")[0]
    conversation = repository.files.import_json(ANN, documented.encode())
    assert texts(repository.path(ANN, conversation)) == ["2 + 2?", "4"]
