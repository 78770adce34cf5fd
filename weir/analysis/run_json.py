"""The chunks of JSON in a run: what its model wrote, and what the chain made of it."""

from collections.abc import Iterable
from typing import NamedTuple

from weir.analysis.run_tree import RunNode, TreeBuilder
from weir.core.run_event import RunEvent
from weir.partial_json.fields import Json


class TimedText(NamedTuple):
    """One chunk of text; `at` is seconds since the start."""

    elapsed: float
    text: str


class ChainOutput(NamedTuple):
    """One chunk that the chain itself gave out."""

    at: float
    value: Json


class RunJsonReader:
    """Reads a run's events once, forward, and keeps the text of its JSON and what the chain yielded.

    The text is that of the model that has written most; of a run without a model, of the root.
    """

    def __init__(self) -> None:
        self.yielded: list[ChainOutput] = []
        self._tree = TreeBuilder()

    def read(self, events: Iterable[RunEvent]) -> None:
        """Take further events."""
        for event in events:
            self._tree.add(event)
            if event.is_root and event.event.endswith("_stream"):
                self.yielded.append(ChainOutput(event.elapsed, event.get("chunk")))

    @property
    def writer(self) -> RunNode | None:
        """The component whose text it is."""
        models = [node for node in self._tree.nodes.values() if node.is_model]
        return max(models, key=lambda node: len(node.chunk_texts), default=self._tree.root)

    def chunks(self, after: int = 0) -> list[TimedText]:
        """Return the chunks of text from number `after` on."""
        node = self.writer
        if node is None or len(node.chunk_texts) != len(node.chunk_times):
            return []
        return [
            TimedText(at, text) for at, text in zip(node.chunk_times[after:], node.chunk_texts[after:], strict=True)
        ]
