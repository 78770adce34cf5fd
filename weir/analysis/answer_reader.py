"""Answer reader: the text of a run's answer, event by event.

The answer is what the root yields as text. A graph yields the changes of its state instead, so its answer is the text
of the model under it that began to write last. So does a run that another program has sent: what its root yields cannot
be seen there. Where that program has invoked the root, the answer is the root's output.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from weir.analysis.messages import text_of
from weir.core.run_event import EVENT_PREFIX, RunEvent

_GRAPHS = ("langgraph", "langchain_create_agent")
"""LangGraph's own note in the metadata of a graph, for graphs that were recorded without their state."""


@dataclass(slots=True)
class AnswerReader:
    """Reads the answer of one run. `read` is called with each event, in order."""

    begins_anew: bool = field(default=False, init=False)
    """Whether the text of the event that was read last begins another answer, in place of the one before."""
    is_graph: bool = field(default=False, init=False)
    """Whether the models write the answer, not the root."""
    _is_attached: bool = field(default=False, init=False)
    _writer: str = field(default="", init=False)
    """Run id of the component whose text is the answer so far."""
    _models: set[str] = field(default_factory=set, init=False)
    """Run ids of the models that have written."""

    def read(self, event: RunEvent, chunk: Any = None) -> str:
        """Return the text that an event adds to the answer. `chunk` is that of the event, if it is decoded already."""
        self.begins_anew = False
        if not event.component.parent_ids:
            if not event.event.endswith("_stream"):
                self.is_graph = self.is_graph or _is_of_graph(event)
                self._is_attached = self._is_attached or event.event == f"{EVENT_PREFIX}attached"
                is_output = self._is_attached and not self._writer and event.event.endswith("_end")
                return text_of(event.get("output")) if is_output else ""
        elif not self.is_graph or event.event not in ("on_chat_model_stream", "on_llm_stream"):
            return ""
        text = text_of(event.get("chunk") if chunk is None else chunk)
        return text if text and self._is_answer(event) else ""

    def _is_answer(self, event: RunEvent) -> bool:
        """Whether text of this event's component belongs to the answer, which it may begin."""
        if event.run_id == self._writer:
            return True
        if event.run_id in self._models:
            return False
        self._models.add(event.run_id)
        self.begins_anew, self._writer = bool(self._writer), event.run_id
        return True


def _is_of_graph(event: RunEvent) -> bool:
    return event.event.startswith(EVENT_PREFIX) or event.component.metadata.get("ls_integration") in _GRAPHS


def answer_chunks(events: Iterable[RunEvent]) -> Iterator[tuple[RunEvent, str]]:
    """Yield each event that adds text to the answer, with that text. Of a graph's models, the last one's only."""
    reader = AnswerReader()
    found: list[tuple[RunEvent, str]] = []
    for event in events:
        text = reader.read(event)
        if text and not reader.is_graph:
            yield event, text
        elif text:
            if reader.begins_anew:
                found.clear()
            found.append((event, text))
    yield from found


def answer_text(events: Iterable[RunEvent]) -> str:
    """Return the run's answer."""
    return "".join(text for _, text in answer_chunks(events))
