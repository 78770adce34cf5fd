import pytest

from tests.storage.conftest import Clock
from tests.support.conversations import ANN, ask, texts
from tests.support.database_files import data, file
from weir.storage.feedback import Rating
from weir.storage.message import MessageStatus, Role
from weir.storage.not_found import ConversationNotFoundError
from weir.storage.repository import MAX_TITLE, ConversationRepository


def titles(library: ConversationRepository, search: str = "", *, limit: int = 50, offset: int = 0) -> list[str]:
    found = library.conversations(ANN, search, limit=limit, offset=offset)
    return [conversation.title for conversation in found]


def begin(library: ConversationRepository, question: str, answer: str = "") -> str:
    conversation = library.create(ANN)
    ask(library, conversation, question, answer)
    return conversation


def test_a_branch_is_read_as_it_was_written(library: ConversationRepository, clock: Clock) -> None:
    conversation = library.create(ANN)
    assert library.path(ANN, conversation) == []
    asked = library.add_question(ANN, conversation, "What is 2 + 2?", parent=None)
    clock.move(1)
    answered = library.add_answer(ANN, asked, run_id="run-1")
    details = {"route": "math", "probabilities": {"math": 0.9}, "seconds": 0.25, "reason": None}
    clock.move(1)
    assert library.update_answer(ANN, answered, "4", status=MessageStatus.DONE, details=details)
    question, answer = library.path(ANN, conversation)
    assert (question.id, question.parent_id, question.role) == (asked, None, Role.HUMAN)
    assert (question.text, question.status, question.siblings) == ("What is 2 + 2?", MessageStatus.DONE, (asked,))
    assert (answer.id, answer.parent_id, answer.role) == (answered, asked, Role.AI)
    assert (answer.text, answer.status, answer.run_id, answer.details) == ("4", MessageStatus.DONE, "run-1", details)
    assert (answer.created_at, answer.updated_at) == (clock.now - 1, clock.now)


def test_the_conversation_with_the_latest_question_is_listed_first(
    library: ConversationRepository, clock: Clock
) -> None:
    conversations = []
    for name in ("one", "two", "three"):
        clock.move(1)
        conversations.append(begin(library, name))
    assert titles(library) == ["three", "two", "one"]
    clock.move(1)
    library.add_question(ANN, conversations[0], "again", parent=library.path(ANN, conversations[0])[-1].id)
    assert titles(library) == ["one", "three", "two"]
    assert titles(library, limit=1, offset=1) == ["three"]


def test_a_search_looks_into_titles_and_all_messages_in_any_case(library: ConversationRepository) -> None:
    conversation = begin(library, "Über Ärger", "Lärm stört")
    ask(library, conversation, "Another branch", "hidden PEARL")
    begin(library, "Something else")
    renamed = begin(library, "third")
    library.rename(ANN, renamed, "Flüsse")
    assert titles(library, "ärger") == titles(library, "LÄRM") == titles(library, " pearl ") == ["Über Ärger"]
    assert titles(library, "FLÜSSE") == ["Flüsse"]
    assert titles(library, "nowhere") == []
    assert len(titles(library, "  ")) == 3


@pytest.mark.parametrize("sign", ["%", "_", "/", "\\", "'", '"', "*"])
def test_a_search_takes_every_sign_as_itself(library: ConversationRepository, sign: str) -> None:
    begin(library, f"a{sign}b")
    begin(library, "aXb")
    assert titles(library, f"A{sign}B") == [f"a{sign}b"]


def test_a_very_long_search_finds_nothing_and_fails_nowhere(library: ConversationRepository) -> None:
    begin(library, "short")
    assert titles(library, "%" * 100_000) == []


def test_the_first_question_gives_the_title_until_a_person_does(library: ConversationRepository) -> None:
    conversation = begin(library, "# How *deep* is it?\nand so on")
    assert titles(library) == ["How deep is it?"]
    library.rename(ANN, conversation, " Depths\n of\tit \x00")
    assert library.conversation(ANN, conversation).title == "Depths of it"
    assert library.conversation(ANN, conversation).titled_by_hand
    ask(library, conversation, "Another first question", "")
    assert titles(library) == ["Depths of it"]
    library.rename(ANN, conversation, " ")
    assert titles(library) == ["How deep is it?"]
    assert not library.conversation(ANN, conversation).titled_by_hand
    library.rename(ANN, conversation, "long " * 1000)
    assert len(library.conversation(ANN, conversation).title) == MAX_TITLE - 1


def test_a_title_by_hand_stays_when_the_first_question_comes(library: ConversationRepository) -> None:
    conversation = library.create(ANN)
    library.rename(ANN, conversation, "Mine")
    ask(library, conversation, "Hello", "")
    assert titles(library) == ["Mine"]


def test_a_deleted_conversation_is_gone_and_comes_back(library: ConversationRepository) -> None:
    conversation = begin(library, "Hello", "World")
    message = library.path(ANN, conversation)[-1].id
    library.delete(ANN, conversation)
    assert titles(library) == []
    with pytest.raises(ConversationNotFoundError):
        library.path(ANN, conversation)
    with pytest.raises(ConversationNotFoundError):
        library.add_question(ANN, conversation, "More", parent=message)
    with pytest.raises(ConversationNotFoundError):
        library.set_feedback(ANN, message, Rating.UP)
    with pytest.raises(ConversationNotFoundError):
        library.delete(ANN, conversation)
    library.restore(ANN, conversation)
    library.restore(ANN, conversation)
    assert texts(library.path(ANN, conversation)) == ["Hello", "World"]


def test_an_answer_being_written_is_kept_although_its_conversation_is_deleted(library: ConversationRepository) -> None:
    conversation = library.create(ANN)
    answer = library.add_answer(ANN, library.add_question(ANN, conversation, "Hello", parent=None), run_id="run")
    library.delete(ANN, conversation)
    assert library.update_answer(ANN, answer, "World", status=MessageStatus.DONE)
    library.restore(ANN, conversation)
    assert texts(library.path(ANN, conversation)) == ["Hello", "World"]


def test_purging_removes_what_was_deleted_long_ago_with_all_that_belongs_to_it(
    library: ConversationRepository, clock: Clock
) -> None:
    kept, recent, old = (begin(library, name, name) for name in ("kept", "recent", "old"))
    answer = library.path(ANN, old)[-1].id
    library.set_feedback(ANN, answer, Rating.DOWN)
    library.add_correction(ANN, answer, wrong="math", right="code")
    library.delete(ANN, old)
    clock.move(7 * 86_400)
    library.delete(ANN, recent)
    clock.move(1)
    assert library.purge(7) == 1
    with pytest.raises(ConversationNotFoundError):
        library.restore(ANN, old)
    assert library.corrections(ANN) == []
    library.restore(ANN, recent)
    assert sorted(titles(library)) == ["kept", "recent"]
    assert texts(library.path(ANN, kept)) == ["kept", "kept"]


def test_purging_a_very_long_conversation_works(library: ConversationRepository, clock: Clock) -> None:
    conversation = library.import_json(ANN, data(file(2400)))  # SQLite lets deletions follow each other 1,000 deep
    library.delete(ANN, conversation)
    clock.move(1)
    assert library.purge(0) == 1


def test_what_no_database_keeps_is_replaced(library: ConversationRepository) -> None:
    conversation = library.create(ANN)
    question = library.add_question(ANN, conversation, "a\x00b\ud800c", parent=None)
    answer = library.add_answer(ANN, question, run_id="run")
    details = {"k\x00": ["\udfff", {"n": float("nan")}], "t": (1, 2.5, True, None)}
    library.update_answer(ANN, answer, "😀\x00", details=details)
    asked, answered = library.path(ANN, conversation)
    assert (asked.text, answered.text) == ("a\ufffdb\ufffdc", "😀\ufffd")
    assert answered.details == {"k\ufffd": ["\ufffd", {"n": None}], "t": [1, 2.5, True, None]}
    assert [found.id for found in library.conversations(ANN, "a\x00b")] == [conversation]


@pytest.mark.parametrize("made_up", ["", "no-such-id", "a\x00", "\ud800", "x" * 100_000, "' OR 1=1 --"])
def test_a_made_up_id_is_not_found(library: ConversationRepository, made_up: str) -> None:
    with pytest.raises(ConversationNotFoundError):
        library.path(ANN, made_up)
    with pytest.raises(ConversationNotFoundError):
        library.choose_branch(ANN, made_up)
    with pytest.raises(ConversationNotFoundError):
        library.update_answer(ANN, made_up, "text")


def test_questions_and_answers_take_turns(library: ConversationRepository) -> None:
    conversation = library.create(ANN)
    question, answer = ask(library, conversation, "Hello", "World")
    with pytest.raises(ValueError, match="a question follows an answer"):
        library.add_question(ANN, conversation, "More", parent=question)
    with pytest.raises(ValueError, match="an answer follows a question"):
        library.add_answer(ANN, answer)
    with pytest.raises(ConversationNotFoundError):
        library.add_question(ANN, library.create(ANN), "More", parent=answer)
    with pytest.raises(ValueError, match="a correction is of an answer"):
        library.add_correction(ANN, question, wrong="math", right="code")


def test_a_waiting_answer_is_started_once_and_can_be_ended_by_anyone(
    library: ConversationRepository, other_process: ConversationRepository
) -> None:
    conversation = library.create(ANN)
    question = library.add_question(ANN, conversation, "Hello", parent=None)
    answer = library.add_answer(ANN, question)
    assert library.path(ANN, conversation)[-1].status is MessageStatus.WAITING
    assert not library.update_answer(ANN, answer, "too early")
    assert library.start_answer(ANN, answer, run_id="first")
    assert not library.start_answer(ANN, answer, run_id="second")
    started = library.path(ANN, conversation)[-1]
    assert (started.status, started.run_id) == (MessageStatus.RUNNING, "first")
    with pytest.raises(ValueError, match="does not wait"):
        library.update_answer(ANN, answer, "", status=MessageStatus.WAITING)
    waiting = library.add_answer(ANN, question)
    assert other_process.update_answer(ANN, waiting, "", status=MessageStatus.STOPPED)
    assert not library.start_answer(ANN, waiting, run_id="third")


def test_an_answer_that_has_ended_is_not_written_any_more(library: ConversationRepository) -> None:
    conversation = library.create(ANN)
    question, answer = ask(library, conversation, "Hello", "World")
    assert not library.update_answer(ANN, answer, "late")
    assert not library.update_answer(ANN, answer, "later", status=MessageStatus.STOPPED)
    assert not library.update_answer(ANN, question, "other words")
    assert texts(library.path(ANN, conversation)) == ["Hello", "World"]


def test_an_update_without_details_leaves_them(library: ConversationRepository) -> None:
    conversation = library.create(ANN)
    answer = library.add_answer(ANN, library.add_question(ANN, conversation, "Hello", parent=None), run_id="run")
    library.update_answer(ANN, answer, "", details={"route": "math"})
    library.update_answer(ANN, answer, "World", status=MessageStatus.DONE)
    assert library.path(ANN, conversation)[-1].details == {"route": "math"}


def test_feedback_is_one_opinion_that_can_change(library: ConversationRepository, clock: Clock) -> None:
    conversation = library.create(ANN)
    _, answer = ask(library, conversation, "Hello", "World")
    assert library.feedback_of(ANN, conversation) == {}
    library.set_feedback(ANN, answer, Rating.UP)
    clock.move(1)
    library.set_feedback(ANN, answer, Rating.DOWN, "wrong planet")
    said = library.feedback_of(ANN, conversation)[answer]
    assert (said.thumb, said.note, said.created_at) == (Rating.DOWN, "wrong planet", clock.now)
    library.clear_feedback(ANN, answer)
    library.clear_feedback(ANN, answer)
    assert library.feedback_of(ANN, conversation) == {}


def test_a_correction_keeps_the_question_and_can_change(library: ConversationRepository, clock: Clock) -> None:
    conversation = library.create(ANN)
    _, first = ask(library, conversation, "Sort a list", "…")
    _, second = ask(library, conversation, "Count", "…", parent=first)
    library.add_correction(ANN, first, wrong="math", right="general")
    library.add_correction(ANN, first, wrong="math", right="code")
    clock.move(1)
    library.add_correction(ANN, second, wrong="code", right="math")
    assert [(told.question, told.wrong, told.right) for told in library.corrections(ANN)] == [
        ("Sort a list", "math", "code"),
        ("Count", "code", "math"),
    ]
    library.set_in_golden_set(ANN, first, True)
    assert [told.in_golden_set for told in library.corrections(ANN)] == [True, False]
    with pytest.raises(ConversationNotFoundError):
        library.set_in_golden_set(ANN, "other", True)
