"""Details of an answer as they are stored with its text, for pages and for the terminal.

The keys are in databases and exported files, so they keep their names.
"""

from dataclasses import asdict
from typing import Any

from weir.analysis.metrics import RunMetrics
from weir.analysis.outcome import AnswerStatus, Outcome
from weir.storage.records import MessageStatus

STATUSES = {
    AnswerStatus.WRITING: MessageStatus.RUNNING,
    AnswerStatus.DONE: MessageStatus.DONE,
    AnswerStatus.WAITING: MessageStatus.STOPPED,
    AnswerStatus.STOPPED: MessageStatus.STOPPED,
    AnswerStatus.LOST: MessageStatus.CUT,
    AnswerStatus.CUT_OFF: MessageStatus.CUT,
    AnswerStatus.FAILED: MessageStatus.FAILED,
}


MAX_REASONING = 20_000
"""Characters of a model's reasoning that are stored."""


def answer_details(
    outcome: Outcome, metrics: RunMetrics, decision: dict[str, Any] | None, reasoning: str = ""
) -> dict[str, Any]:
    """Return what is stored of an answer besides its text, as JSON values.

    `decision` is a `RouteDecision` as JSON; `reasoning` is what the model has thought before it answered.
    """
    thought = {"reasoning": reasoning[:MAX_REASONING]} if reasoning else {}
    return thought | {
        "mark": outcome.status.name,
        "sentence": outcome.message,
        "remedy": outcome.hint,
        "detail": outcome.detail,
        "kind": outcome.kind.name if outcome.kind else None,
        "decision": decision,
        # The single gaps are for the inspector, which has them from the run.
        "figures": asdict(metrics) | {"inter_token_latencies": []},
    }
