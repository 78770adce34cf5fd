"""Figures of a measurement: of one request, and of all requests of a model at one concurrency."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from weir.analysis.metrics import RunMetrics, percentile
from weir.analysis.outcome import AnswerStatus, outcome
from weir.runs.failure_sentences import FailureKind
from weir.runs.run import Run

MAX_DETAIL = 300
"""Characters of a server's message that are kept."""

BUSY = 0.8
"""Share of a core that this process computed, from which on it may be what was measured."""

Seconds = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
Rate = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=10**12)]
Name = Annotated[str, Field(max_length=200)]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Spread(_Value):
    """Median and 95th percentile of seconds."""

    median: Seconds
    p95: Seconds


class ErrorCount(_Value):
    """Requests that have failed for one reason."""

    reason: Annotated[str, Field(max_length=500)]
    count: Count
    detail: Annotated[str, Field(max_length=MAX_DETAIL)] = ""
    """The server's message at one of them."""


class LevelFigures(_Value):
    """What was measured of a model at a concurrency. None: nothing to measure it by."""

    model: Name
    concurrency: Annotated[int, Field(ge=1, le=100_000)]
    requests: Count
    """Requests that have ended by themselves."""
    answered: Count
    first_token: Spread | None = None
    """Seconds from a request to its first text or reasoning."""
    gap: Spread | None = None
    """Seconds between two chunks."""
    tokens_per_second: Rate | None = None
    """Of a stream, after its first token: the median."""
    total_tokens_per_second: Rate | None = None
    """Of all streams together, from the first request to the last end."""
    tokens_in: Count = 0
    tokens_out: Count = 0
    is_exact: bool = True
    """Whether the server has counted the tokens; else chunks are counted."""
    seconds: Seconds = 0.0
    cost: Rate | None = None
    """Dollars; None if the prices are not known."""
    busy: Rate = 0.0
    """Share of a core that Weir's process has computed meanwhile."""
    errors: Annotated[tuple[ErrorCount, ...], Field(max_length=1_000)] = ()

    @property
    def failed(self) -> int:
        """Requests without a whole answer."""
        return self.requests - self.answered


@dataclass(frozen=True, slots=True)
class RequestFigures:
    """What was measured of one request."""

    metrics: RunMetrics
    error: str = ""
    """Why there is no answer to measure; "" if there is one."""
    detail: str = ""


def request_figures(run: Run, metrics: RunMetrics, redact: Callable[[str], str], *, error: str = "") -> RequestFigures:
    """Return the figures of a run that has ended. An answer that has reached its length is whole here.

    `error` is the reason why the run was ended early.
    """
    end = outcome(run, metrics)
    wrote = metrics.characters > 0 or metrics.time_to_first_reasoning is not None
    if error:
        return RequestFigures(metrics, error)
    if wrote and (end.kind is FailureKind.LENGTH or end.status in (AnswerStatus.DONE, AnswerStatus.STOPPED)):
        return RequestFigures(metrics)
    reason = end.message or FailureKind.EMPTY.message
    return RequestFigures(metrics, redact(reason), redact(end.detail)[:MAX_DETAIL])


def level_figures(
    model: str,
    concurrency: int,
    requests: Sequence[RequestFigures],
    *,
    seconds: float,
    busy: float = 0.0,
    cost: Callable[[int | None, int | None], float | None] = lambda _in, _out: None,
) -> LevelFigures:
    """Return the figures of all requests of a level that took `seconds`."""
    answers = [request.metrics for request in requests if not request.error]
    tokens_out = sum(metrics.tokens_out or 0 for metrics in answers)
    tokens_in = sum(metrics.tokens_in or 0 for metrics in answers)
    rates = [metrics.tokens_per_second for metrics in answers if metrics.tokens_per_second is not None]
    return LevelFigures(
        model=model,
        concurrency=concurrency,
        requests=len(requests),
        answered=len(answers),
        first_token=_spread(metrics.waiting_seconds for metrics in answers),
        gap=_spread(gap for metrics in answers for gap in metrics.inter_token_latencies),
        tokens_per_second=median(rates) if rates else None,
        total_tokens_per_second=tokens_out / seconds if tokens_out and seconds else None,
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        is_exact=all(metrics.exact for metrics in answers),
        seconds=seconds,
        cost=cost(tokens_in, tokens_out),
        busy=busy,
        errors=_errors(requests),
    )


def _spread(values: Iterable[float | None]) -> Spread | None:
    known = [value for value in values if value is not None]
    return Spread(median=median(known), p95=percentile(known, 0.95)) if known else None


def _errors(requests: Iterable[RequestFigures]) -> tuple[ErrorCount, ...]:
    found: dict[str, ErrorCount] = {}
    for request in requests:
        if request.error:
            before = found.get(request.error)
            detail = before.detail if before and before.detail else request.detail
            count = 1 + (before.count if before else 0)
            found[request.error] = ErrorCount(reason=request.error, count=count, detail=detail)
    return tuple(sorted(found.values(), key=lambda error: -error.count))
