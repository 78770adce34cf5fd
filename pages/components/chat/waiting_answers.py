"""Answers of a conversation that are still to be written: their runs are started and streamed here."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace

import streamlit as st

from chains.conversation import prepare_conversation
from pages.components.answer import answer_view
from pages.components.answer.answer_view import AnswerPlaceholders, AnswerState
from pages.components.answer.stored_answer import STATUSES, describe, describe_refusal, to_details
from pages.components.chat.chat_actions import ChatActions
from pages.components.chat.chat_state import ChatState
from pages.components.chat.conversation_loading import draw_unsaved_warning
from pages.components.chat.question_files import of_question
from pages.components.chat.turn_view import draw_answer_footer
from pages.components.chat.turns import Turn, history
from pages.components.layout.input_bar import InputBar
from pages.components.layout.translation import _
from pages.components.session import run_start
from pages.components.session.app_services import service
from pages.components.session.model_choice import models_of
from weir.access.limits import LimitReachedError
from weir.llm.chain_registry import ModelNotReadyError, UnsuitableModelError
from weir.runs.run import Run
from weir.storage.records import Feedback


def stream_waiting_answers(
    turns: Sequence[Turn],
    placeholders: Mapping[str, AnswerPlaceholders],
    actions: ChatActions,
    feedback: Mapping[str, Feedback],
    bottom: InputBar,
    storage_notice: st.delta_generator.DeltaGenerator,
) -> Run | None:
    """Stream the answers that have not ended, one after the other, and return the last run."""
    last_run = None
    earlier: list[Turn] = []
    for number, turn in enumerate(turns):
        slots = placeholders.get(turn.answer.id) if turn.answer else None
        if slots is None or turn.finished_answer():
            earlier.append(turn)
            continue
        run = _run_of(turn, earlier, slots, actions)
        if run is None:
            earlier.append(turn)
            continue
        _draw_waiting(run, turns[number + 1 :], placeholders, actions)
        written, ended = _stream(turn, run, slots, actions.state, bottom)
        draw_unsaved_warning(storage_notice)
        draw_answer_footer(written, ended, slots, actions, feedback, has_actions=True)
        earlier.append(written)
        last_run = run
    return last_run


def _draw_waiting(
    live: Run, others: Sequence[Turn], placeholders: Mapping[str, AnswerPlaceholders], actions: ChatActions
) -> None:
    """Say in each answer that waits for the live one that it does, and offer to stop that."""
    for turn in others:
        if turn.answer is None or turn.answer.id not in placeholders or turn.finished_answer():
            continue
        with placeholders[turn.answer.id].figures.container(horizontal=True, vertical_alignment="center"):
            st.caption(_(":material/hourglass_top: Waiting for the answer above"), width="content")
            st.button(
                _("Stop it and go on"),
                type="tertiary",
                key=f"go-on-{live.id}-{turn.answer.id}",
                on_click=actions.stop_and_go_on,
                args=(live.id,),
            )


def _run_of(turn: Turn, earlier: Sequence[Turn], slots: AnswerPlaceholders, actions: ChatActions) -> Run | None:
    """Return the run of an answer, started if need be; say so where it cannot start."""
    assert turn.answer is not None
    try:
        run = turn.run() or _start_run(turn, earlier, actions)
    except LimitReachedError as reached:
        with slots.note.container():
            run_start.draw_retry(reached, key=turn.answer.id)
        return None
    except UnsuitableModelError as unsuitable:
        status, details = describe_refusal(str(unsuitable))
        actions.repository.answers.update(actions.user_id, turn.answer.id, "", status=status, details=details)
        # It stands there as a failed answer then, with what can be done.
        st.rerun()
    if run is None:
        slots.figures.caption(_("Starts as soon as a model is ready."))
    return run


def _start_run(turn: Turn, earlier: Sequence[Turn], actions: ChatActions) -> Run | None:
    """Start the run of a waiting answer; None while no model is ready.

    Raises LimitReachedError, and UnsuitableModelError where the model does not take the question's files.
    """
    assert turn.answer is not None
    answer_id, run_id = turn.answer.id, uuid.uuid4()
    repository, user_id = actions.repository, actions.user_id
    route, so_far = actions.state.requested_routes.get(answer_id), actions.state.continued_texts.get(answer_id, "")
    options = actions.options()
    model = actions.state.requested_models.get(answer_id, options.asked_model)
    messages, with_files = history(earlier)
    if turn.question.attachments:
        with_files[len(messages)] = turn.question
    try:
        prepared = prepare_conversation(
            models_of(model),
            turn.question.text,
            messages,
            route=route,
            so_far=so_far,
            options=options.model,
            system_prompt=options.system_prompt,
            attachments={place: of_question(one, repository, user_id) for place, one in with_files.items()},
        )
    except ModelNotReadyError:
        return None

    def claim() -> None:
        if not repository.answers.start(user_id, answer_id, run_id=str(run_id)):
            # Another tab has started it a moment ago: the rerun follows that run.
            st.rerun()

    def track(run: Run) -> None:
        if repository is service().conversations:
            service().answer_writer.track(user_id, answer_id, run, describe, before=so_far)

    context = {"conversation": actions.state.conversation_id}
    return run_start.start(prepared, context=context, run_id=run_id, claim=claim, on_start=track)


def _stream(
    turn: Turn, run: Run, slots: AnswerPlaceholders, state: ChatState, bottom: InputBar
) -> tuple[Turn, answer_view.FinishedAnswer]:
    """Stream a run to its end, and return its turn as it is stored then, with the answer."""
    assert turn.answer is not None
    state.show_address(run)
    bottom.stop.enable(run)
    ended = answer_view.stream_answer(AnswerState(run.id), run, slots, waiting=_("Choosing a route"))
    service().answer_writer.flush(turn.answer.id)
    bottom.stop.disable()
    bottom.quota_notice.draw()
    status = STATUSES[ended.outcome.status]
    answer = replace(turn.answer, run_id=run.id, status=status, text=ended.text, details=to_details(ended))
    return Turn(turn.question, answer), ended
