"""Attachments in the database: with each version of a question, in the bin, in files, and within bounds."""

import json

import pytest

from tests.support.conversations import ANN, BOB
from weir.storage import json_export, stored_attachments
from weir.storage.records import NewAttachment
from weir.storage.repository import ConversationRepository
from weir.storage.stored_attachments import AllFullError, VisitorFullError

NOTES = NewAttachment("notes.txt", "text/plain", b"Rain at *noon*.", 15)
CAT = NewAttachment("cat.png", "image/png", b"\x89PNG\x00\xff", 6, b"small")


def asked(repository: ConversationRepository, *files: NewAttachment, text: str = "Read this") -> str:
    """Add a question with files and an answer to a new conversation, and return the conversation's id."""
    conversation = repository.create(ANN)
    question = repository.add_question(ANN, conversation, text, parent=None, files=files)
    repository.answers.add(ANN, question)
    return conversation


def ids(repository: ConversationRepository, conversation: str) -> list[str]:
    return [one.id for one in repository.path(ANN, conversation)[0].attachments]


def names(repository: ConversationRepository, conversation: str) -> list[list[str]]:
    return [[one.name for one in message.attachments] for message in repository.path(ANN, conversation)]


def test_a_question_has_its_files_in_their_order_and_its_visitor_alone_reads_them(
    repository: ConversationRepository,
) -> None:
    conversation = asked(repository, NOTES, CAT)
    first, second = repository.path(ANN, conversation)[0].attachments
    assert (first.name, first.media_type, first.size, first.thumbnail) == ("notes.txt", "text/plain", 15, b"")
    assert (second.name, second.thumbnail) == ("cat.png", b"small")
    wanted = [first.id, second.id, "no such id"]
    assert repository.attachment_contents(ANN, wanted) == {first.id: NOTES.content, second.id: CAT.content}
    assert repository.attachment_contents(BOB, wanted) == {}
    assert repository.attachments(ANN, [second.id, "no such id", first.id]) == [second, first]
    assert repository.attachments(BOB, [first.id]) == []


def test_a_question_without_text_has_its_files_name_as_the_title_on_one_line(
    repository: ConversationRepository,
) -> None:
    named = NewAttachment("a\n\u202eb" + "c" * 200, "text/plain", b"x", 1)
    conversation = asked(repository, named, text="")
    assert repository.conversation(ANN, conversation).title.startswith("a bccc")
    assert len(names(repository, conversation)[0][0]) == stored_attachments.MAX_NAME


def test_another_version_of_a_question_shares_its_files_and_takes_none_of_another_conversation(
    repository: ConversationRepository,
) -> None:
    conversation = asked(repository, NOTES)
    [strange] = ids(repository, asked(repository, CAT))
    [mine] = ids(repository, conversation)
    kept = [mine, strange]
    repository.add_question(ANN, conversation, "Read it again", parent=None, files=[CAT], kept_files=kept)
    assert names(repository, conversation) == [["notes.txt", "cat.png"]]
    assert ids(repository, conversation)[0] == mine


def test_files_are_in_the_bin_with_their_conversation_and_gone_with_it(repository: ConversationRepository) -> None:
    conversation = asked(repository, NOTES)
    [attachment] = ids(repository, conversation)
    repository.delete(ANN, conversation)
    assert repository.attachment_contents(ANN, [attachment]) == {}
    repository.restore(ANN, conversation)
    assert names(repository, conversation) == [["notes.txt"], []]
    repository.delete(ANN, conversation)
    repository.delete_for_good(ANN, conversation)
    assert repository.attachment_contents(ANN, [attachment]) == {}


def test_no_more_bytes_are_kept_than_a_visitor_and_all_of_them_may_have(
    repository: ConversationRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversation = asked(repository, NOTES)
    monkeypatch.setattr(stored_attachments, "MAX_VISITOR_BYTES", 25)
    with pytest.raises(VisitorFullError):
        repository.add_question(ANN, conversation, "More", parent=None, files=[NOTES])
    assert [message.text for message in repository.path(ANN, conversation)] == ["Read this", ""]
    smaller = ConversationRepository(repository.engine, attachment_bytes=20)
    with pytest.raises(AllFullError):
        smaller.add_question(BOB, repository.create(BOB), "More", parent=None, files=[NOTES])


def test_a_file_of_a_conversation_has_the_texts_once_and_of_images_the_names(
    repository: ConversationRepository,
) -> None:
    conversation = asked(repository, NOTES, CAT)
    kept = ids(repository, conversation)
    repository.add_question(ANN, conversation, "Read it again", parent=None, kept_files=kept)
    exported = repository.files.export_json(ANN, conversation)
    assert json.loads(exported)["attachments"] == [
        {"name": "notes.txt", "media_type": "text/plain", "size": 15, "text": "Rain at *noon*."},
        {"name": "cat.png", "media_type": "image/png", "size": 6},
    ]
    imported = repository.files.import_json(BOB, exported)
    shown = repository.path(BOB, imported)[0].attachments
    assert [(one.name, one.size) for one in shown] == [("notes.txt", 15), ("cat.png", 6)]
    contents = repository.attachment_contents(BOB, [one.id for one in shown])
    assert [contents[one.id] for one in shown] == [NOTES.content, None]
    with pytest.raises(AllFullError):
        ConversationRepository(repository.engine, attachment_bytes=40).files.import_json(BOB, exported)
    assert len(repository.conversations(BOB)) == 1
    assert repository.files.export_markdown(ANN, conversation) == (
        "# Read this\n\n> Read it again\n>\n> [notes.txt] [cat.png]\n"
    )


@pytest.mark.parametrize("place", [-1, 1])
def test_a_file_whose_question_names_an_attachment_that_it_does_not_have_is_damaged(
    repository: ConversationRepository, place: int
) -> None:
    conversation = asked(repository, NOTES)
    changed = json.loads(repository.files.export_json(ANN, conversation))
    changed["messages"][0]["attachments"] = [place]
    with pytest.raises(json_export.DamagedError):
        repository.files.import_json(ANN, json.dumps(changed).encode())
