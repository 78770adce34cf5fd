"""A run as lines of plain text: its tree, its figures and the diagnosis, for terminals and test reports."""

from collections.abc import Iterator, Sequence

from weir.analysis.graph_diagnosis import run_findings
from weir.analysis.metrics import RunMetrics
from weir.analysis.run_tree import NodeStatus, RunNode
from weir.core import serialization
from weir.core.run_event import RunEvent

MAX_NAME = 60
"""Characters of a component's name."""


def tree_lines(root: RunNode | None) -> Iterator[str]:
    """Yield a line for each component: `story  chain  0.00–3.19 s  204 chunks`."""
    if root is None:
        yield "no events"
        return
    nodes = list(root.walk())
    labels = [_branch(node) + _line(node.name)[:MAX_NAME] for node in nodes]
    width = max(map(len, labels))
    for label, node in zip(labels, nodes, strict=True):
        yield f"{label.ljust(width)}  {node.type}  {_times(node)}{_chunks(node)}{_tokens(node)}{_ending(node)}"


def metrics_lines(metrics: RunMetrics) -> Iterator[str]:
    """Yield a line for each figure that is known."""
    figures = [
        ("time to first token", _seconds(metrics.time_to_first_token)),
        ("thinking", _thinking(metrics)),
        ("median gap", _seconds(metrics.median_latency)),
        ("95th percentile of the gaps", _seconds(metrics.p95_latency)),
        ("tokens per second", "" if metrics.tokens_per_second is None else f"{metrics.tokens_per_second:.1f}"),
        ("tokens in", _number(metrics.tokens_in)),
        ("tokens out", _number(metrics.tokens_out) + ("" if metrics.exact else ", counted by chunks")),
        ("finish reason", metrics.finish_reason or ""),
        ("duration", _seconds(metrics.duration)),
    ]
    known = [(label, value) for label, value in figures if value and not value.startswith(",")]
    width = max(len(label) for label, _ in known)
    yield from (f"{label.ljust(width)}  {value}" for label, value in known)


def _thinking(metrics: RunMetrics) -> str:
    if metrics.time_to_first_reasoning is None:
        return ""
    tokens = "" if metrics.reasoning_tokens is None else f", {metrics.reasoning_tokens:,} tokens"
    return f"{seconds_text(metrics.thinking_seconds)}{tokens}, after a wait of {_seconds(metrics.waiting_seconds)}"


def diagnosis_lines(root: RunNode | None, events: Sequence[RunEvent]) -> Iterator[str]:
    """Yield three lines for each finding of the diagnosis; one if there is none."""
    found = run_findings(root, events) if root else []
    if not found:
        yield "Nothing holds the stream up."
    for finding in found:
        yield f"{finding.kind.message} (event {finding.seq})"
        yield f"  {_line(finding.evidence)}"
        yield f"  {finding.kind.hint}"


def _branch(node: RunNode) -> str:
    return "  " * node.depth


def _times(node: RunNode) -> str:
    end = "…" if node.ended is None else f"{node.ended:.2f}"
    return f"{node.started:.2f}–{end} s"


def _chunks(node: RunNode) -> str:
    number = len(node.chunk_times)
    return f"  {number:,} {'chunk' if number == 1 else 'chunks'}" if number else ""


def _tokens(node: RunNode) -> str:
    return "" if node.tokens_out is None else f"  {_number(node.tokens_in) or '?'} → {_number(node.tokens_out)} tokens"


def _ending(node: RunNode) -> str:
    if node.status is NodeStatus.FAILED:
        return f"  failed: {_line(node.error)}"
    return "" if node.status is NodeStatus.DONE else f"  {node.status.value}"


def _line(text: str) -> str:
    return " ".join(serialization.replace_lone_surrogates(text).split())


def seconds_text(value: float) -> str:
    """Return seconds for people: `390 ms`, `3.19 s`."""
    return f"{value * 1e3:.0f} ms" if value < 0.995 else f"{value:.2f} s"


def _seconds(value: float | None) -> str:
    return "" if value is None else seconds_text(value)


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"
