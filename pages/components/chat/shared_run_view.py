"""A run that another user has shared: one question and its answer."""

import streamlit as st

from pages.components.answer import answer_view
from pages.components.answer.truncation import draw_download, is_longer
from pages.components.chat.question_files import draw_files, of_run
from pages.components.chat.turn_view import ASSISTANT_AVATAR, USER_AVATAR
from pages.components.layout.copy_button import copy_button
from pages.components.layout.translation import _
from pages.components.session import run_links


def draw_shared_run(run_id: str) -> None:
    """Draw the question and the answer of a run, live or finished; say so where the run is gone."""
    try:
        run = run_links.open_run(run_id)
    except run_links.RUN_UNAVAILABLE as error:
        run_links.draw_run_unavailable(error)
        return
    st.caption(_(":material/share: Shared with you: one question and its answer."))
    with st.chat_message("user", avatar=USER_AVATAR):
        if question := run.context.get("question") or run.input["question"]:
            st.text(question)
        draw_files(of_run(run), key="shared")
    with st.chat_message("assistant", avatar=ASSISTANT_AVATAR):
        placeholders = answer_view.answer_placeholders()
    if run.is_live:
        state = answer_view.AnswerState(run.id)
        ended = answer_view.stream_answer(state, run, placeholders, waiting=_("Choosing a route"))
    else:
        ended = answer_view.finished_answer_of_run(run)
        answer_view.draw_answer(ended, placeholders)
    answer_view.draw_end_for_reader(ended, placeholders)
    with placeholders.actions.container(horizontal=True, vertical_alignment="center", gap="small"):
        if is_longer(ended.text):
            draw_download(ended.text, run.id, key="whole-shared")
        elif ended.text:
            copy_button(ended.text, key="copy-shared")
        st.page_link(
            "events.py", label=_("Inspect"), icon=":material/timeline:", query_params={"run": run.id}, width="content"
        )
