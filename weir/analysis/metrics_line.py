"""Metrics of an answer as a line of text, for pages and for the terminal."""

from weir.analysis.metrics import RunMetrics


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: `1 call`, `1,200 calls`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


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


def _phases(figures: RunMetrics) -> list[str]:
    """Return the three phases of a model that reasons, with their times and tokens."""
    phases = [f"waited {seconds(figures.waiting_seconds or 0.0)}"]
    phases.append(f"thought {seconds(figures.thinking_seconds)}{_tokens(figures.reasoning_tokens)}")
    if figures.time_to_first_token is not None:
        phases.append(f"wrote {seconds(figures.writing_seconds)}{_tokens(figures.written_tokens)}")
    return phases


def _tokens(number: int | None) -> str:
    return "" if number is None else f" ({number:,} tokens)"


def metrics_line(figures: RunMetrics, cost: float | None = None) -> str:
    """Return the metrics of an answer as one line, with its cost in dollars if that is known.

    `~` marks an estimate: the server has not reported token counts.
    """
    estimate = "" if figures.exact else "~"
    parts = []
    if figures.time_to_first_reasoning is not None:
        parts += _phases(figures)
    elif figures.time_to_first_token is not None:
        parts.append(f"first token {seconds(figures.time_to_first_token)}")
    if figures.tokens_per_second is not None:
        parts.append(f"{estimate}{figures.tokens_per_second:,.0f} tokens/s")
    if figures.tokens_in is not None:
        parts.append(f"{figures.tokens_in:,} in")
    if figures.tokens_out is not None:
        parts.append(f"{estimate}{figures.tokens_out:,} out")
    if cost is not None:
        parts.append(estimate + dollars(cost))
    parts.append(seconds(figures.duration))
    return " · ".join(parts)
