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

_DEFAULT_STEPS = 10_007
"""LangGraph's limit of steps, where it cannot be asked (LangGraph 1.2: `LANGGRAPH_DEFAULT_RECURSION_LIMIT`)."""

Report = Callable[[str, dict[str, Any]], None]
"""Called with an event's name and its data."""


def graph_of(runnable: Runnable[Any, Any]) -> Any:
    """Return the LangGraph graph that a Runnable is, or is bound to; None if it is none."""
    # The class is missing while another thread imports the module, and there are no graphs before that has ended.
    pregel = getattr(sys.modules.get("langgraph.pregel"), "Pregel", None)
    while isinstance(runnable, RunnableBindingBase):
        runnable = runnable.bound
    return runnable if pregel and isinstance(runnable, pregel) else None


class GraphStream:
    """A graph that yields the chunks of its own stream modes, and gives those of all modes to `report`.

    It has the two methods that run a chain as a stream, with the chunks and callbacks of the graph itself.
    """

    def __init__(self, runnable: Runnable[Any, Any], report: Report) -> None:
        arguments = _bound(runnable, "kwargs")
        graph = graph_of(runnable)
        mode: str | list[str] = arguments.get("stream_mode") or graph.stream_mode
        self._runnable = runnable
        self._graph = graph
        self._names_mode = not isinstance(mode, str)
        self._own_modes = [mode] if isinstance(mode, str) else [*mode]
        self._has_subgraphs = bool(arguments.get("subgraphs"))
        self._modes = [*dict.fromkeys((*self._own_modes, *MODES))]
        self._report = report
        self.is_interrupted = False
        """Whether the graph has stopped to wait for a person."""
        self._has_reported = False
        self._config: RunnableConfig = {}

    async def astream(self, value: Any, config: RunnableConfig, **kwargs: Any) -> AsyncIterator[Any]:
        self._config = config
        chunks: Any = self._runnable.astream(value, config, stream_mode=self._modes, subgraphs=True, **kwargs)
        async with aclosing(chunks):
            async for namespace, mode, payload in chunks:
                if self._is_own_chunk(namespace, mode, payload):
                    yield self._own_chunk(namespace, mode, payload)

    def stream(self, value: Any, config: RunnableConfig, **kwargs: Any) -> Iterator[Any]:
        self._config = config
        chunks: Any = self._runnable.stream(value, config, stream_mode=self._modes, subgraphs=True, **kwargs)
        for namespace, mode, payload in chunks:
            if self._is_own_chunk(namespace, mode, payload):
                yield self._own_chunk(namespace, mode, payload)

    def _is_own_chunk(self, namespace: tuple[str, ...], mode: str, payload: Any) -> bool:
        """Report a chunk and return whether it is one that the graph yields by itself."""
        if not self._has_reported:
            self._has_reported = True
            self._report(f"{EVENT_PREFIX}graph", {"namespace": [], "payload": self._description()})
        if mode in MODES:
            omitted = _IN_OTHER_EVENTS.get(mode, ())
            kept = {key: payload[key] for key in payload if key not in omitted} if omitted else payload
            self._report(EVENT_PREFIX + mode, {"namespace": list(namespace), "payload": kept})
        if mode == "updates" and not namespace and isinstance(payload, dict) and "__interrupt__" in payload:
            self.is_interrupted = True
        return mode in self._own_modes and (not namespace or self._has_subgraphs)

    def _own_chunk(self, namespace: tuple[str, ...], mode: str, payload: Any) -> Any:
        """Return a chunk as the graph yields it: with the mode and the namespace, if it was asked for them."""
        if self._names_mode:
            return (namespace, mode, payload) if self._has_subgraphs else (mode, payload)
        return (namespace, payload) if self._has_subgraphs else payload

    def _description(self) -> dict[str, Any]:
        """Return how the graph looks, and how it is read."""
        pregel = sys.modules.get("langgraph._internal._config")
        default = int(getattr(pregel, "DEFAULT_RECURSION_LIMIT", _DEFAULT_STEPS))
        config = {"recursion_limit": default} | (self._graph.config or {}) | _bound(self._runnable, "config")
        return {
            **_shape(self._graph),
            "stream_modes": self._own_modes,
            "subgraphs": self._has_subgraphs,
            "recursion_limit": self._config.get("recursion_limit", config["recursion_limit"]),
        }


def _bound(runnable: Runnable[Any, Any], name: str) -> dict[str, Any]:
    """Return the arguments (`kwargs`) or the config that a Runnable is bound to; the outermost binding counts."""
    found: dict[str, Any] = {}
    while isinstance(runnable, RunnableBindingBase):
        found = {**getattr(runnable, name), **found}
        runnable = runnable.bound
    return found


def _shape(graph: Any) -> dict[str, Any]:
    """Return the nodes and edges of a graph; nothing if LangGraph cannot draw it."""
    try:
        drawable = graph.get_graph()
    except Exception:
        _LOG.warning("the shape of graph %s cannot be recorded", graph.name, exc_info=True)
        return {}
    edges = [{"source": e.source, "target": e.target, "conditional": e.conditional} for e in drawable.edges]
    return {"nodes": list(drawable.nodes), "edges": edges}


def graph_stream(runnable: Runnable[Any, Any], report: Report) -> GraphStream | None:
    """Return the graph stream of a Runnable; None if it is no graph, or yields chunks of LangGraph's newer versions."""
    if graph_of(runnable) is None or "version" in _bound(runnable, "kwargs"):
        return None
    return GraphStream(runnable, report)


def is_graph_signal(error: BaseException) -> bool:
    """Whether LangGraph leaves a node by this exception that has not failed: for a person, or the graph around it."""
    return any(base.__name__ == "GraphBubbleUp" for base in type(error).__mro__)


def is_interrupt(error: BaseException) -> bool:
    """Whether an exception is LangGraph's signal that a node waits for a person."""
    return any(base.__name__ == "GraphInterrupt" for base in type(error).__mro__)
