"""Why is this not streaming? What a run's tree says about its flow, each finding with its cause and its remedy."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from statistics import median

from weir.analysis.run_tree import NodeStatus, RunNode

STALL_FACTOR = 10
"""A gap of more than this many medians is a stall,"""
MIN_STALL_SECONDS = 0.25
"""if it lasts at least so many seconds."""
BURST = 0.002
"""Seconds: chunks nearer to each other than this have arrived as one."""
FEWEST_IN_BURSTS = 8
"""Chunks from which on bursts are told from chance."""
LONG_OUTPUT = 400
"""Bytes of recorded output of which a model would have made several chunks."""
SHORTEST_COPY = 20
"""Characters from which on the same text on two branches is no chance."""


class IssueKind(Enum):
    """What can be wrong. The value is (title, what to change)."""

    INVOKES = (
        "A step waits for a whole answer",
        "Return the inner chain instead of its result (LangChain then streams it), or make the step a "
        "`RunnableGenerator` that yields from `inner.astream(…)`.",
    )
    WHOLE_INPUT = (
        "A step takes its input as a whole",
        "Make it a generator (`async def step(chunks): async for chunk in chunks: yield …`), which LangChain feeds "
        "chunk by chunk, or move it behind the last step that needs to stream.",
    )
    WHOLE_PARSER = (
        "A parser waits for the whole text",
        "Use a parser that yields partial results (`StrOutputParser`, `JsonOutputParser`), or a dict schema with "
        "`with_structured_output`.",
    )
    MODEL_IN_ONE = (
        "The model answered in one piece",
        "Remove `disable_streaming=True` or `streaming=False` from the model; if they are not set, the server or a "
        "gateway before it does not stream.",
    )
    BURSTS = (
        "Chunks arrived in bursts",
        "A proxy or gateway collects the stream. Turn its buffering off (nginx: `proxy_buffering off`, or the answer's "
        "header `X-Accel-Buffering: no`) and its compression of `text/event-stream`.",
    )
    STALL = (
        "The stream stood still",
        "Look at the server's load at that moment; a tool or a queue in between shows as a gap in the timeline.",
    )
    NO_USAGE = (
        "The server did not count its tokens",
        "Set `stream_usage=True` on the model (`stream_options: {include_usage: true}` in the request). Until then "
        "Weir counts chunks, which are not always tokens.",
    )
    NO_FINISH_REASON = (
        "The stream ended without a finish reason",
        "The answer is probably cut off: look for a proxy's time limit or a server that was restarted, then retry.",
    )
    TWICE = (
        "The same text was delivered on two branches",
        "Read the events of one of them only: filter by its name or tag, or by `run_id`.",
    )

    @property
    def title(self) -> str:
        return self.value[0]

    @property
    def hint(self) -> str:
        return self.value[1]


@dataclass(frozen=True, slots=True)
class Finding:
    """One complaint about one component."""

    kind: IssueKind
    node: RunNode
    evidence: str
    """The figures that it rests on, as a sentence."""
    seq: int
    """The event to look at."""


@dataclass(frozen=True, slots=True)
class Flow:
    """What went into a component and what came out of it. Times are seconds since the run's start."""

    node: RunNode
    chunks_in: int | None
    """Chunks of the step before it; None for what has none."""
    chunks_out: int
    first: float | None
    last: float | None


def flows(root: RunNode) -> list[Flow]:
    """Return each component's flow, parents first."""
    before = _predecessors(root)
    return [
        Flow(
            node,
            len(before[node].chunk_times) if node in before else None,
            len(node.chunk_times),
            node.first_chunk,
            node.last_chunk,
        )
        for node in root.walk()
    ]


def findings(root: RunNode) -> list[Finding]:
    """Return what is wrong with a run's flow, in the order of the events that show it."""
    before, busiest = _predecessors(root), _busiest_models(root)
    found = [*_duplicate_output(root)]
    for node in root.walk():
        found += _blocking_steps(node, busiest.get(node))
        # A sequence that was called with `invoke` streams nothing by the will of its caller.
        for child in node.children if node.chunks else ():
            if child in before:
                found += _buffering_steps(child, before[child])
        if node.is_model:
            found += _of_model(node)
    return sorted(found, key=lambda finding: finding.seq)


def _predecessors(root: RunNode) -> dict[RunNode, RunNode]:
    """Map each step of a sequence to the step before it."""
    before = {}
    for node in root.walk():
        steps = sorted((child for child in node.children if child.step), key=lambda child: child.step or 0)
        before.update({later: earlier for earlier, later in pairwise(steps)})
    return before


def _busiest_models(root: RunNode) -> dict[RunNode, RunNode]:
    """Map each component to the model that made most chunks of those inside it and itself; the first of equals."""
    busiest: dict[RunNode, RunNode] = {}
    for node in reversed(list(root.walk())):
        models = [node] if node.is_model else []
        models += [busiest[child] for child in node.children if child in busiest]
        if models:
            busiest[node] = max(models, key=lambda model: len(model.chunk_times))
    return busiest


def _blocking_steps(node: RunNode, inner: RunNode | None) -> Iterator[Finding]:
    """Find a component that made one chunk of what a model inside it wrote in many."""
    if node.status is not NodeStatus.DONE or node.chunks != 1 or any(child.step for child in node.children):
        return
    if inner is None or inner is node or len(inner.chunk_times) < 2:
        return
    yield Finding(
        IssueKind.INVOKES,
        node,
        f"{node.name} made one chunk of the {len(inner.chunk_times)} that {inner.name} inside it wrote from "
        f"{inner.chunk_times[0]:.2f} s to {inner.chunk_times[-1]:.2f} s: it calls invoke, or collects what it streams.",
        node.chunk_seqs[0] if node.chunk_times else node.seq,
    )


def _buffering_steps(node: RunNode, before: RunNode) -> Iterator[Finding]:
    """Find a step that was given many chunks and made one of them, or none before its end."""
    if node.status is not NodeStatus.DONE or node.is_model or len(node.chunk_times) > 1 or len(before.chunk_times) < 2:
        return
    came = f"one at {node.chunk_times[0]:.2f} s" if node.chunk_times else "nothing before its end"
    yield Finding(
        IssueKind.WHOLE_PARSER if node.type == "parser" else IssueKind.WHOLE_INPUT,
        node,
        f"{before.name} gave {node.name} {len(before.chunk_times)} chunks from {before.chunk_times[0]:.2f} s to "
        f"{before.chunk_times[-1]:.2f} s; out came {came}.",
        node.chunk_seqs[0] if node.chunk_times else node.seq,
    )


def _of_model(node: RunNode) -> Iterator[Finding]:
    ended = node.status is NodeStatus.DONE
    if ended and len(node.chunk_times) <= 1 and max(len(node.text), node.output_size) > LONG_OUTPUT:
        yield Finding(
            IssueKind.MODEL_IN_ONE,
            node,
            f"{node.name} was asked at {node.started:.2f} s, and everything came at {node.ended:.2f} s.",
            node.chunk_seqs[0] if node.chunk_times else node.seq,
        )
    if ended and node.tokens_out is None:
        yield Finding(IssueKind.NO_USAGE, node, f"{node.name} ended without a count of what it wrote.", node.seq)
    if ended and node.chunk_times and node.finish_reason is None and node.reports_finish_reason:
        yield Finding(
            IssueKind.NO_FINISH_REASON,
            node,
            f"The last chunk of {node.name} came at {node.chunk_times[-1]:.2f} s and named no `finish_reason`.",
            node.chunk_seqs[-1],
        )
    yield from _stalls_and_bursts(node)


def _stalls_and_bursts(node: RunNode) -> Iterator[Finding]:
    gaps = [later - earlier for earlier, later in pairwise(node.chunk_times)]
    if len(gaps) < FEWEST_IN_BURSTS:
        return
    together = sum(gap < BURST for gap in gaps)
    waits = [gap for gap in gaps if gap >= BURST]
    lasted = node.chunk_times[-1] - node.started
    if together > 0.8 * len(gaps) and lasted > 0.5 and (sum(waits) + node.chunk_times[0] - node.started) > 0.9 * lasted:
        yield Finding(
            IssueKind.BURSTS,
            node,
            f"{len(node.chunk_times)} chunks of {node.name} came in {len(waits) + 1} "
            f"{'burst' if not waits else 'bursts'} within {lasted:.2f} s.",
            node.chunk_seqs[0],
        )
        return
    usual = median(gaps)
    longest = max(gaps)
    if longest > STALL_FACTOR * usual and longest >= MIN_STALL_SECONDS:
        place = gaps.index(longest)
        stalls = sum(gap > STALL_FACTOR * usual and gap >= MIN_STALL_SECONDS for gap in gaps)
        yield Finding(
            IssueKind.STALL,
            node,
            f"{node.name} wrote nothing for {longest:.2f} s from {node.chunk_times[place]:.2f} s on; its median gap "
            f"is {usual * 1e3:.0f} ms." + (f" There were {stalls} such gaps." if stalls > 1 else ""),
            node.chunk_seqs[place + 1],
        )


def _duplicate_output(root: RunNode) -> Iterator[Finding]:
    """Find models, or branches of a parallel step, that streamed the same text."""
    seen: dict[str, RunNode] = {}
    for node in root.walk():
        if not node.is_model or not node.chunk_texts:
            continue
        text = node.text.strip()
        if len(text) < SHORTEST_COPY:
            continue
        first = seen.setdefault(text, node)
        if first is not node:
            yield Finding(
                IssueKind.TWICE,
                node,
                f"{len(text)} characters came from {first.name} at {first.chunk_times[0]:.2f} s and once more from "
                f"{node.name} at {node.chunk_times[0]:.2f} s.",
                node.chunk_seqs[0],
            )
