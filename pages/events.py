"""The *Inspector* page: run a chain, or open a recording, and see every event of the run."""

import streamlit as st

from pages.components.inspector import chain_form, inspector_actions
from pages.components.inspector.comparison_view import draw_comparison
from pages.components.inspector.inspector_state import inspector_state
from pages.components.inspector.interrupt_card import draw_waiting_thread
from pages.components.inspector.playground_view import draw_playground
from pages.components.inspector.run_list import (
    draw_chain_choice,
    draw_chain_problems,
    draw_input_popover,
    draw_run_list,
    draw_unsuitable,
)
from pages.components.inspector.run_view import draw_actions, draw_run
from pages.components.layout import formatting
from pages.components.layout.input_bar import input_bar_in_page, input_bar_without_scroll
from pages.components.layout.page_frame import page_title
from pages.components.layout.translation import _
from pages.components.session import run_links, run_start
from pages.components.session.run_page import draw_open_recording

st.set_page_config(layout="wide")
state = inspector_state()
state.sync_address()
is_open = "run" in st.query_params

page = st.container(gap="xsmall")
top = page.container(horizontal=True, vertical_alignment="center", gap="small")
with top:
    page_title(_("Inspector"))
content = page.container(gap="xsmall")
# An open run has the window to itself: what starts the next one is below it.
starter = st.container(key="inspector_input", gap="xsmall") if is_open else st.container()
# One container, in whose place the actions of a run come: left alone, its widgets would stay beside them for a while.
with (starter if is_open else top).container(
    horizontal=True, vertical_alignment="center", key="inspector_open_input" if is_open else "inspector_start"
):
    chain = draw_chain_choice()
    form = draw_input_popover(state, chain)
    draw_open_recording(state, key="events_files")
with content:
    draw_chain_problems()
if is_open:
    with starter:
        bottom = input_bar_in_page(chain_form.input_label(chain), key="events_input")
else:
    bottom = input_bar_without_scroll(chain_form.input_label(chain), key="events_input")

if request := inspector_actions.take_request(state, form, bottom.text):
    bottom.model_status.await_model()
    if inspector_actions.try_model(state, request, bottom.stop):
        result = inspector_actions.start_run(request, state.pending)
        inspector_actions.apply_result(state, request, result)
        if result.run is not None and not is_open:
            st.rerun()
with content:
    run_start.draw_limit_notice()
    if state.problem:
        st.error(formatting.escape_markdown(state.problem), icon=":material/error:")
        state.problem = ""
    elif not is_open:
        draw_unsuitable(chain)

run = run_links.find_run() if is_open else None
if run is None:
    with content:
        draw_waiting_thread(state, chain, form.options.get("thread_id"))
        draw_run_list(state)
    bottom.model_status.await_model()
    st.stop()
assert run is not None

# It may end while the script runs: all parts of the page go by the same answer.
is_live = run.is_live
if is_live:
    bottom.stop.enable(run)
with top:
    draw_actions(state, run, is_live)
with content:
    if other := run_links.find_run("with"):
        with st.container(border=True, gap="xsmall"):
            st.button(
                _("End the comparison"),
                icon=":material/close:",
                type="tertiary",
                on_click=inspector_actions.end_comparison,
            )
            draw_comparison(run, other, pick=state.pick)
    draw_run(state, run, is_live)
draw_playground(state, run)
