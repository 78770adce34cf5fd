"""The doctor: where the time to the first text went, the critical path, and findings by the seconds they cost."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from pages.components.inspector.run_charts import Pick, draw_table, indented
from pages.components.layout.formatting import escape_markdown, seconds
from pages.components.layout.translation import _, digits
from pages.components.layout.weir_sentences import translated
from weir.analysis.critical_path import CriticalPath, critical_path
from weir.analysis.finding import Finding
from weir.analysis.run_tree import RunNode
from weir.analysis.stream_diagnosis import flows


def _flow_columns() -> dict[str, Any]:
    number = st.column_config.NumberColumn
    return {
        "component": _("component"),
        "in": number(_("chunks in"), help=_("From the step before it")),
        "out": number(_("chunks out")),
        "first": number(_("first (s)"), format="%.3f", help=_("Since the run's start")),
        "last": number(_("last (s)"), format="%.3f"),
    }


def _path_columns() -> dict[str, Any]:
    number = st.column_config.NumberColumn
    return {
        "component": _("component"),
        "from": number(_("from (s)"), format="%.3f", width=80),
        "took": number(_("took (s)"), format="%.3f", width=80),
        "share": st.column_config.ProgressColumn(_("of the run"), format="percent", min_value=0, max_value=1),
    }


MAX_FINDINGS = 50
"""Findings that are shown: each is a box with a button."""
PATH_ROWS = 5
"""Parts of the critical path that are in sight, so that the findings below it are, too."""
MAX_COMPONENTS = 5
"""Components that are named in the sentence about the first text."""
MIN_SHARE = 0.02
"""Components are named in it from this part of the wait on."""


def draw_diagnosis(root: RunNode, issues: Sequence[Finding], *, pick: Pick) -> None:
    """Draw where the time went, the critical path, what costs time and how to correct it, then the flow of chunks."""
    path = critical_path(root)
    _draw_first_text(path)
    _draw_path(root, path)
    if not issues:
        st.markdown(_(":material/check_circle: Nothing delays the stream of this run."))
    if len(issues) > MAX_FINDINGS:
        st.caption(
            _("These are the first {shown} of {count} findings.").format(shown=MAX_FINDINGS, count=digits(len(issues)))
        )
    for number, finding in enumerate(issues[:MAX_FINDINGS]):
        with st.container(border=True, gap="xsmall"):
            cost = f" · {seconds(finding.seconds)}" if finding.seconds >= 0.01 else ""
            st.markdown(f":material/stethoscope: **{translated(finding.kind.message)}**{cost}")
            st.markdown(escape_markdown(translated(finding.evidence)))
            st.markdown(f":material/build: {translated(finding.kind.hint)}")
            st.button(
                _("Show the event"),
                icon=":material/my_location:",
                key=f"events_finding_{number}",
                type="tertiary",
                on_click=pick,
                args=(finding.seq,),
            )
    _draw_flows(root)


def _draw_first_text(path: CriticalPath) -> None:
    first = path.first_text
    if first is None or path.model is None:
        st.markdown(_("No model has given text so far: there is no time to a first token to take apart."))
        return
    before = path.model.start
    held = 0.0 if path.after is None else path.after.seconds
    st.markdown(_("**First token after {time}**").format(time=seconds(first)))
    named = [
        f"{escape_markdown(node.name)} {seconds(spent)}"
        for node, spent in path.seconds_by_component()[:MAX_COMPONENTS]
        if spent > MIN_SHARE * first
    ]
    asked = _("{time} before {model} was asked").format(
        time=seconds(before), model=escape_markdown(path.model.node.name)
    )
    to_you = _("{time} from the model to you").format(time=seconds(held))
    lines = [
        asked + (f": {', '.join(named)}" if named else ""),
        _("{time} the model's own wait").format(time=seconds(path.model.seconds)),
        to_you + (f": {escape_markdown(path.after.node.name)}" if path.after else ""),
    ]
    st.markdown("\n".join(f"- {line}" for line in lines))


def _draw_path(root: RunNode, path: CriticalPath) -> None:
    if not path.parts:
        return
    st.markdown(_("**Critical path**"))
    whole = max(path.parts[-1].end - root.started, 1e-9)
    kinds = {id(path.model): _("waits"), id(path.after): _("holds the text"), id(path.writing): _("writes")}
    draw_table(
        pd.DataFrame(
            {
                "component": [f"{part.node.name} {kinds.get(id(part), '')}".strip() for part in path.parts],
                "from": [part.start for part in path.parts],
                "took": [part.seconds for part in path.parts],
                "share": [part.seconds / whole for part in path.parts],
            }
        ),
        name="critical-path",
        columns=_path_columns(),
        alt=_("What the run waited for, part by part"),
        rows=PATH_ROWS,
    )


def _draw_flows(root: RunNode) -> None:
    component_flows = flows(root)
    st.markdown(_("**Chunks in and out**"))
    draw_table(
        pd.DataFrame(
            {
                "component": [indented(flow.node) for flow in component_flows],
                "in": [flow.chunks_in for flow in component_flows],
                "out": [flow.chunks_out for flow in component_flows],
                "first": [flow.first for flow in component_flows],
                "last": [flow.last for flow in component_flows],
            }
        ),
        name="chunks",
        columns=_flow_columns(),
        alt=_("Chunks in and out of each component"),
    )
