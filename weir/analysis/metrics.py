"""Metrics of a run, and its answer's text: functions `events -> value`."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import Any

from weir.analysis.answer_reader import AnswerReader
from weir.analysis.asked_models import AskedModels, ModelTokens
from weir.analysis.messages import is_message, text_of, writes_tool_call
from weir.analysis.reported_times import TIMES_EVENT, reported_times
from weir.analysis.thinking import Thinking
from weir.analysis.usage import Usage, read_usage
from weir.core.run_event import RunEvent

FINISH_REASONS = ("finish_reason", "stop_reason", "done_reason")
"""Keys of the finish reason in `response_metadata` (OpenAI, Anthropic, Ollama)."""


def root_chunk_text(event: RunEvent) -> str:
    """Return the text that an event adds to the answer of a chain: a chunk of the root, if it is text; else ""."""
    if event.component.parent_ids or not event.event.endswith("_stream"):
        return ""
    return text_of(event.get("chunk"))


def output_of(events: Iterable[RunEvent], name: str) -> Any:
    """Return the output of the first component of that name that has ended; None if there is none."""
    for event in events:
        if event.name == name and event.event.endswith("_end"):
            return event.get("output")
    return None


def custom_event(events: Iterable[RunEvent], name: str) -> Any:
    """Return the data of the first custom event of that name; None if there is none."""
    for event in events:
        if event.event == "on_custom_event" and event.name == name:
            return event.data
    return None


def finish_reason_of(message: dict[str, Any]) -> tuple[str | None, bool]:
    """Return a message's finish reason, and whether its provider always reports one.

    A reason that is not text counts as unknown. It still shows that the stream is complete, so that no other is
    expected.
    """
    metadata = message.get("response_metadata")
    if not isinstance(metadata, dict):
        return None, False
    values = [metadata[key] for key in FINISH_REASONS if metadata.get(key)]
    reason = next((value for value in values if isinstance(value, str)), None)
    return reason, metadata.get("model_provider") == "openai" and (reason is not None or not values)


def percentile(values: Iterable[float], fraction: float) -> float:
    """Return the percentile of values by the nearest rank: at least that share of them is no larger.

    `fraction` 0.95 is the 95th.

    Raises IndexError without values.
    """
    ordered = sorted(values)
    return ordered[max(0, math.ceil(fraction * len(ordered)) - 1)]


def _refusal(message: dict[str, Any]) -> str:
    more = message.get("additional_kwargs")
    return str(more.get("refusal") or "") if isinstance(more, dict) else ""


def _names_a_tool(message: dict[str, Any]) -> bool:
    """Whether a message calls a tool. A call without a name is none: no tool can be found for it."""
    return any(isinstance(call, dict) and call.get("name") for call in message.get("tool_calls") or ())


@dataclass(frozen=True, slots=True)
class RunMetrics:
    """Metrics of a run. Times are seconds. None: has not happened, or is not known."""

    time_to_first_token: float | None
    """Seconds from the run's start to the first text of its answer that is not empty."""
    inter_token_latencies: tuple[float, ...]
    """Seconds between consecutive chunks of the answer that are not empty."""
    tokens_in: int | None
    """Input tokens of all model calls, as the server counted them."""
    tokens_out: int | None
    """Output tokens of all model calls, as the server counted them, else the number of chunks."""
    exact: bool
    """Whether the tokens are the server's count."""
    tokens_per_second: float | None
    """Tokens of the answering call after the first, divided by the time from the first to the last chunk."""
    finish_reason: str | None
    """Of the last model call that ended; None if it reported none, or one that is not text."""
    expects_finish_reason: bool
    """Whether the provider of the last model call that ended always reports a finish reason."""
    chunks: int
    """Number of chunks of the answer that are not empty."""
    characters: int
    """Length of the answer."""
    duration: float
    """Seconds from the run's start to its last event so far."""
    refusal: str = ""
    """Refusal text of the last model call that ended."""
    silent: bool = False
    """Whether the last model call that ended produced no text and no tool call."""
    time_to_first_reasoning: float | None = None
    """Seconds from the run's start to the first reasoning of a model."""
    thinking_seconds: float = 0.0
    """Seconds that all model calls spent on reasoning: from its first chunk to what follows it."""
    reasoning_tokens: int | None = None
    """Reasoning tokens of all model calls, as the server counted them, else the number of chunks."""
    writing_seconds: float = 0.0
    """Seconds from the first text of the answer to the last."""
    model: str = ""
    """Name of the model that was asked last; "" if it is not known."""
    tokens_by_model: tuple[ModelTokens, ...] = ()
    """Tokens of each model, where several were asked."""

    @property
    def tokens_to_pay(self) -> tuple[ModelTokens, ...]:
        """The tokens of each model that was asked."""
        return self.tokens_by_model or (ModelTokens(self.model, self.tokens_in, self.tokens_out),)

    @property
    def waiting_seconds(self) -> float | None:
        """Seconds from the run's start to the first reasoning or text."""
        starts = [at for at in (self.time_to_first_reasoning, self.time_to_first_token) if at is not None]
        return min(starts, default=None)

    @property
    def written_tokens(self) -> int | None:
        """Output tokens without those of reasoning."""
        return None if self.tokens_out is None else max(0, self.tokens_out - (self.reasoning_tokens or 0))

    @property
    def median_latency(self) -> float | None:
        """Median inter-token latency."""
        return median(self.inter_token_latencies) if self.inter_token_latencies else None

    @property
    def p95_latency(self) -> float | None:
        """95th percentile of the inter-token latency."""
        return percentile(self.inter_token_latencies, 0.95) if self.inter_token_latencies else None


@dataclass(slots=True)
class MetricsAccumulator:
    """Computes metrics event by event, for a reader that follows a live run.

    `run_metrics(events)` does it for a whole list.
    """

    _answer: AnswerReader = field(default_factory=AnswerReader, init=False)
    _thinking: Thinking = field(default_factory=Thinking, init=False)
    _first_at: float | None = field(default=None, init=False)
    _newest_at: float = field(default=0.0, init=False)
    _latencies: list[float] = field(default_factory=list, init=False)
    _chunks: int = field(default=0, init=False)
    _characters: int = field(default=0, init=False)
    _usage: list[Usage] = field(default_factory=list, init=False)
    _uncounted_chunks: dict[str, int] = field(default_factory=dict, init=False)
    """Chunks of each model call, by run id, whose output tokens the server has not counted."""
    _finish_reason: str | None = field(default=None, init=False)
    _expects_finish_reason: bool = field(default=False, init=False)
    _refusal: str = field(default="", init=False)
    _silent: bool = field(default=False, init=False)
    _last_at: float = field(default=0.0, init=False)
    _has_reported_times: bool = field(default=False, init=False)
    """Whether the program has reported when tokens came, without their text."""
    _asked: AskedModels = field(default_factory=AskedModels, init=False)

    def add(self, event: RunEvent, chunk: Any = None) -> str:
        """Process one event and return the text that it adds to the answer.

        `chunk` is that of the event, if it is decoded already.
        """
        self._last_at = event.elapsed
        is_model = event.event == "on_chat_model_stream"
        if is_model and chunk is None:
            chunk = event.get("chunk")
        added = self._answer.read(event, chunk)
        if added and self._has_reported_times:
            # The program has sent when it was written, and then the whole.
            self._chunks += 1
            self._characters += len(added)
        elif added:
            if self._answer.begins_anew:
                self._first_at = None
                self._latencies.clear()
                self._chunks = self._characters = 0
            if self._first_at is None:
                self._first_at = event.elapsed
            else:
                self._latencies.append(event.elapsed - self._newest_at)
            self._newest_at = event.elapsed
            self._chunks += 1
            self._characters += len(added)
        if is_model:
            text = added or text_of(chunk)
            has_reasoning = self._thinking.read(event, chunk, text)
            if event.is_root or has_reasoning or text or writes_tool_call(chunk):
                self._uncounted_chunks[event.run_id] = self._uncounted_chunks.get(event.run_id, 0) + 1
        elif event.event == "on_chat_model_end":
            self._end_of_call(event)
        elif event.event == TIMES_EVENT:
            self._read_times(event)
        elif event.event == "on_chat_model_start":
            self._asked.begin(event)
        return added

    def _read_times(self, event: RunEvent) -> None:
        """Take in when a model's tokens came. The answer is that of the model that began to write last."""
        *_, tokens = reported_times(event)
        if tokens and (self._first_at is None or tokens[0] >= self._first_at):
            self._has_reported_times = True
            self._first_at, self._newest_at = tokens[0], tokens[-1]
            self._latencies = [later - earlier for earlier, later in pairwise(tokens)]

    def _end_of_call(self, event: RunEvent) -> None:
        output = event.get("output")
        message = output if isinstance(output, dict) else {}
        self._add_usage(event.run_id, read_usage(output))
        self._thinking.end_of_call(event, message)
        self._finish_reason, self._expects_finish_reason = finish_reason_of(message)
        self._refusal = _refusal(message)
        self._silent = is_message(message) and not (text_of(message) or _names_a_tool(message))

    def _add_usage(self, run_id: str, usage: Usage | None) -> None:
        """Replace the number of chunks by the server's count, if there is one."""
        if usage is None:
            return
        self._usage.append(usage)
        self._asked.count(run_id, usage)
        if usage.output_tokens is not None:
            self._uncounted_chunks.pop(run_id, None)

    @property
    def _is_counted(self) -> bool:
        """Whether the server has counted all output tokens."""
        return not self._uncounted_chunks and any(usage.output_tokens is not None for usage in self._usage)

    @property
    def tokens_so_far(self) -> int:
        """Output tokens so far: the server's counts, and chunks where it has not counted."""
        return sum(usage.output_tokens or 0 for usage in self._usage) + sum(self._uncounted_chunks.values())

    @property
    def begins_anew(self) -> bool:
        """Whether the text that `add` returned last begins another answer, as that of a graph's next model."""
        return self._answer.begins_anew

    @property
    def reasoning(self) -> str:
        """What the model that reasoned last has thought so far."""
        return self._thinking.text

    @property
    def reasoning_tokens(self) -> int:
        """Reasoning tokens so far."""
        return self._thinking.tokens or 0

    @property
    def time_to_first_reasoning(self) -> float | None:
        """Seconds from the run's start to the first reasoning; None before it."""
        return self._thinking.first_at

    @property
    def thinking_seconds(self) -> float:
        """Seconds of reasoning so far."""
        return self._thinking.seconds

    @property
    def time_to_first_token(self) -> float | None:
        """Seconds from the run's start to the first text; None before it."""
        return self._first_at

    @property
    def tokens_per_second(self) -> float | None:
        """Tokens of the answering call after the first, divided by the time from the first to the last chunk."""
        counted = self._usage[-1].output_tokens if self._is_counted else None
        # Reasoning was written before the first chunk of the answer.
        tokens = counted - self._thinking.in_last_call if counted else self._chunks
        writing = self._newest_at - (self._first_at or 0.0)
        return (tokens - 1) / writing if self._chunks > 1 and writing > 0 and tokens > 1 else None

    def metrics(self) -> RunMetrics:
        """Return the metrics of the events so far."""
        input_tokens = [usage.input_tokens for usage in self._usage if usage.input_tokens is not None]
        return RunMetrics(
            time_to_first_token=self._first_at,
            inter_token_latencies=tuple(self._latencies),
            tokens_in=sum(input_tokens) if input_tokens else None,
            tokens_out=self.tokens_so_far or None,
            exact=self._is_counted,
            tokens_per_second=self.tokens_per_second,
            finish_reason=self._finish_reason,
            expects_finish_reason=self._expects_finish_reason,
            chunks=self._chunks,
            characters=self._characters,
            duration=self._last_at,
            refusal=self._refusal,
            silent=self._silent,
            time_to_first_reasoning=self._thinking.first_at,
            thinking_seconds=self._thinking.seconds,
            reasoning_tokens=self._thinking.tokens,
            writing_seconds=0.0 if self._first_at is None else self._newest_at - self._first_at,
            model=self._asked.newest,
            tokens_by_model=self._asked.tokens(self._uncounted_chunks),
        )


def run_metrics(events: Iterable[RunEvent]) -> RunMetrics:
    """Return the metrics of a run's events."""
    accumulator = MetricsAccumulator()
    for event in events:
        accumulator.add(event)
    return accumulator.metrics()
