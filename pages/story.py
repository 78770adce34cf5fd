from functools import partial

import streamlit as st

from pages.components.answer import answer_view
from pages.components.layout import suggestions
from pages.components.layout.input_bar import input_bar
from pages.components.layout.keyed_container import keyed_container
from pages.components.layout.model_status import draw_tiny_model_note
from pages.components.layout.page_frame import page_title
from pages.components.layout.translation import N_, _
from pages.components.measure.measure_page import draw_measure_page
from pages.components.session import run_links
from pages.components.session.model_choice import models_of
from pages.components.story import story_view
from pages.components.story.controls import StoryControls
from pages.components.story.race_page import draw_race_page
from pages.components.story.story_actions import StoryActions
from pages.components.story.story_state import load_story_state
from weir.runs.run_store import RunNotSharedError

STORY, RACE, MEASURE = N_("Story"), N_("Race"), N_("Measure")
WIDE = (RACE, MEASURE)

in_address = st.query_params.get("view")
if st.session_state.get("view") not in (STORY, *WIDE) or in_address != st.session_state.get("story_view_in_address"):
    st.session_state["view"] = in_address if in_address in WIDE else STORY
st.set_page_config(layout="wide" if st.session_state["view"] in WIDE else "centered")
with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
    page_title(_("Streaming lab"))
    view = st.segmented_control(
        _("View"),
        [STORY, RACE, MEASURE],
        format_func=_,
        default=st.session_state["view"],
        required=True,
        key="view",
        label_visibility="collapsed",
    )
# Not bound by Streamlit, which writes labels into the address: a link holds in all languages.
if view in WIDE:
    st.query_params["view"] = view
else:
    st.query_params.pop("view", None)
st.session_state["story_view_in_address"] = st.query_params.get("view")
if view == RACE:
    draw_race_page()
    st.stop()
if view == MEASURE:
    draw_measure_page()
    st.stop()

controls = StoryControls()
state = load_story_state()
actions = StoryActions(state)
bottom = input_bar(_("What should the story be about?"), key="story_input")
if bottom.text:
    actions.start_story(bottom.text)

with st.empty():
    if not state.versions:
        with st.container():
            st.markdown(
                _("Give a topic below and watch the story come in, chunk by chunk. Or start from one of these:")
            )
            for idea in suggestions.STORY:
                st.button(
                    idea, icon=":material/lightbulb:", key=f"idea-{idea}", on_click=actions.start_story, args=(idea,)
                )
if not state.versions:
    controls.draw_once()
    bottom.model_status.await_model()
    st.stop()

story = state.version
if story.is_share_revoked():
    controls.draw_once()
    run_links.draw_run_unavailable(RunNotSharedError())
    st.stop()
draw_tiny_model_note(models_of(story.request.model))
st.text(story.request.topic)
with keyed_container("story", story.id):
    placeholders = answer_view.answer_placeholders()
below = story_view.create_below()
ended = story_view.draw_story(story, bottom, placeholders, below, controls.draw_once)
controls.draw_once()
answer_view.draw_footer(
    ended,
    placeholders,
    run_id=story.answer.run_id,
    key="story",
    retry=partial(actions.regenerate, story),
    retry_with=partial(actions.regenerate_with, story),
    more=lambda: story_view.draw_more_actions(story, ended, actions),
)
story_view.draw_after(story, ended, below)
