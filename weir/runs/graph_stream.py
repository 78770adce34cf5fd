"""Graph stream: what a LangGraph graph reports beside LangChain's events: state, tasks, checkpoints, custom data.

LangChain's callbacks have none of it. The graph's own stream modes have it, for its subgraphs too (docs/recording.md).
LangGraph is not imported here: where a chain is a graph, its author has imported it.
"""

import logging
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.base import RunnableBindingBase

from weir.core.run_event import EVENT_PREFIX

_LOG = logging.getLogger(__name__)

MODES = ("updates", "values", "custom", "tasks", "checkpoints")
"""LangGraph's stream modes that are recorded."""

_IN_OTHER_EVENTS = {"tasks": {"input", "result"}, "checkpoints": {"values"}}
"""Fields that are left out. The node's start event has the input, `updates` the result, `values` the values."""

_STREAM_ARGUMENTS = {"stream_mode", "subgraphs", "version"}
"""Arguments of a graph's stream that change what it yields."""

Report = Callable[[str, dict[str, Any]], None]
"""Called with an event's name and its data."""


def graph_of(runnable: Runnable[Any, Any]) -> Any:
    """Return the LangGraph graph that a Runnable is, or is bound to; None if it is none."""
    pregel = sys.modules.get("langgraph.pregel")
    while isinstance(runnable, RunnableBindingBase) and not _STREAM_ARGUMENTS & set(runnable.kwargs):
        runnable = runnable.bound
    return runnable if pregel and isinstance(runnable, pregel.Pregel) else None


class GraphStream:
    """A graph that yields the chunks of its own stream mode, and gives those of all modes to `report`.

    It has the two methods that run a chain as a stream, with the chunks and callbacks of the graph itself.
    """

    def __init__(self, runnable: Runnable[Any, Any], own_mode: str, report: Report) -> None:
        self._runnable = runnable
        self._own_mode = own_mode
        self._modes = [*dict.fromkeys((own_mode, *MODES))]
        self._report = report
        self.is_interrupted = False
        """Whether the graph has stopped to wait for a person."""
        self._has_reported = False

    async def astream(self, value: Any, config: RunnableConfig, **kwargs: Any) -> AsyncIterator[Any]:
        chunks: Any = self._runnable.astream(value, config, stream_mode=self._modes, subgraphs=True, **kwargs)
        async with aclosing(chunks):
            async for namespace, mode, payload in chunks:
                if self._is_own_chunk(namespace, mode, payload):
                    yield payload

    def stream(self, value: Any, config: RunnableConfig, **kwargs: Any) -> Iterator[Any]:
        chunks: Any = self._runnable.stream(value, config, stream_mode=self._modes, subgraphs=True, **kwargs)
        for namespace, mode, payload in chunks:
            if self._is_own_chunk(namespace, mode, payload):
                yield payload

    def _is_own_chunk(self, namespace: tuple[str, ...], mode: str, payload: Any) -> bool:
        """Report a chunk and return whether it is one that the graph yields by itself."""
        if not self._has_reported:
            self._has_reported = True
            if shape := _shape(graph_of(self._runnable)):
                self._report(f"{EVENT_PREFIX}graph", {"namespace": [], "payload": shape})
        if mode in MODES:
            omitted = _IN_OTHER_EVENTS.get(mode, ())
            kept = {key: payload[key] for key in payload if key not in omitted} if omitted else payload
            self._report(EVENT_PREFIX + mode, {"namespace": list(namespace), "payload": kept})
        if mode == "updates" and not namespace and isinstance(payload, dict) and "__interrupt__" in payload:
            self.is_interrupted = True
        return mode == self._own_mode and not namespace


def _shape(graph: Any) -> dict[str, Any] | None:
    """Return the nodes and edges of a graph; None if LangGraph cannot draw it."""
    try:
        drawable = graph.get_graph()
    except Exception:
        _LOG.warning("the shape of graph %s cannot be recorded", graph.name, exc_info=True)
        return None
    edges = [{"source": e.source, "target": e.target, "conditional": e.conditional} for e in drawable.edges]
    return {"nodes": list(drawable.nodes), "edges": edges}


def graph_stream(runnable: Runnable[Any, Any], report: Report) -> GraphStream | None:
    """Return the graph stream of a Runnable; None if it is no graph, or a graph with more than one mode of its own."""
    graph = graph_of(runnable)
    return GraphStream(runnable, graph.stream_mode, report) if graph and isinstance(graph.stream_mode, str) else None


def is_graph_signal(error: BaseException) -> bool:
    """Whether LangGraph leaves a node by this exception that has not failed: for a person, or the graph around it."""
    return any(base.__name__ == "GraphBubbleUp" for base in type(error).__mro__)


def is_interrupt(error: BaseException) -> bool:
    """Whether an exception is LangGraph's signal that a node waits for a person."""
    return any(base.__name__ == "GraphInterrupt" for base in type(error).__mro__)
