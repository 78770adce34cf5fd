"""What a run's events say about it: its text and its figures. Functions `events -> value`, nothing else."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from weir.analysis.messages import is_message, text_of
from weir.analysis.usage import Usage, read_usage
from weir.core.run_event import RunEvent

FINISH_REASONS = ("finish_reason", "stop_reason", "done_reason")
"""Where providers put why the model stopped (OpenAI, Anthropic, Ollama), in `response_metadata`."""


def root_chunk_text(event: RunEvent) -> str:
    """Return the text that this event adds to the run's answer: what the root yields, if it is text."""
    if event.component.parent_ids or not event.event.endswith("_stream"):
        return ""
    return text_of(event.get("chunk"))


def answer_text(events: Iterable[RunEvent]) -> str:
    """Return the run's answer: all text that its root has streamed."""
    return "".join(map(root_chunk_text, events))


def output_of(events: Iterable[RunEvent], name: str) -> Any:
    """Return the recorded output of the first finished component of that name, or None."""
    for event in events:
        if event.name == name and event.event.endswith("_end"):
            return event.get("output")
    return None


def custom_event(events: Iterable[RunEvent], name: str) -> Any:
    """Return the data of the first custom event of that name, or None."""
    for event in events:
        if event.event == "on_custom_event" and event.name == name:
            return event.data
    return None


def finish_reason_of(message: dict[str, Any]) -> tuple[str | None, bool]:
    """Return a model's finish reason, and whether its provider always names one.

    A reason that is no text is not known; its stream has come to its end all the same, so that no other is expected.
    """
    about = message.get("response_metadata")
    if not isinstance(about, dict):
        return None, False
    found = [about[key] for key in FINISH_REASONS if about.get(key)]
    reason = next((named for named in found if isinstance(named, str)), None)
    return reason, about.get("model_provider") == "openai" and (reason is not None or not found)


def _refusal(message: dict[str, Any]) -> str:
    about = message.get("additional_kwargs")
    return str(about.get("refusal") or "") if isinstance(about, dict) else ""


def _names_a_tool(message: dict[str, Any]) -> bool:
    """Whether a message calls a tool. A call without a name is none: no tool can be found for it."""
    return any(isinstance(call, dict) and call.get("name") for call in message.get("tool_calls") or ())


@dataclass(frozen=True, slots=True)
class RunMetrics:
    """What was measured of a run. Times are seconds; None means that it has not happened or is not known."""

    time_to_first_token: float | None
    """From the run's start to the first non-empty text of its answer."""
    inter_token_latencies: tuple[float, ...]
    """Between the arrivals of consecutive non-empty chunks of the answer."""
    tokens_in: int | None
    """Prompt tokens of all model calls, as the server counted them."""
    tokens_out: int | None
    """Completion tokens of all model calls, as the server counted them; else the number of chunks."""
    exact: bool
    """Whether the tokens are the server's own count."""
    tokens_per_second: float | None
    """Tokens of the answering call after its first, over the time from the first to the last chunk."""
    finish_reason: str | None
    """Of the last model call that ended; None where it named none, or none that is text."""
    expects_finish_reason: bool
    """Whether the last model call that ended is of a provider that always names one, as text if at all."""
    chunks: int
    """Non-empty text chunks of the answer."""
    characters: int
    """Length of the answer."""
    duration: float
    """From the run's start to its last event so far."""
    refusal: str = ""
    """What the last model call that ended declined with."""
    silent: bool = False
    """Whether the last model call that ended wrote nothing and called no tool."""

    @property
    def median_latency(self) -> float | None:
        """Median inter-token latency."""
        return median(self.inter_token_latencies) if self.inter_token_latencies else None

    @property
    def p95_latency(self) -> float | None:
        """95th percentile of the inter-token latency, by the nearest rank."""
        ordered = sorted(self.inter_token_latencies)
        return ordered[int(0.95 * (len(ordered) - 1))] if ordered else None


@dataclass(slots=True)
class MetricsAccumulator:
    """Adds up figures event by event, for a reader that follows a live run.

    `figures(events)` is the same over a whole list.
    """

    _first_at: float | None = None
    _newest_at: float = 0.0
    _latencies: list[float] = field(default_factory=list)
    _chunks: int = 0
    _characters: int = 0
    _usage: list[Usage] = field(default_factory=list)
    _uncounted: dict[str, int] = field(default_factory=dict)
    _calls: int = 0
    _finish_reason: str | None = None
    _expects_finish_reason: bool = False
    _refusal: str = ""
    _silent: bool = False
    _last: float = 0.0

    def add(self, event: RunEvent) -> str:
        """Count one event and return the text that it adds to the answer."""
        self._last = event.elapsed
        added = root_chunk_text(event)
        if added:
            if self._first_at is None:
                self._first_at = event.elapsed
            else:
                self._latencies.append(event.elapsed - self._newest_at)
            self._newest_at = event.elapsed
            self._chunks += 1
            self._characters += len(added)
        if event.event == "on_chat_model_stream" and (event.is_root or text_of(event.get("chunk"))):
            self._uncounted[event.run_id] = self._uncounted.get(event.run_id, 0) + 1
        elif event.event == "on_chat_model_end":
            self._end_of_call(event)
        return added

    def _end_of_call(self, event: RunEvent) -> None:
        self._calls += 1
        output = event.get("output")
        message = output if isinstance(output, dict) else {}
        self._count(event.run_id, read_usage(output))
        self._finish_reason, self._expects_finish_reason = finish_reason_of(message)
        self._refusal = _refusal(message)
        self._silent = is_message(message) and not (text_of(message) or _names_a_tool(message))

    def _count(self, run_id: str, usage: Usage | None) -> None:
        """Put the server's counts in place of the chunks, as far as it counted."""
        if usage is None:
            return
        self._usage.append(usage)
        if usage.output_tokens is not None:
            self._uncounted.pop(run_id, None)

    @property
    def _is_counted(self) -> bool:
        """Whether the server has counted what was written."""
        return not self._uncounted and any(usage.output_tokens is not None for usage in self._usage)

    @property
    def tokens_so_far(self) -> int:
        """Tokens written so far: the server's counts where there are any, chunks where not."""
        return sum(usage.output_tokens or 0 for usage in self._usage) + sum(self._uncounted.values())

    @property
    def time_to_first_token(self) -> float | None:
        """Seconds from the run's start to the first text."""
        return self._first_at

    @property
    def tokens_per_second(self) -> float | None:
        """Tokens of the answering call after its first, over the time from the first to the last chunk."""
        tokens = (self._usage[-1].output_tokens if self._is_counted else None) or self._chunks
        writing = self._newest_at - (self._first_at or 0.0)
        return (tokens - 1) / writing if self._chunks > 1 and writing > 0 and tokens > 1 else None

    def metrics(self) -> RunMetrics:
        """Return the figures of the events added so far."""
        read = [usage.input_tokens for usage in self._usage if usage.input_tokens is not None]
        return RunMetrics(
            time_to_first_token=self._first_at,
            inter_token_latencies=tuple(self._latencies),
            tokens_in=sum(read) if read else None,
            tokens_out=self.tokens_so_far or None,
            exact=self._is_counted,
            tokens_per_second=self.tokens_per_second,
            finish_reason=self._finish_reason,
            expects_finish_reason=self._expects_finish_reason,
            chunks=self._chunks,
            characters=self._characters,
            duration=self._last,
            refusal=self._refusal,
            silent=self._silent,
        )


def run_metrics(events: Iterable[RunEvent]) -> RunMetrics:
    """Return the figures of a run's events."""
    meter = MetricsAccumulator()
    for event in events:
        meter.add(event)
    return meter.metrics()
