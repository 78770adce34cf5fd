"""What one visitor's inspector remembers between two runs of its script."""

import time
from typing import Any

import streamlit as st

from weir.analysis.playback import Playhead, playhead_at_end
from weir.analysis.run_snapshot import RunSnapshot
from weir.runs.run import Run

FILTER_KEYS = tuple(f"{side}_{kind}" for side in ("include", "exclude") for kind in ("names", "types", "tags"))
"""Of the widgets that hold the filter, and so of the address's query."""


def playhead(run: Run) -> Playhead | None:
    """Return where this run's replay is; None while the run is seen as far as it is."""
    kept: dict[str, Any] = st.session_state.get("events_playhead") or {}
    found: Playhead | None = kept.get(run.id)
    return found


def move(run: Run, head: Playhead | None) -> None:
    """Set where this run's replay is."""
    st.session_state.events_playhead = {run.id: head}


def seen_count(run: Run) -> int:
    """Return how many of the run's events are seen now. A replay that has come to the end is over."""
    head = playhead(run)
    if head is None:
        return len(run.events)
    now = time.monotonic()
    count = head.events_at(now, run.events)
    if head.is_playing and count >= len(run.events) and not run.is_live:
        move(run, playhead_at_end(run.events))
    return count


def is_moving(run: Run) -> bool:
    """Whether more may be seen of this run in a moment."""
    head = playhead(run)
    return run.is_live if head is None else head.is_playing


def inspection(run: Run, count: int) -> RunSnapshot:
    """Return all that is known of the run after that many events; what was read before is not read again."""
    kept: tuple[str, RunSnapshot] | None = st.session_state.get("events_inspection")
    if kept is None or kept[0] != run.id or len(kept[1].events) > count:
        kept = st.session_state.events_inspection = (run.id, RunSnapshot())
    kept[1].advance_to(run.events, count)
    return kept[1]


def picked() -> int | None:
    """Return the number of the event that is selected."""
    found: int | None = st.session_state.get("events_picked")
    return found


def pick(seq: int | None) -> None:
    """Select an event, in the table and in the charts."""
    st.session_state.events_picked = seq
