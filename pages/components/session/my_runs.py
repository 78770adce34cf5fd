"""The runs that a visitor has started. They go on while the tab is open, even if no page shows them."""

import contextlib
from collections.abc import Callable

import streamlit as st

from pages.components.session.app_services import service
from weir.runs.run import Run
from weir.runs.run_store import RunEvictedError, RunNotFoundError


def run_tracker() -> Callable[[Run], None]:
    """Return a function that adds a run to the visitor's runs. It does not call Streamlit, which may end the script."""
    lists: list[list[str]] = [st.session_state.setdefault(name, []) for name in ("started_runs", "my_runs")]

    def track(run: Run) -> None:
        for run_ids in lists:
            run_ids.append(run.id)

    return track


def my_runs() -> list[Run]:
    """Return the runs that this visitor has started and that the store still has, oldest first."""
    return _stored_runs(st.session_state.get("my_runs", []))


def keep_alive() -> None:
    """Extend the grace period of the visitor's live runs, three times in its length, while the tab is open."""
    if _live_runs():
        st.fragment(_extend_grace_periods, run_every=service().settings.grace_seconds / 3)()


def _extend_grace_periods() -> None:
    for run in _live_runs():
        run.extend_grace_period()


def _live_runs() -> list[Run]:
    live = [run for run in _stored_runs(st.session_state.get("started_runs", [])) if run.is_live]
    st.session_state["started_runs"] = [run.id for run in live]
    return live


def _stored_runs(run_ids: list[str]) -> list[Run]:
    runs = []
    for run_id in run_ids:
        with contextlib.suppress(RunNotFoundError, RunEvictedError):
            runs.append(service().recorder.store.get(run_id))
    return runs
