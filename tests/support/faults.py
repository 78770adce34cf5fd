"""What can go wrong with a model's answer, what Weir then says, and what it keeps: the table that all suites share."""

from dataclasses import dataclass, field

from tests.support.fake_openai import FakeOpenAI, Fault, Plan
from weir.analysis.outcome import AnswerStatus
from weir.runs.failure_sentences import FailureKind

WORDS = [f" word{number}" for number in range(20)]
MIDDLE = 10
"""Tokens that have arrived when something goes wrong in the middle."""
BLOCKS = [f"{number} {'rain ' * 818}\n\n" for number in range(2_500)]
"""Ten megabytes."""
LINE = "rain " * 200_000
"""One megabyte."""

REFUSED = "http://127.0.0.1:9/v1"
UNKNOWN_HOST = "http://model.invalid/v1"


@dataclass(frozen=True, slots=True)
class ModelFault:
    """One thing that goes wrong."""

    name: str
    """In words, for the documentation and the tests' names."""
    plan: Plan
    kind: FailureKind | None
    """What Weir says; None where there is nothing to say."""
    mark: AnswerStatus
    kept: int | None = 0
    """How many of the tokens stay; None is all of them."""
    url: str | None = None
    """Where the model's server is looked for, if not where it is."""
    is_huge: bool = field(default=False)
    """Whether the answer is so large that only few tests can afford it."""

    @property
    def text(self) -> str:
        """What stays of the answer."""
        return "".join(self.plan.tokens[: self.kept])

    @property
    def is_answer(self) -> bool:
        """Whether the text may be taken as the model's answer."""
        return self.mark is AnswerStatus.DONE or self.kind is FailureKind.LENGTH

    def befall(self, server: FakeOpenAI) -> None:
        """Have it happen to the answers of a server; classifications go on well."""
        server.plan = self.plan


def _refused(status: int, why: str, kind: FailureKind, message: str = "planned", **headers: str) -> ModelFault:
    shown = {name.replace("_", "-"): value for name, value in headers.items()}
    return ModelFault(
        f"{status}: {why}", Plan(status=status, message=message, headers=shown), kind, AnswerStatus.FAILED
    )


def _breaks(name: str, fault: Fault, kind: FailureKind, at: int = MIDDLE) -> ModelFault:
    plan = Plan(tokens=WORDS, fault=fault, at=at)
    return ModelFault(name, plan, kind, AnswerStatus.CUT_OFF if at else AnswerStatus.FAILED, kept=at)


def _in_place(name: str, fault: Fault, kind: FailureKind) -> ModelFault:
    """Something that comes in place of an answer."""
    return ModelFault(name, Plan(fault=fault), kind, AnswerStatus.FAILED)


FAULTS = (
    ModelFault("connection refused", Plan(), FailureKind.UNREACHABLE, AnswerStatus.FAILED, url=REFUSED),
    ModelFault("host name not found", Plan(), FailureKind.UNREACHABLE, AnswerStatus.FAILED, url=UNKNOWN_HOST),
    _refused(401, "wrong key", FailureKind.AUTHENTICATION),
    _refused(403, "model not allowed", FailureKind.PERMISSION),
    _refused(404, "unknown model", FailureKind.NOT_FOUND),
    _refused(400, "prompt too long", FailureKind.CONTEXT, "the request exceeds the available context size"),
    _refused(400, "invalid request", FailureKind.INVALID_REQUEST),
    _refused(429, "too many requests", FailureKind.RATE_LIMIT),
    _refused(429, "come back at once", FailureKind.RATE_LIMIT, retry_after="0.1"),
    _refused(429, "come back in 100 s", FailureKind.RATE_LIMIT, retry_after="100"),
    _refused(500, "the server's own error", FailureKind.SERVER),
    _refused(503, "overloaded", FailureKind.SERVER),
    _breaks("cut before the first token", Fault.CUT, FailureKind.CUT, at=0),
    _breaks("cut after one token", Fault.CUT, FailureKind.CUT, at=1),
    _breaks("cut in the middle", Fault.CUT, FailureKind.CUT),
    _breaks("silent, without headers", Fault.SILENT, FailureKind.TIMEOUT, at=0),
    _breaks("silent after the headers", Fault.STALL, FailureKind.TIMEOUT, at=0),
    _breaks("silent in the middle", Fault.STALL, FailureKind.TIMEOUT),
    _breaks("kept alive without a token", Fault.KEEP_ALIVE, FailureKind.TIMEOUT, at=0),
    _breaks("kept alive, silent in the middle", Fault.KEEP_ALIVE, FailureKind.TIMEOUT),
    _breaks("ends without a finish reason", Fault.NO_FINISH, FailureKind.UNFINISHED),
    _breaks("an HTML page in the middle", Fault.HTML, FailureKind.UNFINISHED),
    _breaks("a line that is not JSON", Fault.BAD_DATA, FailureKind.MALFORMED),
    _breaks("bytes that are not UTF-8", Fault.BAD_BYTES, FailureKind.MALFORMED),
    _breaks("a line that is JSON, but no chunk", Fault.NO_OBJECT, FailureKind.MALFORMED),
    _breaks("an error as an event", Fault.SSE_ERROR, FailureKind.OVERLOADED),
    _in_place("compressed", Fault.COMPRESSED, FailureKind.ENCODED),
    _in_place("sent on to another address", Fault.REDIRECT, FailureKind.REDIRECTED),
    _in_place("a web page in place of an answer", Fault.WEB_PAGE, FailureKind.WEB_PAGE),
    _in_place("an empty body", Fault.NOTHING, FailureKind.NO_ANSWER),
    _in_place("`[DONE]` alone", Fault.DONE_ALONE, FailureKind.NO_ANSWER),
    _in_place("JSON lines, which are no stream of events", Fault.JSON_LINES, FailureKind.OTHER_FORMAT),
    _in_place("tool calls and no text", Fault.TOOL_CALLS, FailureKind.TOOL_CALLS_ONLY),
    ModelFault("whole where a stream was asked for", Plan(fault=Fault.WHOLE), None, AnswerStatus.DONE, kept=None),
    ModelFault("a second choice beside the first", Plan(choices=2), None, AnswerStatus.DONE, kept=None),
    ModelFault(
        "`finish_reason: error`",
        Plan(finish_reason="error"),
        FailureKind.ENDED_IN_ERROR,
        AnswerStatus.CUT_OFF,
        kept=None,
    ),
    ModelFault("refusal", Plan(refusal="I can't help with that."), FailureKind.REFUSAL, AnswerStatus.FAILED),
    ModelFault("length limit", Plan(finish_reason="length"), FailureKind.LENGTH, AnswerStatus.CUT_OFF, kept=None),
    ModelFault(
        "content filter",
        Plan(finish_reason="content_filter"),
        FailureKind.CONTENT_FILTER,
        AnswerStatus.CUT_OFF,
        kept=None,
    ),
    ModelFault("empty answer", Plan(tokens=[]), FailureKind.EMPTY, AnswerStatus.FAILED),
    ModelFault(
        "an event without end",
        Plan(tokens=WORDS, fault=Fault.ENDLESS_EVENT, at=MIDDLE),
        FailureKind.OVERSIZED,
        AnswerStatus.CUT_OFF,
        kept=MIDDLE,
        is_huge=True,
    ),
    ModelFault("usage missing", Plan(usage=False), None, AnswerStatus.DONE, kept=None),
    ModelFault("one chunk of 1 MB", Plan(tokens=[LINE]), None, AnswerStatus.DONE, kept=None, is_huge=True),
    ModelFault("an answer of 10 MB", Plan(tokens=BLOCKS), None, AnswerStatus.DONE, kept=None, is_huge=True),
)


def names(faults: tuple[ModelFault, ...]) -> list[str]:
    """Return what tests are called."""
    return [fault.name for fault in faults]


def table() -> str:
    """Return the table in Markdown, as `docs/faults.md` has it."""
    rows = [
        "| What goes wrong | The answer is marked | Weir says | What to do | Kept |",
        "|---|---|---|---|---|",
    ]
    for fault in FAULTS:
        partial = "all" if fault.kept is None else "what had arrived" if fault.kept else "nothing had arrived"
        message, remedy = (fault.kind.message, fault.kind.hint) if fault.kind else ("nothing: the answer is whole", "")
        rows.append(f"| {fault.name} | *{fault.mark.value}* | {message} | {remedy} | {partial} |")
    return "\n".join(rows)


if __name__ == "__main__":
    print(table())  # noqa: T201
