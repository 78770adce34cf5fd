"""The session state of the Events page."""

from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import streamlit as st

from pages.components.layout.playback_bar import PlaybackState, Player
from pages.components.session.run_page import RunPage
from weir.analysis.finding import Finding
from weir.analysis.graph_diagnosis import run_findings
from weir.analysis.run_snapshot import RunSnapshot
from weir.runs.run import Run


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A run to be started: the chain's name and its input."""

    chain: str
    value: object = None
    text: str = ""
    """What was typed at the bottom of the page; the input is made from it. Empty if `value` is the input."""
    options: dict[str, Any] = field(default_factory=dict)
    """Fields of GraphOptions."""
    continues: bool = False
    """Whether a thread goes on, so that there is no input."""
    origin: str = ""
    """Id of the run that it goes on from."""


TableSelection = tuple[list[int], list[tuple[int, str]]]
"""Rows and cells that a table has selected."""


@dataclass(frozen=True, slots=True)
class ModelCall:
    """A call of a model in a run."""

    run_id: str
    seq: int
    """Number of its first event."""


@dataclass
class InspectorState(RunPage):
    """What the Events page remembers of one visitor between two runs of its script."""

    request: RunRequest | None = None
    """To be started by the next run of the script."""
    form_sent: bool = False
    """Whether *Run* was pressed in the form: its values are known once it is drawn again."""
    problem: str = ""
    """A sentence to be shown once."""
    picked: int | None = None
    """Number of the event that is selected, in the table and in the charts."""
    picked_in_table: int | None = None
    """The selection to which the table has already moved."""
    picked_column: str | None = None
    """The column of the table in which a cell was clicked: the arrow keys go on from there."""
    view_in_address: str | None = None
    """The view that the address had when the run was drawn last: another one was opened by the browser."""
    graphs: set[str] = field(default_factory=set)
    """Names of chains whose runs had steps of a graph: a new run of one has the views of graphs from the start."""
    table_before: tuple[TableSelection, float] = (([], []), float("-inf"))
    """What the table had selected when its selection was set, and when that was."""
    diagnosis: tuple[tuple[str, int], list[Finding]] | None = None
    """The run's id and number of events, and the doctor's findings then."""
    playback: PlaybackState = field(default_factory=PlaybackState)
    snapshot: tuple[str, RunSnapshot] | None = None
    """The run's id, and what is known of it after the events that are seen."""
    drawing: tuple[str, float] = ("", 0.0)
    """The run's id, and the seconds that drawing it takes, on average."""
    call: ModelCall | None = None
    """The call that is open to be run with changes."""
    changed: dict[ModelCall, str] = field(default_factory=dict)
    """Ids of the newest run with changes of each call."""
    openings: int = 0
    """How often a call was opened: each time with fields of its own, which a browser shows as they are made."""
    drafts: dict[str, Any] = field(default_factory=dict)
    """What was typed and chosen for calls, by the widgets' keys; it outlasts the dialog."""

    def show(self, run_id: str) -> None:
        """Show this run, with nothing selected and compared with none."""
        super().show(run_id)
        self._reset()

    def close(self) -> None:
        """Show the list of runs."""
        super().close()
        self._reset()
        # The tabs of the next run are made anew: they begin with the view in the address.
        st.session_state.pop("view", None)

    def _reset(self) -> None:
        self.picked = self.call = None
        st.query_params.pop("with", None)

    def pick(self, seq: int | None) -> None:
        """Select an event."""
        self.picked = seq

    def open_call(self, run_id: str, seq: int) -> None:
        """Open a call to be run with changes, by the whole page: a click in a fragment would draw only that anew."""
        self.call = ModelCall(run_id, seq)
        self.openings += 1
        st.rerun()

    def close_call(self) -> None:
        """Go back to the run."""
        self.call = None

    def player(self, run: Run) -> Player:
        """Return the player of a run's events."""
        return Player(self.playback, run.id, run.events)

    def is_moving(self, run: Run) -> bool:
        """Whether more of this run may be seen in a moment."""
        return run.is_live or self.player(run).is_playing

    def draw_seconds_of(self, run: Run) -> float:
        """Return the seconds that drawing this run takes, as far as that is known."""
        return self.drawing[1] if self.drawing[0] == run.id else 0.0

    def note_drawing(self, run: Run, seconds: float) -> None:
        """Take one drawing into the average. The first of a run loads and makes much that stays."""
        if self.drawing[0] != run.id:
            self.drawing = (run.id, 0.0)
        else:
            self.drawing = (run.id, 0.9 * self.drawing[1] + 0.1 * seconds)

    def snapshot_at(self, run: Run, count: int) -> RunSnapshot:
        """Return what is known of the run after that many events. Events that were read are not read again.

        A whole run that has ended is read once for all visitors, and not again when its page is reloaded.
        """
        if run.is_live or count < len(run.events):
            return self._own_snapshot(run, count)
        whole = _whole_runs()
        if (seen := whole.get(run)) is None:
            seen = whole[run] = self._own_snapshot(run, count)
            seen.read_whole(run.events)
            # Where the program of a run that was lost comes back, its components go on.
            self.snapshot = None
        return seen

    def _own_snapshot(self, run: Run, count: int) -> RunSnapshot:
        if self.snapshot is None or self.snapshot[0] != run.id or len(self.snapshot[1].events) > count:
            self.snapshot = (run.id, RunSnapshot())
        self.snapshot[1].advance_to(run.events, count)
        return self.snapshot[1]

    def findings_of(self, run: Run, seen: RunSnapshot) -> list[Finding]:
        """Return the doctor's findings of what is seen. They are computed once."""
        key = (run.id, len(seen.events))
        if self.diagnosis is None or self.diagnosis[0] != key:
            self.diagnosis = (key, run_findings(seen.root, seen.events) if seen.root else [])
        return self.diagnosis[1]


@st.cache_resource(show_spinner=False)
def _whole_runs() -> WeakKeyDictionary[Run, RunSnapshot]:
    """Snapshots of whole runs that have ended, while the runs are in memory."""
    return WeakKeyDictionary()


def inspector_state() -> InspectorState:
    """Return the state of the Events page."""
    state: InspectorState = st.session_state.setdefault("inspector", InspectorState())
    return state
