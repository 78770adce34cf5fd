"""The Events page without a run: the chain to run and its input, Weir's recordings, and the visitor's own runs."""

from functools import partial

import streamlit as st

from chains.registry import REGISTRY
from pages.components.inspector import chain_form, inspector_actions
from pages.components.inspector.inspector_state import InspectorState, RunRequest
from pages.components.inspector.run_view import entry_label
from pages.components.layout import formatting
from pages.components.session.app_services import service
from pages.components.session.my_runs import recent_runs
from pages.components.session.recordings import samples
from weir.llm.chain_registry import ChainSpec


def draw_chain_choice() -> ChainSpec:
    """Draw the select box of the chains, and return the chosen one."""
    chains = {chain.name: chain for chain in REGISTRY}
    name = st.selectbox(
        "Chain",
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
    with st.popover("Input", icon=":material/edit_note:", key="events_form", on_change="rerun"):
        st.caption(formatting.escape_markdown(chain.description))
        if "input" in st.query_params:
            chain_form.fill_in(chain, st.query_params["input"])
        value, options = chain_form.draw_form(chain, send=partial(inspector_actions.send_form, state))
        return RunRequest(chain.name, value, options=options)


def draw_chain_problems() -> None:
    """Say which of the user's own chains cannot be imported."""
    for sentence in REGISTRY.problems:
        text = formatting.escape_markdown(service().redactor.redact(sentence))
        st.warning(text, icon=":material/extension_off:")


def draw_run_list(state: InspectorState) -> None:
    """Draw the recordings that come with Weir and the visitor's runs, newest first."""
    st.markdown(
        "Every event of a run, live or afterwards: press *Inspect* on any answer, run a chain above, "
        "or open one of these recordings. They need no model."
    )
    for name, (title, _) in samples().items():
        st.button(
            title,
            icon=":material/replay:",
            key=f"events-sample-{name}",
            on_click=inspector_actions.open_sample,
            args=(state, name),
        )
    for entry in recent_runs():
        st.button(
            formatting.escape_markdown(entry_label(entry)),
            icon=":material/history:",
            key=f"events-{entry.id}",
            type="tertiary",
            on_click=state.show,
            args=(entry.id,),
        )
