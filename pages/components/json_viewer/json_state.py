"""The session state of the JSON page."""

from dataclasses import dataclass, field

import streamlit as st

from pages.components.json_viewer.json_source import Chunker, JsonSource
from pages.components.layout.playback_bar import PlaybackState, Player
from pages.components.session.run_page import RunPage
from weir.partial_json.field_timeline import FieldTimelines, field_timelines


@dataclass(frozen=True, slots=True)
class PastedText:
    """A text that was pasted, and how it is cut into chunks."""

    text: str
    chunker: Chunker
    size: int
    """Characters of a chunk, for `Chunker.N`."""
    cut: int
    """Characters that are left out at the end."""


@dataclass
class JsonState(RunPage):
    """What the JSON page remembers of one visitor between two runs of its script."""

    topic: str = ""
    """To be described by the model in the next run of the script."""
    problem: str = ""
    """A sentence to be shown once."""
    pasted: PastedText | None = None
    """Shown instead of a run."""
    playback: PlaybackState = field(default_factory=PlaybackState)
    timelines: tuple[str, FieldTimelines] | None = None
    """The id of a source, and the timelines of its fields."""

    def show(self, run_id: str) -> None:
        """Show this run, and no pasted text."""
        super().show(run_id)
        self.pasted = None

    def request(self, topic: str) -> None:
        """Have the next run of the script ask the model for a topic."""
        self.topic = topic

    def take_topic(self) -> str:
        """Return the requested topic, once."""
        topic, self.topic = self.topic, ""
        return topic

    def player(self, source: JsonSource) -> Player:
        """Return the player of a source's chunks."""
        return Player(self.playback, source.id, source.chunks)

    def timelines_of(self, source: JsonSource) -> FieldTimelines:
        """Return the timelines of a source's fields, computed once."""
        if self.timelines is None or self.timelines[0] != source.id:
            self.timelines = (source.id, field_timelines(source.chunks, source.schema))
        return self.timelines[1]


def json_state() -> JsonState:
    """Return the state of the JSON page."""
    state: JsonState = st.session_state.setdefault("json_viewer", JsonState())
    return state
