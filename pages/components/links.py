"""`?run=<id>`: a run opened from a link."""

import streamlit as st

from pages.components.service import service
from pages.components.words import escaped
from streaming.run import Run
from streaming.store import RunEvictedError, RunNotFoundError


def find_run(parameter: str = "run") -> Run | None:
    """Return the run that the address names; say so where there is none."""
    run_id = st.query_params.get(parameter)
    if run_id is None:
        return None
    try:
        return service().recorder.store.get(run_id)
    except (RunNotFoundError, RunEvictedError) as gone:
        st.warning(type(gone).__doc__ or "", icon=":material/link_off:")
        return None


def linked_run(page: str) -> Run | None:
    """Return the run that the address names, if it belongs on this page; say so where there is none."""
    run = find_run()
    if run is not None and run.context.get("page") != page:
        st.warning(f"This link is to a run of another page ({escaped(run.name)}).", icon=":material/link_off:")
        return None
    return run


def show_link(run: Run) -> None:
    """Put the run's link into the address bar: a refresh, or a colleague, comes back to it."""
    if st.query_params.get("run") != run.id:
        st.query_params["run"] = run.id
