"""What makes a run a graph's: its picture, its state step by step, its tool calls, and what it asks a person."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from pages.components.inspector.inspector_state import InspectorState, RunRequest
from pages.components.inspector.run_charts import Pick
from pages.components.layout.formatting import escape_markdown, seconds
from weir.analysis.graph_state import (
    GraphShape,
    checkpoints,
    graph_shape,
    interrupts,
    state_at,
    state_changes,
    thread_of,
)
from weir.analysis.tool_calls import ToolCall, tool_calls
from weir.core.run_event import RunEvent
from weir.core.serialization import indented, to_utf8_safe
from weir.partial_json.outline import outline
from weir.partial_json.parser import PartialJson
from weir.runs.run import Run
from weir.text.invisible_characters import replace_invisible

MAX_STEPS = 500
"""Changes of the state that can be chosen; the newest ones."""

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
        st.caption("This run is not of a graph: LangGraph's graphs and agents have a picture here.")
        return
    st.graphviz_chart(graph_dot(shape), width="stretch")
    visited = [
        f"{name} {visits.status}, {visits.count} ×, {seconds(visits.seconds)}"
        for name, visits in shape.nodes.items()
        if visits.count
    ]
    st.caption(escape_markdown(" · ".join(visited)) or "No node has been at work yet.")


def graph_dot(shape: GraphShape) -> str:
    """Return the graph in Graphviz's language. Edges with a condition are dashed."""
    lines = ['digraph { bgcolor="transparent" rankdir="LR" node [shape="box" style="rounded,filled" fontname="sans"]']
    lines.append('edge [color="#78909c"]')
    for name, visits in shape.nodes.items():
        label = f"{name}\n{visits.status} {visits.count} × {visits.seconds:.2f} s" if visits.count else name
        lines.append(f"{_quoted(name)} [label={_quoted(label)} fillcolor={_quoted(_FILLS[visits.status])}]")
    for source, target, conditional in shape.edges:
        style = ' [style="dashed"]' if conditional else ""
        lines.append(f"{_quoted(source)} -> {_quoted(target)}{style}")
    return "\n".join([*lines, "}"])


def _quoted(text: str) -> str:
    shown = replace_invisible(text[:200]).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{shown}"'


def draw_state(state: InspectorState, run: Run, events: Sequence[RunEvent], *, pick: Pick) -> None:
    """Draw what each step changed, the whole state after it, and the checkpoints that a run can go on from."""
    changes = state_changes(events)[-MAX_STEPS:]
    if not changes:
        st.caption("No node of a graph has changed a state so far.")
        return
    number = st.selectbox(
        "Step",
        range(len(changes)),
        index=len(changes) - 1,
        format_func=lambda index: _step_label(changes[index].namespace, changes[index].node, changes[index].elapsed),
        key=f"events_step_{run.id}_{len(changes)}",
    )
    change = changes[number or 0]
    st.markdown(f"**{escape_markdown(change.node)}** changed")
    _draw_json(change.update)
    with st.expander("The whole state after this step"):
        following = changes[number + 1].seq if number is not None and number + 1 < len(changes) else len(events)
        _draw_json(state_at(events, following - 1))
    st.button("Show the event", icon=":material/my_location:", type="tertiary", on_click=pick, args=(change.seq,))
    _draw_fork(state, run, events)


def _step_label(namespace: tuple[str, ...], node: str, elapsed: float) -> str:
    path = [name.partition(":")[0] for name in namespace]
    return replace_invisible(f"{' / '.join([*path, node])} at {elapsed:.2f} s")


def _draw_fork(state: InspectorState, run: Run, events: Sequence[RunEvent]) -> None:
    thread, found = thread_of(run), checkpoints(events)
    if thread is None or not found or run.is_live:
        return
    labels = {checkpoint: f"before {', '.join(following) or 'nothing'}" for _, checkpoint, following in found}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox("Checkpoint", list(labels), format_func=labels.__getitem__, key=f"events_fork_{run.id}")
        request = RunRequest(
            run.name, options={"thread_id": thread, "checkpoint_id": chosen}, continues=True, origin=run.id
        )
        if st.button("Run again from here", icon=":material/fork_right:"):
            _start(state, request)


def draw_tools(events: Sequence[RunEvent], *, pick: Pick) -> None:
    """Draw a card for each tool call: its arguments as they grow, its result or error, and its times."""
    calls = tool_calls(events)
    if not calls:
        st.caption("No model has called a tool in a stream.")
    for number, call in enumerate(calls[-MAX_CARDS:]):
        with st.container(border=True, gap="xsmall"):
            icon = _TOOL_ICONS.get(call.status, ":material/error:")
            took = "" if call.ended is None or call.started is None else f" · took {seconds(call.ended - call.started)}"
            st.markdown(f"{icon} **{escape_markdown(call.name)}** {call.status}{took}")
            st.code("\n".join(_argument_lines(call)) or " ", language=None)
            if call.error:
                st.markdown(f":material/error: {escape_markdown(call.error[:MAX_VALUE_CHARS])}")
            elif call.ended is not None:
                _draw_json(call.result)
            st.button(
                f"Written {seconds(call.written_from)} – {seconds(call.written_to)}",
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
    lines = [f"{'  ' * (row.depth - 1)}{row.key}: {row.preview}  ({row.stage.value})" for row in rows if row.depth]
    return [replace_invisible(line) for line in lines] or [replace_invisible(call.arguments)]


def draw_interrupts(state: InspectorState, run: Run, *, resumable: Callable[[str], bool]) -> None:
    """Draw what the graph asks a person, with the field for the answer. `resumable`: whether a chain can be run."""
    asked, thread = interrupts(run), thread_of(run)
    for number, interrupt in enumerate(asked):
        with st.container(border=True, gap="xsmall"):
            st.markdown(":material/front_hand: **The graph waits for a person**")
            _draw_json(interrupt.get("value"))
            if thread is None or not resumable(run.name) or len(asked) > 1:
                continue
            answer = st.text_input("Answer", key=f"events_answer_{run.id}_{number}", placeholder="Text, or JSON")
            request = RunRequest(
                run.name, options={"thread_id": thread, "resume": _answer(answer)}, continues=True, origin=run.id
            )
            icon = ":material/play_arrow:"
            if st.button("Resume", icon=icon, type="primary", key=f"events_resume_{run.id}", disabled=not answer):
                _start(state, request)
            st.caption(
                "Its thread is in this process's memory: it survives a refresh, and no restart of Weir."
                if run.context.get("thread_in_memory")
                else f"Its thread is {thread}, as long as the graph's checkpointer keeps it."
            )
    if len(asked) > 1 and thread:
        st.caption("Several nodes ask at once. Answer over HTTP: `resume` is an object of answers by interrupt id.")


def _answer(text: str) -> Any:
    """Return an answer: JSON where the text is JSON, else the text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _start(state: InspectorState, request: RunRequest) -> None:
    """Have the whole page start a run: a click within a fragment would draw only that anew."""
    state.request = request
    st.rerun()


def _draw_json(value: Any) -> None:
    if isinstance(value, str):
        st.code(replace_invisible(value[:MAX_VALUE_CHARS]), language=None, wrap_lines=True)
        return
    text = indented(to_utf8_safe(value))
    st.code(replace_invisible(text[:MAX_VALUE_CHARS]), language="json", wrap_lines=True)
