"""Stream diagnosis: finds in a run's tree why it does not stream, or badly. Each finding has evidence and a hint."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from weir.analysis.critical_path import predecessors
from weir.analysis.finding import Finding, IssueKind
from weir.analysis.run_tree import NodeStatus, RunNode

STALL_FACTOR = 10
"""A gap is a stall if it is longer than this many times the median gap …"""
MIN_STALL_SECONDS = 0.25
"""… and lasts at least this long."""
BURST_GAP_SECONDS = 0.002
"""Chunks with a shorter gap arrived together, in a burst."""
MIN_GAPS = 8
"""Minimal number of gaps for a finding about stalls or bursts. With fewer, it could be chance."""
LONG_OUTPUT_BYTES = 400
"""Size of recorded output from which a streaming model would have made several chunks."""
MIN_DUPLICATE_CHARS = 20
"""Length from which the same text on two branches is not chance."""


@dataclass(frozen=True, slots=True)
class Flow:
    """Chunks into and out of a component. Times are seconds since the run's start."""

    node: RunNode
    chunks_in: int | None
    """Chunks of the previous step; None if there is none."""
    chunks_out: int
    first: float | None
    last: float | None


def flows(root: RunNode) -> list[Flow]:
    """Return each component's flow, parents first."""
    previous = predecessors(root)
    return [
        Flow(
            node,
            len(previous[node].chunk_times) if node in previous else None,
            len(node.chunk_times),
            node.first_chunk,
            node.last_chunk,
        )
        for node in root.walk()
    ]


def findings(root: RunNode) -> list[Finding]:
    """Return the problems of a run's stream, in the order of the events that show them."""
    previous, busiest = predecessors(root), busiest_models(root)
    last_call = max((node.started for node in root.walk() if node.is_model), default=0.0)
    result = [*_duplicate_output(root)]
    for node in root.walk():
        # What a later model is asked with has to be whole.
        if node.ended is not None and node.ended > last_call:
            result += _blocking_steps(node, busiest.get(node))
        # A sequence without chunks was called with `invoke`: its caller did not ask for a stream.
        for child in node.children if node.chunks else ():
            if child in previous and child.ended is not None and child.ended > last_call:
                result += _buffering_steps(child, previous, busiest)
        if node.is_model:
            result += _model_issues(node)
    return sorted(_once(result), key=lambda finding: finding.seq)


def _once(found: list[Finding]) -> Iterator[Finding]:
    """Yield findings; those of a model's setting, which each of its calls repeats, once with the number of calls."""
    calls: dict[tuple[IssueKind, str], list[Finding]] = {}
    for finding in found:
        if finding.kind is IssueKind.NO_USAGE:
            calls.setdefault((finding.kind, finding.node.name), []).append(finding)
        else:
            yield finding
    for same in calls.values():
        number = f" The same holds for {len(same) - 1:,} more of its calls." if len(same) > 1 else ""
        yield replace(same[0], evidence=same[0].evidence + number)


def _streaming_model(
    step: RunNode, previous: dict[RunNode, RunNode], busiest: dict[RunNode, RunNode]
) -> RunNode | None:
    """Return the model whose chunks reach a step from the steps before it; None if they do not."""
    earlier: RunNode | None = step
    while (earlier := previous.get(earlier)) is not None:  # type: ignore[arg-type]
        model = busiest.get(earlier)
        if model is not None and len(model.chunk_times) > 1:
            return model
    return None


def busiest_models(root: RunNode) -> dict[RunNode, RunNode]:
    """Map each component to the model with the most chunks among itself and those inside it; of equals, the first."""
    busiest: dict[RunNode, RunNode] = {}
    for node in reversed(list(root.walk())):
        models = [node] if node.is_model else []
        models += [busiest[child] for child in node.children if child in busiest]
        if models:
            busiest[node] = max(models, key=lambda model: len(model.chunk_times))
    return busiest


def _blocking_steps(node: RunNode, inner: RunNode | None) -> Iterator[Finding]:
    """Find a component that yielded one chunk, although a model inside it streamed many."""
    if node.graph_step is not None or node.status is not NodeStatus.DONE or node.chunks != 1:
        return
    # A sequence is judged by its steps, and a graph by how it is read.
    if any(child.step or child.graph_step is not None for child in node.children):
        return
    if inner is None or inner is node or len(inner.chunk_times) < 2:
        return
    yield Finding(
        IssueKind.INVOKES,
        node,
        f"{node.name} made one chunk of the {len(inner.chunk_times)} that {inner.name} inside it wrote from "
        f"{inner.chunk_times[0]:.2f} s to {inner.chunk_times[-1]:.2f} s: it calls invoke, or collects the stream.",
        node.chunk_seqs[0] if node.chunk_times else node.seq,
        max(0.0, (node.first_chunk or node.ended or 0.0) - inner.chunk_times[0]),
    )


def _buffering_steps(
    node: RunNode, steps: dict[RunNode, RunNode], busiest: dict[RunNode, RunNode]
) -> Iterator[Finding]:
    """Find a step that received a model's chunks and yielded one, or none before its end."""
    previous = steps[node]
    # A prompt needs its whole input, and a structured answer was asked for as a whole.
    if node.is_model or node.type == "prompt" or len(node.chunk_times) > 1 or len(previous.chunk_times) < 2:
        return
    model = _streaming_model(node, steps, busiest)
    if node.status is not NodeStatus.DONE or model is None or model.is_structured:
        return
    output = f"one at {node.chunk_times[0]:.2f} s" if node.chunk_times else "nothing before its end"
    yield Finding(
        IssueKind.WHOLE_PARSER if node.type == "parser" else IssueKind.WHOLE_INPUT,
        node,
        f"{previous.name} gave {node.name} {len(previous.chunk_times)} chunks from {previous.chunk_times[0]:.2f} s to "
        f"{previous.chunk_times[-1]:.2f} s; it yielded {output}.",
        node.chunk_seqs[0] if node.chunk_times else node.seq,
        max(0.0, (node.first_chunk or node.ended or 0.0) - previous.chunk_times[0]),
    )


def _model_issues(node: RunNode) -> Iterator[Finding]:
    ended = node.status is NodeStatus.DONE
    if ended and len(node.chunk_times) <= 1 and max(len(node.text), node.output_size) > LONG_OUTPUT_BYTES:
        yield Finding(
            IssueKind.MODEL_IN_ONE,
            node,
            f"{node.name} was called at {node.started:.2f} s, and the whole answer arrived at {node.ended:.2f} s.",
            node.chunk_seqs[0] if node.chunk_times else node.seq,
            node.duration or 0.0,
        )
    if ended and node.tokens_out is None:
        yield Finding(IssueKind.NO_USAGE, node, f"{node.name} ended without a count of its output tokens.", node.seq)
    if ended and node.chunk_times and node.finish_reason is None and node.reports_finish_reason:
        yield Finding(
            IssueKind.NO_FINISH_REASON,
            node,
            f"The last chunk of {node.name} arrived at {node.chunk_times[-1]:.2f} s without a `finish_reason`.",
            node.chunk_seqs[-1],
        )
    yield from _stalls_and_bursts(node)


def _stalls_and_bursts(node: RunNode) -> Iterator[Finding]:
    gaps = [later - earlier for earlier, later in pairwise(node.chunk_times)]
    if len(gaps) < MIN_GAPS:
        return
    short_gaps = sum(gap < BURST_GAP_SECONDS for gap in gaps)
    waits = [gap for gap in gaps if gap >= BURST_GAP_SECONDS]
    duration = node.chunk_times[-1] - node.started
    waited = sum(waits) + node.chunk_times[0] - node.started
    if short_gaps > 0.8 * len(gaps) and duration > 0.5 and waited > 0.9 * duration:
        yield Finding(
            IssueKind.BURSTS,
            node,
            f"{len(node.chunk_times)} chunks of {node.name} arrived in {len(waits) + 1} "
            f"{'burst' if not waits else 'bursts'} within {duration:.2f} s.",
            node.chunk_seqs[0],
            sum(waits),
        )
        return
    usual_gap = median(gaps)
    longest = max(gaps)
    if longest > STALL_FACTOR * usual_gap and longest >= MIN_STALL_SECONDS:
        index = gaps.index(longest)
        long_gaps = [gap for gap in gaps if gap > STALL_FACTOR * usual_gap and gap >= MIN_STALL_SECONDS]
        stalls = len(long_gaps)
        yield Finding(
            IssueKind.STALL,
            node,
            f"{node.name} wrote nothing for {longest:.2f} s from {node.chunk_times[index]:.2f} s on; its median gap "
            f"is {usual_gap * 1e3:.0f} ms." + (f" There were {stalls} such gaps." if stalls > 1 else ""),
            node.chunk_seqs[index + 1],
            sum(long_gaps) - stalls * usual_gap,
        )


def _duplicate_output(root: RunNode) -> Iterator[Finding]:
    """Find models that streamed the same text, for example on two branches of a parallel step."""
    seen: dict[str, RunNode] = {}
    for node in root.walk():
        if not node.is_model or not node.chunk_texts:
            continue
        text = node.text.strip()
        if len(text) < MIN_DUPLICATE_CHARS:
            continue
        first = seen.setdefault(text, node)
        if first is not node:
            yield Finding(
                IssueKind.TWICE,
                node,
                f"{len(text)} characters came from {first.name} at {first.chunk_times[0]:.2f} s and again from "
                f"{node.name} at {node.chunk_times[0]:.2f} s.",
                node.chunk_seqs[0],
            )
