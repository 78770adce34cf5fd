from typing import Any

import pytest
from hypothesis import HealthCheck, settings, strategies
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule, run_state_machine_as_test
from sqlalchemy import URL

from tests.storage.conftest import Clock
from tests.support.conversations import ANN, ask, texts
from weir.storage.message_tree import MessageTree
from weir.storage.records import MessageStatus
from weir.storage.repository import ConversationRepository, open_repository
from weir.storage.storage_errors import ConversationNotFoundError


def test_an_edited_question_and_a_regenerated_answer_stand_beside_the_first(repository: ConversationRepository) -> None:
    conversation = repository.create(ANN)
    first, one = ask(repository, conversation, "Hello", "World")
    two = repository.answers.add(ANN, first, run_id="again")
    repository.answers.update(ANN, two, "Moon", status=MessageStatus.DONE)
    question, answer = repository.path(ANN, conversation)
    assert (question.siblings, answer.siblings, answer.index) == ((first,), (one, two), 1)
    edited, _ = ask(repository, conversation, "Goodbye", "Sun")
    question, answer = repository.path(ANN, conversation)
    assert (question.siblings, question.index, len(answer.siblings)) == ((first, edited), 1, 1)


def test_choosing_a_branch_shows_what_was_written_last_below_it(repository: ConversationRepository) -> None:
    conversation = repository.create(ANN)
    first, one = ask(repository, conversation, "q1", "a1")
    ask(repository, conversation, "q2", "a2", parent=one)
    ask(repository, conversation, "q2 edited", "a2 edited", parent=one)
    repository.answers.add(ANN, first)
    assert texts(repository.path(ANN, conversation)) == ["q1", ""]
    repository.choose_branch(ANN, one)
    assert texts(repository.path(ANN, conversation)) == ["q1", "a1", "q2 edited", "a2 edited"]
    repository.choose_branch(ANN, repository.path(ANN, conversation)[2].siblings[0])
    assert texts(repository.path(ANN, conversation)) == ["q1", "a1", "q2", "a2"]
    repository.choose_branch(ANN, first)
    assert texts(repository.path(ANN, conversation)) == ["q1", ""]


def test_a_tree_of_nothing_has_no_path() -> None:
    assert MessageTree([]).path(None) == []
    assert MessageTree([("a", None)]).path("elsewhere") == []


class Branches(RuleBasedStateMachine):
    """The repository, compared with a model of dictionaries."""

    repository: ConversationRepository

    def __init__(self) -> None:
        super().__init__()
        self.conversation = self.repository.create(ANN)
        self.parents: dict[str, str | None] = {}
        self.texts: dict[str, str] = {}
        self.status: dict[str, MessageStatus] = {}
        self.leaf: str | None = None
        self.deleted = False

    questions: Bundle[str] = Bundle("questions")
    answers: Bundle[str] = Bundle("answers")

    def record(self, message: str, parent: str | None, text: str, status: MessageStatus) -> None:
        self.parents[message] = parent
        self.texts[message] = text
        self.status[message] = status
        self.leaf = message

    @rule(target=questions, text=strategies.text(max_size=5))
    def ask_first(self, text: str) -> Any:
        return self.add_question(text, None)

    @rule(target=questions, parent=answers, text=strategies.text(max_size=5))
    def ask_next(self, text: str, parent: str) -> Any:
        return self.add_question(text, parent)

    def add_question(self, text: str, parent: str | None) -> Any:
        if self.deleted:
            with pytest.raises(ConversationNotFoundError):
                self.repository.add_question(ANN, self.conversation, text, parent=parent)
            return multiple()
        added = self.repository.add_question(ANN, self.conversation, text, parent=parent)
        self.record(added, parent, text.replace("\x00", "\ufffd"), MessageStatus.DONE)
        return added

    @rule(target=answers, question=questions, running=strategies.booleans())
    def answer(self, question: str, running: bool) -> Any:
        run_id = "run" if running else None
        if self.deleted:
            with pytest.raises(ConversationNotFoundError):
                self.repository.answers.add(ANN, question, run_id=run_id)
            return multiple()
        added = self.repository.answers.add(ANN, question, run_id=run_id)
        self.record(added, question, "", MessageStatus.RUNNING if running else MessageStatus.WAITING)
        return added

    @rule(answer=answers)
    def start(self, answer: str) -> None:
        waits = self.status[answer] is MessageStatus.WAITING
        assert self.repository.answers.start(ANN, answer, run_id="later") is waits
        if waits:
            self.status[answer] = MessageStatus.RUNNING

    @rule(
        answer=answers,
        text=strategies.text(max_size=5).map(lambda text: text.replace("\x00", "")),
        status=strategies.sampled_from([status for status in MessageStatus if status is not MessageStatus.WAITING]),
    )
    def write(self, answer: str, text: str, status: MessageStatus) -> None:
        before = self.status[answer]
        writable = before is MessageStatus.RUNNING or (before is MessageStatus.WAITING and status.has_ended)
        assert self.repository.answers.update(ANN, answer, text, status=status) is writable
        if writable:
            self.texts[answer] = text
            self.status[answer] = status

    @rule(message=questions | answers)
    def choose(self, message: str) -> None:
        if self.deleted:
            with pytest.raises(ConversationNotFoundError):
                self.repository.choose_branch(ANN, message)
            return
        self.repository.choose_branch(ANN, message)
        self.leaf = [node for node in self.parents if message in self.path_of(node)][-1]

    @rule()
    def delete_or_undo(self) -> None:
        if self.deleted:
            self.repository.restore(ANN, self.conversation)
        else:
            self.repository.delete(ANN, self.conversation)
        self.deleted = not self.deleted

    def path_of(self, node: str | None) -> list[str]:
        return [] if node is None else [*self.path_of(self.parents[node]), node]

    @invariant()
    def the_path_is_the_models(self) -> None:
        if self.deleted:
            with pytest.raises(ConversationNotFoundError):
                self.repository.path(ANN, self.conversation)
            return
        messages = self.repository.path(ANN, self.conversation)
        path = self.path_of(self.leaf)
        assert [message.id for message in messages] == path
        assert texts(messages) == [self.texts[node] for node in path]
        assert [message.status for message in messages] == [self.status[node] for node in path]
        for message in messages:
            siblings = [node for node, parent in self.parents.items() if parent == message.parent_id]
            assert list(message.siblings) == siblings
            assert message.siblings[message.index] == message.id

    def teardown(self) -> None:
        if not self.deleted:
            data = self.repository.files.export_json(ANN, self.conversation)
            copy = self.repository.files.import_json(ANN, data)
            assert texts(self.repository.path(ANN, copy)) == texts(self.repository.path(ANN, self.conversation))


@pytest.mark.slow
def test_the_branches_are_those_of_a_simple_model(url: URL) -> None:
    repository = open_repository(url, clock=Clock())

    class OnThisDatabase(Branches):
        pass

    OnThisDatabase.repository = repository
    run_state_machine_as_test(
        OnThisDatabase,
        settings=settings(
            max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
    repository.close()
