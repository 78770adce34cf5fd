"""Session state of the story page: the versions of one story."""

from dataclasses import dataclass, field
from uuid import uuid4

import streamlit as st

from pages.components.answer.answer_view import AnswerState, FinishedAnswer, finished_answer_of_run
from pages.components.session import run_links
from pages.components.story.request import StoryRequest
from pages.components.story.streaming_display import Display, DisplayCost
from weir.analysis import method_race
from weir.runs.run import Run


@dataclass(slots=True)
class StoryVersion:
    """One version of a story: what is asked for, how it is displayed, and its answer."""

    request: StoryRequest
    display: Display = field(default_factory=Display)
    answer: AnswerState = field(default_factory=AnswerState)
    cost: DisplayCost = field(default_factory=DisplayCost)
    id: str = field(default_factory=lambda: uuid4().hex)

    def is_share_revoked(self) -> bool:
        """Whether its run is another user's, who has stopped sharing it."""
        return self.answer.run_id is not None and run_links.is_share_revoked(self.answer.run_id)

    def settle(self) -> FinishedAnswer | None:
        """Return the answer, with the text that it continues, if its run has ended."""
        if self.answer.ended is None and (run := self.answer.run()) and not run.is_live:
            self.answer.ended = finished_answer_of_run(run, before=self.request.so_far)
        return self.answer.ended


@dataclass(slots=True)
class StoryState:
    """What the story page of one tab keeps from one script run to the next."""

    versions: list[StoryVersion] = field(default_factory=list)
    """Of one story, oldest first."""
    index: int = 0
    """Of the version on the page."""

    @property
    def version(self) -> StoryVersion:
        """The version on the page."""
        return self.versions[self.index]


def load_story_state() -> StoryState:
    """Return the page's state, which begins with the story of the run that the address names, if any."""
    if "story_state" not in st.session_state:
        run = run_links.linked_run("story")
        st.session_state.story_state = StoryState([_version_of(run)] if run else [])
    state: StoryState = st.session_state.story_state
    return state


def _version_of(run: Run) -> StoryVersion:
    inputs = method_race.run_input(run)
    request = StoryRequest(
        str(inputs.get("topic", "")), method=method_race.method_of(run), so_far=str(inputs.get("so_far", ""))
    )
    return StoryVersion(request, answer=AnswerState(run.id))
