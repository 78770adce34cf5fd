"""Figures of a story: metrics, display cost, stop report and the list of chunks."""

from collections.abc import Sequence
from itertools import pairwise

import pandas as pd
import streamlit as st

from pages.components.layout.formatting import bytes_of, dollars, seconds
from pages.components.layout.translation import N_, _, digits
from pages.components.layout.weir_sentences import translated
from pages.components.session.app_services import answer_cost
from pages.components.story.streaming_display import Display, DisplayCost
from weir.analysis.metrics import RunMetrics
from weir.analysis.progress import Progress, RunPhase
from weir.analysis.stop_report import StopReport
from weir.analysis.text_chunks import TextChunk, chunk_label, text_chunks
from weir.runs.run import Run

SPARKLINE_POINTS = 60
"""Of a longer list of gaps, each point is the longest gap of its part."""

NEWEST_CHUNKS = 8
"""Chunks that are listed while a story is being written."""

MAX_LABEL_CHARS = 60
"""Length of a chunk in that list."""

ABOUT_CHUNKS = N_(
    "A chunk is one item the chain yields. It is often one token, but not always: a server may send several tokens in "
    "one chunk, or one character in two. ␣ is a space, ⏎ a new line."
)


def milliseconds(value: float) -> str:
    """`8 ms`, `120 ms`, `1.25 s`."""
    return f"{value * 1e3:.0f} ms" if value < 0.9995 else f"{digits(value, '.2f')} s"


def progress_text(phase: RunPhase, progress: Progress, elapsed: float) -> str:
    """Return the text of the progress bar. A number with a `~` is an estimate."""
    if phase is not RunPhase.WRITING:
        return f"{translated(phase.value)} · {elapsed:.0f} s"
    tokens = _("~{written} of about {expected} tokens").format(
        written=digits(progress.written), expected=digits(progress.expected)
    )
    text = f"{translated(phase.value)} · {tokens}"
    estimates = [] if progress.eta is None else [_("~{seconds} s left").format(seconds=f"{progress.eta:.0f}")]
    if progress.written >= progress.expected:
        estimates.append(_("longer than expected"))
    if progress.max_eta is not None:
        # Without a `~`: at this speed it is exact, because the model is cut off at its limit.
        estimates.append(_("{seconds} s at most").format(seconds=f"{progress.max_eta:.0f}"))
    return " · ".join([text, ", ".join(estimates)]) if estimates else text


def sparkline(gaps: Sequence[float]) -> list[float]:
    """Return gaps in milliseconds, at most `SPARKLINE_POINTS`: the longest of each part."""
    if len(gaps) <= SPARKLINE_POINTS:
        return [gap * 1e3 for gap in gaps]
    bounds = [len(gaps) * part // SPARKLINE_POINTS for part in range(SPARKLINE_POINTS + 1)]
    return [max(gaps[start:end]) * 1e3 for start, end in pairwise(bounds)]


def draw_figures(figures: RunMetrics) -> None:
    """Draw the metrics of a story that has ended."""
    about = "" if figures.exact else "~"
    gaps, median, p95 = figures.inter_token_latencies, figures.median_latency, figures.p95_latency
    first, speed = figures.time_to_first_token, figures.tokens_per_second
    price = answer_cost(figures)
    with st.container(horizontal=True, gap="small", key="story-figures"):
        _figure(_("First token"), "–" if first is None else seconds(first), width=116)
        _figure(_("Tokens/s"), "–" if speed is None else about + digits(speed, ",.0f"))
        _figure(
            _("Median gap"),
            width=140,
            value="–" if median is None else milliseconds(median),
            chart=sparkline(gaps),
            help=_("Inter-token latency; the line is the gaps over time"),
        )
        _figure(_("95 % within"), "–" if p95 is None else milliseconds(p95), width=112)
        tokens_in = "–" if figures.tokens_in is None else digits(figures.tokens_in)
        tokens_out = "–" if figures.tokens_out is None else about + digits(figures.tokens_out)
        _figure(_("Tokens in → out"), f"{tokens_in} → {tokens_out}", width=164)
        if figures.time_to_first_reasoning is not None:
            tokens = _counted(_("{count} tokens of reasoning"), figures.reasoning_tokens)
            _figure(_("Waited"), seconds(figures.waiting_seconds or 0.0))
            _figure(_("Thought"), seconds(figures.thinking_seconds), help=tokens or None)
            wrote = _counted(_("{count} tokens of the answer"), figures.written_tokens)
            _figure(_("Wrote"), seconds(figures.writing_seconds), help=wrote or None)
        if price is not None:
            _figure(_("Cost"), dollars(price), width=190)


def _counted(text: str, count: int | None) -> str:
    return "" if count is None else text.format(count=digits(count))


def _figure(label: str, value: str, *, chart: Sequence[float] = (), help: str | None = None, width: int = 96) -> None:
    st.metric(label, value, chart_data=list(chart) if len(chart) > 1 else None, help=help, width=width)


def draw_cost(cost: DisplayCost, display: Display) -> None:
    """Draw what displaying the story has cost."""
    st.caption(
        _(
            ":material/monitoring: Rendered {mode}: **{updates} screen updates**, **~{sent}** sent "
            "to this browser, display delay **{mean}** (max {longest})"
        ).format(
            mode=_(display.mode.value),
            updates=digits(cost.updates),
            sent=bytes_of(cost.sent),
            mean=milliseconds(cost.mean_lag),
            longest=milliseconds(cost.max_wait),
        )
    )


def draw_stop_report(report: StopReport) -> None:
    """Draw what pressing *Stop* did."""
    closed = translated(report.connection_end.value)
    if report.seconds_to_connection_end is not None:
        closed = _("{closed} after {time}").format(closed=closed, time=milliseconds(report.seconds_to_connection_end))
    with st.container(border=True, gap="xsmall", key="story-receipt"):
        st.markdown(_("**:material/receipt_long: Stop receipt**"))
        st.markdown(
            _(
                "Stopped in **{time}**: **{chunks}** chunks after the click, connection "
                "to the model **{closed}**, **{characters} characters** kept"
            ).format(
                time=milliseconds(report.to_last_event),
                chunks=digits(report.chunks_after),
                closed=closed,
                characters=digits(report.characters),
            )
        )


def newest_lines(newest: Sequence[TextChunk]) -> str:
    """Return the newest chunks, one line each, the last at the bottom; always `NEWEST_CHUNKS` lines."""
    lines = [_line(chunk) for chunk in newest]
    return "\n".join([*lines, *[" "] * (NEWEST_CHUNKS - len(lines))])


def _line(chunk: TextChunk) -> str:
    label = chunk_label(chunk)
    if len(label) > MAX_LABEL_CHARS:
        label = label[: MAX_LABEL_CHARS - 1] + "…"
    gap = "" if chunk.gap is None else f"+{chunk.gap * 1e3:.1f} ms"
    return f"{chunk.elapsed:8.3f} s {gap:>11}  {label}"


def draw_chunks(run: Run) -> None:
    """Draw the list of the chunks of a run."""
    chunks = list(text_chunks(run.events))
    if not chunks:
        st.caption(_("No chunk came."))
        return
    table = pd.DataFrame(
        {
            "chunk": [chunk_label(chunk) for chunk in chunks],
            "at": [chunk.elapsed for chunk in chunks],
            "gap": [None if chunk.gap is None else chunk.gap * 1e3 for chunk in chunks],
        }
    )
    st.dataframe(
        table,
        hide_index=True,
        height=300,
        placeholder="",
        column_config={
            "chunk": st.column_config.TextColumn(_("chunk")),
            "at": st.column_config.NumberColumn(_("arrived (s)"), format="%.3f", width=90),
            "gap": st.column_config.NumberColumn(_("gap (ms)"), format="%.1f", width=90),
        },
        key=f"chunks-{run.id}",
        alt=_("The {count} chunks of the story with arrival and gap").format(count=len(chunks)),
    )
