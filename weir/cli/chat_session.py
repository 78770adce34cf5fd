"""Chat session: one conversation at a time, in the same database as the app's, and the runs that answer in it."""

import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from weir.analysis.metrics import MetricsAccumulator, custom_event
from weir.analysis.outcome import outcome
from weir.app.answer_details import STATUSES, answer_details
from weir.app.answer_writer import AnswerWriter
from weir.cli.ask_command import ConversationPreparation
from weir.cli.markdown_stream import DRAW_INTERVAL_SECONDS
from weir.cli.runner import EndedRun, Runner, Show, read_settings
from weir.llm.attachments import Attachment
from weir.llm.chain_registry import PreparedRun
from weir.runs.failure_sentences import FailureKind
from weir.runs.run import Run
from weir.storage.database import IN_MEMORY_URL, database_url
from weir.storage.records import Attachment as StoredAttachment
from weir.storage.records import Conversation, Message, MessageStatus, Role
from weir.storage.repository import TERMINAL_VISITOR, ConversationRepository, open_repository
from weir.storage.storage_errors import ConversationNotFoundError, StorageError

LISTED = 10
"""Conversations that `/open` lists."""


def open_conversations(say: Callable[[str], None]) -> ConversationRepository:
    """Return the conversations of the app's database; where it cannot be opened, say so and keep them in memory."""
    configured = read_settings()
    url = configured.database_url.get_secret_value() if configured.database_url else None
    try:
        return open_repository(database_url(configured.data_folder, url))
    except StorageError as error:
        say(f"This conversation is not kept. {error.problem.message} {error.problem.hint}")
        return open_repository(IN_MEMORY_URL)


class ChatSession:
    """A conversation that goes on, question by question. Each method that reads or writes it raises StorageError."""

    def __init__(self, runner: Runner, repository: ConversationRepository) -> None:
        self.route: str | None = None
        """The route of the next questions; None has them classified."""
        self.conversation_id: str | None = None
        self._runner = runner
        self._repository = repository
        self._writer = AnswerWriter(repository)
        self._prepare = ConversationPreparation(runner)

    def close(self) -> None:
        """Write what is still to be written."""
        self._writer.close()
        self._repository.close()

    @property
    def problem(self) -> StorageError | None:
        """Why the last answer is not stored; None if it is."""
        return self._writer.problem

    def ask(self, question: str, show: Show, on_start: Callable[[], None]) -> EndedRun:
        """Add a question to the conversation, which is a new one if none is open, and answer it."""
        path = self.path()
        if path and path[-1].role is Role.HUMAN:
            path = path[:-1]  # it has no answer, and a question follows an answer
        prepared = self._prepared(question, path)
        if self.conversation_id is None:
            self.conversation_id = self._repository.create(TERMINAL_VISITOR)
        parent = path[-1].id if path else None
        question_id = self._repository.add_question(self._visitor, self.conversation_id, question, parent=parent)
        return self._answer(question_id, prepared, show, on_start)

    def retry(self, show: Show, on_start: Callable[[], None]) -> EndedRun | None:
        """Answer the last question once more, as another version of the answer; None if there is no question."""
        path = self.path()
        while path and path[-1].role is not Role.HUMAN:
            path = path[:-1]
        if not path:
            return None
        question, before = path[-1], path[:-1]
        prepared = self._prepared(question.text, before, question.attachments)
        return self._answer(question.id, prepared, show, on_start)

    def path(self) -> Sequence[Message]:
        """Return the messages of the open conversation."""
        if self.conversation_id is None:
            return []
        return self._repository.path(self._visitor, self.conversation_id)

    def start_new(self) -> None:
        """Close the conversation: the next question begins another."""
        self.conversation_id = None

    def conversations(self) -> Sequence[Conversation]:
        """Return the newest conversations of the terminal."""
        return self._repository.conversations(TERMINAL_VISITOR, limit=LISTED)

    def open(self, name: str) -> bool:
        """Open a conversation by its number in `conversations` or by its id. Return whether there is one."""
        listed = self.conversations()
        if name.isdecimal() and 0 < int(name) <= len(listed):
            self.conversation_id = listed[int(name) - 1].id
            return True
        try:
            self._repository.visitor_of(name)
        except ConversationNotFoundError:
            return False
        self.conversation_id = name
        return True

    def save(self, target: Path) -> None:
        """Write the conversation to a file: Markdown, or for `.json` what the app imports. Raises OSError."""
        assert self.conversation_id is not None
        if target.suffix == ".json":
            target.write_bytes(self._repository.files.export_json(self._visitor, self.conversation_id))
        else:
            text = self._repository.files.export_markdown(self._visitor, self.conversation_id)
            target.write_text(text, encoding="utf-8", errors="replace")

    @property
    def _visitor(self) -> str:
        """Whose conversation it is: a browser that has opened its link has taken it over."""
        assert self.conversation_id is not None
        return self._repository.visitor_of(self.conversation_id)

    def _prepared(
        self, question: str, before: Sequence[Message], files: Sequence[StoredAttachment] = ()
    ) -> PreparedRun:
        """Return the run that answers a question. Raises ClickException if it cannot begin: then nothing is stored."""
        history, with_files = _history(before)
        with_files |= {len(history): files} if files else {}
        attachments = {place: [self._attachment(one) for one in some] for place, some in with_files.items()}
        return self._runner.prepare(lambda: self._prepare(question, history, self.route, attachments))

    def _attachment(self, stored: StoredAttachment) -> Attachment:
        def read() -> bytes | None:
            return self._repository.attachment_contents(self._visitor, [stored.id]).get(stored.id)

        return Attachment(stored.name, stored.media_type, stored.size, read, stored.id)

    def _answer(self, question_id: str, prepared: PreparedRun, show: Show, on_start: Callable[[], None]) -> EndedRun:
        visitor, run_id = self._visitor, uuid.uuid4()
        answer_id = self._repository.answers.add(visitor, question_id, run_id=str(run_id))
        run = self._runner.start(prepared, name="smart_router", run_id=run_id)
        self._writer.track(visitor, answer_id, run, _describe)
        on_start()
        ended = self._runner.follow(run, show, heartbeat=DRAW_INTERVAL_SECONDS)
        self._writer.flush(answer_id)
        self._runner.keep()
        return ended


def _history(path: Sequence[Message]) -> tuple[list[tuple[str, str]], dict[int, Sequence[StoredAttachment]]]:
    """Return the messages before a question as the model gets them: an error is never sent back as an answer.

    And the files of questions, by the places of these.
    """
    messages: list[tuple[str, str]] = []
    with_files: dict[int, Sequence[StoredAttachment]] = {}
    for question, answer in zip(path[::2], path[1::2], strict=False):
        is_complete = answer.status in (MessageStatus.DONE, MessageStatus.STOPPED)
        if answer.text and (is_complete or answer.details.get("kind") == FailureKind.LENGTH.name):
            if question.attachments:
                with_files[len(messages)] = question.attachments
            messages += [("human", question.text), ("ai", answer.text)]
    return messages, with_files


def _describe(run: Run, _: str) -> tuple[MessageStatus, dict[str, Any]]:
    meter = MetricsAccumulator()
    for event in run.events:
        meter.add(event)
    metrics = meter.metrics()
    ended = outcome(run, metrics)
    event = custom_event(run.events, "route")
    decision = event if isinstance(event, dict) else None
    return STATUSES[ended.status], answer_details(ended, metrics, decision, meter.reasoning)
