"""The doctor's findings and the flow of chunks through the components."""

import pandas as pd
import streamlit as st

from pages.components.inspector.inspector_state import pick
from pages.components.inspector.run_charts import indented
from pages.components.layout.formatting import escape_markdown
from weir.analysis.run_tree import RunNode
from weir.analysis.stream_diagnosis import findings, flows

_FLOW_COLUMNS = {
    "in": st.column_config.NumberColumn("chunks in", help="Of the step before it"),
    "out": st.column_config.NumberColumn("chunks out"),
    "first": st.column_config.NumberColumn("first (s)", format="%.3f", help="Since the run's start"),
    "last": st.column_config.NumberColumn("last (s)", format="%.3f"),
}

MAX_FINDINGS = 50
"""That are shown: each is a box with a button."""


def draw_doctor(root: RunNode) -> None:
    """Draw what is wrong with the run's flow and how to mend it, then the flow itself."""
    found = findings(root)
    if not found:
        st.markdown(":material/check_circle: Nothing in this run holds its stream up.")
    if len(found) > MAX_FINDINGS:
        st.caption(f"These are the first {MAX_FINDINGS} of {len(found):,} findings.")
    for number, finding in enumerate(found[:MAX_FINDINGS]):
        with st.container(border=True, gap="xsmall"):
            st.markdown(f":material/stethoscope: **{finding.kind.title}**")
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
    flowed = flows(root)
    st.dataframe(
        pd.DataFrame(
            {
                "component": [indented(flow.node) for flow in flowed],
                "in": [flow.chunks_in for flow in flowed],
                "out": [flow.chunks_out for flow in flowed],
                "first": [flow.first for flow in flowed],
                "last": [flow.last for flow in flowed],
            }
        ),
        hide_index=True,
        column_config=_FLOW_COLUMNS,
        placeholder="–",
        alt="Chunks in and out of each component",
    )
