"""Charts of a run's latency: gaps between chunks, as they came and as a histogram."""

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from statistics import median
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from pages.components.layout.formatting import escape_markdown
from pages.components.layout.palette import AMBER, GREY, RED, TEAL
from pages.components.layout.translation import _
from weir.analysis.metrics import percentile
from weir.analysis.run_tree import NodeStatus, RunNode
from weir.analysis.stream_diagnosis import STALL_FACTOR

Pick = Callable[[int], None]
"""Selects an event by its number."""

TIME_BUCKETS = 400
"""Buckets of the time axis. Chunks in one bucket are one mark, so that a chart's size has a bound."""
STATUS_SIGNS = {
    NodeStatus.RUNNING: "● running",
    NodeStatus.DONE: "✓ done",
    NodeStatus.FAILED: "✗ failed",
    NodeStatus.INTERRUPTED: "◌ interrupted",
}
ROW_HEIGHT, HEADER_HEIGHT = 24, 35
"""Pixels of a table's rows and of its header."""
MAX_TABLE_ROWS = 8
"""Rows of a table that are in sight; it scrolls."""
MAX_INDENT = 40
"""Levels that are indented at most."""


def indented(node: RunNode) -> str:
    """Return a component's name, indented by its depth."""
    return "\u2003" * min(node.depth, MAX_INDENT) + node.name


def draw_latency(node: RunNode, at: float | None, *, key: str, pick: Pick) -> None:
    """Draw a component's gaps between chunks: the longest one of each bucket of the axis."""
    gaps = [later - earlier for earlier, later in pairwise(node.chunk_times)]
    if not gaps:
        st.caption(
            _("{name} has streamed fewer than two chunks: there is no gap to draw.").format(
                name=escape_markdown(node.name)
            )
        )
        return
    usual = median(gaps)
    first, last = node.chunk_times[0], node.chunk_times[-1]
    longest: dict[int, tuple[float, float, int]] = {}
    for gap, arrival, seq in zip(gaps, node.chunk_times[1:], node.chunk_seqs[1:], strict=True):
        bucket = int(TIME_BUCKETS * (arrival - first) / max(last - first, 1e-9))
        longest[bucket] = max(longest.get(bucket, (0.0, 0.0, 0)), (gap * 1e3, arrival, seq))
    points = pd.DataFrame(longest.values(), columns=["gap", "at", "seq"])
    kinds = [_("usual"), _("over 10 × the median")]
    points["stall"] = [kinds[gap > STALL_FACTOR * usual * 1e3] for gap in points["gap"]]
    hit = alt.selection_point(name="hit", fields=["seq"], on="click", nearest=True, empty=False)
    colors = alt.Scale(domain=kinds, range=[TEAL, RED])
    dots = alt.Chart(points).mark_circle(size=36, opacity=0.8)
    layers = [
        dots.encode(
            x=alt.X("at:Q", title=_("seconds since the start"), scale=alt.Scale(nice=False, zero=False)),
            y=alt.Y("gap:Q", title=_("gap before the chunk (ms)")),
            color=alt.Color("stall:N", scale=colors, legend=alt.Legend(orient="top", title=None)),
            tooltip=[alt.Tooltip("seq:Q"), alt.Tooltip("at:Q", format=".3f"), alt.Tooltip("gap:Q", format=".1f")],
        ).add_params(hit),
        alt.Chart(pd.DataFrame({"usual": [usual * 1e3]})).mark_rule(strokeDash=[4, 4], color=GREY).encode(y="usual:Q"),
    ]
    if at is not None:
        layers.append(alt.Chart(pd.DataFrame({"at": [at]})).mark_rule(color=AMBER, size=2).encode(x="at:Q"))
    p95 = percentile(gaps, 0.95)
    summary = _("median {median}, 95 % below {p95}, longest {longest}").format(
        median=_in_ms(usual), p95=_in_ms(p95), longest=_in_ms(max(gaps))
    )
    st.caption(
        _("Inter-token latency of {name}: {summary} (dashed: the median)").format(
            name=escape_markdown(node.name), summary=summary
        )
    )
    draw_chart(
        alt.layer(*layers).properties(height=200),
        key,
        pick,
        _("Inter-token latency of {name}: {summary}").format(name=node.name, summary=summary),
    )


def _in_ms(seconds: float) -> str:
    return f"{seconds * 1e3:.0f} ms"


def draw_table(
    table: pd.DataFrame, *, name: str, columns: dict[str, Any], alt: str, rows: int = MAX_TABLE_ROWS
) -> None:
    """Draw a table of at most so many rows in sight, with its CSV and its JSON to download."""
    st.dataframe(
        table,
        hide_index=True,
        column_config=columns,
        row_height=ROW_HEIGHT,
        height=HEADER_HEIGHT + ROW_HEIGHT * max(1, min(rows, len(table))) + 3,
        placeholder="–",
        alt=alt,
    )
    with st.container(horizontal=True, gap="small"):
        for label, write in (("CSV", _to_csv), ("JSON", _to_json)):
            st.download_button(
                label,
                partial(write, table),
                file_name=f"weir-{name}.{label.lower()}",
                icon=":material/download:",
                key=f"events_{name}_{label}",
                type="tertiary",
                on_click="ignore",
                help=_("This table as {format}").format(format=label),
            )


def _to_csv(table: pd.DataFrame) -> str:
    return str(table.to_csv(index=False))


def _to_json(table: pd.DataFrame) -> str:
    return str(table.to_json(orient="records"))


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
