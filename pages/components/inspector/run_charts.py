"""The run tree, the timeline and the latencies of a run, as far as it is seen."""

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

import altair as alt
import pandas as pd
import streamlit as st

from pages.components.inspector.inspector_state import pick
from pages.components.layout.formatting import escape_markdown, seconds
from weir.analysis.run_tree import NodeStatus, RunNode
from weir.analysis.stream_diagnosis import STALL_FACTOR
from weir.core.serialization import replace_lone_surrogates

MARKS = 400
"""Places on the time axis: chunks that fall on one place are one mark, so a chart's size has a bound."""
ACCENT = "#2f93a0"
_STATUS = {
    NodeStatus.RUNNING: "● running",
    NodeStatus.DONE: "✓ done",
    NodeStatus.FAILED: "✗ failed",
    NodeStatus.INTERRUPTED: "◌ interrupted",
}
# Legible on the light and on the dark page; the status is written in the legend and in the tree as well.
_COLORS = alt.Scale(domain=[status.value for status in NodeStatus], range=["#d08a1d", ACCENT, "#cf4b4b", "#8a9699"])
_MAX_BARS = 60
DEEPEST = 40
"""Steps by which a component is indented at most."""
MAX_ERROR = 1_000
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
    "chunks": st.column_config.NumberColumn("chunks", width=60, help="That are not empty"),
    "tokens": st.column_config.NumberColumn("tokens", width=60, help="Written, as the server counted them"),
    "error": st.column_config.TextColumn(width=200),
}


def draw_tree(root: RunNode, *, key: str) -> None:
    """Draw the run tree; a selected component selects its first event."""
    nodes = list(root.walk())

    def chosen() -> None:
        now = st.session_state[key]["selection"]["rows"]
        if now and now[0] < len(nodes):
            pick(nodes[now[0]].seq)

    st.dataframe(
        tree_table(nodes),
        hide_index=True,
        column_config=_TREE_COLUMNS,
        on_select=chosen,
        selection_mode="single-row",
        placeholder="–",
        key=key,
        alt="The components of the run, each indented below its parent",
    )


def indented(node: RunNode) -> str:
    """Return a component's name, indented by its depth."""
    return "\u2003" * min(node.depth, DEEPEST) + node.name


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
            "error": [replace_lone_surrogates(node.error[:MAX_ERROR]) for node in nodes],
        }
    )


def draw_timeline(root: RunNode, end: float, selected: RunNode | None, at: float | None, *, key: str) -> None:
    """Draw a Gantt chart of the components with a mark for each chunk. A click selects what it hits."""
    nodes = list(root.walk())[:_MAX_BARS]
    labels = {
        node.run_id: f"{number}. {'· ' * min(node.depth, DEEPEST)}{node.name}" for number, node in enumerate(nodes, 1)
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
    place = alt.Y(
        "component:N",
        sort=list(labels.values()),
        title=None,
        axis=alt.Axis(labelLimit=220, labelOverlap=False, domain=False, ticks=False),
    )
    time = alt.Scale(domain=[0, max(end, 1e-3)], nice=False)
    # The outline keeps a bar of no length in sight.
    bar = alt.Chart(bars).mark_bar(height=13, cornerRadius=2, strokeWidth=2)
    tick = alt.Chart(marks).mark_tick(thickness=2, height=13, color=ACCENT)
    layers = [
        bar.encode(
            x=alt.X("start:Q", title="seconds since the start", scale=time),
            x2="end:Q",
            y=place,
            color=alt.Color("status:N", scale=_COLORS, legend=alt.Legend(orient="top", title=None)),
            stroke=alt.Stroke("status:N", scale=_COLORS, legend=None),
            opacity=alt.Opacity("weight:Q", scale=None),
            tooltip=["component", alt.Tooltip("start:Q", format=".3f"), alt.Tooltip("end:Q", format=".3f"), "status"],
        ).add_params(hit),
        tick.encode(
            x=alt.X("at:Q", scale=time), y=place, tooltip=[alt.Tooltip("at:Q", format=".3f"), alt.Tooltip("seq:Q")]
        ).add_params(alt.selection_point(name="chunk", fields=["seq"], on="click", empty=False)),
    ]
    if at is not None:
        layers.append(alt.Chart(pd.DataFrame({"at": [at]})).mark_rule(color="#d08a1d", size=2).encode(x="at:Q"))
    _draw(
        alt.layer(*layers).properties(height=alt.Step(26)),
        key,
        f"Timeline of {len(nodes)} components over {seconds(end)}",
    )


def _marks(node: RunNode, label: str, end: float) -> list[tuple[str, float, int]]:
    """Return a node's chunks, one for each place of the axis that has any."""
    places: dict[int, tuple[str, float, int]] = {}
    for at, seq in zip(node.chunk_times, node.chunk_seqs, strict=True):
        places.setdefault(int(MARKS * at / max(end, 1e-9)), (label, at, seq))
    return list(places.values())


def draw_latency(node: RunNode, at: float | None, *, key: str) -> None:
    """Draw a component's gaps between chunks; of those that fall on one place of the axis the longest."""
    gaps = [later - earlier for earlier, later in pairwise(node.chunk_times)]
    if not gaps:
        st.caption(f"{escape_markdown(node.name)} has streamed fewer than two chunks: there is no gap to draw.")
        return
    usual = median(gaps)
    first, last = node.chunk_times[0], node.chunk_times[-1]
    longest: dict[int, tuple[float, float, int]] = {}
    for gap, arrival, seq in zip(gaps, node.chunk_times[1:], node.chunk_seqs[1:], strict=True):
        place = int(MARKS * (arrival - first) / max(last - first, 1e-9))
        longest[place] = max(longest.get(place, (0.0, 0.0, 0)), (gap * 1e3, arrival, seq))
    points = pd.DataFrame(longest.values(), columns=["gap", "at", "seq"])
    points["stall"] = ["over 10 × the median" if gap > STALL_FACTOR * usual * 1e3 else "usual" for gap in points["gap"]]
    hit = alt.selection_point(name="hit", fields=["seq"], on="click", nearest=True, empty=False)
    colors = alt.Scale(domain=["usual", "over 10 × the median"], range=[ACCENT, "#cf4b4b"])
    dots = alt.Chart(points).mark_circle(size=36, opacity=0.8)
    layers = [
        dots.encode(
            x=alt.X("at:Q", title="seconds since the start", scale=alt.Scale(nice=False, zero=False)),
            y=alt.Y("gap:Q", title="gap before the chunk (ms)"),
            color=alt.Color("stall:N", scale=colors, legend=alt.Legend(orient="top", title=None)),
            tooltip=[alt.Tooltip("seq:Q"), alt.Tooltip("at:Q", format=".3f"), alt.Tooltip("gap:Q", format=".1f")],
        ).add_params(hit),
        alt.Chart(pd.DataFrame({"usual": [usual * 1e3]}))
        .mark_rule(strokeDash=[4, 4], color="#8a9699")
        .encode(y="usual:Q"),
    ]
    if at is not None:
        layers.append(alt.Chart(pd.DataFrame({"at": [at]})).mark_rule(color="#d08a1d", size=2).encode(x="at:Q"))
    ordered = sorted(gaps)
    high = ordered[int(0.95 * (len(ordered) - 1))]
    words = f"median {usual * 1e3:.0f} ms, 95 % below {high * 1e3:.0f} ms, longest {ordered[-1] * 1e3:.0f} ms"
    st.caption(f"Inter-token latency of {escape_markdown(node.name)}: {words} (dashed: the median)")
    _draw(alt.layer(*layers).properties(height=240), key, f"Inter-token latency of {node.name}: {words}")


def _draw(chart: alt.LayerChart | alt.FacetChart, key: str, alt_text: str) -> None:
    before = st.session_state.get(key)

    def chosen() -> None:
        # Of two layers the other one keeps what was selected in it earlier.
        now = st.session_state[key]["selection"]
        old = before["selection"] if before else {}
        hits = [hit for name in now if now[name] != old.get(name) for hit in now[name]]
        if hits:
            pick(int(hits[0]["seq"]))

    st.altair_chart(chart, key=key, on_select=chosen, alt=alt_text)
