"""The session state of the run list: how it is sorted, which part is shown, and what was deleted last."""

from dataclasses import dataclass

import streamlit as st

from pages.components.inspector.inspector_state import inspector_state
from pages.components.session.app_services import service
from pages.components.session.my_runs import run_owners
from pages.components.session.report_storage_errors import report_storage_errors
from weir.storage.run_records import RunSort

PAGE_KEY = "runs_page"
"""Key of the widget that chooses the part of the list."""

DESCENDING_FIRST = frozenset({RunSort.CREATED_AT, RunSort.TOKENS, RunSort.COST, RunSort.FINDINGS})
"""Columns whose largest values are looked for; the others begin with the smallest."""


@dataclass(slots=True)
class RunListState:
    """What the list remembers of one visitor."""

    sort: RunSort = RunSort.CREATED_AT
    ascending: bool = False
    deleted: tuple[str, ...] = ()
    """Ids of the runs that were deleted last, and can be restored."""

    def sort_by(self, sort: RunSort) -> None:
        """Sort by a column; by the same one again, the other way round."""
        self.ascending = not self.ascending if sort is self.sort else sort not in DESCENDING_FIRST
        self.sort = sort
        show_first_page()


def run_list_state() -> RunListState:
    """Return the state of the run list."""
    state: RunListState = st.session_state.setdefault("run_list", RunListState())
    return state


def show_first_page() -> None:
    """Show the beginning of the list."""
    st.session_state.pop(PAGE_KEY, None)


@report_storage_errors
def pin(run_id: str, is_pinned: bool) -> None:
    """Pin a run, or unpin it."""
    service().archive.set_pinned(run_owners(), run_id, is_pinned)


@report_storage_errors
def delete(run_ids: list[str]) -> None:
    """Delete runs, which can be undone."""
    run_list_state().deleted = tuple(service().archive.delete(run_owners(), run_ids))


@report_storage_errors
def restore() -> None:
    """Undo the last deletion."""
    state = run_list_state()
    service().archive.restore(run_owners(), state.deleted)
    state.deleted = ()


def compare(first: str, second: str) -> None:
    """Show two runs side by side."""
    inspector_state().show(first)
    st.query_params["with"] = second
