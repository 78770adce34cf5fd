"""The runs that a visitor has started. Live ones go on while the tab is open, even if no page shows them."""

import logging
from collections.abc import Callable

import streamlit as st

from pages.components.session.app_services import service
from pages.components.session.current_user import current_caller, is_this_machine
from pages.components.session.sign_in import providers
from weir.access.caller import LOCAL_PROGRAMS, TOKEN_HOLDER, client_caller, client_of, is_token
from weir.config.settings import settings
from weir.runs.run import Run
from weir.runs.run_access import RunAccess
from weir.storage.run_records import RunEntry, RunFilter
from weir.storage.storage_errors import StorageError

MAX_RECENT = 50
"""Runs that a select box offers."""

_LOG = logging.getLogger(__name__)


def run_tracker() -> Callable[[Run], None]:
    """Return a function that notes a live run of the visitor. It does not call Streamlit, which may end the script."""
    run_ids: list[str] = st.session_state.setdefault("started_runs", [])

    def track(run: Run) -> None:
        run_ids.append(run.id)

    return track


def run_owners() -> tuple[str, ...]:
    """Return the owners whose runs this visitor sees in lists: their own, and on this machine those of programs on it.

    The latter only where nobody signs in and programs need no token, and for a page that no proxy has passed on. Where
    programs need one, whoever has entered it sees the runs that programs have sent with it.
    """
    visitor = current_caller().visitor
    if is_this_machine() and not providers() and not settings().needs_token:
        return (visitor, *LOCAL_PROGRAMS)
    owner = st.session_state.get("token_owner")
    return (visitor, owner) if owner else (visitor,)


def may_see_programs() -> bool:
    """Whether this visitor sees the programs that send runs, or has no token to enter."""
    return not settings().needs_token or "token_owner" in st.session_state


def show_programs(token: str) -> bool:
    """Show this visitor the runs of the programs that have this token of the API. Return whether it is one."""
    known, client = settings().api_token, client_of(token, settings().tokens_of_clients)
    if client is not None:
        st.session_state["token_owner"] = client_caller(client).visitor
    elif known is not None and is_token(token, known.get_secret_value()):
        st.session_state["token_owner"] = TOKEN_HOLDER
    else:
        return False
    return True


def reader_of(run: Run | RunAccess) -> str:
    """Return as whom this visitor reads a run: as its owner, if it is in their lists."""
    return run.owner if run.owner in run_owners() else current_caller().visitor


def recent_runs(filter_: RunFilter | None = None, *, limit: int = MAX_RECENT) -> list[RunEntry]:
    """Return the newest of the visitor's runs that have ended; none while the database cannot be read."""
    try:
        return service().archive.index.page(filter_ or RunFilter(run_owners()), limit=limit)
    except StorageError:
        _LOG.exception("the runs cannot be listed")
        return []


def keep_alive() -> None:
    """Extend the grace period of the visitor's live runs, three times in its length, while the tab is open."""
    if _live_runs():
        st.fragment(_extend_grace_periods, run_every=service().settings.grace_seconds / 3)()


def _extend_grace_periods() -> None:
    for run in _live_runs():
        run.extend_grace_period()


def _live_runs() -> list[Run]:
    started = set(st.session_state.get("started_runs", []))
    live = [run for run in service().archive.runs() if run.is_live and run.id in started]
    st.session_state["started_runs"] = [run.id for run in live]
    return live
