"""One turn on the chat page: its question, its answer and what can be done with them."""

from collections.abc import Mapping
from functools import partial

import streamlit as st

from chains.routes import configured_routes
from pages.components.answer import answer_view
from pages.components.answer.answer_view import AnswerPlaceholders, FinishedAnswer
from pages.components.answer.route_popover import draw_route
from pages.components.answer.stored_answer import from_message
from pages.components.chat.chat_actions import ChatActions
from pages.components.chat.question_files import draw_files, label_of
from pages.components.chat.turns import Turn
from pages.components.layout.copy_button import copy_button
from pages.components.layout.formatting import escape_markdown
from pages.components.layout.keyed_container import keyed_container
from pages.components.layout.translation import _
from pages.components.layout.weir_sentences import translated
from weir.analysis.outcome import AnswerStatus
from weir.storage.records import Feedback, Message, Rating

USER_AVATAR, ASSISTANT_AVATAR = ":material/person:", ":material/water:"


def draw_question(turn: Turn, actions: ChatActions, *, has_actions: bool) -> None:
    """Draw a question, or the form to edit it."""
    with st.chat_message("user", avatar=USER_AVATAR):
        if actions.state.edited_question_id == turn.question.id:
            _draw_edit_form(turn, actions)
            return
        if turn.question.text:
            st.text(turn.question.text)
        draw_files(turn.question.attachments, key=turn.question.id)
        if has_actions:
            key = turn.question.id
            with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"question-actions-{key}"):
                st.button(
                    _("Edit"),
                    icon=":material/edit:",
                    type="tertiary",
                    key=f"edit-{key}",
                    help=_("Edit this question"),
                    on_click=actions.edit,
                    args=(turn,),
                )
                copy_button(turn.question.text, key=f"copy-{key}", label_visibility="collapsed")
                _draw_versions(turn.question, actions)


def _draw_edit_form(turn: Turn, actions: ChatActions) -> None:
    key = turn.question.id
    text_key = f"edited-{key}"
    # A form: Ctrl+Enter in its text sends it.
    with st.form(f"edit-form-{key}", border=False):
        st.text_area(_("Your question"), value=turn.question.text, key=text_key, label_visibility="collapsed")
        files_key = f"edited-files-{key}"
        if files := {one.id: label_of(one) for one in turn.question.attachments}:
            st.pills(
                _("Files that are sent with it"),
                list(files),
                default=list(files),
                selection_mode="multi",
                format_func=files.__getitem__,
                key=files_key,
            )
        with st.container(horizontal=True):
            st.form_submit_button(
                _("Send"),
                type="primary",
                key=f"send-{key}",
                on_click=actions.send_edited,
                args=(turn, text_key, files_key),
            )
            st.form_submit_button(_("Cancel"), key=f"cancel-edit-{key}", on_click=actions.cancel_edit)


def _draw_versions(message: Message, actions: ChatActions) -> None:
    """Draw which of several versions this is, and buttons to the one before and after."""
    if len(message.siblings) < 2:
        return
    for label, step, icon in ((_("Earlier version"), -1, "chevron_left"), (_("Later version"), 1, "chevron_right")):
        if step == 1:
            st.caption(f"{message.index + 1} / {len(message.siblings)}", width="content")
        other = message.index + step
        st.button(
            label,
            icon=f":material/{icon}:",
            key=f"version-{step}-{message.id}",
            type="tertiary",
            disabled=not 0 <= other < len(message.siblings),
            on_click=actions.show_version,
            args=(message.siblings[max(0, min(other, len(message.siblings) - 1))],),
        )


def answer_placeholders(answer: Message, slot: str, compared: Message | None) -> AnswerPlaceholders:
    """Make the placeholders of an answer, beside the answer that it is compared with if there is one."""
    with st.chat_message("assistant", avatar=ASSISTANT_AVATAR), keyed_container(slot, answer.id):
        if compared is None:
            return answer_view.answer_placeholders()
        left, right = st.columns(2)
        with left:
            _draw_compared_answer(compared)
        with right:
            st.caption(_("New answer"))
            return answer_view.answer_placeholders()


def _draw_compared_answer(message: Message) -> None:
    ended = from_message(message)
    st.caption(
        _("Previous answer ({route})").format(route=_label(ended.decision.route))
        if ended.decision
        else _("Previous answer")
    )
    placeholders = answer_view.answer_placeholders()
    answer_view.draw_answer(ended, placeholders)
    answer_view.draw_end_for_reader(ended, placeholders)


def _label(route: str) -> str:
    return escape_markdown(translated(configured_routes().shown(route).label))


def draw_answer_footer(
    turn: Turn,
    ended: FinishedAnswer,
    placeholders: AnswerPlaceholders,
    actions: ChatActions,
    feedback: Mapping[str, Feedback],
    *,
    has_actions: bool,
) -> None:
    """Draw what is around the text of an answer; of an older one without actions, a button that opens them."""
    assert turn.answer is not None
    message = turn.answer
    if has_actions or ended.outcome.status is not AnswerStatus.DONE:
        answer_view.draw_footer(
            ended,
            placeholders,
            run_id=message.run_id,
            key=message.id,
            retry=partial(actions.retry, turn),
            retry_with=partial(actions.retry_with, turn),
            go_on=partial(actions.go_on, turn, ended),
            more=lambda: _draw_more(turn, message, ended, actions, feedback.get(message.id)),
        )
        return
    if ended.decision:
        answer_view.draw_route_badge(ended.decision, placeholders)
    placeholders.figures.button(
        answer_view.figures_line(ended.figures),
        icon=":material/more_horiz:",
        key=f"actions-{message.id}",
        type="tertiary",
        help=_("Copy, regenerate, inspect, edit and more"),
        on_click=actions.show_actions,
        args=(turn,),
    )


def _draw_more(
    turn: Turn, message: Message, ended: FinishedAnswer, actions: ChatActions, feedback: Feedback | None
) -> None:
    if ended.decision:
        draw_route(
            ended.decision,
            ended.figures,
            key=message.id,
            answer_as=partial(actions.answer_as, turn, ended.decision.route),
            compare_with=partial(actions.compare_with, turn),
        )
    _draw_feedback(message, actions, feedback)
    _draw_versions(message, actions)


def _draw_feedback(message: Message, actions: ChatActions, feedback: Feedback | None) -> None:
    key = f"thumb-{message.id}"
    if feedback and key not in st.session_state:
        st.session_state[key] = int(feedback.thumb is Rating.UP)
    st.feedback("thumbs", key=key, on_change=actions.rate, args=(message.id, key))
    if feedback:
        with st.popover(_("Note"), icon=":material/comment:", type="tertiary", key=f"noted-{message.id}"):
            note_key = f"note-{message.id}"
            st.text_area(
                _("What was good or bad?"),
                feedback.note,
                key=note_key,
                on_change=actions.add_note,
                args=(message.id, feedback.thumb, note_key),
            )
