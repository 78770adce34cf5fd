from functools import cache

import streamlit as st

from pages.components.answer import answer_view
from pages.components.layout.input_bar import input_bar, input_bar_without_scroll
from pages.components.layout.keyed_container import keyed_container
from pages.components.session import run_links, run_start
from pages.components.session.current_user import current_caller
from pages.components.story import controls, race_view, story_view
from pages.components.story.request import StoryRequest
from pages.components.story.story_view import StoryVersion
from weir.access.limits import LimitReachedError
from weir.llm.chain_registry import ModelNotReadyError
from weir.runs.methods import Method
from weir.runs.run_store import RunNotSharedError

IDEAS = ["A robot learning to cook", "A lighthouse that answers letters", "Kucing yang ingin menjadi astronot"]
STORY, RACE = "Story", "Race"


def tell(wish: StoryRequest) -> None:
    """Begin a new story, and stop the one that is being told, unless it is somebody else's."""
    for version in st.session_state.get("story_versions", []):
        if (run := version.answer.run()) and run.may_be_stopped_by(current_caller().visitor):
            run.stop()
    st.session_state.story_versions = [StoryVersion(wish, controls.chosen_display())]
    st.session_state.story_shown = 0


def tell_idea(topic: str) -> None:
    tell(controls.story_request(topic))


def add_version(wish: StoryRequest) -> None:
    st.session_state.story_versions.append(StoryVersion(wish, controls.chosen_display()))
    st.session_state.story_shown = len(st.session_state.story_versions) - 1


def tell_again() -> None:
    add_version(story.wish)


def go_on() -> None:
    add_version(story_view.continuation_request(story, done))


def flip(by: int) -> None:
    st.session_state.story_shown += by


def draw_more() -> None:
    if story_view.can_continue(done):
        st.button("Go on", icon=":material/play_arrow:", on_click=go_on, help="Continue where it ends")
    story_view.draw_downloads(story, done)
    if len(versions) > 1:
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", width="content"):
            st.button("‹", key="story_back", type="tertiary", on_click=flip, args=(-1,), disabled=shown == 0)
            st.caption(f"version {shown + 1} of {len(versions)}", width="content")
            last = shown == len(versions) - 1
            st.button("›", key="story_forward", type="tertiary", on_click=flip, args=(1,), disabled=last)


@cache
def draw_choices() -> None:
    """Draw, once, what can be chosen."""
    with story_choices:
        controls.draw_story_choices()
    with ways_choices:
        controls.draw_method_choice()
        controls.draw_display_choice()
        controls.draw_model_choices()


def race_topic(topic: str) -> None:
    try:
        race_view.begin(controls.story_request(topic), methods)
    except ModelNotReadyError:
        return
    except LimitReachedError as reached:
        run_start.restore_input("story_race_input", topic, reached)
        return
    st.session_state.story_race_topic = topic


def race_now() -> None:
    chosen = st.session_state.story_race_methods
    if source == race_view.FROM_MODEL:
        race_topic(st.session_state.get("story_race_topic") or IDEAS[1])
        return
    try:
        race_view.begin_replay(source, chosen)
    except LimitReachedError as reached:
        run_start.restore_input("story_race_input", "", reached)


is_race = st.session_state.get("view", st.query_params.get("view")) == RACE
st.set_page_config(layout="wide" if is_race else "centered")
with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
    st.subheader("Story", anchor=False, width="content")
    view = st.segmented_control(
        "View",
        [STORY, RACE],
        default=STORY,
        required=True,
        key="view",
        bind="query-params",
        label_visibility="collapsed",
    )

if view == RACE:
    st.markdown("The same story in several ways at once: see what streaming is for.")
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        methods = st.pills(
            "Ways to run it",
            list(Method),
            selection_mode="multi",
            default=list(Method),
            format_func=lambda method: method.label,
            key="story_race_methods",
            persist_state="session",
        )
        source = st.selectbox(
            "Words from",
            list(titles := race_view.sources()),
            format_func=lambda which: titles.get(which, which),
            key="story_race_source",
            help="A recorded stream needs no model: what differs then is the method, and not what the model says.",
            width=300,
        )
        with_model = source == race_view.FROM_MODEL
        few = len(methods) < 2
        st.button("Race", icon=":material/sports_score:", type="primary", on_click=race_now, disabled=few)
        if with_model:
            controls.draw_model_choices()
    if few:
        st.caption("A race takes two or more.")
    bottom = input_bar_without_scroll("Race a story about …", key="story_race_input")
    if bottom.text and not few:
        bottom.model_line.await_model()
        race_topic(bottom.text)
        if run_start.has_limit_notice():
            st.rerun()
    run_start.draw_limit_notice()
    found = race_view.current()
    if found is None:
        if with_model:
            bottom.model_line.await_model()
        st.stop()
    if found.is_live:
        bottom.stop.enable(found)
    race_view.draw(found)
    bottom.stop.disable()
    bottom.limit_line.draw()
    st.stop()

story_choices = st.container(horizontal=True, gap="medium")
ways_choices = st.container(horizontal=True, gap="small", vertical_alignment="bottom")

if "story_versions" not in st.session_state:
    opened = run_links.linked_run("story")
    st.session_state.story_versions = [story_view.from_link(opened)] if opened else []
    st.session_state.story_shown = 0

bottom = input_bar("What should the story be about?", key="story_input")
if bottom.text:
    tell(controls.story_request(bottom.text))
versions: list[StoryVersion] = st.session_state.story_versions

with st.empty():
    if not versions:
        with st.container():
            st.markdown("Give a topic below and watch the story come in, chunk by chunk. Or start from one of these:")
            for idea in IDEAS:
                st.button(idea, icon=":material/lightbulb:", key=f"idea-{idea}", on_click=tell_idea, args=(idea,))
if not versions:
    draw_choices()
    bottom.model_line.await_model()
    st.stop()

shown = st.session_state.story_shown
story = versions[shown]
if story.is_taken_back():
    draw_choices()
    run_links.draw_run_unavailable(RunNotSharedError())
    st.stop()
st.text(story.wish.topic)
places = answer_view.answer_placeholders(keyed_container("story", story.id))
below = story_view.create_below()
done = story_view.draw_story(story, bottom, places, below, draw_choices)
draw_choices()
run_id = story.answer.run_id
answer_view.draw_footer(done, places, run_id=run_id, key="story", retry=tell_again, more=draw_more)
story_view.draw_after(story, done, below)
