"""Stored answers: an answer as the `details` of a message in the database, and back."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter, ValidationError

from chains.smart_router import RouteDecision
from pages.components.answer.answer_view import FinishedAnswer, finished_answer_of_run
from pages.components.layout.translation import N_
from weir.analysis.metrics import RunMetrics
from weir.analysis.outcome import AnswerStatus, Outcome
from weir.app.answer_details import STATUSES, answer_details
from weir.runs.failure_sentences import FailureKind
from weir.runs.run import Run
from weir.storage.records import Message, MessageStatus

__all__ = ["STATUSES", "describe", "from_message", "to_details"]

_ANSWER_STATUSES = {stored: status for status, stored in STATUSES.items()}
_FIGURES = TypeAdapter(RunMetrics)
_INTERRUPTED = Outcome(
    AnswerStatus.CUT_OFF,
    N_("Weir was restarted, or lost its connection, while this answer was being written."),
    N_("The text so far is kept. Retry for a full answer."),
)

MAX_FIGURE = 1e12
"""Tokens, characters or seconds of an answer: an imported file may have infinity."""

_UNKNOWN_END = (
    N_("It is not known why this answer ended."),
    N_("The text so far is kept. Retry for a full answer."),
)


def to_details(ended: FinishedAnswer) -> dict[str, Any]:
    """Return what is stored of an answer besides its text, as JSON values."""
    decision = ended.decision.model_dump(mode="json") if ended.decision else None
    return answer_details(ended.outcome, ended.figures, decision, ended.reasoning)


def from_message(message: Message) -> FinishedAnswer:
    """Return the answer of a message. Details that do not validate, as an imported file may have, are left out."""
    details = message.details
    reasoning = details.get("reasoning")
    return FinishedAnswer(
        text=message.text,
        figures=_figures(details.get("figures"), len(message.text)),
        outcome=_outcome(message, details),
        decision=_decision(details.get("decision")),
        reasoning=reasoning if isinstance(reasoning, str) else "",
    )


def _figures(value: Any, characters: int) -> RunMetrics:
    try:
        figures = _FIGURES.validate_python(value)
    except ValidationError:
        figures = None
    if figures is not None and all(0 <= number <= MAX_FIGURE for number in _numbers(figures)):
        return figures
    return RunMetrics(None, (), None, None, False, None, None, False, 0, characters, 0.0)


def _numbers(figures: RunMetrics) -> Iterator[float]:
    for value in (*asdict(figures).values(), *figures.inter_token_latencies):
        if isinstance(value, int | float):
            yield value


def _decision(value: Any) -> RouteDecision | None:
    try:
        return RouteDecision.model_validate(value) if value else None
    except ValidationError:
        return None


def _outcome(message: Message, details: dict[str, Any]) -> Outcome:
    status = _ANSWER_STATUSES[message.status] if message.status.has_ended else AnswerStatus.CUT_OFF
    if "mark" not in details or not message.status.has_ended:
        if status is AnswerStatus.CUT_OFF:
            return _INTERRUPTED
        return Outcome(status) if status is AnswerStatus.DONE else Outcome(status, *_UNKNOWN_END)
    sentence, remedy, detail = (str(details.get(name) or "")[:1_000] for name in ("sentence", "remedy", "detail"))
    return Outcome(status, sentence, remedy, detail, FailureKind.__members__.get(str(details.get("kind"))))


def describe_refusal(sentence: str) -> tuple[MessageStatus, dict[str, Any]]:
    """Return status and details of an answer whose run has not begun, with the sentence that says why."""
    refused = Outcome(AnswerStatus.FAILED, sentence)
    return STATUSES[refused.status], answer_details(refused, _figures(None, 0), None)


def describe(run: Run, _: str) -> tuple[MessageStatus, dict[str, Any]]:
    """Return status and details of the answer of a run that has ended."""
    ended = finished_answer_of_run(run)
    return STATUSES[ended.outcome.status], to_details(ended)
