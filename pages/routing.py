"""The *Router accuracy* page: the routes, how often a classifier finds the right one, and the visitor's corrections."""

import random

import streamlit as st

from pages.components.layout import formatting
from pages.components.layout.model_status import ModelStatus
from pages.components.layout.page_frame import page_title
from pages.components.layout.translation import _
from pages.components.routing.catalogue_view import draw_catalogue
from pages.components.routing.evaluation_run import MODEL, EvaluationRun, classifiers, go_on
from pages.components.routing.evaluation_view import draw_evaluation
from pages.components.routing.question_sets import MY_FILE, RUN, draw_file_upload, load_set, set_names
from pages.components.session.app_services import service
from pages.components.session.current_user import current_user_id
from pages.components.session.report_storage_errors import draw_storage_error, report_storage_errors


def draw_corrections(user_id: str) -> None:
    """Draw the user's corrections from the chat, with a toggle that puts each into their set."""
    st.markdown(_("**Corrections from the chat**"))
    corrections = service().conversations.feedback.corrections(user_id)
    if not corrections:
        st.caption(_("None yet. Press *Why …?* below an answer in the chat and choose another route."))
    for correction in corrections:
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(
                f"{formatting.escape_markdown(correction.question[:120])} "
                f":gray[{correction.wrong} → {correction.right}]"
            )
            st.toggle(
                _("In my set"),
                value=correction.in_golden_set,
                key=f"routing-{correction.message_id}",
                on_change=set_in_golden_set,
                args=(user_id, correction.message_id),
            )


@report_storage_errors
def set_in_golden_set(user_id: str, answer_id: str) -> None:
    """Store whether a correction is in the user's set."""
    service().conversations.feedback.set_in_golden_set(user_id, answer_id, st.session_state[f"routing-{answer_id}"])


st.set_page_config(layout="centered")
user_id = current_user_id()
page_title(_("Router accuracy"))
st.markdown(_("How often the router picks the right chain, on held-out questions: none of them was used to train it."))
draw_catalogue()
with st.container(horizontal=True, vertical_alignment="bottom"):
    name = st.selectbox(_("Questions"), set_names(), format_func=_, key="routing_set", required=True, width=220)
    choices = classifiers()
    by = st.segmented_control(
        _("Classified by"), choices, format_func=_, default=choices[0], required=True, key="routing_who"
    )
    if by == MODEL:
        st.number_input(_("Sample size"), 1, 500, 20, key="routing_count", width=160)
    is_requested = st.button(_("Evaluate"), icon=":material/play_arrow:", type="primary")
with st.bottom:
    model_line = ModelStatus()

draw_storage_error()
if name == MY_FILE:
    draw_file_upload()
examples = load_set(name, user_id)
if is_requested and not examples:
    missing = _("Choose a file first.") if name == MY_FILE else _("There is no correction in your set yet.")
    st.info(missing, icon=":material/info:")
elif is_requested:
    if by == MODEL:
        model_line.await_model()
        examples = random.sample(examples, min(len(examples), int(st.session_state.routing_count)))
    st.session_state[RUN] = EvaluationRun(name, by, examples)
run = st.session_state.get(RUN)
if run and (run.name, run.by) == (name, by):
    if run.is_live:
        go_on(run)
    if run.problem:
        st.info(run.problem, icon=":material/info:")
    if run.judged:
        draw_evaluation(run)
draw_corrections(user_id)
