"""Graph options: what a run of a graph can be given beside its input: thread, checkpoint, answer to an interrupt."""

import asyncio
import copy
import sys
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any

from langchain_core.runnables import Runnable, RunnableConfig
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from weir.core import serialization
from weir.runs.graph_stream import graph_of

MAX_STEPS = 10_000
"""Largest limit of a graph's steps."""

_SYNCHRONOUS_SAVERS = ("SqliteSaver", "PostgresSaver", "ShallowPostgresSaver")
"""LangGraph's checkpointers whose asynchronous methods raise NotImplementedError."""

Identifier = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class GraphOptionsError(ValueError):
    """The Runnable cannot be given these options. Its text is a sentence for people."""


class GraphOptions(BaseModel):
    """What a run is given beside its input."""

    model_config = ConfigDict(extra="forbid")

    thread_id: Identifier | None = Field(
        None, description="Thread of a graph with a checkpointer. Without one, the run gets a thread of its own"
    )
    checkpoint_id: Identifier | None = Field(
        None, description="Checkpoint of the thread to go on from: a fork, if it is not the newest"
    )
    resume: Any = Field(None, description="Answer to the interrupt that the thread waits at, in place of the input")
    context: dict[str, Any] | None = Field(None, description="Context of the graph's run (`context_schema`)")
    recursion_limit: int | None = Field(None, ge=1, le=MAX_STEPS, description="Steps after which the graph is ended")

    @property
    def continues(self) -> bool:
        """Whether the run goes on with a thread, so that it needs no input."""
        return "resume" in self.model_fields_set or self.checkpoint_id is not None


@dataclass(frozen=True, slots=True)
class ConfiguredRun:
    """A Runnable with its input and LangChain's config, and the thread that the run belongs to."""

    runnable: Runnable[Any, Any]
    value: Any
    config: RunnableConfig
    thread_id: str | None = None
    thread_in_memory: bool = False
    """Whether the graph's checkpointer forgets its threads when the process ends."""

    @property
    def context(self) -> dict[str, Any]:
        """Notes for the record, by which the thread can go on."""
        if self.thread_id is None:
            return {}
        return {"thread_id": self.thread_id} | ({"thread_in_memory": True} if self.thread_in_memory else {})


def configure_run(runnable: Runnable[Any, Any], value: Any, options: GraphOptions | None = None) -> ConfiguredRun:
    """Return the run of a Runnable with these options. `value` is None where a thread goes on from a checkpoint.

    Raises GraphOptionsError if the Runnable has no use for them.
    """
    options = options or GraphOptions()
    graph: Any = graph_of(runnable)
    config: RunnableConfig = {} if options.recursion_limit is None else {"recursion_limit": options.recursion_limit}
    if graph is None:
        if options.model_fields_set - {"recursion_limit"}:
            raise GraphOptionsError("Only a graph has a thread and a context, and this chain is none.")
        return ConfiguredRun(runnable, value, config)
    if options.context is not None:
        runnable = runnable.bind(context=options.context)
    if not graph.checkpointer:
        if options.thread_id or options.continues:
            raise GraphOptionsError("This graph has no checkpointer: it keeps no threads, and cannot be resumed.")
        return ConfiguredRun(runnable, value, config)
    if options.continues and options.thread_id is None:
        raise GraphOptionsError("Name the thread that is to go on: `thread_id`.")
    thread_id = options.thread_id or str(uuid.uuid4())
    config["configurable"] = {"thread_id": thread_id}
    if options.checkpoint_id:
        config["configurable"]["checkpoint_id"] = options.checkpoint_id
    if "resume" in options.model_fields_set:
        value = sys.modules["langgraph.types"].Command(resume=options.resume)
    in_memory = any(base.__name__ == "InMemorySaver" for base in type(graph.checkpointer).__mro__)
    return ConfiguredRun(_with_async_checkpointer(runnable, graph), value, config, thread_id, in_memory)


async def waiting_interrupts(runnable: Runnable[Any, Any], thread_id: str) -> list[dict[str, Any]]:
    """Return what a thread of a graph asks a person, as recorded: each with its `id` and `value`."""
    graph: Any = graph_of(runnable)
    if graph is None or not graph.checkpointer:
        return []
    readable: Any = _with_async_checkpointer(graph, graph)
    snapshot = await readable.aget_state({"configurable": {"thread_id": thread_id}})
    return [{"id": one.id, "value": serialization.to_jsonable(one.value)} for one in snapshot.interrupts]


def _with_async_checkpointer(runnable: Any, graph: Any) -> Runnable[Any, Any]:
    """Return the Runnable with a graph that can be run on an event loop, whatever its checkpointer."""
    saver = graph.checkpointer
    unchanged: Runnable[Any, Any] = runnable
    if type(saver).__name__ not in _SYNCHRONOUS_SAVERS:
        return unchanged
    if runnable is not graph:
        bound: Runnable[Any, Any] = runnable.model_copy(
            update={"bound": _with_async_checkpointer(runnable.bound, graph)}
        )
        return bound
    threaded = copy.copy(saver)
    for name in ("get_tuple", "put", "put_writes", "delete_thread"):
        setattr(threaded, f"a{name}", _in_thread(getattr(saver, name)))

    async def alist(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        for checkpoint in await asyncio.to_thread(lambda: list(saver.list(*args, **kwargs))):
            yield checkpoint

    threaded.alist = alist
    copied: Runnable[Any, Any] = graph.copy(update={"checkpointer": threaded})
    return copied


def _in_thread(method: Any) -> Any:
    async def call(*args: Any, **kwargs: Any) -> Any:
        return await asyncio.to_thread(method, *args, **kwargs)

    return call
