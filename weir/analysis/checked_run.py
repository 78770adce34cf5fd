"""A run that is held against rules, and what a rule finds in it."""

from collections.abc import Sequence
from dataclasses import dataclass

from weir.analysis.metrics import MetricsAccumulator, RunMetrics
from weir.analysis.run_tree import RunNode, TreeBuilder
from weir.core.run_event import RunEvent


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Whether one rule holds for a recording."""

    rule: str
    """The rule's name, with the component, text or tool that it is about."""
    holds: bool | None
    """None if it could not be checked."""
    figure: str
    """What the recording has."""
    bound: str
    """What the rule asks for."""
    seq: int | None = None
    """`seq` of the event in which a broken rule broke."""
    at: float | None = None
    """Seconds from the run's start to that event."""

    @property
    def sentence(self) -> str:
        """The result in one line: `first_token: 1.31 s; asked for: at most 1.00 s (event 17 at 1.31 s)`."""
        place = "" if self.seq is None else f" (event {self.seq} at {self.at:.2f} s)"
        return f"{self.rule}: {self.figure}; asked for: {self.bound}{place}"


@dataclass(frozen=True, slots=True)
class CheckedRun:
    """A run that is held against rules: its events with what all rules share, each event read once."""

    events: Sequence[RunEvent]
    metrics: RunMetrics
    root: RunNode | None
    nodes: dict[str, RunNode]
    answer_events: tuple[RunEvent, ...]
    """Events that add text to the answer."""
    text: str

    def broken(self, rule: str, figure: str, bound: str, event: RunEvent | None = None) -> CheckResult:
        """Return the result of a broken rule. Without an event, it broke at the end."""
        event = event or (self.events[-1] if self.events else None)
        if event is None:
            return CheckResult(rule, False, figure, bound)
        return CheckResult(rule, False, figure, bound, event.seq, event.elapsed)


def read_events(events: Sequence[RunEvent]) -> CheckedRun:
    """Return what all rules share of a run's events."""
    metrics, tree = MetricsAccumulator(), TreeBuilder()
    answer_events, texts = [], []
    for event in events:
        tree.add(event)
        if added := metrics.add(event):
            answer_events.append(event)
            texts.append(added)
    return CheckedRun(events, metrics.metrics(), tree.root, tree.nodes, tuple(answer_events), "".join(texts))
