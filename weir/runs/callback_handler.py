"""LangChain's callbacks, told as the events that `astream_events(version="v2")` gives.

`astream_events` sends each event through a queue of its own to a task of its own, which takes longer than most models
need for a token. A handler on the same callbacks is told the same and can write it down at once. What the events are
is defined by `langchain_core/tracers/event_stream.py`; tests/runs/test_callback_handler.py compares the lists.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import GenerationChunk

from weir.core.run_event import Component

EmitEvent = Callable[[str, Component, dict[str, Any]], None]
"""Takes an event's name, its component and its data."""

_NOTHING: Any = object()


@dataclass(slots=True)
class _Component:
    """A component that has started."""

    type: str
    source: Component
    inputs: Any = _NOTHING
    tool_call_id: str | None = None
    stream_event_name: str = ""

    def __post_init__(self) -> None:
        self.stream_event_name = f"on_{self.type}_stream"


class EventCallbackHandler(BaseCallbackHandler):
    """Tells one run's callbacks: the starts and ends of all components, models' chunks and custom events.

    Callbacks may come from several threads. What a parser or a lambda yields is not among them.
    """

    run_inline = True
    """On the thread, and in the order, in which they come."""

    def __init__(self, emit: EmitEvent, root: UUID, value: Any) -> None:
        """`root` is the id that the run is started with, `value` what it is given."""
        self._emit = emit
        self._root = root
        self._value = value
        self._live: dict[UUID, _Component] = {}
        # Kept longer than `_live`: a parent may end before its children do.
        self._lineage: dict[UUID, tuple[str, ...]] = {}
        self._tapped: set[UUID] = set()

    def on_chain_start(self, serialized: dict[str, Any] | None, inputs: Any, *, run_id: UUID, **about: Any) -> None:
        # So LangChain says that the input is not there yet: it is still coming in.
        given = _NOTHING if _is_awaited(inputs) else inputs
        self._start(about.get("run_type") or "chain", serialized, given, run_id, about)

    def on_chat_model_start(
        self, serialized: dict[str, Any] | None, messages: list[list[Any]], *, run_id: UUID, **about: Any
    ) -> None:
        self._start("chat_model", serialized, {"messages": messages}, run_id, about)

    def on_llm_start(self, serialized: dict[str, Any] | None, prompts: Any, *, run_id: UUID, **about: Any) -> None:
        self._start("llm", serialized, {"prompts": prompts}, run_id, about)

    def on_tool_start(self, serialized: dict[str, Any] | None, input_str: str, *, run_id: UUID, **about: Any) -> None:  # noqa: ARG002
        self._start("tool", serialized, about.get("inputs"), run_id, about)

    def on_retriever_start(self, serialized: dict[str, Any] | None, query: str, *, run_id: UUID, **about: Any) -> None:
        self._start("retriever", serialized, {"query": query}, run_id, about)

    def on_llm_new_token(self, token: Any, *, chunk: Any = None, run_id: UUID, **_: Any) -> None:
        component = self._live.get(run_id)
        if component is None or run_id in self._tapped:
            return
        if component.type == "chat_model":
            told = AIMessageChunk(content=token) if chunk is None else chunk.message
        else:
            told = GenerationChunk(text=token if isinstance(token, str) else "") if chunk is None else chunk
        self._emit(component.stream_event_name, component.source, {"chunk": told})

    def on_chain_end(self, outputs: Any, *, run_id: UUID, inputs: Any = None, **_: Any) -> None:
        if component := self._live.pop(run_id, None):
            given: Any = next((known for known in (inputs, component.inputs) if _is_filled(known)), {})
            self._end(component, run_id, {"output": outputs, "input": given})

    def on_llm_end(self, response: Any, *, run_id: UUID, **_: Any) -> None:
        if component := self._live.pop(run_id, None):
            output = _message(response) if component.type == "chat_model" else _generations(response)
            self._end(component, run_id, {"output": output, "input": component.inputs})

    def on_tool_end(self, output: Any, *, run_id: UUID, **_: Any) -> None:
        if component := self._live.pop(run_id, None):
            self._end(component, run_id, {"output": output, "input": component.inputs})

    def on_tool_error(self, error: BaseException, *, run_id: UUID, **about: Any) -> None:
        if component := self._live.pop(run_id, None):
            call = about.get("tool_call_id") or component.tool_call_id
            data = {"error": error, "input": component.inputs, "tool_call_id": call}
            self._emit("on_tool_error", component.source, data)

    def on_retriever_end(self, documents: Any, *, run_id: UUID, **_: Any) -> None:
        if component := self._live.pop(run_id, None):
            self._end(component, run_id, {"output": documents, "input": component.inputs})

    def on_custom_event(self, name: str, data: Any, *, run_id: UUID, **about: Any) -> None:
        self._emit("on_custom_event", self._source(name, run_id, self._lineage.get(run_id, ()), about), data)

    def _start(
        self, kind: str, serialized: dict[str, Any] | None, given: Any, run_id: UUID, about: dict[str, Any]
    ) -> None:
        parent = about.get("parent_run_id")
        lineage = (*self._lineage.get(parent, ()), str(parent)) if parent else ()
        first = not self._lineage
        self._lineage[run_id] = lineage
        source = self._source(_name(about.get("name"), serialized), run_id, lineage, about)
        self._live[run_id] = _Component(kind, source, given, about.get("tool_call_id"))
        # LangChain tells the root's input as it was given, not as the root's own callback has it.
        shown = self._value if first else ({} if kind == "tool" and given is None else given)
        self._emit(f"on_{kind}_start", source, {} if shown is _NOTHING else {"input": shown})

    def _end(self, component: _Component, run_id: UUID, data: dict[str, Any]) -> None:
        if run_id == self._root:
            del data["input"]  # its first event has it
        self._emit(f"on_{component.type}_end", component.source, data)

    @staticmethod
    def _source(name: str, run_id: UUID, lineage: tuple[str, ...], about: dict[str, Any]) -> Component:
        return Component(name, str(run_id), lineage, tuple(about.get("tags") or ()), about.get("metadata") or {})


class StreamingEventHandler(EventCallbackHandler):
    """Tells a run that streams: what each component yields as well.

    LangChain hands what a component yields to a handler that has these two methods, and has a model stream for one even
    where it is asked for a whole answer. Whoever takes what the root yields passes it to `show`.
    """

    def __init__(self, emit: EmitEvent, root: UUID, value: Any) -> None:
        super().__init__(emit, root, value)
        self._tapped.add(root)
        self._shown: _Component | None = None
        self._has_yielded = False

    def on_root_chunk(self, chunk: Any) -> None:
        """Tell what the root has yielded. Some roots end before they yield; LangChain tells no chunk of those."""
        if not self._has_yielded:
            self._has_yielded = True
            self._shown = self._live.get(self._root)
        if self._shown:
            self._emit(self._shown.stream_event_name, self._shown.source, {"chunk": chunk})

    def flush(self) -> None:
        """There is nothing left to tell."""

    def tap_output_aiter(self, run_id: UUID, output: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """Return an iterator of the same items that tells each."""
        component = self._start_tap(run_id)
        return _TappedAsyncIterator(output, component, self._emit) if component else output

    def tap_output_iter(self, run_id: UUID, output: Iterator[Any]) -> Iterator[Any]:
        """`tap_output_aiter` for a run without asyncio."""
        component = self._start_tap(run_id)
        return self._tap_iterator(output, component) if component else output

    def _start_tap(self, run_id: UUID) -> _Component | None:
        if run_id in self._tapped:
            return None
        self._tapped.add(run_id)
        return self._live.get(run_id)

    def _tap_iterator(self, output: Iterator[Any], component: _Component) -> Iterator[Any]:
        for chunk in output:
            self._emit(component.stream_event_name, component.source, {"chunk": chunk})
            yield chunk


class _TappedAsyncIterator:
    """Items of an asynchronous iterator, told as they pass. A class: a generator would cost twice as much an item."""

    def __init__(self, output: AsyncIterator[Any], component: _Component, tell: EmitEvent) -> None:
        self._next = output.__anext__
        self._kind = component.stream_event_name
        self._source = component.source
        self._emit = tell

    def __aiter__(self) -> "_TappedAsyncIterator":
        return self

    async def __anext__(self) -> Any:
        chunk = await self._next()
        self._emit(self._kind, self._source, {"chunk": chunk})
        return chunk


class InvokeEventHandler(EventCallbackHandler):
    """Tells a run that is called and not streamed. What it says comes through `show`, and the root's end after that."""

    _last: tuple[_Component, dict[str, Any]] | None = None

    def on_root_chunk(self, chunk: Any) -> None:
        """Tell a part of what the root says, as if it had yielded it."""
        root = self._live.get(self._root) or (self._last[0] if self._last else None)
        if root and not (isinstance(chunk, str) and not chunk):
            self._emit(root.stream_event_name, root.source, {"chunk": chunk})

    def flush(self) -> None:
        """Tell that the root has ended, if it has."""
        if self._last:
            super()._end(self._last[0], self._root, self._last[1])

    def _end(self, component: _Component, run_id: UUID, data: dict[str, Any]) -> None:
        if run_id == self._root:
            self._last = component, data
        else:
            super()._end(component, run_id, data)


def _is_awaited(inputs: Any) -> bool:
    """Whether LangChain says that a component's input is still coming in."""
    return (
        isinstance(inputs, dict) and len(inputs) == 1 and isinstance(inputs.get("input"), str) and not inputs["input"]
    )


def _is_filled(value: Any) -> bool:
    """Whether a value is there and not empty. Tables and arrays refuse to say whether they are true."""
    try:
        return value is not _NOTHING and bool(value)
    except Exception:
        return True


def _name(given: str | None, serialized: dict[str, Any] | None) -> str:
    if given is not None:
        return given
    if serialized and "name" in serialized:
        return str(serialized["name"])
    return str(serialized["id"][-1]) if serialized and "id" in serialized else "Unnamed"


def _message(response: Any) -> Any:
    """Return the first message of a chat model's result."""
    return next((generation.message for answers in response.generations for generation in answers), {})


def _generations(response: Any) -> dict[str, Any]:
    """Return the result of a model that is no chat model."""
    return {
        "generations": [
            [{"text": one.text, "generation_info": one.generation_info, "type": one.type} for one in answers]
            for answers in response.generations
        ],
        "llm_output": response.llm_output,
    }
