"""Formatting for pages: durations, prices, lines of metrics, and text escaped for Markdown."""

import re

from weir.analysis.metrics import MetricsAccumulator, RunMetrics
from weir.text.invisible_characters import replace_invisible


def seconds(value: float) -> str:
    """`0.31 s`, `12.4 s`, `2 min 5 s`."""
    if value < 10:
        return f"{value:.2f} s"
    if value < 100:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s"


def dollars(value: float) -> str:
    """`$0.000042`, `$0.0125`."""
    return f"${value:.6f}" if value < 0.01 else f"${value:.4f}"


def metrics_line(figures: RunMetrics) -> str:
    """Return the metrics of an answer as one line. `~` marks an estimate: the server has not reported token counts."""
    estimate = "" if figures.exact else "~"
    parts = []
    if figures.time_to_first_token is not None:
        parts.append(f"first token {seconds(figures.time_to_first_token)}")
    if figures.thinking_seconds:
        parts.append(f"thought {seconds(figures.thinking_seconds)}")
    if figures.tokens_per_second is not None:
        parts.append(f"{estimate}{figures.tokens_per_second:,.0f} tokens/s")
    if figures.tokens_in is not None:
        parts.append(f"{figures.tokens_in:,} in")
    if figures.tokens_out is not None:
        parts.append(f"{estimate}{figures.tokens_out:,} out")
    parts.append(seconds(figures.duration))
    return " · ".join(parts)


def live_metrics_line(meter: MetricsAccumulator, elapsed: float, waiting: str) -> str:
    """Return the line of metrics while the answer is written; `waiting` until its first token, `elapsed` in seconds."""
    if meter.time_to_first_token is None:
        return f"{waiting} · {elapsed:.0f} s"
    parts = [f"first token {seconds(meter.time_to_first_token)}"]
    if meter.tokens_per_second is not None:
        parts.append(f"~{meter.tokens_per_second:,.0f} tokens/s")
    parts.append(f"~{meter.tokens_so_far:,} out")
    parts.append(f"{elapsed:.0f} s")
    return " · ".join(parts)


_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#+\-!|~$:&])")


def escape_markdown(text: str) -> str:
    """Return text escaped so that Markdown shows it literally, with invisible characters replaced by marks."""
    return _MARKDOWN.sub(r"\\\1", replace_invisible(text))


def inline_code(text: str) -> str:
    """Return text as inline code of one line. Backticks are replaced, so that the text cannot end it."""
    return f"`{' '.join(replace_invisible(text).replace('`', '´').split()) or ' '}`"
