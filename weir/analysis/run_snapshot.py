"""Snapshot of a run up to one of its events: tree, metrics, names and errors. It reads each event once."""

from collections.abc import Sequence

from weir.analysis.metrics import MetricsAccumulator, RunMetrics
from weir.analysis.run_tree import NodeStatus, RunNode, TreeBuilder
from weir.core.run_event import RunEvent

CUT = "The record ends before this component does: what became of it is not known."


class RunSnapshot:
    """Tree, metrics, names and errors of the events read so far. An update costs only the new events."""

    def __init__(self) -> None:
        self.events: list[RunEvent] = []
        self.names: set[str] = set()
        self.types: set[str] = set()
        """Types as in LangChain's event filter: a custom event's type is its name."""
        self.tags: set[str] = set()
        self.kinds: set[str] = set()
        """Names of events, such as `on_chat_model_stream`."""
        self.error_origins: list[RunNode] = []
        """Components in which an error began. The components around them report it again; these are left out."""
        self._tree = TreeBuilder()
        self._metrics = MetricsAccumulator()
        self._seen: set[tuple[int, str]] = set()
        self._errors: set[str] = set()

    def advance_to(self, events: Sequence[RunEvent], count: int) -> None:
        """Read on to the first `count` events. Raises ValueError if more have been read: a snapshot cannot go back."""
        if count < len(self.events):
            raise ValueError("a snapshot cannot go back")
        for event in events[len(self.events) : count]:
            self._read(event)

    def read_whole(self, events: Sequence[RunEvent]) -> None:
        """Read all events of a record that nothing is added to any more.

        A component that is open then was cut: contact with its program was lost, or the file is not whole.
        """
        self.advance_to(events, len(events))
        for node in self.nodes.values():
            if node.status is NodeStatus.RUNNING:
                node.status, node.error = NodeStatus.INTERRUPTED, CUT

    def _read(self, event: RunEvent) -> None:
        self.events.append(event)
        # Decoded once for both, which is half of what an event costs.
        chunk = event.get("chunk") if event.event.endswith("_stream") else None
        self._tree.add(event, chunk)
        self._metrics.add(event, chunk)
        if event.event.endswith("_error"):
            self._add_origin(self.nodes.get(event.run_id))
        key = (id(event.component), event.event)
        if key in self._seen:
            return
        self._seen.add(key)
        self.names.add(event.name)
        self.types.add(event.name if event.event == "on_custom_event" else event.type)
        self.tags.update(event.component.tags)
        self.kinds.add(event.event)

    def _add_origin(self, node: RunNode | None) -> None:
        if node is None or node.status is not NodeStatus.FAILED:
            return
        if node.error not in self._errors:
            self._errors.add(node.error)
            self.error_origins.append(node)

    @property
    def root(self) -> RunNode | None:
        """Root of the run tree; None before the first event."""
        return self._tree.root

    @property
    def nodes(self) -> dict[str, RunNode]:
        """Components by run id."""
        return self._tree.nodes

    def metrics(self) -> RunMetrics:
        """Return the metrics of the run so far."""
        return self._metrics.metrics()
