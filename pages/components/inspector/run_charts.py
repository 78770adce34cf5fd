"""Run tree, timeline and inter-token latency of a run, as far as it is seen."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import median

import altair as alt
import pandas as pd
import streamlit as st

from pages.components.layout.formatting import escape_markdown, seconds
from pages.components.layout.palette import AMBER, GREY, RED, TEAL
from weir.analysis.metrics import percentile
from weir.analysis.run_tree import NodeStatus, RunNode
from weir.analysis.stream_diagnosis import STALL_FACTOR
from weir.core.serialization import replace_lone_surrogates

Pick = Callable[[int], None]
"""Selects an event by its number."""

TIME_BUCKETS = 400
"""Buckets of the time axis. Chunks in one bucket are one mark, so that a chart's size has a bound."""
_STATUS = {
    NodeStatus.RUNNING: "● running",
    NodeStatus.DONE: "✓ done",
    NodeStatus.FAILED: "✗ failed",
    NodeStatus.INTERRUPTED: "◌ interrupted",
}
_COLORS = alt.Scale(domain=[status.value for status in NodeStatus], range=[AMBER, TEAL, RED, GREY])
_MAX_BARS = 60
MAX_INDENT = 40
"""Levels that are indented at most."""
MAX_ERROR_CHARS = 1_000
"""Characters of an error in the tree's table."""

_TREE_COLUMNS = {
    "component": st.column_config.TextColumn(width=190),
    "type": st.column_config.TextColumn(width=90),
    "status": st.column_config.TextColumn(width=90),
    "start": st.column_config.NumberColumn("start (s)", format="%.3f", width=65),
    "duration": st.column_config.NumberColumn("took (s)", format="%.3f", width=65),
    "first": st.column_config.NumberColumn(
        "first (s)", format="%.3f", width=65, help="From the component's own start to its first chunk"
    ),
    "chunks": st.column_config.NumberColumn("chunks", width=60, help="Without empty ones"),
    "tokens": st.column_config.NumberColumn("tokens", width=60, help="Output tokens, as the server counted them"),
    "error": st.column_config.TextColumn(width=200),
}


def draw_tree(root: RunNode, *, key: str, pick: Pick) -> None:
    """Draw the run tree. Selecting a component selects its first event."""
    nodes = list(root.walk())

    def on_select() -> None:
        selected = st.session_state[key]["selection"]["rows"]
        if selected and selected[0] < len(nodes):
            pick(nodes[selected[0]].seq)

    st.dataframe(
        tree_table(nodes),
        hide_index=True,
        column_config=_TREE_COLUMNS,
        on_select=on_select,
        selection_mode="single-row",
        placeholder="–",
        key=key,
        alt="The components of the run, each indented below its parent",
    )


def indented(node: RunNode) -> str:
    """Return a component's name, indented by its depth."""
    return "\u2003" * min(node.depth, MAX_INDENT) + node.name


def tree_table(nodes: Sequence[RunNode]) -> pd.DataFrame:
    """Return the run tree as a table; times in seconds."""
    return pd.DataFrame(
        {
            "component": [indented(node) for node in nodes],
            "type": [node.type for node in nodes],
            "status": [_STATUS[node.status] for node in nodes],
            "start": [node.started for node in nodes],
            "duration": [node.duration for node in nodes],
            "first": [node.time_to_first_chunk for node in nodes],
            "chunks": [len(node.chunk_times) for node in nodes],
            "tokens": [node.tokens_out for node in nodes],
            "error": [replace_lone_surrogates(node.error[:MAX_ERROR_CHARS]) for node in nodes],
        }
    )


def draw_timeline(
    root: RunNode, end: float, selected: RunNode | None, at: float | None, *, key: str, pick: Pick
) -> None:
    """Draw a Gantt chart of the components with a mark for each chunk. A click on a bar or a mark selects its event."""
    nodes = list(root.walk())[:_MAX_BARS]
    labels = {
        node.run_id: f"{number}. {'· ' * min(node.depth, MAX_INDENT)}{node.name}"
        for number, node in enumerate(nodes, 1)
    }
    bars = pd.DataFrame(
        [
            {
                "component": labels[node.run_id],
                "start": node.started,
                "end": node.ended if node.ended is not None else end,
                "status": node.status.value,
                "seq": node.seq,
                "weight": 0.75 if node is selected else 0.35,
            }
            for node in nodes
        ]
    )
    marks = pd.DataFrame(
        [mark for node in nodes for mark in _marks(node, labels[node.run_id], end)],
        columns=["component", "at", "seq"],
    )
    hit = alt.selection_point(name="hit", fields=["seq"], on="click", empty=False)
    component = alt.Y(
        "component:N",
        sort=list(labels.values()),
        title=None,
        axis=alt.Axis(labelLimit=220, labelOverlap=False, domain=False, ticks=False),
    )
    time = alt.Scale(domain=[0, max(end, 1e-3)], nice=False)
    # With an outline, a bar of no length stays visible.
    bar = alt.Chart(bars).mark_bar(height=13, cornerRadius=2, strokeWidth=2)
    tick = alt.Chart(marks).mark_tick(thickness=2, height=13, color=TEAL)
    layers = [
        bar.encode(
            x=alt.X("start:Q", title="seconds since the start", scale=time),
            x2="end:Q",
            y=component,
            color=alt.Color("status:N", scale=_COLORS, legend=alt.Legend(orient="top", title=None)),
            stroke=alt.Stroke("status:N", scale=_COLORS, legend=None),
            opacity=alt.Opacity("weight:Q", scale=None),
            tooltip=["component", alt.Tooltip("start:Q", format=".3f"), alt.Tooltip("end:Q", format=".3f"), "status"],
        ).add_params(hit),
        tick.encode(
            x=alt.X("at:Q", scale=time), y=component, tooltip=[alt.Tooltip("at:Q", format=".3f"), alt.Tooltip("seq:Q")]
        ).add_params(alt.selection_point(name="chunk", fields=["seq"], on="click", empty=False)),
    ]
    if at is not None:
        layers.append(alt.Chart(pd.DataFrame({"at": [at]})).mark_rule(color=AMBER, size=2).encode(x="at:Q"))
    draw_chart(
        alt.layer(*layers).properties(height=alt.Step(26)),
        key,
        pick,
        f"Timeline of {len(nodes)} components over {seconds(end)}",
    )


def _marks(node: RunNode, label: str, end: float) -> list[tuple[str, float, int]]:
    """Return a node's chunks, at most one for each bucket of the axis."""
    buckets: dict[int, tuple[str, float, int]] = {}
    for at, seq in zip(node.chunk_times, node.chunk_seqs, strict=True):
        buckets.setdefault(int(TIME_BUCKETS * at / max(end, 1e-9)), (label, at, seq))
    return list(buckets.values())


def draw_latency(node: RunNode, at: float | None, *, key: str, pick: Pick) -> None:
    """Draw a component's gaps between chunks: the longest one of each bucket of the axis."""
    gaps = [later - earlier for earlier, later in pairwise(node.chunk_times)]
    if not gaps:
        st.caption(f"{escape_markdown(node.name)} has streamed fewer than two chunks: there is no gap to draw.")
        return
    usual = median(gaps)
    first, last = node.chunk_times[0], node.chunk_times[-1]
    longest: dict[int, tuple[float, float, int]] = {}
    for gap, arrival, seq in zip(gaps, node.chunk_times[1:], node.chunk_seqs[1:], strict=True):
        bucket = int(TIME_BUCKETS * (arrival - first) / max(last - first, 1e-9))
        longest[bucket] = max(longest.get(bucket, (0.0, 0.0, 0)), (gap * 1e3, arrival, seq))
    points = pd.DataFrame(longest.values(), columns=["gap", "at", "seq"])
    points["stall"] = ["over 10 × the median" if gap > STALL_FACTOR * usual * 1e3 else "usual" for gap in points["gap"]]
    hit = alt.selection_point(name="hit", fields=["seq"], on="click", nearest=True, empty=False)
    colors = alt.Scale(domain=["usual", "over 10 × the median"], range=[TEAL, RED])
    dots = alt.Chart(points).mark_circle(size=36, opacity=0.8)
    layers = [
        dots.encode(
            x=alt.X("at:Q", title="seconds since the start", scale=alt.Scale(nice=False, zero=False)),
            y=alt.Y("gap:Q", title="gap before the chunk (ms)"),
            color=alt.Color("stall:N", scale=colors, legend=alt.Legend(orient="top", title=None)),
            tooltip=[alt.Tooltip("seq:Q"), alt.Tooltip("at:Q", format=".3f"), alt.Tooltip("gap:Q", format=".1f")],
        ).add_params(hit),
        alt.Chart(pd.DataFrame({"usual": [usual * 1e3]})).mark_rule(strokeDash=[4, 4], color=GREY).encode(y="usual:Q"),
    ]
    if at is not None:
        layers.append(alt.Chart(pd.DataFrame({"at": [at]})).mark_rule(color=AMBER, size=2).encode(x="at:Q"))
    p95 = percentile(gaps, 0.95)
    summary = f"median {usual * 1e3:.0f} ms, 95 % below {p95 * 1e3:.0f} ms, longest {max(gaps) * 1e3:.0f} ms"
    st.caption(f"Inter-token latency of {escape_markdown(node.name)}: {summary} (dashed: the median)")
    draw_chart(alt.layer(*layers).properties(height=240), key, pick, f"Inter-token latency of {node.name}: {summary}")


def draw_chart(chart: alt.LayerChart | alt.FacetChart, key: str, pick: Pick, alt_text: str) -> None:
    """Draw a chart. A click on a mark with a `seq` selects that event."""
    before = st.session_state.get(key)

    def on_select() -> None:
        # A selection in one layer does not clear the earlier selection in another: only the changed one counts.
        selections = st.session_state[key]["selection"]
        earlier = before["selection"] if before else {}
        hits = [hit for name in selections if selections[name] != earlier.get(name) for hit in selections[name]]
        if hits:
            pick(int(hits[0]["seq"]))

    st.altair_chart(chart, key=key, on_select=on_select, alt=alt_text)
