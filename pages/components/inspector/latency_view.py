"""The latency view: time to first token, percentiles of each component, gaps as they came and as a histogram."""

from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from pages.components.inspector.run_charts import Pick, draw_latency, draw_table, indented
from pages.components.layout.formatting import seconds
from pages.components.layout.palette import TEAL
from pages.components.layout.translation import _, digits
from weir.analysis.metrics import RunMetrics, percentile
from weir.analysis.run_tree import RunNode

MAX_COMPONENTS = 500
"""Components of the table, the first that streamed."""
BINS = 30


def _columns() -> dict[str, Any]:
    number = st.column_config.NumberColumn
    return {
        "component": _("component"),
        "first": number(_("first (s)"), format="%.3f", help=_("From its own start to its first chunk")),
        "p50": number(_("p50 (ms)"), format="%.1f", help=_("Median gap between its chunks")),
        "p95": number(_("p95 (ms)"), format="%.1f"),
        "p99": number(_("p99 (ms)"), format="%.1f"),
        "longest": number(_("longest (ms)"), format="%.1f"),
        "rate": number(_("tokens/s"), format="%.1f"),
    }


def draw_latencies(
    root: RunNode, selected: RunNode, metrics: RunMetrics, at: float | None, *, key: str, pick: Pick
) -> None:
    """Draw the latencies of a run, and those of one component in detail."""
    first = metrics.time_to_first_token
    st.markdown(
        _("No token so far.") if first is None else _("**Time to first token {first}**").format(first=seconds(first))
    )
    draw_latency(selected, at, key=key, pick=pick)
    gaps = [1e3 * (later - earlier) for earlier, later in pairwise(selected.chunk_times)]
    if gaps:
        _draw_histogram(gaps, selected.name)
    nodes = [node for node in root.walk() if len(node.chunk_times) > 1][:MAX_COMPONENTS]
    if nodes:
        draw_table(latency_table(nodes), name="latency", columns=_columns(), alt=_("Latencies of each component"))


def latency_table(nodes: Sequence[RunNode]) -> pd.DataFrame:
    """Return the gaps between the chunks of components that streamed, as percentiles in milliseconds."""
    gaps = [[1e3 * (later - earlier) for earlier, later in pairwise(node.chunk_times)] for node in nodes]
    return pd.DataFrame(
        {
            "component": [indented(node) for node in nodes],
            "first": [node.time_to_first_chunk for node in nodes],
            "chunks": [len(node.chunk_times) for node in nodes],
            "p50": [median(one) for one in gaps],
            "p95": [percentile(one, 0.95) for one in gaps],
            "p99": [percentile(one, 0.99) for one in gaps],
            "longest": [max(one) for one in gaps],
            "rate": [node.tokens_per_second for node in nodes],
        }
    )


def _draw_histogram(gaps: Sequence[float], name: str) -> None:
    """Draw how often each length of a gap occurs, up to the 99th percentile: beyond it are stalls."""
    top = max(percentile(gaps, 0.99), 1e-3)
    counts = [0] * BINS
    for gap in gaps:
        counts[min(BINS - 1, max(0, int(BINS * gap / top)))] += 1
    bins = pd.DataFrame({"from": [top * number / BINS for number in range(BINS)], "chunks": counts})
    bins["to"] = bins["from"] + top / BINS
    chart = (
        alt.Chart(bins)
        .mark_bar(color=TEAL)
        .encode(
            x=alt.X("from:Q", bin="binned", title=_(_("gap before the chunk (ms), the last bar and all longer ones"))),
            x2="to:Q",
            y=alt.Y("chunks:Q", title=_("chunks")),
            tooltip=[alt.Tooltip("from:Q", format=".1f"), alt.Tooltip("to:Q", format=".1f"), "chunks:Q"],
        )
        .properties(height=120)
    )
    summary = _("{count} gaps, 99 % of them below {time}").format(count=digits(len(gaps)), time=f"{top:.0f} ms")
    st.altair_chart(
        chart, alt=_("Histogram of the gaps between chunks of {name}: {summary}").format(name=name, summary=summary)
    )
