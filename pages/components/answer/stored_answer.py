"""An answer as the library keeps it: `details` out of what a run was, and back."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter, ValidationError

from chains.router import RouteDecision
from pages.components.answer.answer_view import FinishedAnswer, finished_answer_of_run
from weir.analysis.metrics import RunMetrics
from weir.analysis.outcome import AnswerStatus, Outcome
from weir.runs.failure import FailureKind
from weir.runs.run import Run
from weir.storage.records import Message, MessageStatus

STATUSES = {
    AnswerStatus.WRITING: MessageStatus.RUNNING,
    AnswerStatus.DONE: MessageStatus.DONE,
    AnswerStatus.STOPPED: MessageStatus.STOPPED,
    AnswerStatus.CUT_OFF: MessageStatus.CUT,
    AnswerStatus.FAILED: MessageStatus.FAILED,
}
_MARKS = {status: mark for mark, status in STATUSES.items()}
_FIGURES = TypeAdapter(RunMetrics)
_INTERRUPTED = Outcome(
    AnswerStatus.CUT_OFF,
    "Weir was restarted, or lost its connection, while this answer was being written.",
    "What had arrived is kept. Retry for a whole answer.",
)

MOST = 1e12
"""Tokens, characters or seconds of an answer: a file may say that there were endlessly many."""

_UNKNOWN_END = ("It is not known why this answer ended.", "What had arrived is kept. Retry for a whole answer.")


def to_details(ended: FinishedAnswer) -> dict[str, Any]:
    """Return what is kept of an answer besides its text; plain JSON."""
    said = ended.outcome
    return {
        "mark": said.status.name,
        "sentence": said.sentence,
        "remedy": said.remedy,
        "detail": said.detail,
        "kind": said.kind.name if said.kind else None,
        "decision": ended.decision.model_dump(mode="json") if ended.decision else None,
        # Single gaps are for the inspector, as long as the record of the run is there.
        "figures": asdict(ended.figures) | {"inter_token_latencies": []},
    }


def from_message(message: Message) -> FinishedAnswer:
    """Return what a kept answer was. Details from an imported file may be anything: what does not fit is left out."""
    kept = message.details
    return FinishedAnswer(
        text=message.text,
        figures=_figures(kept.get("figures"), len(message.text)),
        outcome=_outcome(message, kept),
        decision=_decision(kept.get("decision")),
    )


def _figures(kept: Any, characters: int) -> RunMetrics:
    try:
        read = _FIGURES.validate_python(kept)
    except ValidationError:
        read = None
    if read is not None and all(0 <= number <= MOST for number in _numbers(read)):
        return read
    return RunMetrics(None, (), None, None, False, None, None, False, 0, characters, 0.0)


def _numbers(figures: RunMetrics) -> Iterator[float]:
    for value in (*asdict(figures).values(), *figures.inter_token_latencies):
        if isinstance(value, int | float):
            yield value


def _decision(kept: Any) -> RouteDecision | None:
    try:
        return RouteDecision.model_validate(kept) if kept else None
    except ValidationError:
        return None


def _outcome(message: Message, kept: dict[str, Any]) -> Outcome:
    mark = _MARKS[message.status] if message.status.has_ended else AnswerStatus.CUT_OFF
    if "mark" not in kept or not message.status.has_ended:
        if mark is AnswerStatus.CUT_OFF:
            return _INTERRUPTED
        return Outcome(mark) if mark is AnswerStatus.DONE else Outcome(mark, *_UNKNOWN_END)
    sentence, remedy, detail = (str(kept.get(name) or "")[:1_000] for name in ("sentence", "remedy", "detail"))
    return Outcome(mark, sentence, remedy, detail, FailureKind.__members__.get(str(kept.get("kind"))))


def describe(run: Run, _: str) -> tuple[MessageStatus, dict[str, Any]]:
    """Return status and details of the answer of a run that has ended."""
    ended = finished_answer_of_run(run)
    return STATUSES[ended.outcome.status], to_details(ended)
