"""A conversation on the page: its turns, what of them the model is told, and what can be done with them."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from chains.registry import prepare_conversation
from chains.router import Route
from pages.components.answer.answer_view import AnswerState, FinishedAnswer, finished_answer_of_run
from pages.components.answer.stored_answer import describe, from_message
from pages.components.session import run_start
from pages.components.session.app_services import service
from weir.llm.chain_registry import ModelNotReadyError
from weir.runs.run import Run
from weir.storage.records import Message, MessageStatus
from weir.storage.repository import ConversationRepository


@dataclass(frozen=True, slots=True)
class Turn:
    """One question and its answer, as the library has them."""

    question: Message
    answer: Message | None

    def run(self) -> Run | None:
        """Return the record of the answer's run, if it has begun and is still there."""
        return AnswerState(self.answer.run_id).run() if self.answer else None

    def finished_answer(self) -> FinishedAnswer | None:
        """Return what the answer was, if nothing more is to come of it.

        One that is kept as cut may only be kept late: the record of its run, where it is there, knows better.
        """
        if self.answer is None or self.answer.status is MessageStatus.WAITING:
            return None
        run = self.run() if self.answer.status in (MessageStatus.RUNNING, MessageStatus.CUT) else None
        if run is None:
            return from_message(self.answer)
        return None if run.is_live else finished_answer_of_run(run)


def turns_of(messages: Sequence[Message]) -> list[Turn]:
    """Return a path's messages as turns."""
    answers = {message.parent_id: message for message in messages if message.role == "ai"}
    return [Turn(message, answers.get(message.id)) for message in messages if message.role == "human"]


def history(turns: Sequence[Turn]) -> list[tuple[str, str]]:
    """Return what the model is told of earlier turns, as `(role, text)`: answers only, never an error."""
    told: list[tuple[str, str]] = []
    for turn in turns:
        ended = turn.finished_answer()
        if ended and ended.outcome.usable_as_history and ended.text:
            told += [("human", turn.question.text), ("ai", ended.text)]
    return told


def start_answer(
    library: ConversationRepository, visitor: str, conversation_id: str, turn: Turn, earlier: Sequence[Turn]
) -> Run | None:
    """Begin to write a waiting answer; None where no model is ready. Raises LimitReachedError."""
    assert turn.answer is not None
    wish = st.session_state.get("chat_wishes", {}).get(turn.answer.id)
    try:
        prepared = prepare_conversation(
            service().models, turn.question.text, history(earlier), route=Route(wish) if wish else None
        )
    except ModelNotReadyError:
        return None
    run_id = uuid.uuid4()
    answer_id = turn.answer.id

    def claim() -> None:
        if not library.start_answer(visitor, answer_id, run_id=str(run_id)):
            # Another tab has begun it in this moment; its run is the one to follow.
            st.rerun()

    def keep(run: Run) -> None:
        if library is service().conversations:
            service().answer_writer.track(visitor, answer_id, run, describe)

    return run_start.start(prepared, context={"conversation": conversation_id}, run_id=run_id, claim=claim, begun=keep)


def request_route(answer_id: str, route: Route) -> None:
    """Have an answer that waits go this way, whatever the classifier would say."""
    st.session_state.setdefault("chat_wishes", {})[answer_id] = route
