"""The form of what a graph's run is given beside its input: thread, context, limit of steps; kept in the address."""

import json
from typing import Any

import streamlit as st

from pages.components.layout.translation import _
from weir.runs.graph_options import MAX_STEPS

_NAMES = ("thread_id", "context", "recursion_limit")


def draw_options() -> dict[str, Any] | None:
    """Draw the form and return the fields of GraphOptions that are set; None while the context is not valid."""
    is_linked = any(name in st.query_params for name in _NAMES)
    with st.expander(_("Options of a graph"), icon=":material/tune:", expanded=is_linked):
        thread = st.text_input(
            _("Thread"),
            key="thread_id",
            bind="query-params",
            max_chars=200,
            placeholder=_("A new one"),
            help=_("`thread_id`: a graph with a checkpointer goes on with what this thread has kept"),
        )
        context = st.text_area(
            _("Context (JSON)"),
            key="context",
            bind="query-params",
            height=80,
            placeholder="{}",
            help=_("`context`: what the graph's `context_schema` asks for"),
        )
        limit = st.number_input(
            _("Limit of steps"),
            key="recursion_limit",
            bind="query-params",
            value=None,
            min_value=1,
            max_value=MAX_STEPS,
            step=1,
            placeholder=_("The graph's own"),
            help=_("`recursion_limit`: steps after which the graph is ended"),
        )
        given: dict[str, Any] = {"thread_id": thread.strip()} if thread and thread.strip() else {}
        if limit is not None:
            given["recursion_limit"] = limit
        if not (context or "").strip():
            return given
        try:
            value = json.loads(context)
        except ValueError as error:
            st.caption(_(":material/error: The context is not JSON yet: {error}").format(error=error))
            return None
        if not isinstance(value, dict):
            st.caption(_(":material/error: The context is no JSON object."))
            return None
        return given | {"context": value}
