"""Formatting for pages: durations, prices, lines of metrics, and text escaped for Markdown."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo

from pages.components.layout.translation import _, digits, localized, month_name
from pages.components.layout.weir_sentences import translated
from weir.analysis import method_race
from weir.analysis import metrics_line as english
from weir.analysis.metrics import MetricsAccumulator, RunMetrics
from weir.text.invisible_characters import replace_invisible

__all__ = [
    "NumberFormat",
    "bytes_of",
    "dollars",
    "escape_markdown",
    "inline_code",
    "live_metrics_line",
    "metrics_line",
    "moment",
    "seconds",
    "seconds_spoken",
    "thinking_line",
]


def seconds(value: float) -> str:
    """`0.31 s`, `12.4 s`, `2 min 5 s`."""
    return localized(english.seconds(value))


def seconds_spoken(value: float) -> str:
    """`0.3 s`, `8.4 s`, `75 s`, as in a sentence."""
    return localized(method_race.seconds_spoken(value))


def bytes_of(count: int) -> str:
    """`812 B`, `31 kB`, `2.4 MB`."""
    if count < 1_000:
        return f"{count} B"
    return f"{count / 1e3:.0f} kB" if count < 1e6 else f"{digits(count / 1e6, '.1f')} MB"


def dollars(value: float) -> str:
    """`$0.000042`, `$0.0125`."""
    return localized(english.dollars(value))


def metrics_line(figures: RunMetrics, cost: float | None = None) -> str:
    """Return the metrics of an answer as one line, with its cost in dollars if that is known."""
    parts = english.metrics_line(figures, cost).split(" · ")
    return " · ".join(map(translated, parts))


def live_metrics_line(meter: MetricsAccumulator, elapsed: float, waiting: str) -> str:
    """Return the line of metrics while the answer is written; `waiting` until its first token, `elapsed` in seconds."""
    if meter.time_to_first_token is None:
        if meter.time_to_first_reasoning is None:
            return f"{waiting} · {elapsed:.0f} s"
        return f"{_('Thinking')} · {elapsed - meter.time_to_first_reasoning:.0f} s · {thinking_line(meter)}"
    parts = [_("first token {time}").format(time=seconds(meter.time_to_first_token))]
    if meter.time_to_first_reasoning is not None:
        parts.append(_("thought {time}").format(time=seconds(meter.thinking_seconds)))
    if meter.tokens_per_second is not None:
        parts.append(_("{count} tokens/s").format(count=f"~{digits(meter.tokens_per_second, ',.0f')}"))
    parts.append(_("{count} out").format(count=f"~{digits(meter.tokens_so_far)}"))
    parts.append(f"{elapsed:.0f} s")
    return " · ".join(parts)


def thinking_line(meter: MetricsAccumulator) -> str:
    """Return the metrics of a model that thinks and has not begun to answer."""
    return _("~{count} tokens · waited {time}").format(
        count=digits(meter.reasoning_tokens), time=seconds(meter.time_to_first_reasoning or 0.0)
    )


NumberFormat = Callable[[float], str]


def moment(at: float, zone: tzinfo, now: float) -> str:
    """Return a time in seconds since the epoch as people say it: `14:03:07` today, else `27 Nov 14:03`."""
    then, today = (datetime.fromtimestamp(seconds, UTC).astimezone(zone) for seconds in (at, now))
    if then.date() == today.date():
        return f"{then:%H:%M:%S}"
    day = f"{then.day} {month_name(then.month, short=True)}"
    year = "" if then.year == today.year else f" {then.year}"
    return f"{day}{year} {then:%H:%M}"


_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#+\-!|~$:&])")


def escape_markdown(text: str) -> str:
    """Return text escaped so that Markdown shows it literally, with invisible characters replaced by marks."""
    return _MARKDOWN.sub(r"\\\1", replace_invisible(text))


def inline_code(text: str) -> str:
    """Return text as inline code of one line. Backticks are replaced, so that the text cannot end it."""
    return f"`{' '.join(replace_invisible(text).replace('`', '´').split()) or ' '}`"
