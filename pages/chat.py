import streamlit as st

from chains.routes import configured_routes
from pages.components.about.introduction import draw_introduction
from pages.components.answer import answer_view
from pages.components.answer.route_popover import listed_routes
from pages.components.chat import question_files
from pages.components.chat.chat_actions import ChatActions
from pages.components.chat.chat_css import draw_chat_style
from pages.components.chat.chat_state import load_chat_state
from pages.components.chat.conversation_loading import (
    draw_unsaved_warning,
    load_conversation,
    offer_unsaved_conversation,
)
from pages.components.chat.conversation_options import draw_options
from pages.components.chat.scroll_and_keys import draw_scroll_and_keys
from pages.components.chat.shared_run_view import draw_shared_run
from pages.components.chat.sidebar import draw_sidebar
from pages.components.chat.turn_view import answer_placeholders, draw_answer_footer, draw_question
from pages.components.chat.turns import last_run_of, message_ids
from pages.components.chat.waiting_answers import stream_waiting_answers
from pages.components.layout.formatting import escape_markdown
from pages.components.layout.input_bar import input_bar
from pages.components.layout.model_status import draw_tiny_model_note
from pages.components.layout.page_frame import page_title
from pages.components.layout.translation import _
from pages.components.session.app_services import service
from pages.components.session.current_user import current_user_id
from pages.components.session.model_choice import models_of
from pages.components.session.model_presets import draw_presets
from pages.components.session.page_history import is_return
from pages.components.session.report_storage_errors import draw_storage_error
from weir.storage.storage_errors import StorageError

NEWEST_TURNS = 20
TURNS_WITH_ACTIONS = 4
"""The newest turns show all their actions; an older one has a button that opens them."""

st.set_page_config(layout="centered")
draw_chat_style()
state = load_chat_state(is_return=is_return())
actions = ChatActions(state, state.unsaved_conversations or service().conversations, current_user_id())

max_file_mb = question_files.MAX_MB if question_files.accepts_files() else 0
bottom = input_bar(_("Ask a question"), key="chat_input", picks_model=False, max_file_mb=max_file_mb)
try:
    if bottom.text or bottom.files:
        actions.send(bottom.text, bottom.files, key="chat_input")
    turns, feedback = load_conversation(actions)
    options = actions.options()
    bottom.model_status.draw_picker(
        options.asked_model, key=f"chat_model_{state.conversation_id or 'new'}", change=actions.change_model
    )
    draw_sidebar(actions)
except StorageError as error:
    offer_unsaved_conversation(error, actions)
    st.stop()
storage_notice = st.empty()
draw_unsaved_warning(storage_notice)
draw_storage_error()
if state.conversation_id is None and state.shared_run_id:
    draw_shared_run(state.shared_run_id)
    st.stop()

with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
    page_title(_("Chat"))
    draw_options(options, key=state.conversation_id or "new", change=actions.change_options, presets=draw_presets)
with st.empty():
    if not turns:
        with st.container():
            routes = configured_routes()
            draw_introduction()
            st.markdown(
                _(
                    "Ask anything. Weir picks the right chain ({routes}) and streams the answer, with every event "
                    "recorded."
                ).format(routes=escape_markdown(listed_routes(routes)))
            )
            for route in routes:
                if question := route.example:
                    st.button(question, icon=route.icon, key=f"suggest-{route}", on_click=actions.ask, args=(question,))

first = 0 if st.session_state.get("chat_show_all") else max(0, len(turns) - NEWEST_TURNS)
for number, turn in enumerate(turns[:first]):
    if state.found_message_id in message_ids([turn]):
        first = number
        break
if first:
    st.button(
        _("Show {count} earlier").format(count=first),
        icon=":material/expand_less:",
        key="chat_show_all",
        type="tertiary",
    )
last_run = last_run_of(turns)
forgotten = last_run.context.get("left_out", 0) // 2 if last_run else 0

if turns:
    draw_tiny_model_note(models_of(options.asked_model))
placeholders: dict[str, answer_view.AnswerPlaceholders] = {}
for number, turn in enumerate(turns[first:], first):
    has_actions = number >= len(turns) - TURNS_WITH_ACTIONS or turn.question.id == state.expanded_question_id
    if first < number == forgotten:
        st.caption(_(":material/visibility_off: Messages above this line no longer fit in the model's context."))
    draw_question(turn, actions, has_actions=has_actions)
    if turn.answer is None:
        continue
    slots = answer_placeholders(turn.answer, f"chat-{number - first}", state.compared_answers.get(turn.answer.id))
    placeholders[turn.answer.id] = slots
    if ended := turn.finished_answer():
        answer_view.draw_answer(ended, slots)
        draw_answer_footer(turn, ended, slots, actions, feedback, has_actions=has_actions)

question_files.draw_refusal(state)
with bottom.page_keys:
    draw_scroll_and_keys(state, message_ids(turns[first:]))
bottom.model_status.await_model()
last_run = stream_waiting_answers(turns, placeholders, actions, feedback, bottom, storage_notice) or last_run
state.show_address(last_run)
