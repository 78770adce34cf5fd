"""Tour of a minute: four steps on recordings that come with Weir, each on the page itself."""

from dataclasses import dataclass

import streamlit as st

from pages.components.layout.translation import N_, _
from pages.components.layout.weir_sentences import translated
from pages.components.session.recordings import open_recording, samples
from pages.components.story.race_runs import load_race_state, start_replay_race
from weir.access.limits import LimitReachedError
from weir.runs.methods import Method
from weir.runs.recording_file import RecordingError

_STEP, _MOVES = "tour_step", "tour_moves"


@dataclass(frozen=True, slots=True)
class Step:
    """A step: the page's script, the recording that it shows, and the view of the page that is chosen."""

    sentence: str
    script: str
    recording: str
    view: str | None = None
    is_race: bool = False


STEPS = (
    Step(
        N_("One story in five ways: who can read first, and who waits for the end?"),
        "story.py",
        "1-a-story",
        "Race",
        is_race=True,
    ),
    Step(
        N_("Every event of a routed question: what ran, when, and for how long."),
        "events.py",
        "2-a-routed-question",
        "Data",
    ),
    Step(
        N_("Why does this chain not stream? *Doctor* names the step that holds everything back."),
        "events.py",
        "4-a-stream-held-up-by-a-lambda",
        "Doctor",
    ),
    Step(
        N_("JSON, usable field by field before the answer is complete. Press *Replay* or move the slider."),
        "partial_json.py",
        "6-json-field-by-field",
    ),
)


def go_to_step(number: int | None) -> None:
    """Have the next run of the script open a step; None ends the tour."""
    st.session_state[_STEP] = number
    st.session_state[_MOVES] = number is not None


def draw_tour() -> None:
    """Draw the bar of the tour, if it is on, and switch to the page of a step that was just chosen."""
    number: int | None = st.session_state.get(_STEP)
    if number is None:
        return
    if st.session_state.pop(_MOVES, False):
        _open(STEPS[number])
    with st.container(horizontal=True, vertical_alignment="center", key="tour"):
        place = _("Tour, {number} of {count}.").format(number=number + 1, count=len(STEPS))
        st.markdown(f":material/tour: **{place}** {_(STEPS[number].sentence)}", width="content")
        if number + 1 < len(STEPS):
            st.button(
                _("Next"), icon=":material/arrow_forward:", key="tour_next", on_click=go_to_step, args=(number + 1,)
            )
        st.button(_("End the tour"), key="tour_end", type="tertiary", on_click=go_to_step, args=(None,))


def _open(step: Step) -> None:
    parameters: dict[str, str] = {}
    if step.view is not None:
        st.session_state["view"] = parameters["view"] = step.view
    try:
        if step.is_race:
            start_replay_race(load_race_state(), step.recording, list(Method))
            parameters["race"] = st.query_params["race"]
        else:
            parameters["run"] = open_recording(samples()[step.recording][1]).id
    except (LimitReachedError, RecordingError) as error:
        st.info(translated(str(error)), icon=":material/hourglass_top:")
        return
    st.switch_page(step.script, query_params=parameters)
