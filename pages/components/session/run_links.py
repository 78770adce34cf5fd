"""Links to runs: `?run=<id>` in the address, and who may open it."""

import streamlit as st

from pages.components.layout.formatting import escape_markdown
from pages.components.layout.translation import _
from pages.components.layout.weir_sentences import translated
from pages.components.session.app_services import service
from pages.components.session.my_runs import reader_of
from weir.runs.run import Run
from weir.runs.run_access import RunAccess
from weir.runs.run_store import (
    RunEvictedError,
    RunNotFoundError,
    RunNotSharedError,
    RunUnavailableError,
    RunUnreadableError,
    get_readable_run,
)

RUN_UNAVAILABLE = (RunNotFoundError, RunEvictedError, RunNotSharedError, RunUnreadableError)


def open_run(run_id: str) -> Run:
    """Return a run for this visitor to read. Raises one of RUN_UNAVAILABLE."""
    store = service().recorder.store
    return get_readable_run(store, run_id, reader_of(store.get(run_id)))


def is_share_revoked(run_id: str) -> bool:
    """Whether the run exists and is not shared with this visitor any more."""
    access = service().archive.access(run_id)
    return access is not None and not access.can_read(reader_of(access))


def readable_access(run_id: str | None) -> RunAccess | None:
    """Return who may read a run if this visitor may; None if there is no such run. It reads no run from disk."""
    access = service().archive.access(run_id) if run_id else None
    return access if access is not None and access.can_read(reader_of(access)) else None


def draw_run_unavailable(gone: RunUnavailableError) -> None:
    """Say why there is no run at a link."""
    st.warning(translated(gone.message), icon=":material/link_off:")


def rerun_if_unshared(run: Run) -> None:
    """Rerun the script if the run on the page is not shared with this visitor any more."""
    if not run.is_shared and not run.can_read(reader_of(run)):
        st.rerun()


def find_run(parameter: str = "run") -> Run | None:
    """Return the run that the address names; if it cannot be opened, draw why and return None."""
    run_id = st.query_params.get(parameter)
    if run_id is None:
        return None
    try:
        return open_run(run_id)
    except RUN_UNAVAILABLE as gone:
        draw_run_unavailable(gone)
        return None


def linked_run(page: str) -> Run | None:
    """Return the run that the address names; if it cannot be opened or is another page's, draw that and return None."""
    run = find_run()
    if run is not None and run.context.get("page") != page:
        st.warning(
            _("This link is to a run of another page ({name}).").format(name=escape_markdown(run.name)),
            icon=":material/link_off:",
        )
        return None
    return run


def show_link(run: Run) -> None:
    """Put the run into the address: a reload, or a colleague with the link, opens the same run."""
    if st.query_params.get("run") != run.id:
        st.query_params["run"] = run.id
