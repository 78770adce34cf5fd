"""The *Race* view of the story page: one story by several methods at once."""

from collections.abc import Sequence

import streamlit as st

from pages.components.layout import suggestions
from pages.components.layout.input_bar import InputBar, input_bar_without_scroll
from pages.components.session import run_start
from pages.components.session.model_choice import page_models
from pages.components.story import controls
from pages.components.story.race_runs import (
    FROM_MODEL,
    RaceState,
    load_race_state,
    open_race,
    sources,
    start_race,
    start_replay_race,
)
from pages.components.story.race_view import draw_race
from weir.access.limits import LimitReachedError
from weir.analysis import method_race
from weir.llm.chain_registry import ModelNotReadyError
from weir.runs.methods import Method

DEFAULT_TOPIC = suggestions.STORY[0]
MIN_METHODS = 2


def draw_race_page() -> None:
    """Draw the view, and the race until it ends."""
    state = load_race_state()
    st.markdown("Run one prompt in five ways and see which shows text first.")
    methods, source = _draw_choices(state)
    if len(methods) < MIN_METHODS:
        st.caption("A race needs two methods or more.")
    limit = page_models().parallel_answers
    if len(raced := method_race.lanes_within(methods, limit)) < len(methods):
        names = ", ".join(f"`{method.label}`" for method in methods if method not in raced)
        st.caption(f"The built-in model writes {limit} answers at once, so a race with it is without {names}.")
    bottom = input_bar_without_scroll("Race a story about …", key="story_race_input")
    if bottom.text and len(methods) >= MIN_METHODS:
        bottom.model_status.await_model()
        _start_with_model(state, bottom.text, methods)
        if run_start.has_limit_notice():
            st.rerun()
    run_start.draw_limit_notice()
    _draw_open_race(state, bottom, waits_for_model=source == FROM_MODEL)


def _draw_choices(state: RaceState) -> tuple[Sequence[Method], str]:
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        methods = st.pills(
            "Methods",
            list(Method),
            selection_mode="multi",
            default=list(Method),
            format_func=lambda method: method.label,
            key="story_race_methods",
            persist_state="session",
        )
        titles = sources()
        source = st.selectbox(
            "Source",
            list(titles),
            format_func=lambda source: titles.get(source, source),
            key="story_race_source",
            help="Every lane replays the same recorded stream, so only the method differs. This needs no model.",
            width=300,
        )
        st.button(
            "Race",
            icon=":material/sports_score:",
            type="primary",
            on_click=_start_chosen,
            args=(state,),
            disabled=len(methods) < MIN_METHODS,
        )
        if source == FROM_MODEL:
            controls.draw_model_choices()
    return methods, source


def _start_chosen(state: RaceState) -> None:
    """Start a race with what the widgets have now, which may be newer than what the button was drawn with."""
    methods, source = st.session_state.story_race_methods, st.session_state.story_race_source
    if source == FROM_MODEL:
        _start_with_model(state, state.topic or DEFAULT_TOPIC, methods)
        return
    try:
        start_replay_race(state, source, methods)
    except LimitReachedError as reached:
        run_start.restore_input("story_race_input", "", reached)


def _start_with_model(state: RaceState, topic: str, methods: Sequence[Method]) -> None:
    try:
        start_race(state, controls.story_request(topic), methods)
    except ModelNotReadyError:
        return
    except LimitReachedError as reached:
        run_start.restore_input("story_race_input", topic, reached)
        return
    state.topic = topic


def _draw_open_race(state: RaceState, bottom: InputBar, *, waits_for_model: bool) -> None:
    race = open_race(state)
    if race is None:
        if waits_for_model:
            bottom.model_status.await_model()
        return
    if race.is_live:
        bottom.stop.enable(race)
    draw_race(race)
    bottom.stop.disable()
    bottom.quota_notice.draw()
