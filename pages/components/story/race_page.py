"""The *Race* view of the story page: one story by several methods, or by several models, at once."""

from collections.abc import Callable, Sequence

import streamlit as st

from pages.components.layout import suggestions
from pages.components.layout.input_bar import InputBar, input_bar_without_scroll
from pages.components.layout.translation import N_, _
from pages.components.session import run_start
from pages.components.session.app_services import service
from pages.components.session.model_choice import has_choice, models_of, page_models
from pages.components.story import controls
from pages.components.story.race_runs import (
    FROM_MODEL,
    RaceState,
    load_race_state,
    open_race,
    sources,
    start_model_race,
    start_race,
    start_replay_race,
)
from pages.components.story.race_view import draw_race
from pages.components.story.request import StoryRequest
from weir.access.limits import LimitReachedError
from weir.analysis import method_race
from weir.llm.chain_registry import ModelNotReadyError
from weir.runs.methods import Method

DEFAULT_TOPIC = suggestions.STORY[0]
MIN_LANES = 2
MAX_MODELS = 5
"""Models that race unless others are chosen."""

METHODS, MODELS = N_("Methods"), N_("Models")


def draw_race_page() -> None:
    """Draw the view, and the race until it ends."""
    state = load_race_state()
    about = st.empty()
    about.markdown(_("Run one prompt in five ways and see which shows text first."))
    if has_choice():
        by = st.segmented_control(
            _("Race by"),
            [METHODS, MODELS],
            format_func=_,
            default=METHODS,
            required=True,
            key="story_race_by",
            persist_state="session",
        )
        if by == MODELS:
            about.markdown(_("Run one prompt by several models and see which shows text first."))
            _draw_model_race(state)
            return
    methods, source = _draw_choices(state)
    if len(methods) < MIN_LANES:
        st.caption(_("A race needs two methods or more."))
    limit = page_models().parallel_answers
    if len(raced := method_race.lanes_within(methods, limit)) < len(methods):
        names = ", ".join(f"`{method.label}`" for method in methods if method not in raced)
        st.caption(
            _("The built-in model writes {limit} answers at once, so a race with it is without {names}.").format(
                limit=limit, names=names
            )
        )
    bottom = input_bar_without_scroll(_("Race a story about …"), key="story_race_input")
    if bottom.text and len(methods) >= MIN_LANES:
        bottom.model_status.await_model()
        _start_with_model(state, bottom.text, methods)
        if run_start.has_limit_notice():
            st.rerun()
    run_start.draw_limit_notice()
    _draw_open_race(state, bottom, waits_for_model=source == FROM_MODEL)


def _draw_model_race(state: RaceState) -> None:
    """Draw the race of models, by the method that the story has."""
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        names = service().models.catalogue.names
        models = st.pills(
            _("Models"),
            names,
            selection_mode="multi",
            default=names[:MAX_MODELS],
            key="story_race_models",
            persist_state="session",
        )
        _draw_race_button(state, _start_models, len(models))
        controls.draw_model_choices()
    if len(models) < MIN_LANES:
        st.caption(_("A race needs two models or more."))
    bottom = input_bar_without_scroll(_("Race a story about …"), key="story_race_input")
    for name in models:
        bottom.model_status.await_model(models_of(name))
    if bottom.text and len(models) >= MIN_LANES:
        _start_models(state, bottom.text)
        if run_start.has_limit_notice():
            st.rerun()
    run_start.draw_limit_notice()
    _draw_open_race(state, bottom, waits_for_model=False)


def _draw_race_button(state: RaceState, start: Callable[[RaceState], None], lanes: int) -> None:
    st.button(
        _("Race"),
        icon=":material/sports_score:",
        type="primary",
        on_click=start,
        args=(state,),
        disabled=lanes < MIN_LANES,
    )


def _start_models(state: RaceState, topic: str = "") -> None:
    topic = topic or state.topic or DEFAULT_TOPIC
    _start(state, topic, lambda request: start_model_race(state, request, st.session_state.story_race_models))


def _draw_choices(state: RaceState) -> tuple[Sequence[Method], str]:
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        methods = st.pills(
            _("Methods"),
            list(Method),
            selection_mode="multi",
            default=list(Method),
            format_func=lambda method: method.label,
            key="story_race_methods",
            persist_state="session",
        )
        titles = sources()
        source = st.selectbox(
            _("Source"),
            list(titles),
            format_func=lambda source: titles.get(source, source),
            key="story_race_source",
            help=_("Every lane replays the same recorded stream, so only the method differs. This needs no model."),
            width=300,
        )
        _draw_race_button(state, _start_chosen, len(methods))
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
    _start(state, topic, lambda request: start_race(state, request, methods))


def _start(state: RaceState, topic: str, begin: Callable[[StoryRequest], None]) -> None:
    try:
        begin(controls.story_request(topic))
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
