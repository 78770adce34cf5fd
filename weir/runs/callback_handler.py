"""LangChain callback handlers that emit the same events as `astream_events(version="v2")`.

`astream_events` sends each event through a queue to another task, which takes longer than most models need for a token
(docs/benchmarks.md). A handler for the same callbacks can emit the event at once. LangChain defines the events in
`langchain_core/tracers/event_stream.py`; tests/runs/test_callback_handler.py compares both lists.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import GenerationChunk
from langchain_core.tracers._streaming import _StreamingCallbackHandler

from weir.core.run_event import Component

EmitEvent = Callable[[str, Component, dict[str, Any]], None]
"""Called with an event's name, its component and its data."""

_MISSING: Any = object()


@dataclass(slots=True)
class _StartedComponent:
    """A component that has started, with what its end event needs."""

    type: str
    component: Component
    inputs: Any = _MISSING
    tool_call_id: str | None = None
    stream_event_name: str = ""

    def __post_init__(self) -> None:
        self.stream_event_name = f"on_{self.type}_stream"


class EventCallbackHandler(BaseCallbackHandler):
    """Emits the events of one run: starts and ends of all components, chunks of models, custom events.

    Callbacks may come from several threads. LangChain has no callback for what a parser or a lambda yields.
    """

    run_inline = True
    """LangChain calls the handler on the thread and in the order in which things happen."""

    def __init__(self, emit: EmitEvent, root: UUID, value: Any) -> None:
        """`root` is the `run_id` of the root component, `value` its input."""
        self._emit = emit
        self._root = root
        self._value = value
        self._live: dict[UUID, _StartedComponent] = {}
        # Separate from `_live`, as a parent may end before its children do.
        self._parent_ids: dict[UUID, tuple[str, ...]] = {}
        self._tapped: set[UUID] = set()

    def on_chain_start(self, serialized: dict[str, Any] | None, inputs: Any, *, run_id: UUID, **kwargs: Any) -> None:
        inputs = _MISSING if _is_streamed_in(inputs) else inputs
        self._start(kwargs.get("run_type") or "chain", serialized, inputs, run_id, kwargs)

    def on_chat_model_start(
        self, serialized: dict[str, Any] | None, messages: list[list[Any]], *, run_id: UUID, **kwargs: Any
    ) -> None:
        self._start("chat_model", serialized, {"messages": messages}, run_id, kwargs)

    def on_llm_start(self, serialized: dict[str, Any] | None, prompts: Any, *, run_id: UUID, **kwargs: Any) -> None:
        self._start("llm", serialized, {"prompts": prompts}, run_id, kwargs)

    def on_tool_start(self, serialized: dict[str, Any] | None, input_str: str, *, run_id: UUID, **kwargs: Any) -> None:  # noqa: ARG002
        self._start("tool", serialized, kwargs.get("inputs"), run_id, kwargs)

    def on_retriever_start(self, serialized: dict[str, Any] | None, query: str, *, run_id: UUID, **kwargs: Any) -> None:
        self._start("retriever", serialized, {"query": query}, run_id, kwargs)

    def on_llm_new_token(self, token: Any, *, chunk: Any = None, run_id: UUID, **_: Any) -> None:
        started = self._live.get(run_id)
        if started is None or run_id in self._tapped:
            return
        if started.type == "chat_model":
            emitted = AIMessageChunk(content=token) if chunk is None else chunk.message
        else:
            emitted = GenerationChunk(text=token if isinstance(token, str) else "") if chunk is None else chunk
        self._emit(started.stream_event_name, started.component, {"chunk": emitted})

    def on_chain_end(self, outputs: Any, *, run_id: UUID, inputs: Any = None, **_: Any) -> None:
        if started := self._live.pop(run_id, None):
            value: Any = next((candidate for candidate in (inputs, started.inputs) if _is_filled(candidate)), {})
            self._end(started, run_id, {"output": outputs, "input": value})

    def on_llm_end(self, response: Any, *, run_id: UUID, **_: Any) -> None:
        if started := self._live.pop(run_id, None):
            output = _message(response) if started.type == "chat_model" else _generations(response)
            self._end(started, run_id, {"output": output, "input": started.inputs})

    def on_tool_end(self, output: Any, *, run_id: UUID, **_: Any) -> None:
        if started := self._live.pop(run_id, None):
            self._end(started, run_id, {"output": output, "input": started.inputs})

    def on_tool_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        if started := self._live.pop(run_id, None):
            call = kwargs.get("tool_call_id") or started.tool_call_id
            data = {"error": error, "input": started.inputs, "tool_call_id": call}
            self._emit("on_tool_error", started.component, data)

    def on_retriever_end(self, documents: Any, *, run_id: UUID, **_: Any) -> None:
        if started := self._live.pop(run_id, None):
            self._end(started, run_id, {"output": documents, "input": started.inputs})

    def on_custom_event(self, name: str, data: Any, *, run_id: UUID, **kwargs: Any) -> None:
        self._emit("on_custom_event", self._component(name, run_id, self._parent_ids.get(run_id, ()), kwargs), data)

    def _start(
        self, kind: str, serialized: dict[str, Any] | None, inputs: Any, run_id: UUID, kwargs: dict[str, Any]
    ) -> None:
        parent = kwargs.get("parent_run_id")
        parent_ids = (*self._parent_ids.get(parent, ()), str(parent)) if parent else ()
        is_root = not self._parent_ids
        self._parent_ids[run_id] = parent_ids
        component = self._component(_name(kwargs.get("name"), serialized), run_id, parent_ids, kwargs)
        self._live[run_id] = _StartedComponent(kind, component, inputs, kwargs.get("tool_call_id"))
        # LangChain reports the root's input as the caller passed it, not as the root's callback has it.
        value = self._value if is_root else ({} if kind == "tool" and inputs is None else inputs)
        self._emit(f"on_{kind}_start", component, {} if value is _MISSING else {"input": value})

    def _end(self, started: _StartedComponent, run_id: UUID, data: dict[str, Any]) -> None:
        if run_id == self._root:
            del data["input"]  # the start event has it
        self._emit(f"on_{started.type}_end", started.component, data)

    @staticmethod
    def _component(name: str, run_id: UUID, parent_ids: tuple[str, ...], kwargs: dict[str, Any]) -> Component:
        return Component(name, str(run_id), parent_ids, tuple(kwargs.get("tags") or ()), kwargs.get("metadata") or {})


class StreamingEventHandler(EventCallbackHandler, _StreamingCallbackHandler[Any]):
    """Emits the events of a run that streams, including what each component yields.

    LangChain passes what a component yields through `tap_output_aiter` and `tap_output_iter` of a handler that has
    these methods. LangGraph does so for subclasses of LangChain's private class only, and then streams its nodes. With
    such a handler a model streams even if its component is invoked. The code that iterates over the root's output calls
    `on_root_chunk`.
    """

    def __init__(self, emit: EmitEvent, root: UUID, value: Any) -> None:
        super().__init__(emit, root, value)
        self._tapped.add(root)
        self._root_component: _StartedComponent | None = None
        self._root_has_yielded = False

    def on_root_chunk(self, chunk: Any) -> None:
        """Emit a chunk of the root. Some roots end before they yield; LangChain emits no chunks for those."""
        if not self._root_has_yielded:
            self._root_has_yielded = True
            self._root_component = self._live.get(self._root)
        if self._root_component:
            self._emit(self._root_component.stream_event_name, self._root_component.component, {"chunk": chunk})

    def on_graph_report(self, event_name: str, data: dict[str, Any]) -> None:
        """Emit what a graph reports beside LangChain's events, as an event of the root."""
        if root := self._live.get(self._root):
            self._emit(event_name, root.component, data)

    def flush(self) -> None:
        """Do nothing: all events have been emitted."""

    def tap_output_aiter(self, run_id: UUID, output: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """Return an iterator over the same chunks that emits an event for each."""
        started = self._start_tap(run_id)
        return _TappedAsyncIterator(output, started, self._emit) if started else output

    def tap_output_iter(self, run_id: UUID, output: Iterator[Any]) -> Iterator[Any]:
        """Like `tap_output_aiter`, for a run without asyncio."""
        started = self._start_tap(run_id)
        return self._tap_iterator(output, started) if started else output

    def _start_tap(self, run_id: UUID) -> _StartedComponent | None:
        if run_id in self._tapped:
            return None
        self._tapped.add(run_id)
        return self._live.get(run_id)

    def _tap_iterator(self, output: Iterator[Any], started: _StartedComponent) -> Iterator[Any]:
        for chunk in output:
            self._emit(started.stream_event_name, started.component, {"chunk": chunk})
            yield chunk


class _TappedAsyncIterator:
    """Asynchronous iterator that emits an event for each chunk. An async generator takes twice the time for a chunk."""

    def __init__(self, output: AsyncIterator[Any], started: _StartedComponent, emit: EmitEvent) -> None:
        self._next = output.__anext__
        self._event_name = started.stream_event_name
        self._component = started.component
        self._emit = emit

    def __aiter__(self) -> "_TappedAsyncIterator":
        return self

    async def __anext__(self) -> Any:
        chunk = await self._next()
        self._emit(self._event_name, self._component, {"chunk": chunk})
        return chunk


class InvokeEventHandler(EventCallbackHandler):
    """Emits the events of a run that is invoked, not streamed.

    Its output comes through `on_root_chunk` after the root's end. So the root's end event waits for `flush`.
    """

    _root_end: tuple[_StartedComponent, dict[str, Any]] | None = None

    def on_root_chunk(self, chunk: Any) -> None:
        """Emit a part of the root's output as if the root had yielded it."""
        root = self._live.get(self._root) or (self._root_end[0] if self._root_end else None)
        if root and not (isinstance(chunk, str) and not chunk):
            self._emit(root.stream_event_name, root.component, {"chunk": chunk})

    def flush(self) -> None:
        """Emit the root's end event, if the root has ended."""
        if self._root_end:
            super()._end(self._root_end[0], self._root, self._root_end[1])

    def _end(self, started: _StartedComponent, run_id: UUID, data: dict[str, Any]) -> None:
        if run_id == self._root:
            self._root_end = started, data
        else:
            super()._end(started, run_id, data)


def _is_streamed_in(inputs: Any) -> bool:
    """Whether a component's input is streamed into it and not known yet. LangChain then reports `{"input": ""}`."""
    return (
        isinstance(inputs, dict) and len(inputs) == 1 and isinstance(inputs.get("input"), str) and not inputs["input"]
    )


def _is_filled(value: Any) -> bool:
    """Whether a value is present and not empty. Tables and arrays raise if they are asked whether they are true."""
    try:
        return value is not _MISSING and bool(value)
    except Exception:
        return True


def _name(name: str | None, serialized: dict[str, Any] | None) -> str:
    if name is not None:
        return name
    if serialized and "name" in serialized:
        return str(serialized["name"])
    return str(serialized["id"][-1]) if serialized and "id" in serialized else "Unnamed"


def _message(response: Any) -> Any:
    """Return the first message of a chat model's result."""
    return next((generation.message for answers in response.generations for generation in answers), {})


def _generations(response: Any) -> dict[str, Any]:
    """Return the result of a text completion model."""
    return {
        "generations": [
            [{"text": one.text, "generation_info": one.generation_info, "type": one.type} for one in answers]
            for answers in response.generations
        ],
        "llm_output": response.llm_output,
    }
