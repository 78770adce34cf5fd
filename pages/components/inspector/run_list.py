"""The Inspector without a run: the chain to run and its input, the visitor's runs, and Weir's recordings."""

import time
from functools import partial

import streamlit as st

from chains.registry import REGISTRY
from pages.components.chat.date_groups import zone
from pages.components.inspector import chain_form, inspector_actions
from pages.components.inspector.first_run import draw_first_run
from pages.components.inspector.inspector_state import InspectorState, RunRequest
from pages.components.inspector.programs_view import draw_programs, draw_token_form
from pages.components.inspector.run_figures import draw_run_figures, figures_container
from pages.components.inspector.run_filter_form import draw_run_filter
from pages.components.inspector.run_list_facts import list_facts
from pages.components.inspector.run_list_state import PAGE_KEY, restore, run_list_state
from pages.components.inspector.run_table import draw_run_table
from pages.components.layout import formatting
from pages.components.layout.translation import _, digits, ngettext
from pages.components.layout.weir_sentences import translated
from pages.components.session.app_services import service
from pages.components.session.model_choice import page_models
from pages.components.session.my_runs import run_owners
from pages.components.session.recordings import samples
from pages.components.session.report_storage_errors import draw_storage_error
from weir.analysis.outcome import AnswerStatus
from weir.archive.run_archive import RunArchive
from weir.llm.chain_registry import ChainSpec
from weir.runs.attached_program import ProgramState
from weir.storage.run_records import RunEntry, RunFilter
from weir.storage.storage_errors import StorageError

PAGE_SIZE = 50
WRITING = AnswerStatus.WRITING.name.lower()

LIVE_SECONDS, IDLE_SECONDS = 1.0, 10.0
"""How often the list is drawn anew while a run is live, and otherwise: a run may begin in another tab or over HTTP."""


def draw_chain_choice() -> ChainSpec:
    """Draw the select box of the chains, and return the chosen one."""
    chains = {chain.name: chain for chain in REGISTRY}
    name = st.selectbox(
        _("Chain"),
        list(chains),
        index=1,
        key="chain",
        bind="query-params",
        label_visibility="collapsed",
        icon=":material/link:",
        width=220,
    )
    return chains[name]


def draw_input_popover(state: InspectorState, chain: ChainSpec) -> RunRequest:
    """Draw the popover with the form of a chain's input, and return the run that it describes."""
    with st.popover(_("Input"), icon=":material/edit_note:", key="events_form", on_change="rerun"):
        st.caption(formatting.escape_markdown(translated(chain.description)))
        if "input" in st.query_params:
            chain_form.fill_in(chain, st.query_params["input"])
        value, options = chain_form.draw_form(chain, send=partial(inspector_actions.send_form, state))
        return RunRequest(chain.name, value, options=options)


def draw_chain_problems() -> None:
    """Say which of the user's own chains cannot be imported."""
    for sentence in REGISTRY.problems:
        text = formatting.escape_markdown(service().redactor.redact(sentence))
        st.warning(text, icon=":material/extension_off:")


def draw_unsuitable(chain: ChainSpec) -> None:
    """Say, before one asks, why the chain cannot run on the picked model."""
    if problem := chain.unsuitable(page_models()):
        st.info(formatting.escape_markdown(translated(problem)), icon=":material/build:")


def draw_run_list(state: InspectorState) -> None:
    """Draw the visitor's runs, live ones on top, again and again while one is live; below, Weir's own recordings."""
    own = RunFilter(run_owners())
    has_live = _has_news(service().archive.unlisted(own), service().archive.elsewhere(own))
    st.fragment(partial(_draw_runs, has_live), run_every=LIVE_SECONDS if has_live else IDLE_SECONDS)()
    st.caption(_("Recordings that come with Weir; they need no model."))
    with st.container(horizontal=True, gap="small"):
        for name, (title, _content) in samples().items():
            st.button(
                translated(title),
                icon=":material/replay:",
                key=f"events-sample-{name}",
                on_click=inspector_actions.open_sample,
                args=(state, name),
            )


def _has_news(new: list[RunEntry], elsewhere: list[RunEntry]) -> bool:
    """Whether a run is live or not written yet, or may begin at any moment, in a program that is there."""
    programs = service().programs.of_owners(run_owners())
    is_live = bool(new) or any(entry.status == WRITING for entry in elsewhere)
    return is_live or any(program.state is ProgramState.LIVE for program in programs)


def _draw_runs(had_live: bool) -> None:
    draw_storage_error()
    archive = service().archive
    if archive.problem:
        st.warning(translated(archive.problem), icon=":material/hard_drive:")
    if (replicas := service().replicas) is not None and replicas.problem:
        st.warning(translated(replicas.problem), icon=":material/cloud_off:")
    try:
        has_live = _draw_list(archive)
    except StorageError as error:
        st.error(
            _("The runs cannot be listed. {hint}").format(hint=translated(error.problem.hint)),
            icon=":material/database_off:",
        )
        return
    # How often this fragment is drawn is decided by the whole page.
    if has_live != had_live:
        st.rerun()


def _draw_list(archive: RunArchive) -> bool:
    """Draw the programs, the filter, the figures and the table. Return whether more may come at any moment."""
    own = RunFilter(run_owners())
    # In this order: a run that is written meanwhile is in both, and is left out of one.
    new, elsewhere, total = archive.unlisted(own), archive.elsewhere(own), archive.index.count(own)
    has_news = _has_news(new, elsewhere)
    new = sorted([*new, *elsewhere], key=lambda entry: -entry.created_at)
    list_state = run_list_state()
    if list_state.deleted:
        _draw_undo(len(list_state.deleted))
    draw_programs(service().programs.of_owners(run_owners()))
    draw_token_form()
    if not new and not total:
        draw_first_run()
        return has_news
    filter_ = draw_run_filter()
    facts, zone_ = list_facts(archive.index, filter_), zone(st.context.timezone)
    # The rows come first: the charts take the browser longer.
    figures = figures_container(facts.first_token, facts.tokens_per_second)
    pages = max(1, -(-facts.count // PAGE_SIZE))
    page = min(st.session_state.get(PAGE_KEY, 1), pages)
    ended = archive.index.page(
        filter_,
        sort=list_state.sort,
        ascending=list_state.ascending,
        limit=PAGE_SIZE,
        offset=(page - 1) * PAGE_SIZE,
    )
    ids = {entry.id for entry in ended}
    live = [entry for entry in new if filter_.matches(entry) and entry.id not in ids] if page == 1 else []
    if live or ended:
        now = time.time()
        draw_run_table(
            [*live, *ended], list_state, key="run_table", time_of=lambda at: formatting.moment(at, zone_, now)
        )
    else:
        st.markdown(_("None of your {count} runs matches the filter.").format(count=digits(len(new) + total)))
    with figures:
        draw_run_figures(facts.first_token, facts.tokens_per_second, zone_)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            _("{count} of {total} runs").format(count=digits(facts.count + len(live)), total=digits(total + len(new))),
            width="content",
        )
        if pages > 1:
            st.pagination(pages, key=PAGE_KEY, width=420)
    return has_news


def _draw_undo(count: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(
            ":material/delete: "
            + ngettext("One run was deleted.", "{count} runs were deleted.", count).format(count=digits(count))
        )
        st.button(_("Undo"), icon=":material/undo:", key="runs_undo", type="tertiary", on_click=restore)
