"""Outcome of a run: whether its answer is complete, partial or failed, and why. A function of run and metrics."""

from dataclasses import dataclass, replace
from enum import Enum

from weir.analysis.metrics import RunMetrics
from weir.runs.failure_sentences import Failure, FailureKind
from weir.runs.run import Run, Status


class AnswerStatus(Enum):
    """Status of an answer. The value is its label."""

    WRITING = "Writing"
    DONE = "Done"
    WAITING = "Waiting for a person"
    STOPPED = "Stopped"
    LOST = "Lost contact"
    """It is another program's, and its end has not arrived."""
    CUT_OFF = "Cut off"
    FAILED = "Failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """An answer's status, what happened (`message`) and what to do (`hint`). Both are empty if all went well."""

    status: AnswerStatus
    message: str = ""
    hint: str = ""
    detail: str = ""
    kind: FailureKind | None = None

    @property
    def usable_as_history(self) -> bool:
        """Whether the text is the model's answer, maybe incomplete, and may be sent back to it as history."""
        complete = (AnswerStatus.DONE, AnswerStatus.WAITING, AnswerStatus.STOPPED)
        return self.status in complete or self.kind is FailureKind.LENGTH

    @property
    def for_reader(self) -> "Outcome":
        """The outcome for somebody who can only read the answer: without what the person who asked can do."""
        return replace(self, hint="")


_TEXT_IS_KEPT = "The text so far is kept."
_WAITING = Outcome(
    AnswerStatus.WAITING, "The graph has stopped to ask a person.", "Answer its question, and it goes on from there."
)
# The sentences say nothing of "you": whoever opens the link of a run reads them too.
_STOPPED = Outcome(AnswerStatus.STOPPED, "This answer was stopped.", f"{_TEXT_IS_KEPT} Retry for a full one.")
_ABANDONED = Outcome(
    AnswerStatus.STOPPED,
    "Weir stopped this answer, because nobody was watching.",
    f"{_TEXT_IS_KEPT} Retry for a full one.",
)
_LOST = Outcome(
    AnswerStatus.LOST,
    "The program that runs this has ended, or contact with it was lost, before the end of the run arrived.",
    "What had arrived is kept; if the program comes back, the run goes on here.",
)
_TRUNCATED = Outcome(
    AnswerStatus.CUT_OFF,
    "This recording was saved while the run was live.",
    "It ends at the moment of saving.",
)
_FAILURES_BY_FINISH_REASON = {
    "length": FailureKind.LENGTH,
    "max_tokens": FailureKind.LENGTH,
    "model_length": FailureKind.LENGTH,
    "content_filter": FailureKind.CONTENT_FILTER,
    "safety": FailureKind.CONTENT_FILTER,
    "sensitive": FailureKind.CONTENT_FILTER,
    "error": FailureKind.ENDED_IN_ERROR,
    "network_error": FailureKind.ENDED_IN_ERROR,
    "insufficient_system_resource": FailureKind.ENDED_IN_ERROR,
    "abort": FailureKind.ENDED_IN_ERROR,
    "cancelled": FailureKind.ENDED_IN_ERROR,
}
"""Finish reasons of OpenAI, Gemini, Mistral, GLM, DeepSeek, OpenRouter and vLLM that are not a normal end."""


def outcome(run: Run, metrics: RunMetrics) -> Outcome:
    """Return the outcome of a run. `metrics` are those of the run's events."""
    match run.status:
        case Status.RUNNING:
            return Outcome(AnswerStatus.WRITING)
        case Status.WAITING:
            return _WAITING
        case Status.STOPPED:
            return _STOPPED
        case Status.ABANDONED:
            if run.is_attached:
                return _LOST
            return _TRUNCATED if run.is_truncated else _ABANDONED
        case Status.FAILED:
            return _failed(run.failure or Failure(FailureKind.INTERNAL), metrics)
        case Status.DONE:
            return _finished(metrics)


def _finished(metrics: RunMetrics) -> Outcome:
    if metrics.refusal:
        return _failed(Failure(FailureKind.REFUSAL, metrics.refusal), metrics)
    if kind := _FAILURES_BY_FINISH_REASON.get((metrics.finish_reason or "").lower()):
        return _failed(Failure(kind), metrics)
    if metrics.expects_finish_reason and metrics.finish_reason is None:
        return _failed(Failure(FailureKind.UNFINISHED), metrics)
    if metrics.silent and not metrics.characters:
        return _failed(Failure(FailureKind.EMPTY), metrics)
    return Outcome(AnswerStatus.DONE)


def _failed(failure: Failure, metrics: RunMetrics) -> Outcome:
    kind = failure.kind
    if not metrics.characters:
        return Outcome(AnswerStatus.FAILED, kind.message, kind.hint, failure.detail, kind)
    return Outcome(AnswerStatus.CUT_OFF, kind.message, f"{_TEXT_IS_KEPT} {kind.hint}", failure.detail, kind)
