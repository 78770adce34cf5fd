"""Formatting for pages: durations, prices, lines of metrics, and text escaped for Markdown."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo

from weir.analysis.metrics import MetricsAccumulator
from weir.analysis.metrics_line import dollars, metrics_line, seconds
from weir.text.invisible_characters import replace_invisible

__all__ = [
    "NumberFormat",
    "dollars",
    "escape_markdown",
    "inline_code",
    "live_metrics_line",
    "metrics_line",
    "moment",
    "seconds",
    "thinking_line",
]


def live_metrics_line(meter: MetricsAccumulator, elapsed: float, waiting: str) -> str:
    """Return the line of metrics while the answer is written; `waiting` until its first token, `elapsed` in seconds."""
    if meter.time_to_first_token is None:
        if meter.time_to_first_reasoning is None:
            return f"{waiting} · {elapsed:.0f} s"
        return f"Thinking · {elapsed - meter.time_to_first_reasoning:.0f} s · {thinking_line(meter)}"
    parts = [f"first token {seconds(meter.time_to_first_token)}"]
    if meter.time_to_first_reasoning is not None:
        parts.append(f"thought {seconds(meter.thinking_seconds)}")
    if meter.tokens_per_second is not None:
        parts.append(f"~{meter.tokens_per_second:,.0f} tokens/s")
    parts.append(f"~{meter.tokens_so_far:,} out")
    parts.append(f"{elapsed:.0f} s")
    return " · ".join(parts)


def thinking_line(meter: MetricsAccumulator) -> str:
    """Return the metrics of a model that thinks and has not begun to answer."""
    return f"~{meter.reasoning_tokens:,} tokens · waited {seconds(meter.time_to_first_reasoning or 0.0)}"


NumberFormat = Callable[[float], str]


def moment(at: float, zone: tzinfo, now: float) -> str:
    """Return a time in seconds since the epoch as people say it: `14:03:07` today, else `27 Nov 14:03`."""
    then, today = (datetime.fromtimestamp(seconds, UTC).astimezone(zone) for seconds in (at, now))
    if then.date() == today.date():
        return f"{then:%H:%M:%S}"
    year = "" if then.year == today.year else f" {then.year}"
    return f"{then.day} {then:%b}{year} {then:%H:%M}"


_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#+\-!|~$:&])")


def escape_markdown(text: str) -> str:
    """Return text escaped so that Markdown shows it literally, with invisible characters replaced by marks."""
    return _MARKDOWN.sub(r"\\\1", replace_invisible(text))


def inline_code(text: str) -> str:
    """Return text as inline code of one line. Backticks are replaced, so that the text cannot end it."""
    return f"`{' '.join(replace_invisible(text).replace('`', '´').split()) or ' '}`"
