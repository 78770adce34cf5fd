"""LangChain's callbacks, told as the events that `astream_events` would give.

For the ways to run a chain that give no events: starts and ends of all components, and the model's chunks. What a
parser or a lambda yields in between is not among the callbacks; whoever takes what the whole chain yields tells it.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler

from streaming.events import Source

Tell = Callable[[str, Source, dict[str, Any]], None]
"""Takes an event's name, its component and its data."""


class Narrator(BaseCallbackHandler):
    """Tells one run's callbacks. The root's end is kept until `end`: what the root yields comes before it."""

    run_inline = True
    """On the thread, and in the order, in which they come."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._sources: dict[UUID, Source] = {}
        self._types: dict[UUID, str] = {}
        self._inputs: dict[UUID, Any] = {}
        self._root: UUID | None = None
        self._root_end: dict[str, Any] | None = None

    def chunk(self, chunk: Any) -> None:
        """Tell what the root has yielded."""
        if self._root is not None and (chunk or not isinstance(chunk, str)):
            self._tell(f"on_{self._types[self._root]}_stream", self._sources[self._root], {"chunk": chunk})

    def end(self) -> None:
        """Tell that the root has ended, if it has."""
        if self._root is not None and self._root_end is not None:
            self._tell(f"on_{self._types[self._root]}_end", self._sources[self._root], self._root_end)

    def on_chain_start(self, serialized: dict[str, Any] | None, inputs: Any, *, run_id: UUID, **about: Any) -> None:
        self._start(about.get("run_type") or "chain", serialized, inputs, run_id, about)

    def on_chat_model_start(
        self, serialized: dict[str, Any] | None, messages: list[list[Any]], *, run_id: UUID, **about: Any
    ) -> None:
        self._start("chat_model", serialized, {"messages": messages}, run_id, about)

    def on_llm_start(self, serialized: dict[str, Any] | None, prompts: Any, *, run_id: UUID, **about: Any) -> None:
        self._start("llm", serialized, {"prompts": prompts}, run_id, about)

    def on_tool_start(self, serialized: dict[str, Any] | None, input_str: str, *, run_id: UUID, **about: Any) -> None:
        self._start("tool", serialized, about.get("inputs") or input_str, run_id, about)

    def on_retriever_start(self, serialized: dict[str, Any] | None, query: str, *, run_id: UUID, **about: Any) -> None:
        self._start("retriever", serialized, {"query": query}, run_id, about)

    def on_llm_new_token(self, token: Any, *, chunk: Any = None, run_id: UUID, **_: Any) -> None:
        message = getattr(chunk, "message", None)
        kind = f"on_{self._types[run_id]}_stream"
        self._tell(kind, self._sources[run_id], {"chunk": token if message is None else message})

    def on_chain_end(self, outputs: Any, *, run_id: UUID, **_: Any) -> None:
        self._end(outputs, run_id)

    def on_llm_end(self, response: Any, *, run_id: UUID, **_: Any) -> None:
        generations = response.generations[0] if response.generations else []
        first = generations[0] if generations else None
        self._end(getattr(first, "message", None) or response, run_id)

    def on_tool_end(self, output: Any, *, run_id: UUID, **_: Any) -> None:
        self._end(output, run_id)

    def on_retriever_end(self, documents: Any, *, run_id: UUID, **_: Any) -> None:
        self._end(documents, run_id)

    def _start(
        self, kind: str, serialized: dict[str, Any] | None, given: Any, run_id: UUID, about: dict[str, Any]
    ) -> None:
        parent = self._sources.get(about["parent_run_id"]) if about.get("parent_run_id") else None
        name = about.get("name") or (serialized or {}).get("name") or ((serialized or {}).get("id") or ["?"])[-1]
        source = Source(
            name=name,
            run_id=str(run_id),
            parent_ids=(*parent.parent_ids, parent.run_id) if parent else (),
            tags=tuple(about.get("tags") or ()),
            metadata=about.get("metadata") or {},
        )
        self._sources[run_id], self._types[run_id], self._inputs[run_id] = source, kind, given
        if parent is None and self._root is None:
            self._root = run_id
        self._tell(f"on_{kind}_start", source, {"input": given})

    def _end(self, output: Any, run_id: UUID) -> None:
        data = {"output": output, "input": self._inputs.pop(run_id, None)}
        if run_id == self._root:
            self._root_end = data
        else:
            self._tell(f"on_{self._types[run_id]}_end", self._sources[run_id], data)
