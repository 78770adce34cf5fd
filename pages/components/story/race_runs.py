"""The runs of a race: one prompt through several methods at once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import streamlit as st

from pages.components.layout.translation import _
from pages.components.layout.weir_sentences import translated
from pages.components.session import run_links
from pages.components.session.app_services import service
from pages.components.session.current_user import current_caller
from pages.components.session.model_choice import models_of
from pages.components.session.my_runs import recent_runs
from pages.components.session.recordings import open_recording, samples
from pages.components.story.request import PreparedStory, StoryRequest, prepare, prepare_recorded
from weir.analysis import method_race
from weir.analysis.method_race import Lane
from weir.config.comma_list import split_commas
from weir.runs.methods import Method
from weir.runs.run import Run

FROM_MODEL = "the model"
"""Id of the model as a source."""
MAX_OWN_STORIES = 5
SEED = 1
"""Of every lane with the embedded model."""
MAX_TOPIC_CHARS = 50


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Race:
    """The lanes of one race. *Stop* takes it for one run."""

    lanes: tuple[Lane, ...]

    @property
    def id(self) -> str:
        return "race-" + self.lanes[0].run.id

    @property
    def is_live(self) -> bool:
        return any(lane.run.is_live for lane in self.lanes)

    def stop(self) -> None:
        """Stop all lanes."""
        for lane in self.lanes:
            lane.run.stop()

    def can_stop(self, visitor: str) -> bool:
        """Whether this visitor, a `Caller.visitor`, may stop all lanes."""
        return all(lane.run.can_stop(visitor) for lane in self.lanes)


@dataclass(slots=True)
class RaceState:
    """What the race of one tab keeps from one script run to the next."""

    race: Race | None = None
    topic: str = ""


def load_race_state() -> RaceState:
    """Return the state of this tab's race."""
    state: RaceState = st.session_state.setdefault("race_state", RaceState())
    return state


def sources() -> dict[str, str]:
    """Return the titles of what can be raced, by id: the model, a sample, and the user's newest finished stories.

    The first is the default.
    """
    own = {
        entry.id: _("recorded: {title}").format(title=entry.input[:MAX_TOPIC_CHARS])
        for entry in recent_runs()
        # A stream in one piece has no speed, and is no race.
        if entry.page == "story" and entry.tokens_per_second is not None and entry.input
    }
    sample = {
        name: _("recorded: {title}").format(title=translated(title).lower())
        for name, (title, _content) in samples().items()
        if name.startswith("1-")
    }
    recorded = {**sample, **dict(list(own.items())[:MAX_OWN_STORIES])}
    # A race from a recording shows what streaming is for; the packaged model shows what a toy writes.
    if service().models.engine is not None:
        return {**recorded, FROM_MODEL: _("the model")}
    return {FROM_MODEL: _("the model"), **recorded}


def start_race(state: RaceState, request: StoryRequest, methods: Sequence[Method]) -> None:
    """Start the lanes with the model. Raises ModelNotReadyError or LimitReachedError.

    The embedded one gets as many as it can answer at once, all with one seed and, if none is chosen, temperature 0.
    Other models may refuse both.
    """
    models = models_of(request.model)
    if models.engine is not None:
        chosen = request.options
        temperature = 0.0 if chosen.temperature is None else chosen.temperature
        seed = SEED if chosen.seed is None else chosen.seed
        request = replace(request, options=replace(chosen, temperature=temperature, seed=seed))
    lanes = method_race.lanes_within(methods, models.parallel_answers)
    _start(state, [prepare(replace(request, method=method)) for method in lanes])


def start_model_race(state: RaceState, request: StoryRequest, models: Sequence[str]) -> None:
    """Start a lane for each model. Raises ModelNotReadyError or LimitReachedError."""
    # Another model of one endpoint may be chosen for a story; here each lane has its own.
    options = replace(request.options, model=None)
    _start(state, [prepare(replace(request, model=model, options=options)) for model in models])


def start_replay_race(state: RaceState, source: str, methods: Sequence[Method]) -> None:
    """Start all lanes with the recorded stream that `source`, a key of `sources()`, names. Raises LimitReachedError."""
    recorded = open_recording(samples()[source][1]) if source in samples() else run_links.open_run(source)
    _start(state, [prepare_recorded(recorded, method) for method in methods])


def _start(state: RaceState, lanes: Sequence[PreparedStory]) -> None:
    if (previous := open_race(state)) and previous.can_stop(current_caller().visitor):
        previous.stop()
    # No lane starts before all are prepared: the time that it takes to make a client would count for the others.
    started: list[Run] = []
    try:
        for lane in lanes:
            lane.start(started.append)
        st.query_params["race"] = ",".join([run.id for run in started])
    except BaseException:  # a limit refuses a lane, or Streamlit ends the script, which it does with a BaseException
        for run in started:
            run.stop()
        raise


def open_race(state: RaceState) -> Race | None:
    """Return the race that the address names; say so where it is gone."""
    run_ids = split_commas(st.query_params.get("race", ""))
    if not run_ids:
        return None
    try:
        runs = [run_links.open_run(run_id) for run_id in run_ids]
    except run_links.RUN_UNAVAILABLE as error:
        run_links.draw_run_unavailable(error)
        return None
    if state.race is None or [lane.run for lane in state.race.lanes] != runs:
        state.race = Race(method_race.lanes_of(runs))
    return state.race
