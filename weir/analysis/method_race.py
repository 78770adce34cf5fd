"""Race: the same prompt run by several methods or models at once, and a comparison of the results in sentences."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from weir.analysis.metrics import root_chunk_text
from weir.runs.methods import Method
from weir.runs.run import Run, Status


@dataclass(slots=True)
class Lane:
    """The run of one method or model in a race. `read` processes the events since its last call."""

    method: Method
    run: Run
    model: str = ""
    """Name of the model, where models race; "" where methods do."""
    arrivals: list[float] = field(default_factory=list)
    """Seconds from the run's start to each chunk of text."""
    _texts: list[str] = field(default_factory=list, init=False)
    _events_read: int = field(default=0, init=False)

    def read(self) -> "Lane":
        """Process the new events."""
        events = self.run.events
        for event in events[self._events_read : len(events)]:
            self._events_read += 1
            if text := root_chunk_text(event):
                self.arrivals.append(event.elapsed)
                self._texts.append(text)
        return self

    @property
    def label(self) -> str:
        """What the lane is called: its model, or its method."""
        return self.model or self.method.label

    @property
    def text(self) -> str:
        """The answer so far."""
        return "".join(self._texts)

    @property
    def first(self) -> float | None:
        """Seconds to the first text; None before it."""
        return self.arrivals[0] if self.arrivals else None

    @property
    def last(self) -> float:
        """Seconds to the run's last event so far."""
        return self.run.events[-1].elapsed if self.run.events else 0.0

    @property
    def is_complete(self) -> bool:
        """Whether the run ended by itself and wrote text."""
        return self.run.status is Status.DONE and bool(self.arrivals)


def method_of(run: Run) -> Method:
    """Return the method by which a run was started; `ASTREAM` if its context does not say."""
    name = run.context.get("method")
    return next((method for method in Method if method.value == name), Method.ASTREAM)


def lanes_of(runs: Sequence[Run]) -> tuple[Lane, ...]:
    """Return the lanes of a race. Where all runs have one method and name different models, models race."""
    methods = [method_of(run) for run in runs]
    models = [name if isinstance(name := run.context.get("model"), str) else "" for run in runs]
    by_model = len(set(methods)) == 1 and len(set(models)) == len(runs) > 1 and all(models)
    lanes = zip(methods, runs, models, strict=True)
    return tuple(Lane(method, run, model if by_model else "") for method, run, model in lanes)


def seconds_spoken(value: float) -> str:
    """Format seconds for a sentence: `0.3 s`, `8.4 s`, `75 s`; below a tenth of a second in milliseconds."""
    if value < 0.095:
        return f"{value * 1e3:.0f} ms"
    return f"{value:.1f} s" if value < 60 else f"{value:.0f} s"


def lanes_within(methods: Sequence[Method], limit: int | None) -> list[Method]:
    """Return at most `limit` of the methods, so that no lane waits for another; one without streaming stays."""
    kept = list(methods)
    while limit is not None and len(kept) > max(2, limit):
        kept.remove(next(method for method in reversed(kept) if method.streams))
    return kept


def summary(lanes: Sequence[Lane]) -> str:
    """Return the result of a finished race in one sentence, or why there is none; "" if there is nothing to compare.

    Streaming is the median of its lanes. Where a lane contradicts that, the sentence says so and compares nothing.
    """
    if any(lane.model for lane in lanes):
        return _model_summary(lanes)
    complete = [lane for lane in lanes if lane.is_complete]
    streamed = [(lane.first, lane) for lane in complete if lane.method.streams and lane.first is not None]
    waits = [lane.first for lane in complete if not lane.method.streams and lane.first is not None]
    firsts = [first for first, _ in streamed]
    has_both_kinds = len({lane.method.streams for lane in lanes}) == 2
    if firsts and waits:
        wait, latest = min(waits), max(streamed, key=lambda pair: pair[0])[1]
        if max(firsts) >= wait:
            return (
                f"No result: {latest.method.label} streams, and its first word came after "
                f"{seconds_spoken(max(firsts))}, no sooner than without streaming ({seconds_spoken(wait)}). The answer "
                "was very short, or the lane had to wait at the server. Race again with fewer methods or a recorded "
                "stream."
            )
        return (
            f"Without streaming you would have waited {seconds_spoken(wait)} for the first word; "
            f"with it {seconds_spoken(median(firsts))}."
        )
    if has_both_kinds:
        return f"No result: {'the lane without streaming did not finish' if firsts else 'no streaming lane finished'}."
    if len(firsts) > 1 and len(complete) == len(lanes):
        earliest, last_first = seconds_spoken(min(firsts)), seconds_spoken(max(firsts))
        first = f"after {earliest}" if earliest == last_first else f"after {earliest} to {last_first}"
        last = seconds_spoken(max(lane.last for lane in complete))
        return f"All of these stream: the first word came {first}, the last after {last}."
    return ""


def _model_summary(lanes: Sequence[Lane]) -> str:
    """Return which model had the first word and which ended first; "" where fewer than two have finished."""
    complete = [lane for lane in lanes if lane.is_complete]
    if len(complete) < 2:
        return ""
    by_first = sorted(complete, key=lambda lane: lane.arrivals[0])
    quickest, others = by_first[0], by_first[1:]
    latest = ", ".join(f"{lane.label} {seconds_spoken(lane.arrivals[0])}" for lane in others)
    ended = min(complete, key=lambda lane: lane.last)
    return (
        f"{quickest.label} had the first word after {seconds_spoken(quickest.arrivals[0])} ({latest}); "
        f"{ended.label} ended first, after {seconds_spoken(ended.last)}."
    )


def text_agreement(lanes: Sequence[Lane]) -> str:
    """Return whether the texts of the complete lanes are the same, in a sentence; "" for fewer than two, or models."""
    texts = [lane.text for lane in lanes if lane.is_complete and not lane.model]
    if len(texts) < 2:
        return ""
    if len(set(texts)) == 1:
        return f"All {len(texts)} texts are the same, to the character ({len(texts[0]):,} characters)."
    return (
        f"The texts are the same for {_common_prefix_length(texts):,} characters, then they differ: each lane was "
        "sampled separately. With a recorded stream only the method differs."
    )


def _common_prefix_length(texts: Sequence[str]) -> int:
    """Return the number of characters with which all texts begin."""
    columns = enumerate(zip(*texts, strict=False))
    return next((index for index, characters in columns if len(set(characters)) > 1), min(map(len, texts)))


def timed_chunks(run: Run) -> list[tuple[float, str]]:
    """Return the chunks of a run's answer with the seconds from the model's call to each, for a replay model."""
    start = next((event.elapsed for event in run.events if event.event == "on_chat_model_start"), 0.0)
    return [(max(0.0, event.elapsed - start), text) for event in run.events if (text := root_chunk_text(event))]


def run_input(run: Run) -> dict[str, Any]:
    """Return the input of a run if it is a dict, as a story's is; else an empty dict."""
    value = run.input
    return value if isinstance(value, dict) else {}
