"""Runs that this visitor has started and is not looking at: they go on for as long as the tab is open."""

import streamlit as st

from pages.components.service import service
from streaming.run import Run
from streaming.store import RunEvictedError, RunNotFoundError


def remember(run: Run) -> None:
    """Keep this run alive while its visitor's tab is open."""
    st.session_state.setdefault("started_runs", []).append(run.id)


def keep_alive() -> None:
    """Tell the record, from time to time, that the tab is still there."""
    if _live_runs():
        st.fragment(_touch, run_every=service().settings.grace / 3)()


def _touch() -> None:
    for run in _live_runs():
        run.touch()


def _live_runs() -> list[Run]:
    live = []
    for run_id in st.session_state.get("started_runs", []):
        try:
            run = service().recorder.store.get(run_id)
        except (RunNotFoundError, RunEvictedError):
            continue
        if run.is_live:
            live.append(run)
    st.session_state["started_runs"] = [run.id for run in live]
    return live
