"""Runs that this visitor has started and is not looking at: they go on for as long as the tab is open."""

import contextlib
from collections.abc import Callable

import streamlit as st

from pages.components.session.app_services import service
from weir.runs.run import Run
from weir.runs.run_store import RunEvictedError, RunNotFoundError


def run_tracker() -> Callable[[Run], None]:
    """Return what keeps a run alive while its visitor's tab is open. It makes no call of Streamlit's."""
    lists: list[list[str]] = [st.session_state.setdefault(name, []) for name in ("started_runs", "my_runs")]

    def remember(run: Run) -> None:
        for run_ids in lists:
            run_ids.append(run.id)

    return remember


def my_runs() -> list[Run]:
    """Return the runs that this visitor has started and that are still kept, oldest first."""
    return _kept(st.session_state.get("my_runs", []))


def keep_alive() -> None:
    """Tell the record, from time to time, that the tab is still there."""
    if _live_runs():
        st.fragment(_touch, run_every=service().settings.grace_seconds / 3)()


def _touch() -> None:
    for run in _live_runs():
        run.extend_grace_period()


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
