"""Run log: a log line at the start and the end of each run. It never has a question, an answer or an error's text."""

import logging
from typing import Any

from weir.analysis.answer_reader import AnswerReader
from weir.analysis.metrics import MetricsAccumulator
from weir.analysis.outcome import outcome
from weir.analysis.token_counter import TokenUsageCounter
from weir.runs.methods import Method
from weir.runs.run import Run

_LOG = logging.getLogger(__name__)


def log_run(run: Run) -> None:
    """Log that the run has started, and when it has ended, how it ended."""
    _LOG.info("run started", extra=_run_fields(run))
    run.add_done_callback(_log_end)


def _run_fields(run: Run) -> dict[str, Any]:
    method = run.context.get("method", Method.ASTREAM.value)
    return {"run": run.id, "chain": run.name, "method": method, "visitor": run.owner}


def _log_end(run: Run) -> None:
    accumulator = MetricsAccumulator()
    has_text = False
    answer = AnswerReader()
    # Only the first text and the ends of model calls are read: this runs on the loop that all runs share.
    for event in run.events:
        is_end = event.event == "on_chat_model_end"
        if is_end or (not has_text and (event.event.endswith("_start") or answer.read(event))):
            has_text = has_text or not (is_end or event.event.endswith("_start"))
            accumulator.add(event)
    metrics = accumulator.metrics()
    result = outcome(run, metrics)
    fields = {
        "status": run.status.value,
        "seconds": run.ended_at,
        "first_token_seconds": metrics.time_to_first_token,
        "tokens": TokenUsageCounter().update(run.events),
        "failure": result.kind.name.lower() if result.kind else None,
    }
    _LOG.log(logging.WARNING if result.kind else logging.INFO, "run ended", extra=_run_fields(run) | fields)
