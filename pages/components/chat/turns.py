"""The turns of a conversation: questions with their answers."""

from collections.abc import Sequence
from dataclasses import dataclass

from pages.components.answer.answer_view import AnswerState, FinishedAnswer, finished_answer_of_run
from pages.components.answer.stored_answer import from_message
from weir.runs.run import Run
from weir.storage.records import Message, MessageStatus


@dataclass(frozen=True, slots=True)
class Turn:
    """One question and its answer, as the repository has them."""

    question: Message
    answer: Message | None

    def run(self) -> Run | None:
        """Return the run of the answer, if it has started and is still in memory."""
        return AnswerState(self.answer.run_id).run() if self.answer else None

    def finished_answer(self) -> FinishedAnswer | None:
        """Return the answer, if it has ended.

        An answer that is stored as cut may only have been stored late: its run decides, while that is in memory.
        """
        if self.answer is None or self.answer.status is MessageStatus.WAITING:
            return None
        run = self.run() if self.answer.status in (MessageStatus.RUNNING, MessageStatus.CUT) else None
        if run is None:
            return from_message(self.answer)
        return None if run.is_live else finished_answer_of_run(run)


def turns_of(messages: Sequence[Message]) -> list[Turn]:
    """Return the messages of a path as turns."""
    answers = {message.parent_id: message for message in messages if message.role == "ai"}
    return [Turn(message, answers.get(message.id)) for message in messages if message.role == "human"]


def message_ids(turns: Sequence[Turn]) -> list[str]:
    """Return the ids of all questions and answers, in the order of the page."""
    return [message.id for turn in turns for message in (turn.question, turn.answer) if message]


def last_run_of(turns: Sequence[Turn]) -> Run | None:
    """Return the newest run of these turns that is still in memory."""
    return next((run for turn in reversed(turns) if (run := turn.run())), None)


def history(turns: Sequence[Turn]) -> tuple[list[tuple[str, str]], dict[int, Message]]:
    """Return the turns as the history that a model gets, `(role, text)` each: answers only, never an error.

    And the questions that have files, by their places in it.
    """
    messages: list[tuple[str, str]] = []
    with_files: dict[int, Message] = {}
    for turn in turns:
        ended = turn.finished_answer()
        if ended and ended.outcome.usable_as_history and ended.text:
            if turn.question.attachments:
                with_files[len(messages)] = turn.question
            messages += [("human", turn.question.text), ("ai", ended.text)]
    return messages, with_files
