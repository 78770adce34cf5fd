"""The same prompt through several methods at once, and what that says."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from weir.analysis.metrics import root_chunk_text
from weir.runs.methods import Method
from weir.runs.run import Run, Status


@dataclass(slots=True)
class Lane:
    """One method's run in a race. `read` takes in what has come since the last time."""

    method: Method
    run: Run
    arrivals: list[float] = field(default_factory=list)
    """Seconds from the run's start to each piece of text."""
    _pieces: list[str] = field(default_factory=list)
    _seen: int = 0

    def read(self) -> "Lane":
        """Take in the events that have come."""
        events = self.run.events
        for event in events[self._seen : len(events)]:
            self._seen += 1
            if piece := root_chunk_text(event):
                self.arrivals.append(event.elapsed)
                self._pieces.append(piece)
        return self

    @property
    def text(self) -> str:
        """What has been written."""
        return "".join(self._pieces)

    @property
    def first(self) -> float | None:
        """Seconds to the first text."""
        return self.arrivals[0] if self.arrivals else None

    @property
    def last(self) -> float:
        """Seconds to the end of the run, as far as it has got."""
        return self.run.events[-1].elapsed if self.run.events else 0.0

    @property
    def is_whole(self) -> bool:
        """Whether it came to its end by itself."""
        return self.run.status is Status.DONE and bool(self.arrivals)


def method_of(run: Run) -> Method:
    """Return the method by which a run was started; where its record names none, the usual one."""
    named = run.context.get("method")
    return next((method for method in Method if method.value == named), Method.ASTREAM)


def seconds_spoken(value: float) -> str:
    """Seconds as said aloud: `0.3 s`, `8.4 s`, `75 s`; below a tenth of a second in milliseconds."""
    if value < 0.095:
        return f"{value * 1e3:.0f} ms"
    return f"{value:.1f} s" if value < 60 else f"{value:.0f} s"


def summary(lanes: Sequence[Lane]) -> str:
    """Return what a finished race says in one sentence, or "" where it says nothing."""
    whole = [lane for lane in lanes if lane.is_whole]
    firsts = [lane.first for lane in whole if lane.method.streams and lane.first is not None]
    waits = [lane.first for lane in whole if not lane.method.streams and lane.first is not None]
    if firsts and waits:
        return (
            f"Without streaming you would have waited {seconds_spoken(waits[0])} for the first word; "
            f"with it {seconds_spoken(min(firsts))}."
        )
    if len(firsts) > 1 and len(whole) == len(lanes):
        least, most = seconds_spoken(min(firsts)), seconds_spoken(max(firsts))
        came = f"after {least}" if least == most else f"after {least} to {most}"
        last = seconds_spoken(max(e.last for e in whole))
        return f"All of these stream: the first word came {came}, the last after {last}."
    return ""


def text_agreement(lanes: Sequence[Lane]) -> str:
    """Return whether the texts of the lanes that came to their end are the same."""
    texts = [lane.text for lane in lanes if lane.is_whole]
    if len(texts) < 2:
        return ""
    if len(set(texts)) == 1:
        return f"All {len(texts)} texts are the same, to the character ({len(texts[0]):,} characters)."
    alike = next(_differences(texts))
    return (
        f"The texts are the same for {alike:,} characters, then they differ: the model was asked anew for each lane "
        "and chose its words anew. With a recorded stream, or a temperature of 0 and a seed, only the method differs."
    )


def _differences(texts: Sequence[str]) -> Iterator[int]:
    longest = max(map(len, texts))
    for place, signs in enumerate(zip(*(text.ljust(longest, "\0") for text in texts), strict=True)):
        if len(set(signs)) > 1:
            yield place


def timed_chunks(run: Run) -> list[tuple[float, str]]:
    """Return the text of a run with the seconds from the call of its model to each piece, for another to say again."""
    called = next((event.elapsed for event in run.events if event.event == "on_chat_model_start"), 0.0)
    return [(max(0.0, event.elapsed - called), piece) for event in run.events if (piece := root_chunk_text(event))]


def run_input(run: Run) -> dict[str, Any]:
    """Return the input of a story's run."""
    value = run.input
    return value if isinstance(value, dict) else {}
