"""All that is shown of a run up to one of its events. Each event is read once, so a live run costs what it brings."""

from collections.abc import Sequence

from weir.analysis.metrics import MetricsAccumulator, RunMetrics
from weir.analysis.run_tree import NodeStatus, RunNode, TreeBuilder
from weir.core.run_event import RunEvent


class RunSnapshot:
    """The tree, the figures and the names of the events read so far."""

    def __init__(self) -> None:
        self.events: list[RunEvent] = []
        self.names: set[str] = set()
        self.types: set[str] = set()
        """As LangChain's filter means them: a custom event's type is its name."""
        self.tags: set[str] = set()
        self.kinds: set[str] = set()
        """The names of events: `on_chat_model_stream` …"""
        self.origins: list[RunNode] = []
        """The components in which an error began: it is told again by each that it passed through."""
        self._tree = TreeBuilder()
        self._meter = MetricsAccumulator()
        self._known: set[tuple[int, str]] = set()
        self._errors: set[str] = set()

    def advance_to(self, events: Sequence[RunEvent], count: int) -> None:
        """Read on, up to the first `count` events of a record. Raises ValueError where more have been read."""
        if count < len(self.events):
            raise ValueError("an inspection only goes forward")
        for event in events[len(self.events) : count]:
            self._read(event)

    def _read(self, event: RunEvent) -> None:
        self.events.append(event)
        self._tree.add(event)
        self._meter.add(event)
        if event.event.endswith("_error"):
            self._note_origin(self.nodes.get(event.run_id))
        known = (id(event.component), event.event)
        if known in self._known:
            return
        self._known.add(known)
        self.names.add(event.name)
        self.types.add(event.name if event.event == "on_custom_event" else event.type)
        self.tags.update(event.component.tags)
        self.kinds.add(event.event)

    def _note_origin(self, node: RunNode | None) -> None:
        if node is None or node.status is not NodeStatus.FAILED:
            return
        if node.error not in self._errors:
            self._errors.add(node.error)
            self.origins.append(node)

    @property
    def root(self) -> RunNode | None:
        """The run tree; None before the first event."""
        return self._tree.root

    @property
    def nodes(self) -> dict[str, RunNode]:
        """The components by their run ids."""
        return self._tree.nodes

    def figures(self) -> RunMetrics:
        """The figures of the run so far."""
        return self._meter.metrics()
