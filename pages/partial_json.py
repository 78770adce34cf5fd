"""The *Structured output* page: structured output as it grows, field by field, from a model or from a pasted text."""

import streamlit as st

from pages.components.json_viewer.analysis import draw_analysis
from pages.components.json_viewer.json_run_view import draw_ideas, draw_live_run, draw_outcome, start_json_run
from pages.components.json_viewer.json_source import form_of, of_text
from pages.components.json_viewer.json_state import json_state
from pages.components.json_viewer.outline_view import draw_style
from pages.components.json_viewer.source_form import draw_method, draw_paste_form, draw_source_choice
from pages.components.layout.input_bar import input_bar_without_scroll
from pages.components.layout.page_frame import page_title
from pages.components.layout.translation import _
from pages.components.session import run_links, run_start
from pages.components.session.model_choice import page_models
from pages.components.session.run_page import draw_open_recording

st.set_page_config(layout="wide")
draw_style()
state = json_state()

row = st.container(horizontal=True, vertical_alignment="center")
with row:
    page_title(_("Structured output"))
    choice = draw_source_choice()
    draw_open_recording(state, key="json_files")
form = st.container()
bottom = input_bar_without_scroll(_("A topic to describe as JSON"), key="json_input") if choice.is_model else None
with form:
    if bottom:
        # Once the picker is drawn: it follows the address.
        choice = draw_method(choice, page_models(), row)
    else:
        draw_paste_form(state)
ideas = st.empty()

if bottom and (topic := bottom.text or state.take_topic()):
    bottom.model_status.await_model()
    start_json_run(state, topic, choice, bottom.stop)
run_start.draw_limit_notice()
if state.problem:
    st.error(state.problem, icon=":material/error:")
    state.problem = ""

state.sync_address()
if bottom is None:
    if (pasted := state.pasted) is None:
        st.stop()
    schema = form_of(choice.schema) if choice.schema else None
    source = of_text(pasted.text, pasted.chunker, pasted.size, pasted.cut, schema)
elif (run := run_links.find_run()) is None:
    with ideas.container():
        draw_ideas(state)
    bottom.model_status.await_model()
    st.stop()
elif run.is_live:
    bottom.stop.enable(run)
    draw_live_run(run)
    st.rerun()
else:
    source = draw_outcome(state, run)
if not source.chunks:
    st.caption(_("The text is empty."))
    st.stop()
draw_analysis(state, source)
