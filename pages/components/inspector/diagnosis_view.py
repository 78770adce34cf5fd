"""Stream diagnosis: what delays the run's stream, and how many chunks each component took and gave."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from pages.components.inspector.run_charts import Pick, indented
from pages.components.layout.formatting import escape_markdown
from weir.analysis.graph_diagnosis import run_findings
from weir.analysis.run_tree import RunNode
from weir.analysis.stream_diagnosis import flows
from weir.core.run_event import RunEvent

_FLOW_COLUMNS = {
    "in": st.column_config.NumberColumn("chunks in", help="From the step before it"),
    "out": st.column_config.NumberColumn("chunks out"),
    "first": st.column_config.NumberColumn("first (s)", format="%.3f", help="Since the run's start"),
    "last": st.column_config.NumberColumn("last (s)", format="%.3f"),
}

MAX_FINDINGS = 50
"""Findings that are shown: each is a box with a button."""


def draw_diagnosis(root: RunNode, events: Sequence[RunEvent], *, pick: Pick) -> None:
    """Draw what delays the run's stream and how to correct it, then the flow of chunks."""
    issues = run_findings(root, events)
    if not issues:
        st.markdown(":material/check_circle: Nothing delays the stream of this run.")
    if len(issues) > MAX_FINDINGS:
        st.caption(f"These are the first {MAX_FINDINGS} of {len(issues):,} findings.")
    for number, finding in enumerate(issues[:MAX_FINDINGS]):
        with st.container(border=True, gap="xsmall"):
            st.markdown(f":material/stethoscope: **{finding.kind.message}**")
            st.markdown(escape_markdown(finding.evidence))
            st.markdown(f":material/build: {finding.kind.hint}")
            st.button(
                "Show the event",
                icon=":material/my_location:",
                key=f"events_finding_{number}",
                type="tertiary",
                on_click=pick,
                args=(finding.seq,),
            )
    component_flows = flows(root)
    st.dataframe(
        pd.DataFrame(
            {
                "component": [indented(flow.node) for flow in component_flows],
                "in": [flow.chunks_in for flow in component_flows],
                "out": [flow.chunks_out for flow in component_flows],
                "first": [flow.first for flow in component_flows],
                "last": [flow.last for flow in component_flows],
            }
        ),
        hide_index=True,
        column_config=_FLOW_COLUMNS,
        placeholder="–",
        alt="Chunks in and out of each component",
    )
