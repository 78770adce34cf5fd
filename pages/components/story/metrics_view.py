"""What a story took: its figures, what showing it has cost, what Stop did, and its chunks."""

from collections.abc import Sequence
from itertools import pairwise

import pandas as pd
import streamlit as st

from pages.components.layout.formatting import dollars, seconds
from pages.components.session.app_services import service
from pages.components.story.streaming_display import Display, DisplayCost
from weir.analysis.metrics import RunMetrics
from weir.analysis.progress import Progress, RunPhase
from weir.analysis.stop_report import StopReport
from weir.analysis.text_chunks import TextChunk, chunk_label, text_chunks
from weir.runs.run import Run

SPARKS = 60
"""Points of a sparkline: each is the longest gap of its part."""

NEWEST = 8
"""Chunks that are listed while a story is written."""

_NAME = 60
"""Characters of a chunk in that list."""

ABOUT_CHUNKS = (
    "A chunk is what the chain yields at once. It is often one token, but not always: a server may send several "
    "tokens in one chunk, or one character in two. ␣ is a blank, ⏎ a new line."
)


def milliseconds(value: float) -> str:
    """`8 ms`, `120 ms`, `1.25 s`."""
    return f"{value * 1e3:.0f} ms" if value < 1 else f"{value:.2f} s"


def bytes_of(count: int) -> str:
    """`812 B`, `31 kB`, `2.4 MB`."""
    if count < 1_000:
        return f"{count} B"
    return f"{count / 1e3:.0f} kB" if count < 1e6 else f"{count / 1e6:.1f} MB"


def progress_text(phase: RunPhase, progress: Progress, elapsed: float) -> str:
    """Return what stands at the progress bar; a number with a `~` is an estimate."""
    if phase is not RunPhase.WRITING:
        return f"{phase.value} · {elapsed:.0f} s"
    said = f"{phase.value} · ~{progress.written:,} of about {progress.expected:,} tokens"
    told = [] if progress.eta is None else [f"~{progress.eta:.0f} s left"]
    if progress.written >= progress.expected:
        told.append("longer than expected")
    if progress.max_eta is not None:
        # Exact as far as the pace holds: the model is cut at its limit.
        told.append(f"{progress.max_eta:.0f} s at most")
    return " · ".join([said, ", ".join(told)]) if told else said


def sparkline(gaps: Sequence[float]) -> list[float]:
    """Return gaps as milliseconds, the longest of each part where there are many."""
    if len(gaps) <= SPARKS:
        return [gap * 1e3 for gap in gaps]
    bounds = [len(gaps) * part // SPARKS for part in range(SPARKS + 1)]
    return [max(gaps[start:end]) * 1e3 for start, end in pairwise(bounds)]


def draw_figures(figures: RunMetrics) -> None:
    """Draw the figures of a story that has ended."""
    about = "" if figures.exact else "~"
    gaps, usual, high = figures.inter_token_latencies, figures.median_latency, figures.p95_latency
    first, pace = figures.time_to_first_token, figures.tokens_per_second
    price = service().settings.answer_cost(figures.tokens_in, figures.tokens_out)
    with st.container(horizontal=True, gap="small", key="story-figures"):
        _figure("First token", "–" if first is None else seconds(first), width=116)
        _figure("Tokens/s", "–" if pace is None else f"{about}{pace:,.0f}")
        _figure(
            "Median gap",
            width=140,
            value="–" if usual is None else milliseconds(usual),
            chart=sparkline(gaps),
            help="Inter-token latency; the line is the gaps over time",
        )
        _figure("95 % within", "–" if high is None else milliseconds(high), width=112)
        read = "–" if figures.tokens_in is None else f"{figures.tokens_in:,}"
        written = "–" if figures.tokens_out is None else f"{about}{figures.tokens_out:,}"
        _figure("Tokens in → out", f"{read} → {written}", width=164)
        if price is not None:
            _figure("Cost", dollars(price), width=190)


def _figure(label: str, value: str, *, chart: Sequence[float] = (), help: str | None = None, width: int = 96) -> None:
    st.metric(label, value, chart_data=list(chart) if len(chart) > 1 else None, help=help, width=width)


def draw_cost(cost: DisplayCost, display: Display) -> None:
    """Draw what showing the story has cost."""
    st.caption(
        f":material/monitoring: Shown {display.mode.value}: **{cost.updates:,} updates**, **~{bytes_of(cost.sent)}** "
        f"sent to this browser; a chunk waited **{milliseconds(cost.mean_lag)}** on average, "
        f"{milliseconds(cost.max_wait)} at most."
    )


def draw_receipt(receipt: StopReport) -> None:
    """Draw what pressing Stop did."""
    closed = receipt.connection_end.value
    if receipt.seconds_to_connection_end is not None:
        closed += f" after {milliseconds(receipt.seconds_to_connection_end)}"
    with st.container(border=True, gap="xsmall", key="story-receipt"):
        st.markdown("**:material/receipt_long: Stop receipt**")
        st.markdown(
            f"Click to last event **{milliseconds(receipt.to_last_event)}** · "
            f"chunks after the click **{receipt.chunks_after:,}** · "
            f"connection to the model **{closed}** · "
            f"kept **{receipt.kept:,} characters**"
        )


def newest_lines(newest: Sequence[TextChunk]) -> str:
    """Return the newest chunks, one line each, the last at the bottom; always as many lines."""
    lines = [_line(chunk) for chunk in newest]
    return "\n".join([*lines, *[" "] * (NEWEST - len(lines))])


def _line(chunk: TextChunk) -> str:
    name = chunk_label(chunk)
    if len(name) > _NAME:
        name = name[: _NAME - 1] + "…"
    gap = "" if chunk.gap is None else f"+{chunk.gap * 1e3:.1f} ms"
    return f"{chunk.elapsed:8.3f} s {gap:>11}  {name}"


def draw_chunks(run: Run) -> None:
    """Draw the list of the chunks of a run."""
    found = list(text_chunks(run.events))
    if not found:
        st.caption("No chunk has come.")
        return
    table = pd.DataFrame(
        {
            "chunk": [chunk_label(chunk) for chunk in found],
            "at": [chunk.elapsed for chunk in found],
            "gap": [None if chunk.gap is None else chunk.gap * 1e3 for chunk in found],
        }
    )
    st.dataframe(
        table,
        hide_index=True,
        height=300,
        placeholder="",
        column_config={
            "chunk": st.column_config.TextColumn("chunk"),
            "at": st.column_config.NumberColumn("arrived (s)", format="%.3f", width=90),
            "gap": st.column_config.NumberColumn("gap (ms)", format="%.1f", width=90),
        },
        key=f"chunks-{run.id}",
        alt=f"The {len(found)} chunks of the story with arrival and gap",
    )
