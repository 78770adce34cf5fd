"""JSON in a run: the chunks of text that its model wrote, and the values that the chain yielded."""

from collections.abc import Iterable
from typing import NamedTuple

from weir.analysis.run_tree import RunNode, TreeBuilder
from weir.core.run_event import RunEvent
from weir.partial_json.fields import Json


class TimedText(NamedTuple):
    """A chunk of text, with the seconds since the run's start."""

    elapsed: float
    text: str


class ChainOutput(NamedTuple):
    """A chunk that the root of the chain yielded. `elapsed` is seconds since the run's start."""

    elapsed: float
    value: Json


class RunJsonReader:
    """Collects the text of a run's JSON and the chunks that the chain yielded. It reads each event once.

    The text is that of the model with the most chunks; in a run without a model, that of the root.
    """

    def __init__(self) -> None:
        self.outputs: list[ChainOutput] = []
        self._tree = TreeBuilder()

    def read(self, events: Iterable[RunEvent]) -> None:
        """Process further events."""
        for event in events:
            self._tree.add(event)
            if event.is_root and event.event.endswith("_stream"):
                self.outputs.append(ChainOutput(event.elapsed, event.get("chunk")))

    @property
    def writer(self) -> RunNode | None:
        """The component that wrote the text."""
        models = [node for node in self._tree.nodes.values() if node.is_model]
        return max(models, key=lambda node: len(node.chunk_texts), default=self._tree.root)

    def chunks(self, after: int = 0) -> list[TimedText]:
        """Return the chunks of text from index `after` on."""
        node = self.writer
        if node is None:
            return []
        return [TimedText(at, text) for at, text in zip(node.text_times[after:], node.chunk_texts[after:], strict=True)]
