"""Graph diagnosis: finds in a run's events what a graph or an agent holds back, and what it spends its time on."""

from collections.abc import Iterator, Sequence
from typing import Any

from weir.analysis.finding import Finding, IssueKind
from weir.analysis.graph_state import reported
from weir.analysis.metrics_line import counted
from weir.analysis.run_tree import NodeStatus, RunNode
from weir.analysis.stream_diagnosis import busiest_models, findings
from weir.analysis.wait_diagnosis import wait_findings
from weir.core import serialization
from weir.core.run_event import EVENT_PREFIX, RunEvent

SLOW_TOOL_SHARE = 0.5
"""A tool is slow if its calls take more than this part of the run …"""
MIN_SLOW_TOOL_SECONDS = 0.5
"""… and last at least this long together."""
STEP_LIMIT_SHARE = 0.8
"""A limit is nearly used up from this part on."""
MIN_STEPS = 5
"""Steps below which a limit is not looked at: a graph that is given two and takes two is all right."""
MAX_ARGUMENT_CHARS = 200
"""Characters of a call's arguments in a sentence."""

_AGENT = "langchain_create_agent"
"""LangChain's note in the metadata of an agent's nodes, which are LangChain's own."""


def run_findings(root: RunNode, events: Sequence[RunEvent]) -> list[Finding]:
    """Return all problems of a run, of its stream, its waits and its graph: what costs the most seconds first."""
    found = [
        *findings(root),
        *wait_findings(root, events),
        *_as_it_is_read(root, events),
        *_slow_tools(root, events),
        *_same_calls(root, events),
    ]
    # The more exact word for the same seconds.
    named = {one.node.name for one in found if one.kind in (IssueKind.SLOW_TOOL, IssueKind.RETRIED)}
    kept = [one for one in found if not (one.kind is IssueKind.SLOW_STEP and one.node.name in named)]
    return sorted(kept, key=lambda finding: (-finding.seconds, finding.seq))


def _as_it_is_read(root: RunNode, events: Sequence[RunEvent]) -> Iterator[Finding]:
    """Find what the way in which a graph is read leaves out, and whether its limit of steps is near."""
    report = next((report for event in events if (report := reported(event, "graph"))), None)
    graph = report[1] if report and isinstance(report[1], dict) else {}
    modes = graph.get("stream_modes")
    if isinstance(modes, list):
        names = [str(mode) for mode in modes]
        if "messages" not in names:
            yield from _held_tokens(root, events, names)
        if "custom" not in names:
            yield from _unread_custom_data(root, events, names)
        if graph.get("subgraphs") is False:
            yield from _hidden_subgraphs(root, events)
    limit = graph.get("recursion_limit")
    if isinstance(limit, int) and limit > 0:
        yield from _step_limit(root, limit)


def _held_tokens(root: RunNode, events: Sequence[RunEvent], modes: list[str]) -> Iterator[Finding]:
    """Find each node whose model streams while the node itself yields once; not of agents, whose nodes are given."""
    busiest, seen = busiest_models(root), set()
    for node in root.walk():
        model = busiest.get(node)
        if node.graph_step is None or node.status is not NodeStatus.DONE or node.chunks != 1 or model is None:
            continue
        is_given = events[node.seq].component.metadata.get("ls_integration") == _AGENT
        if node.name in seen or is_given or len(model.text_times) < 2:
            continue
        seen.add(node.name)
        yield Finding(
            IssueKind.NODE_INVOKES,
            node,
            f"{node.name} gave one chunk at {node.ended or 0:.2f} s; {model.name} in it wrote "
            f"{len(model.text_times)} from {model.text_times[0]:.2f} s to {model.text_times[-1]:.2f} s. {_read(modes)}",
            node.chunk_seqs[0] if node.chunk_seqs else node.seq,
        )


def _unread_custom_data(root: RunNode, events: Sequence[RunEvent], modes: list[str]) -> Iterator[Finding]:
    given = [event for event in events if event.event == f"{EVENT_PREFIX}custom"]
    if given:
        yield Finding(
            IssueKind.NO_CUSTOM_MODE,
            root,
            f"{counted(len(given), 'value')} went to the stream writer, the first at {given[0].elapsed:.2f} s. "
            f"{_read(modes)}",
            given[0].seq,
        )


def _read(modes: list[str]) -> str:
    listed = serialization.replace_lone_surrogates(", ".join(f'"{mode}"' for mode in modes))
    return f"The graph is read in the {'mode' if len(modes) == 1 else 'modes'} {listed}."


def _hidden_subgraphs(root: RunNode, events: Sequence[RunEvent]) -> Iterator[Finding]:
    changes: dict[str, list[RunEvent]] = {}
    for event in events:
        if (report := reported(event, "updates")) is not None and report[0]:
            name = serialization.replace_lone_surrogates(report[0][0].partition(":")[0])
            changes.setdefault(name, []).append(event)
    for name, hidden in changes.items():
        yield Finding(
            IssueKind.HIDDEN_SUBGRAPH,
            next((node for node in root.children if node.name == name), root),
            f"{name} runs a graph of its own, whose {counted(len(hidden), 'change')} of state from "
            f"{hidden[0].elapsed:.2f} s on stay inside: the graph is read with subgraphs=False.",
            hidden[0].seq,
        )


def _step_limit(root: RunNode, limit: int) -> Iterator[Finding]:
    nodes = [(step, node) for node in root.children if (step := node.graph_step) is not None]
    if not nodes:
        return
    last, node = max(nodes, key=lambda pair: pair[0])
    # A thread that goes on counts on from the steps of its earlier runs.
    steps = last - min(step for step, _ in nodes) + 1
    if steps >= max(MIN_STEPS, STEP_LIMIT_SHARE * limit):
        evidence = f"The graph has taken {steps:,} of its {limit:,} steps (recursion_limit)."
        yield Finding(IssueKind.STEP_LIMIT, node, evidence, node.seq)


def _slow_tools(root: RunNode, events: Sequence[RunEvent]) -> Iterator[Finding]:
    duration = events[-1].elapsed - root.started if events else 0.0
    by_name: dict[str, list[RunNode]] = {}
    for node in root.walk():
        if node.type == "tool" and node.ended is not None:
            by_name.setdefault(node.name, []).append(node)
    for name, calls in by_name.items():
        seconds = _covered([(call.started, call.ended or call.started) for call in calls])
        if seconds < MIN_SLOW_TOOL_SECONDS or seconds <= SLOW_TOOL_SHARE * duration:
            continue
        slowest = max(calls, key=lambda call: call.duration or 0.0)
        longest = "" if len(calls) == 1 else f", the longest {slowest.duration or 0:.2f} s"
        yield Finding(
            IssueKind.SLOW_TOOL,
            slowest,
            f"{name} took {seconds:.2f} s of {duration:.2f} s in {counted(len(calls), 'call')}{longest}.",
            slowest.seq,
            seconds,
        )


def _covered(spans: list[tuple[float, float]]) -> float:
    """Return the seconds in which at least one of the spans goes on."""
    total, until = 0.0, 0.0
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total


def _same_calls(root: RunNode, events: Sequence[RunEvent]) -> Iterator[Finding]:
    nodes = {node.run_id: node for node in root.walk() if node.type == "tool"}
    calls: dict[tuple[str, bytes], list[RunEvent]] = {}
    for event in events:
        if event.event == "on_tool_start" and event.run_id in nodes and (arguments := event.get("input")):
            calls.setdefault((event.name, _key(arguments)), []).append(event)
    for (name, _), same in calls.items():
        if len(same) > 1:
            arguments = serialization.dumps(same[0].get("input")).decode("utf-8", "replace")
            shown = arguments if len(arguments) <= MAX_ARGUMENT_CHARS else f"{arguments[:MAX_ARGUMENT_CHARS]}…"
            yield Finding(
                IssueKind.SAME_CALL,
                nodes[same[1].run_id],
                f"{name} was called {len(same):,} times with {shown}, first at {same[0].elapsed:.2f} s, "
                f"again at {same[1].elapsed:.2f} s.",
                same[1].seq,
                sum(nodes[event.run_id].duration or 0.0 for event in same[1:]),
            )


def _key(arguments: Any) -> bytes:
    """Return the arguments as bytes that are equal for equal arguments, in whatever order they are named."""
    if isinstance(arguments, dict):
        arguments = {str(name): arguments[name] for name in sorted(arguments, key=str)}
    return serialization.dumps(arguments)
