from dataclasses import replace

import streamlit as st

from chains.router import Route
from pages.components.answer import answer_view
from pages.components.answer.route_popover import draw_route
from pages.components.answer.stored_answer import STATUSES, from_message, to_details
from pages.components.chat.sidebar import draw_sidebar
from pages.components.chat.turns import Turn, request_route, start_answer, turns_of
from pages.components.layout import formatting
from pages.components.layout.copy_button import copy_button
from pages.components.layout.input_bar import input_bar
from pages.components.layout.keyed_container import keyed_container
from pages.components.session import run_links
from pages.components.session.app_services import service
from pages.components.session.current_user import current_user_id
from pages.components.session.report_storage_errors import draw_storage_error, report_storage_errors
from pages.components.session.run_start import draw_retry
from weir.access.limits import LimitReachedError
from weir.analysis.outcome import AnswerStatus
from weir.runs.run import Run
from weir.storage.database import IN_MEMORY_URL
from weir.storage.records import Message, Rating
from weir.storage.repository import open_repository
from weir.storage.storage_errors import ConversationNotFoundError, StorageError

SUGGESTIONS = {
    Route.MATH: "What is 25 × 17?",
    Route.CODE: "Write a Python function that reverses a string",
    Route.GENERAL: "What is the capital of France?",
}
SHOWN = 20
WITH_ACTIONS = 4
"""Of a long conversation, the newest turns show all that can be done with them; of others one button opens it."""


def go(conversation_id: str | None) -> None:
    st.session_state.chat_id = conversation_id
    st.session_state.chat_editing = st.session_state.chat_shared = None
    st.query_params.clear()
    if conversation_id:
        st.query_params["conversation"] = conversation_id


@report_storage_errors
def ask(question: str) -> None:
    if st.session_state.chat_id is None:
        go(library.create(me))
    path = library.path(me, st.session_state.chat_id)
    put(question, after=path[-1].id if path else None)


def put(question: str, *, after: str | None) -> None:
    asked = library.add_question(me, st.session_state.chat_id, question, parent=after)
    library.add_answer(me, asked)


def ask_again(turn: Turn, route: Route | None = None) -> str:
    if (run := turn.run()) is not None:
        run.stop()
    made = library.add_answer(me, turn.question.id)
    if route is not None:
        request_route(made, route)
    return made


@report_storage_errors
def retry(turn: Turn) -> None:
    ask_again(turn)


def draw_shared(run: Run) -> None:
    """Draw one run that somebody else has shared: its question and its answer, live or finished."""
    st.caption(":material/share: One question and its answer, shared by a link.")
    with st.chat_message("user", avatar=":material/person:"):
        st.text(run.input["question"])
    with st.chat_message("assistant", avatar=":material/water:"):
        places = answer_view.answer_placeholders()
    if run.is_live:
        ended = answer_view.stream_answer(answer_view.AnswerState(run.id), run, places, waiting="Choosing a route")
    else:
        ended = answer_view.finished_answer_of_run(run)
        answer_view.draw_answer(ended, places)
    draw_measured(ended, places)
    places.actions.page_link(
        "events.py", label="Inspect", icon=":material/timeline:", query_params={"run": run.id}, width="content"
    )


def draw_beside(message: Message) -> None:
    """Draw an earlier answer beside the one that it is compared with."""
    other = from_message(message)
    st.caption("The answer before, for comparison")
    places = answer_view.answer_placeholders()
    answer_view.draw_answer(other, places)
    draw_measured(other, places)


def draw_measured(ended: answer_view.FinishedAnswer, places: answer_view.AnswerPlaceholders) -> None:
    """Draw the route and the figures of an answer with which nothing is to be done here."""
    if ended.decision:
        answer_view.draw_route_badge(ended.decision, places)
    places.figures.caption(formatting.metrics_line(ended.figures))


@report_storage_errors
def compare_with(turn: Turn, route: Route) -> None:
    if turn.answer is not None:
        made = ask_again(turn, route)
        st.session_state.setdefault("chat_beside", {})[made] = turn.answer


@report_storage_errors
def answer_as(turn: Turn, wrong: Route, route: Route) -> None:
    if turn.answer is not None:
        library.add_correction(me, turn.answer.id, wrong=wrong, right=route)
    ask_again(turn, route)


def edit(turn: Turn | None) -> None:
    st.session_state.chat_editing = turn.question.id if turn else None


@report_storage_errors
def send_edited(turn: Turn) -> None:
    text = st.session_state[f"edited-{turn.question.id}"].strip()
    edit(None)
    if text and text != turn.question.text:
        put(text, after=turn.question.parent_id)


@report_storage_errors
def rate(message_id: str, key: str) -> None:
    thumb = st.session_state[key]
    if thumb is None:
        library.clear_feedback(me, message_id)
    else:
        library.set_feedback(me, message_id, Rating.UP if thumb else Rating.DOWN)


@report_storage_errors
def note(message_id: str, thumb: Rating, key: str) -> None:
    library.set_feedback(me, message_id, thumb, st.session_state[key])


def draw_versions(message: Message) -> None:
    """Draw which of several versions this is, and the way to the others."""
    if len(message.siblings) < 2:
        return
    for label, step, icon in (("Earlier version", -1, "chevron_left"), ("Later version", 1, "chevron_right")):
        if step == 1:
            st.caption(f"{message.index + 1} / {len(message.siblings)}", width="content")
        there = message.index + step
        st.button(
            label,
            icon=f":material/{icon}:",
            key=f"version-{step}-{message.id}",
            type="tertiary",
            disabled=not 0 <= there < len(message.siblings),
            on_click=report_storage_errors(library.choose_branch),
            args=(me, message.siblings[max(0, min(there, len(message.siblings) - 1))]),
        )


def open_actions(turn: Turn) -> None:
    st.session_state.chat_open = turn.question.id


def draw_question(turn: Turn, *, has_actions: bool) -> None:
    key = turn.question.id
    if st.session_state.chat_editing == key:
        st.text_area("Your question", value=turn.question.text, key=f"edited-{key}", label_visibility="collapsed")
        with st.container(horizontal=True):
            st.button("Send", type="primary", key=f"send-{key}", on_click=send_edited, args=(turn,))
            st.button("Cancel", key=f"cancel-{key}", on_click=edit, args=(None,))
        return
    st.text(turn.question.text)
    if not has_actions:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button("Edit", icon=":material/edit:", type="tertiary", key=f"edit-{key}", on_click=edit, args=(turn,))
        copy_button(turn.question.text, key=f"copy-{key}")
        draw_versions(turn.question)


def draw_answer_end(turn: Turn, ended: answer_view.FinishedAnswer, *, has_actions: bool) -> None:
    assert turn.answer is not None
    message = turn.answer
    if not has_actions and ended.outcome.status is AnswerStatus.DONE:
        if ended.decision:
            answer_view.draw_route_badge(ended.decision, slots[message.id])
        line = formatting.metrics_line(ended.figures)
        slots[message.id].figures.button(
            line,
            icon=":material/more_horiz:",
            key=f"actions-{message.id}",
            type="tertiary",
            help="Copy, regenerate, inspect, edit and more",
            on_click=open_actions,
            args=(turn,),
        )
        return

    def more() -> None:
        if ended.decision:
            wrong = ended.decision.route
            draw_route(
                ended.decision,
                ended.figures,
                key=message.id,
                answer_as=lambda to: answer_as(turn, wrong, to),
                compare_with=lambda to: compare_with(turn, to),
            )
        key = f"thumb-{message.id}"
        said = opinions.get(message.id)
        if said and key not in st.session_state:
            st.session_state[key] = int(said.thumb is Rating.UP)
        st.feedback("thumbs", key=key, on_change=rate, args=(message.id, key))
        if said:
            with st.popover("Note", icon=":material/comment:", type="tertiary", key=f"noted-{message.id}"):
                about = f"note-{message.id}"
                st.text_area(
                    "What was good or bad?", said.note, key=about, on_change=note, args=(message.id, said.thumb, about)
                )
        draw_versions(message)

    places = slots[message.id]
    answer_view.draw_footer(ended, places, run_id=message.run_id, key=message.id, retry=lambda: retry(turn), more=more)


def draw_storage_note() -> None:
    """Say that what is being said is not kept, as long as it is so."""
    trouble = service().storage_problem or service().answer_writer.problem
    if trouble is None:
        storage_note.empty()
        return
    told = f"Conversations are not kept at the moment. {trouble.problem.sentence} {trouble.problem.remedy}"
    storage_note.warning(told, icon=":material/database_off:")


st.set_page_config(layout="centered")
me = current_user_id()
library = st.session_state.get("chat_spare") or service().conversations
if "chat_id" not in st.session_state:
    st.session_state.chat_editing = st.session_state.chat_shared = None
    st.session_state.chat_id = st.query_params.get("conversation")
    if st.session_state.chat_id is None and (linked := run_links.linked_run("chat")):
        named = linked.context.get("conversation")
        st.session_state.chat_id = named if isinstance(named, str) else None
        st.session_state.chat_shared = linked.id
elif "conversation" in st.query_params:
    st.session_state.chat_id = st.query_params["conversation"]

bottom = input_bar("Ask a question", key="chat_input")
try:
    if bottom.text:
        ask(bottom.text)
    messages = library.path(me, st.session_state.chat_id) if st.session_state.chat_id else []
    opinions = library.feedback_of(me, st.session_state.chat_id) if st.session_state.chat_id else {}
    draw_sidebar(library, me, st.session_state.chat_id, go)
except ConversationNotFoundError:
    if st.session_state.chat_shared is None:
        st.warning("There is no such conversation here, or it is somebody else's.", icon=":material/link_off:")
        go(None)
    st.session_state.chat_id, messages, opinions = None, [], {}
    draw_sidebar(library, me, None, go)
except StorageError as problem:
    st.error(f"{problem.problem.sentence} {problem.problem.remedy}", icon=":material/database_off:")
    st.markdown("Until then this tab goes on with a conversation that is not kept.")
    st.session_state.chat_spare = open_repository(IN_MEMORY_URL)
    go(None)
    st.button("Go on", icon=":material/refresh:")
    st.stop()
storage_note = st.empty()
draw_storage_note()
draw_storage_error()
if st.session_state.chat_id is None and st.session_state.chat_shared:
    try:
        draw_shared(run_links.open_run(st.session_state.chat_shared))
    except run_links.RUN_UNAVAILABLE as gone:
        run_links.draw_run_unavailable(gone)
    st.stop()
turns = turns_of(messages)

st.subheader("Chat", anchor=False)
with st.empty():
    if not turns:
        with st.container():
            st.markdown(
                "Ask anything. Weir classifies the question and streams the answer of the chain that is made for it."
            )
            for route, suggestion in SUGGESTIONS.items():
                st.button(suggestion, icon=route.icon, key=f"suggest-{route}", on_click=ask, args=(suggestion,))

first = 0 if st.session_state.get("chat_show_all") else max(0, len(turns) - SHOWN)
if first:
    st.button(f"Show {first} earlier", icon=":material/expand_less:", key="chat_show_all", type="tertiary")
last_run = next((run for turn in reversed(turns) if (run := turn.run())), None)
left_out = last_run.context.get("left_out", 0) if last_run else 0

slots: dict[str, answer_view.AnswerPlaceholders] = {}
told = 2 * first
for number, turn in enumerate(turns[first:], first):
    has_actions = number >= len(turns) - WITH_ACTIONS or turn.question.id == st.session_state.get("chat_open")
    if left_out and told <= left_out < told + 2 and number > first:
        st.caption(":material/visibility_off: The model is no longer told what is above this line.")
    told += 2
    with st.chat_message("user", avatar=":material/person:"):
        draw_question(turn, has_actions=has_actions)
    if turn.answer is None:
        continue
    with (
        st.chat_message("assistant", avatar=":material/water:"),
        keyed_container(f"chat-{number - first}", turn.answer.id),
    ):
        if beside := st.session_state.get("chat_beside", {}).get(turn.answer.id):
            left, right = st.columns(2)
            with left:
                draw_beside(beside)
            with right:
                st.caption("The other route")
                slots[turn.answer.id] = answer_view.answer_placeholders()
        else:
            slots[turn.answer.id] = answer_view.answer_placeholders()
    if ended := turn.finished_answer():
        answer_view.draw_answer(ended, slots[turn.answer.id])
        draw_answer_end(turn, ended, has_actions=has_actions)

bottom.model_line.await_model()
for number, turn in enumerate(turns):
    if turn.answer is None or turn.answer.id not in slots or turn.finished_answer():
        continue
    places = slots[turn.answer.id]
    try:
        run = turn.run() or start_answer(library, me, st.session_state.chat_id, turn, turns[:number])
    except LimitReachedError as reached:
        with places.note.container():
            draw_retry(reached, key=turn.answer.id)
        continue
    if run is None:
        places.figures.caption("This question is answered as soon as a model is ready.")
        continue
    run_links.show_link(run)
    bottom.stop.enable(run)
    ended = answer_view.stream_answer(answer_view.AnswerState(run.id), run, places, waiting="Choosing a route")
    service().answer_writer.flush(turn.answer.id)
    draw_storage_note()
    bottom.stop.disable()
    bottom.limit_line.draw()
    status = STATUSES[ended.outcome.status]
    written = replace(turn.answer, run_id=run.id, status=status, text=ended.text, details=to_details(ended))
    turns[number] = Turn(turn.question, written)
    draw_answer_end(turns[number], ended, has_actions=True)
    last_run = run
if last_run:
    run_links.show_link(last_run)
if st.session_state.chat_id and st.query_params.get("conversation") != st.session_state.chat_id:
    st.query_params["conversation"] = st.session_state.chat_id
