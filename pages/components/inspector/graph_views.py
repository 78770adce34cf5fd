"""What makes a run a graph's: its picture and its tool calls."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from pages.components.inspector.run_charts import Pick
from pages.components.layout.formatting import escape_markdown, seconds
from pages.components.layout.translation import _, digits, ngettext
from pages.components.layout.weir_sentences import translated
from weir.analysis.graph_state import GraphShape, NodeVisits, graph_shape
from weir.analysis.tool_calls import ToolCall, tool_calls
from weir.core.run_event import RunEvent
from weir.core.serialization import indented, to_utf8_safe
from weir.partial_json.outline import outline
from weir.partial_json.parser import PartialJson
from weir.text.invisible_characters import replace_invisible

MAX_CARDS = 40
"""Tool calls that are shown; the newest ones."""

MAX_VALUE_CHARS = 20_000
"""Characters of a state or a result."""

_FILLS = {"at work": "#f2b134", "waiting": "#b39ddb", "failed": "#e57373", "visited": "#4db6ac", "": "#cfd8dc"}
_TOOL_ICONS = {"called": ":material/edit:", "at work": ":material/pending:", "done": ":material/check_circle:"}


def draw_graph(events: Sequence[RunEvent]) -> None:
    """Draw the graph's nodes and edges with the visits of each node."""
    shape = graph_shape(events)
    if shape is None:
        st.caption(_("This run is not of a graph: LangGraph's graphs and agents have a picture here."))
        return
    st.graphviz_chart(graph_dot(shape), width="stretch")
    visited = [f"{name}: {_visits(visits)}" for name, visits in shape.nodes.items() if visits.count]
    st.caption(escape_markdown(" · ".join(visited)) or _("No node has been at work yet."))


def graph_dot(shape: GraphShape) -> str:
    """Return the graph in Graphviz's language. Edges with a condition are dashed."""
    lines = ['digraph { bgcolor="transparent" rankdir="LR" node [shape="box" style="rounded,filled" fontname="sans"]']
    lines.append('edge [color="#78909c"]')
    for name, visits in shape.nodes.items():
        label = f"{name}\n{_visits(visits)}" if visits.count else name
        lines.append(f"{_quoted(name)} [label={_quoted(label)} fillcolor={_quoted(_FILLS[visits.status])}]")
    for source, target, conditional in shape.edges:
        style = ' [style="dashed"]' if conditional else ""
        lines.append(f"{_quoted(source)} -> {_quoted(target)}{style}")
    return "\n".join([*lines, "}"])


def _visits(visits: NodeVisits) -> str:
    if visits.status == "visited":
        times = ngettext("visited once", "visited {count} times", visits.count).format(count=digits(visits.count))
    else:
        visit = _("visit {number}").format(number=digits(visits.count))
        times = f"{translated(visits.status)}, {visit}"
    return f"{times}, {seconds(visits.seconds)}"


def _quoted(text: str) -> str:
    shown = replace_invisible(text[:200]).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{shown}"'


def draw_tools(events: Sequence[RunEvent], *, pick: Pick) -> None:
    """Draw a card for each tool call: its arguments as they grow, its result or error, and its times."""
    calls = tool_calls(events)
    if not calls:
        st.caption(_("No model has called a tool in a stream."))
    for number, call in enumerate(calls[-MAX_CARDS:]):
        with st.container(border=True, gap="xsmall"):
            icon = _TOOL_ICONS.get(call.status, ":material/error:")
            took = ""
            if call.ended is not None and call.started is not None:
                took = " · " + _("took {time}").format(time=seconds(call.ended - call.started))
            st.markdown(f"{icon} **{escape_markdown(call.name)}** {translated(call.status)}{took}")
            st.code("\n".join(_argument_lines(call)) or " ", language=None)
            if call.error:
                st.markdown(f":material/error: {escape_markdown(call.error[:MAX_VALUE_CHARS])}")
            elif call.ended is not None:
                draw_json(call.result)
            st.button(
                _("Written {start} – {end}").format(start=seconds(call.written_from), end=seconds(call.written_to)),
                key=f"events_tool_{number}",
                type="tertiary",
                on_click=pick,
                args=(call.seq,),
            )


def _argument_lines(call: ToolCall) -> list[str]:
    """Return the arguments, one field a line with its state, as the incremental parser reads them."""
    parser = PartialJson()
    parser.feed(call.arguments)
    rows = outline(parser, limit=30)
    lines = [
        f"{'  ' * (row.depth - 1)}{row.key}: {row.preview}  ({translated(row.stage.value)})"
        for row in rows
        if row.depth
    ]
    return [replace_invisible(line) for line in lines] or [replace_invisible(call.arguments)]


def draw_json(value: Any) -> None:
    """Draw a value of a record: a text as it is, any other as JSON."""
    if isinstance(value, str):
        st.code(replace_invisible(value[:MAX_VALUE_CHARS]), language=None, wrap_lines=True)
        return
    text = indented(to_utf8_safe(value))
    st.code(replace_invisible(text[:MAX_VALUE_CHARS]), language="json", wrap_lines=True)
