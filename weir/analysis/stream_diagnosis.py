"""Why is this not streaming? What a run's tree says about its flow, each finding with its cause and its remedy."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from statistics import median

from weir.analysis.run_tree import Node, NodeStatus

STALL = 10
"""A gap of more than this many medians is a stall,"""
SHORTEST_STALL = 0.25
"""if it lasts at least so many seconds."""
BURST = 0.002
"""Seconds: chunks nearer to each other than this have arrived as one."""
FEWEST_IN_BURSTS = 8
"""Chunks from which on bursts are told from chance."""
LONG_OUTPUT = 400
"""Bytes of recorded output of which a model would have made several chunks."""
SHORTEST_COPY = 20
"""Characters from which on the same text on two branches is no chance."""


class Complaint(Enum):
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
    def remedy(self) -> str:
        return self.value[1]


@dataclass(frozen=True, slots=True)
class Finding:
    """One complaint about one component."""

    complaint: Complaint
    node: Node
    evidence: str
    """The figures that it rests on, as a sentence."""
    seq: int
    """The event to look at."""


@dataclass(frozen=True, slots=True)
class Flow:
    """What went into a component and what came out of it. Times are seconds since the run's start."""

    node: Node
    chunks_in: int | None
    """Chunks of the step before it; None for what has none."""
    chunks_out: int
    first: float | None
    last: float | None


def flows(root: Node) -> list[Flow]:
    """Return each component's flow, parents first."""
    before = _predecessors(root)
    return [
        Flow(
            node,
            len(before[node].arrivals) if node in before else None,
            len(node.arrivals),
            node.first_chunk,
            node.last_chunk,
        )
        for node in root.walk()
    ]


def findings(root: Node) -> list[Finding]:
    """Return what is wrong with a run's flow, in the order of the events that show it."""
    before, busiest = _predecessors(root), _busiest_models(root)
    found = [*_twice(root)]
    for node in root.walk():
        found += _waiting(node, busiest.get(node))
        # A sequence that was called with `invoke` streams nothing by the will of its caller.
        for child in node.children if node.chunks else ():
            if child in before:
                found += _collecting(child, before[child])
        if node.is_model:
            found += _of_model(node)
    return sorted(found, key=lambda finding: finding.seq)


def _predecessors(root: Node) -> dict[Node, Node]:
    """Map each step of a sequence to the step before it."""
    before = {}
    for node in root.walk():
        steps = sorted((child for child in node.children if child.step), key=lambda child: child.step or 0)
        before.update({later: earlier for earlier, later in pairwise(steps)})
    return before


def _busiest_models(root: Node) -> dict[Node, Node]:
    """Map each component to the model that made most chunks of those inside it and itself; the first of equals."""
    busiest: dict[Node, Node] = {}
    for node in reversed(list(root.walk())):
        models = [node] if node.is_model else []
        models += [busiest[child] for child in node.children if child in busiest]
        if models:
            busiest[node] = max(models, key=lambda model: len(model.arrivals))
    return busiest


def _waiting(node: Node, inner: Node | None) -> Iterator[Finding]:
    """Find a component that made one chunk of what a model inside it wrote in many."""
    if node.status is not NodeStatus.DONE or node.chunks != 1 or any(child.step for child in node.children):
        return
    if inner is None or inner is node or len(inner.arrivals) < 2:
        return
    yield Finding(
        Complaint.INVOKES,
        node,
        f"{node.name} made one chunk of the {len(inner.arrivals)} that {inner.name} inside it wrote from "
        f"{inner.arrivals[0]:.2f} s to {inner.arrivals[-1]:.2f} s: it calls invoke, or collects what it streams.",
        node.arrival_seqs[0] if node.arrivals else node.seq,
    )


def _collecting(node: Node, before: Node) -> Iterator[Finding]:
    """Find a step that was given many chunks and made one of them, or none before its end."""
    if node.status is not NodeStatus.DONE or node.is_model or len(node.arrivals) > 1 or len(before.arrivals) < 2:
        return
    came = f"one at {node.arrivals[0]:.2f} s" if node.arrivals else "nothing before its end"
    yield Finding(
        Complaint.WHOLE_PARSER if node.type == "parser" else Complaint.WHOLE_INPUT,
        node,
        f"{before.name} gave {node.name} {len(before.arrivals)} chunks from {before.arrivals[0]:.2f} s to "
        f"{before.arrivals[-1]:.2f} s; out came {came}.",
        node.arrival_seqs[0] if node.arrivals else node.seq,
    )


def _of_model(node: Node) -> Iterator[Finding]:
    ended = node.status is NodeStatus.DONE
    if ended and len(node.arrivals) <= 1 and max(len(node.text), node.output_size) > LONG_OUTPUT:
        yield Finding(
            Complaint.MODEL_IN_ONE,
            node,
            f"{node.name} was asked at {node.started:.2f} s, and everything came at {node.ended:.2f} s.",
            node.arrival_seqs[0] if node.arrivals else node.seq,
        )
    if ended and node.tokens_out is None:
        yield Finding(Complaint.NO_USAGE, node, f"{node.name} ended without a count of what it wrote.", node.seq)
    if ended and node.arrivals and node.finish_reason is None and node.names_its_end:
        yield Finding(
            Complaint.NO_FINISH_REASON,
            node,
            f"The last chunk of {node.name} came at {node.arrivals[-1]:.2f} s and named no `finish_reason`.",
            node.arrival_seqs[-1],
        )
    yield from _pauses(node)


def _pauses(node: Node) -> Iterator[Finding]:
    gaps = [later - earlier for earlier, later in pairwise(node.arrivals)]
    if len(gaps) < FEWEST_IN_BURSTS:
        return
    together = sum(gap < BURST for gap in gaps)
    waits = [gap for gap in gaps if gap >= BURST]
    lasted = node.arrivals[-1] - node.started
    if together > 0.8 * len(gaps) and lasted > 0.5 and (sum(waits) + node.arrivals[0] - node.started) > 0.9 * lasted:
        yield Finding(
            Complaint.BURSTS,
            node,
            f"{len(node.arrivals)} chunks of {node.name} came in {len(waits) + 1} "
            f"{'burst' if not waits else 'bursts'} within {lasted:.2f} s.",
            node.arrival_seqs[0],
        )
        return
    usual = median(gaps)
    longest = max(gaps)
    if longest > STALL * usual and longest >= SHORTEST_STALL:
        place = gaps.index(longest)
        stalls = sum(gap > STALL * usual and gap >= SHORTEST_STALL for gap in gaps)
        yield Finding(
            Complaint.STALL,
            node,
            f"{node.name} wrote nothing for {longest:.2f} s from {node.arrivals[place]:.2f} s on; its median gap "
            f"is {usual * 1e3:.0f} ms." + (f" There were {stalls} such gaps." if stalls > 1 else ""),
            node.arrival_seqs[place + 1],
        )


def _twice(root: Node) -> Iterator[Finding]:
    """Find models, or branches of a parallel step, that streamed the same text."""
    seen: dict[str, Node] = {}
    for node in root.walk():
        if not node.is_model or not node.pieces:
            continue
        text = node.text.strip()
        if len(text) < SHORTEST_COPY:
            continue
        first = seen.setdefault(text, node)
        if first is not node:
            yield Finding(
                Complaint.TWICE,
                node,
                f"{len(text)} characters came from {first.name} at {first.arrivals[0]:.2f} s and once more from "
                f"{node.name} at {node.arrivals[0]:.2f} s.",
                node.arrival_seqs[0],
            )
