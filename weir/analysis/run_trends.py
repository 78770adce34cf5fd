"""Run trends: how quick many runs were, over all of them and over time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from weir.analysis.metrics import percentile

MAX_BUCKETS = 40
"""Points of a chart."""


class TrendPoint(NamedTuple):
    """The runs of one span of time."""

    at: float
    """Seconds since the epoch, of the first of these runs."""
    p50: float
    p95: float
    runs: int


@dataclass(frozen=True, slots=True)
class Trend:
    """Percentiles of a figure over runs, and how they changed."""

    p50: float
    p95: float
    runs: int
    """Runs for which the figure is known."""
    points: tuple[TrendPoint, ...]


def trend(figures: Iterable[tuple[float, float | None]]) -> Trend | None:
    """Return the trend of a figure; None if no run has it.

    `figures` are the start of each run, in seconds since the epoch, and its figure. The time from the first to the last
    run is cut into spans of equal length; those without a run have no point.
    """
    known = sorted((at, value) for at, value in figures if value is not None)
    if not known:
        return None
    first, last = known[0][0], known[-1][0]
    length = max((last - first) / MAX_BUCKETS, 1e-9)
    spans: dict[int, list[tuple[float, float]]] = {}
    for at, value in known:
        spans.setdefault(min(int((at - first) / length), MAX_BUCKETS - 1), []).append((at, value))
    points = tuple(_point(span) for _, span in sorted(spans.items()))
    values = [value for _, value in known]
    return Trend(percentile(values, 0.5), percentile(values, 0.95), len(known), points)


def _point(span: Sequence[tuple[float, float]]) -> TrendPoint:
    values = [value for _, value in span]
    return TrendPoint(span[0][0], percentile(values, 0.5), percentile(values, 0.95), len(span))
