import pytest

from tests.storage.conftest import Clock
from tests.support.conversation_files import conversation_file, encoded
from tests.support.conversations import ANN, ask, texts
from weir.storage.records import MessageStatus, Rating, Role
from weir.storage.repository import MAX_TITLE, ConversationRepository
from weir.storage.storage_errors import ConversationNotFoundError


def titles(repository: ConversationRepository, search: str = "", *, limit: int = 50, offset: int = 0) -> list[str]:
    conversations = repository.conversations(ANN, search, limit=limit, offset=offset)
    return [conversation.title for conversation in conversations]


def begin(repository: ConversationRepository, question: str, answer: str = "") -> str:
    conversation = repository.create(ANN)
    ask(repository, conversation, question, answer)
    return conversation


def test_a_branch_is_read_as_it_was_written(repository: ConversationRepository, clock: Clock) -> None:
    conversation = repository.create(ANN)
    assert repository.path(ANN, conversation) == []
    question_id = repository.add_question(ANN, conversation, "What is 2 + 2?", parent=None)
    clock.move(1)
    answer_id = repository.answers.add(ANN, question_id, run_id="run-1")
    details = {"route": "math", "probabilities": {"math": 0.9}, "seconds": 0.25, "reason": None}
    clock.move(1)
    assert repository.answers.update(ANN, answer_id, "4", status=MessageStatus.DONE, details=details)
    question, answer = repository.path(ANN, conversation)
    assert (question.id, question.parent_id, question.role) == (question_id, None, Role.HUMAN)
    assert (question.text, question.status, question.siblings) == ("What is 2 + 2?", MessageStatus.DONE, (question_id,))
    assert (answer.id, answer.parent_id, answer.role) == (answer_id, question_id, Role.AI)
    assert (answer.text, answer.status, answer.run_id, answer.details) == ("4", MessageStatus.DONE, "run-1", details)
    assert (answer.created_at, answer.updated_at) == (clock.now - 1, clock.now)


def test_the_conversation_with_the_latest_question_is_listed_first(
    repository: ConversationRepository, clock: Clock
) -> None:
    conversations = []
    for name in ("one", "two", "three"):
        clock.move(1)
        conversations.append(begin(repository, name))
    assert titles(repository) == ["three", "two", "one"]
    clock.move(1)
    repository.add_question(ANN, conversations[0], "again", parent=repository.path(ANN, conversations[0])[-1].id)
    assert titles(repository) == ["one", "three", "two"]
    assert titles(repository, limit=1, offset=1) == ["three"]


def test_a_search_looks_into_titles_and_all_messages_in_any_case(repository: ConversationRepository) -> None:
    conversation = begin(repository, "Über Ärger", "Lärm stört")
    ask(repository, conversation, "Another branch", "hidden PEARL")
    begin(repository, "Something else")
    renamed = begin(repository, "third")
    repository.rename(ANN, renamed, "Flüsse")
    assert titles(repository, "ärger") == titles(repository, "LÄRM") == titles(repository, " pearl ") == ["Über Ärger"]
    assert titles(repository, "FLÜSSE") == ["Flüsse"]
    assert titles(repository, "nowhere") == []
    assert len(titles(repository, "  ")) == 3


def test_a_search_has_the_part_around_its_first_match(repository: ConversationRepository) -> None:
    long = begin(repository, "Where?", f"{'word ' * 40}the hidden PEARL\nis {'here ' * 40}")
    titled = begin(repository, "pearls", "Nothing.")
    found = repository.search_hits(ANN, repository.conversations(ANN, "pearl"), "pearl")
    text = found[long].snippet
    assert text.startswith("…")
    assert text.endswith("…")
    assert "the hidden PEARL is here" in text
    assert found[titled].snippet == "pearls"
    assert [repository.path(ANN, id)[number].id for id, number in ((long, 1), (titled, 0))] == [
        found[long].message_id,
        found[titled].message_id,
    ]
    assert repository.search_hits(ANN, repository.conversations(ANN), " ") == {}


def test_options_are_stored_exported_and_imported(repository: ConversationRepository) -> None:
    conversation = begin(repository, "first")
    assert repository.conversation(ANN, conversation).options == {}
    options = {"system_prompt": "Be brief.", "temperature": 0.5, "max_tokens": None}
    repository.set_options(ANN, conversation, options)
    assert repository.conversation(ANN, conversation).options == options
    with pytest.raises(ConversationNotFoundError):
        repository.set_options("somebody else", conversation, {})
    copy = repository.files.import_json(ANN, repository.files.export_json(ANN, conversation))
    assert repository.conversation(ANN, copy).options == options


def test_the_bin_has_what_is_deleted_until_it_is_deleted_for_good(
    repository: ConversationRepository, clock: Clock
) -> None:
    first, second = begin(repository, "first"), begin(repository, "second")
    with pytest.raises(ConversationNotFoundError):
        repository.delete_for_good(ANN, first)
    for conversation in (first, second):
        clock.move(1)
        repository.delete(ANN, conversation)
    assert [found.id for found in repository.deleted_conversations(ANN)] == [second, first]
    assert repository.deleted_conversations("somebody else") == []
    with pytest.raises(ConversationNotFoundError):
        repository.delete_for_good("somebody else", first)
    repository.delete_for_good(ANN, first)
    repository.restore(ANN, second)
    assert repository.deleted_conversations(ANN) == []
    assert titles(repository) == ["second"]
    with pytest.raises(ConversationNotFoundError):
        repository.restore(ANN, first)


@pytest.mark.parametrize("sign", ["%", "_", "/", "\\", "'", '"', "*"])
def test_a_search_takes_every_sign_as_itself(repository: ConversationRepository, sign: str) -> None:
    begin(repository, f"a{sign}b")
    begin(repository, "aXb")
    assert titles(repository, f"A{sign}B") == [f"a{sign}b"]


def test_a_very_long_search_finds_nothing_and_fails_nowhere(repository: ConversationRepository) -> None:
    begin(repository, "short")
    assert titles(repository, "%" * 100_000) == []


def test_the_first_question_gives_the_title_until_a_person_does(repository: ConversationRepository) -> None:
    conversation = begin(repository, "# How *deep* is it?\nand so on")
    assert titles(repository) == ["How deep is it?"]
    repository.rename(ANN, conversation, " Depths\n of\tit \x00")
    assert repository.conversation(ANN, conversation).title == "Depths of it"
    assert repository.conversation(ANN, conversation).titled_by_hand
    ask(repository, conversation, "Another first question", "")
    assert titles(repository) == ["Depths of it"]
    repository.rename(ANN, conversation, " ")
    assert titles(repository) == ["How deep is it?"]
    assert not repository.conversation(ANN, conversation).titled_by_hand
    repository.rename(ANN, conversation, "long " * 1000)
    assert len(repository.conversation(ANN, conversation).title) == MAX_TITLE - 1


def test_a_title_by_hand_stays_when_the_first_question_comes(repository: ConversationRepository) -> None:
    conversation = repository.create(ANN)
    repository.rename(ANN, conversation, "Mine")
    ask(repository, conversation, "Hello", "")
    assert titles(repository) == ["Mine"]


def test_a_deleted_conversation_is_gone_and_comes_back(repository: ConversationRepository) -> None:
    conversation = begin(repository, "Hello", "World")
    message = repository.path(ANN, conversation)[-1].id
    repository.delete(ANN, conversation)
    assert titles(repository) == []
    with pytest.raises(ConversationNotFoundError):
        repository.path(ANN, conversation)
    with pytest.raises(ConversationNotFoundError):
        repository.add_question(ANN, conversation, "More", parent=message)
    with pytest.raises(ConversationNotFoundError):
        repository.feedback.set(ANN, message, Rating.UP)
    with pytest.raises(ConversationNotFoundError):
        repository.delete(ANN, conversation)
    repository.restore(ANN, conversation)
    repository.restore(ANN, conversation)
    assert texts(repository.path(ANN, conversation)) == ["Hello", "World"]


def test_purging_removes_what_was_deleted_long_ago_with_all_that_belongs_to_it(
    repository: ConversationRepository, clock: Clock
) -> None:
    remaining, recent, old = (begin(repository, name, name) for name in ("kept", "recent", "old"))
    answer = repository.path(ANN, old)[-1].id
    repository.feedback.set(ANN, answer, Rating.DOWN)
    repository.feedback.add_correction(ANN, answer, wrong="math", right="code")
    repository.delete(ANN, old)
    clock.move(7 * 86_400)
    repository.delete(ANN, recent)
    clock.move(1)
    assert repository.purge(7) == 1
    with pytest.raises(ConversationNotFoundError):
        repository.restore(ANN, old)
    assert repository.feedback.corrections(ANN) == []
    repository.restore(ANN, recent)
    assert sorted(titles(repository)) == ["kept", "recent"]
    assert texts(repository.path(ANN, remaining)) == ["kept", "kept"]


def test_purging_a_very_long_conversation_works(repository: ConversationRepository, clock: Clock) -> None:
    conversation = repository.files.import_json(
        ANN, encoded(conversation_file(2400))
    )  # SQLite lets deletions follow each other 1,000 deep
    repository.delete(ANN, conversation)
    clock.move(1)
    assert repository.purge(0) == 1


def test_what_no_database_keeps_is_replaced(repository: ConversationRepository) -> None:
    conversation = repository.create(ANN)
    question = repository.add_question(ANN, conversation, "a\x00b\ud800c", parent=None)
    answer = repository.answers.add(ANN, question, run_id="run")
    details = {"k\x00": ["\udfff", {"n": float("nan")}], "t": (1, 2.5, True, None)}
    repository.answers.update(ANN, answer, "😀\x00", details=details)
    stored_question, stored_answer = repository.path(ANN, conversation)
    assert (stored_question.text, stored_answer.text) == ("a\ufffdb\ufffdc", "😀\ufffd")
    assert stored_answer.details == {"k\ufffd": ["\ufffd", {"n": None}], "t": [1, 2.5, True, None]}
    assert [listed.id for listed in repository.conversations(ANN, "a\x00b")] == [conversation]


@pytest.mark.parametrize("made_up", ["", "no-such-id", "a\x00", "\ud800", "x" * 100_000, "' OR 1=1 --"])
def test_a_made_up_id_is_not_found(repository: ConversationRepository, made_up: str) -> None:
    with pytest.raises(ConversationNotFoundError):
        repository.path(ANN, made_up)
    with pytest.raises(ConversationNotFoundError):
        repository.choose_branch(ANN, made_up)
    with pytest.raises(ConversationNotFoundError):
        repository.answers.update(ANN, made_up, "text")


def test_questions_and_answers_take_turns(repository: ConversationRepository) -> None:
    conversation = repository.create(ANN)
    question, answer = ask(repository, conversation, "Hello", "World")
    with pytest.raises(ValueError, match="a question follows an answer"):
        repository.add_question(ANN, conversation, "More", parent=question)
    with pytest.raises(ValueError, match="an answer follows a question"):
        repository.answers.add(ANN, answer)
    with pytest.raises(ConversationNotFoundError):
        repository.add_question(ANN, repository.create(ANN), "More", parent=answer)
