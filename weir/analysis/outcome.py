"""How a run's answer is to be taken: whole, partial or failed, and why. A function of the run and its figures."""

from dataclasses import dataclass
from enum import Enum

from weir.analysis.metrics import RunMetrics
from weir.runs.failure import Failure, FailureKind
from weir.runs.run import Run, Status


class AnswerStatus(Enum):
    """The word that marks an answer."""

    WRITING = "Writing"
    DONE = "Done"
    STOPPED = "Stopped"
    CUT_OFF = "Cut off"
    FAILED = "Failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A mark, with what happened and what to do where there is something to say."""

    status: AnswerStatus
    sentence: str = ""
    remedy: str = ""
    detail: str = ""
    kind: FailureKind | None = None

    @property
    def usable_as_history(self) -> bool:
        """Whether the text may be taken as the model's answer, as far as it goes, and sent back to it as history."""
        return self.status in (AnswerStatus.DONE, AnswerStatus.STOPPED) or self.kind is FailureKind.LENGTH


_KEPT = "What had arrived is kept."
_STOPPED = Outcome(AnswerStatus.STOPPED, "You stopped this answer.", f"{_KEPT} Retry for a whole one.")
_ABANDONED = Outcome(
    AnswerStatus.STOPPED,
    "Nobody had this answer open for a while, so Weir stopped it.",
    f"{_KEPT} Retry for a whole one.",
)
_BREAKS_OFF = Outcome(
    AnswerStatus.CUT_OFF,
    "This recording was taken while the run was still going.",
    "It ends where it was taken.",
)
_FINISHES = {
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
"""Finish reasons that are no ordinary end, as OpenAI, Gemini, Mistral, GLM, DeepSeek, OpenRouter and vLLM name them."""


def outcome(run: Run, figures: RunMetrics) -> Outcome:
    """Say how the run's answer is to be taken. `figures` are those of the run's events."""
    match run.status:
        case Status.RUNNING:
            return Outcome(AnswerStatus.WRITING)
        case Status.STOPPED:
            return _STOPPED
        case Status.ABANDONED:
            return _BREAKS_OFF if run.is_truncated else _ABANDONED
        case Status.FAILED:
            return _failed(run.failure or Failure(FailureKind.INTERNAL), figures)
        case Status.DONE:
            return _finished(figures)


def _finished(figures: RunMetrics) -> Outcome:
    if figures.refusal:
        return _failed(Failure(FailureKind.REFUSAL, figures.refusal), figures)
    if kind := _FINISHES.get((figures.finish_reason or "").lower()):
        return _failed(Failure(kind), figures)
    if figures.expects_finish_reason and figures.finish_reason is None:
        return _failed(Failure(FailureKind.UNFINISHED), figures)
    if figures.silent and not figures.characters:
        return _failed(Failure(FailureKind.EMPTY), figures)
    return Outcome(AnswerStatus.DONE)


def _failed(failure: Failure, figures: RunMetrics) -> Outcome:
    kind = failure.kind
    if not figures.characters:
        return Outcome(AnswerStatus.FAILED, kind.message, kind.hint, failure.detail, kind)
    return Outcome(AnswerStatus.CUT_OFF, kind.message, f"{_KEPT} {kind.hint}", failure.detail, kind)
