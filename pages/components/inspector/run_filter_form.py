"""Filter of the run list: text, chains, programs, states and time."""

import time

import streamlit as st

from pages.components.inspector.programs_view import PROGRAMS_KEY
from pages.components.inspector.run_list_facts import known_chains, known_programs
from pages.components.inspector.run_list_state import show_first_page
from pages.components.layout.translation import N_, _
from pages.components.layout.weir_sentences import translated
from pages.components.session.app_services import service
from pages.components.session.my_runs import run_owners
from weir.analysis.outcome import AnswerStatus
from weir.storage.run_records import RunFilter

_TIMES = {
    N_("Last hour"): 3_600.0,
    N_("Last 24 hours"): 86_400.0,
    N_("Last 7 days"): 604_800.0,
    N_("Last 30 days"): 2_592_000.0,
}
_STATUSES = {status.name.lower(): status.value for status in AnswerStatus}


def draw_run_filter() -> RunFilter:
    """Draw the filter in one row, and return it. What was chosen outlasts a look at a run."""
    owners = run_owners()
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="run_filter"):
        text = st.text_input(
            _("Search runs"),
            key="runs_text",
            type="search",
            live=True,
            placeholder=_("Search inputs, chains, models, errors"),
            label_visibility="collapsed",
            max_chars=200,
            width=270,
            on_change=show_first_page,
            persist_state="session",
        )
        chains = st.multiselect(
            _("Chains"),
            _known_chains(owners),
            key="runs_chains",
            placeholder=_("All chains"),
            label_visibility="collapsed",
            width=190,
            on_change=show_first_page,
            persist_state="session",
        )
        programs = _draw_programs(owners)
        statuses = st.multiselect(
            _("States"),
            list(_STATUSES),
            format_func=lambda name: translated(_STATUSES[name]),
            key="runs_statuses",
            placeholder=_("All states"),
            label_visibility="collapsed",
            width=170,
            on_change=show_first_page,
            persist_state="session",
        )
        span = st.selectbox(
            _("Time"),
            list(_TIMES),
            format_func=_,
            index=None,
            key="runs_time",
            placeholder=_("All times"),
            label_visibility="collapsed",
            width=150,
            on_change=show_first_page,
            persist_state="session",
        )
        pinned = st.toggle(_("Pinned"), key="runs_pinned", on_change=show_first_page, persist_state="session")
    since = None if span is None else time.time() - _TIMES[span]
    return RunFilter(owners, tuple(chains), tuple(statuses), text or "", since, pinned, programs)


def _draw_programs(owners: tuple[str, ...]) -> tuple[str, ...]:
    """Draw the choice of programs where any has sent a run."""
    live = {program.report.name for program in service().programs.of_owners(owners)}
    names = live.union(known_programs(service().archive.index, owners), st.session_state.get(PROGRAMS_KEY) or ())
    if not names:
        return ()
    chosen = st.multiselect(
        _("Programs"),
        sorted(names),
        key=PROGRAMS_KEY,
        placeholder=_("All programs"),
        label_visibility="collapsed",
        width=170,
        on_change=show_first_page,
        persist_state="session",
    )
    return tuple(chosen)


def _known_chains(owners: tuple[str, ...]) -> list[str]:
    """Return the chains to choose from. A chosen one stays, also where its last run is gone."""
    names = set(known_chains(service().archive.index, owners))
    return sorted(names.union(st.session_state.get("runs_chains") or ()))
