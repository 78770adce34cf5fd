"""Runs that this visitor has started and is not looking at: they go on for as long as the tab is open."""

import contextlib

import streamlit as st

from pages.components.service import service
from streaming.run import Run
from streaming.store import RunEvictedError, RunNotFoundError


def remember(run: Run) -> None:
    """Keep this run alive while its visitor's tab is open."""
    st.session_state.setdefault("started_runs", []).append(run.id)
    st.session_state.setdefault("my_runs", []).append(run.id)


def my_runs() -> list[Run]:
    """Return the runs that this visitor has started and that are still kept, oldest first."""
    return _kept(st.session_state.get("my_runs", []))


def keep_alive() -> None:
    """Tell the record, from time to time, that the tab is still there."""
    if _live_runs():
        st.fragment(_touch, run_every=service().settings.grace / 3)()


def _touch() -> None:
    for run in _live_runs():
        run.touch()


def _live_runs() -> list[Run]:
    live = [run for run in _kept(st.session_state.get("started_runs", [])) if run.is_live]
    st.session_state["started_runs"] = [run.id for run in live]
    return live


def _kept(run_ids: list[str]) -> list[Run]:
    kept = []
    for run_id in run_ids:
        with contextlib.suppress(RunNotFoundError, RunEvictedError):
            kept.append(service().recorder.store.get(run_id))
    return kept
