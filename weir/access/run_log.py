"""A line of the log at each run's start and end. Never a question, an answer or an error's own text."""

import logging
from typing import Any

from weir.analysis.metrics import MetricsAccumulator, root_chunk_text
from weir.analysis.outcome import outcome
from weir.analysis.token_counter import TokenUsageCounter
from weir.runs.methods import Method
from weir.runs.run import Run

_LOG = logging.getLogger(__name__)


def log_run(run: Run) -> None:
    """Write that a run has begun, and once it has ended how it did."""
    _LOG.info("run started", extra=_about(run))
    run.add_done_callback(_ended)


def _about(run: Run) -> dict[str, Any]:
    method = run.context.get("method", Method.ASTREAM.value)
    return {"run": run.id, "chain": run.name, "method": method, "visitor": run.owner}


def _ended(run: Run) -> None:
    meter = MetricsAccumulator()
    has_text = False
    # All but the first text and the ends of the model's calls is left unread: other runs wait meanwhile.
    for event in run.events:
        if event.event == "on_chat_model_end" or (not has_text and root_chunk_text(event)):
            has_text = has_text or event.event != "on_chat_model_end"
            meter.add(event)
    figures = meter.metrics()
    said = outcome(run, figures)
    told = {
        "status": run.status.value,
        "seconds": run.ended_at,
        "first_token_seconds": figures.time_to_first_token,
        "tokens": TokenUsageCounter().update(run.events),
        "failure": said.kind.name.lower() if said.kind else None,
    }
    _LOG.log(logging.WARNING if said.kind else logging.INFO, "run ended", extra=_about(run) | told)
