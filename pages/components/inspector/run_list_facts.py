"""What the run list shows beside its rows: how many runs there are, their chains, and figures over them.

They take longer than the rows, and hold until a run ends: a list with a live run is drawn every second.
"""

import dataclasses
import time
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import streamlit as st

from weir.analysis.run_trends import Trend, trend
from weir.storage.run_index import RunIndex
from weir.storage.run_records import RunFilter

MAX_AGE_SECONDS = 30
"""Time after which they are computed again: another process may have changed the index."""

MAX_LISTS = 200
"""Lists whose facts are kept at once."""


@dataclass(frozen=True, slots=True)
class RunListFacts:
    """Facts of one list."""

    count: int
    first_token: Trend | None
    tokens_per_second: Trend | None


def list_facts(index: RunIndex, filter_: RunFilter) -> RunListFacts:
    """Return the facts of a list. Raises StorageError."""
    # The beginning of a span of time moves on with each drawing.
    since = None if filter_.since is None else filter_.since // MAX_AGE_SECONDS
    cached = _cached(index)
    key = dataclasses.replace(filter_, since=since)
    if (facts := cached.get(key)) is None:
        figures = index.figures(filter_)
        facts = RunListFacts(
            len(figures),
            trend((run.created_at, run.first_token) for run in figures),
            trend((run.created_at, run.tokens_per_second) for run in figures),
        )
        if len(cached) >= MAX_LISTS:
            cached.clear()
        cached[key] = facts
    return facts


def _cached(index: RunIndex) -> dict[RunFilter, RunListFacts]:
    """Return what was computed from the index as it is now, for all visitors. A filter names whose runs it is about."""
    at = (index.changes, int(time.time()) // MAX_AGE_SECONDS)
    caches = _caches()
    found = caches.get(index)
    if found is None or found[0] != at:
        found = caches[index] = (at, {})
    return found[1]


@st.cache_resource(show_spinner=False)
def _caches() -> WeakKeyDictionary[RunIndex, tuple[tuple[int, int], dict[RunFilter, RunListFacts]]]:
    return WeakKeyDictionary()


def known_programs(index: RunIndex, owners: tuple[str, ...]) -> list[str]:
    """Return the names of the programs that have sent runs of these owners. Raises StorageError."""
    key = (owners, index.changes, int(time.time()) // MAX_AGE_SECONDS)
    cached: tuple[object, list[str]] | None = st.session_state.get("runs_known_programs")
    if cached is None or cached[0] != key:
        cached = st.session_state["runs_known_programs"] = (key, index.programs(owners))
    return cached[1]


def known_chains(index: RunIndex, owners: tuple[str, ...]) -> list[str]:
    """Return the chains that these owners have run. Raises StorageError."""
    key = (owners, index.changes, int(time.time()) // MAX_AGE_SECONDS)
    cached: tuple[object, list[str]] | None = st.session_state.get("runs_known_chains")
    if cached is None or cached[0] != key:
        cached = st.session_state["runs_known_chains"] = (key, index.chains(owners))
    return cached[1]
