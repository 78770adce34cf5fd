"""Stream diagnosis: finds in a run's tree why it does not stream, or badly. Each finding has evidence and a hint."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from statistics import median

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


class IssueKind(Enum):
    """Kind of a finding. The value is (title, hint): what is wrong, and what to change."""

    INVOKES = (
        "A step waits for a whole answer",
        "Return the inner chain instead of its result (LangChain then streams it), or make the step a "
        "`RunnableGenerator` that yields from `inner.astream(…)`.",
    )
    WHOLE_INPUT = (
        "A step waits for its whole input",
        "Make it a generator (`async def step(chunks): async for chunk in chunks: yield …`), which LangChain feeds "
        "chunk by chunk, or move it behind the last step that needs to stream.",
    )
    WHOLE_PARSER = (
        "A parser waits for the whole text",
        "Use a parser that yields partial results (`StrOutputParser`, `JsonOutputParser`), or a dict schema with "
        "`with_structured_output`.",
    )
    MODEL_IN_ONE = (
        "The model answered in one chunk",
        "Remove `disable_streaming=True` or `streaming=False` from the model. If neither is set, the server or a "
        "gateway before it does not stream.",
    )
    BURSTS = (
        "Chunks arrived in bursts",
        "A proxy or gateway buffers the stream. Turn its buffering off (nginx: `proxy_buffering off`, or the answer's "
        "header `X-Accel-Buffering: no`) and its compression of `text/event-stream`.",
    )
    STALL = (
        "The stream stalled",
        "Look at the server's load at that moment. A tool or a queue in between shows as a gap in the timeline.",
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
    NODE_INVOKES = (
        "A node gives its text in one piece",
        'Read the graph with `stream_mode=["updates", "messages"]`, or with `astream_events`: the tokens of a model '
        "that a node calls with `invoke` come in no other mode.",
    )
    NO_CUSTOM_MODE = (
        "Data of the stream writer is left out",
        'Add "custom" to the modes: `graph.astream(…, stream_mode=["updates", "custom"])`. Without it '
        "`get_stream_writer()` does nothing.",
    )
    HIDDEN_SUBGRAPH = (
        "A subgraph is hidden",
        "Read the graph with `subgraphs=True`: each chunk then comes with its namespace, the path to the subgraph.",
    )
    SLOW_TOOL = (
        "A tool takes most of the time",
        "Give it a time limit, keep what it has returned before, or make it `async def`, so that calls of one message "
        "run at the same time. With `get_stream_writer()` it can report its progress.",
    )
    SAME_CALL = (
        "A tool is called with the same arguments again",
        "Return something that tells the model what to change, or bound the calls: "
        "`ToolCallLimitMiddleware(tool_name=…, run_limit=…)`. A tool without side effects can be cached.",
    )
    STEP_LIMIT = (
        "The step limit is nearly used up",
        'Raise it (`config={"recursion_limit": …}`), or have the graph end by itself: a state field of the type '
        "`RemainingSteps` tells a node how many steps are left.",
    )

    @property
    def message(self) -> str:
        return self.value[0]

    @property
    def hint(self) -> str:
        return self.value[1]


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem of one component."""

    kind: IssueKind
    node: RunNode
    evidence: str
    """The measurements behind it, in a sentence."""
    seq: int
    """`seq` of the event that shows it."""


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
    previous = _predecessors(root)
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
    previous, busiest = _predecessors(root), busiest_models(root)
    result = [*_duplicate_output(root)]
    for node in root.walk():
        result += _blocking_steps(node, busiest.get(node))
        # A sequence without chunks was called with `invoke`: its caller did not ask for a stream.
        for child in node.children if node.chunks else ():
            if child in previous:
                result += _buffering_steps(child, previous[child])
        if node.is_model:
            result += _model_issues(node)
    return sorted(result, key=lambda finding: finding.seq)


def _predecessors(root: RunNode) -> dict[RunNode, RunNode]:
    """Map each step of a sequence to the previous step."""
    previous = {}
    for node in root.walk():
        # Nodes hand over a state, not chunks; what they call inherits the tags of their steps.
        if node.graph_step is not None:
            continue
        steps = sorted((child for child in node.children if child.step), key=lambda child: child.step or 0)
        previous.update({later: earlier for earlier, later in pairwise(steps)})
    return previous


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
    if any(child.step for child in node.children):
        return
    if inner is None or inner is node or len(inner.chunk_times) < 2:
        return
    yield Finding(
        IssueKind.INVOKES,
        node,
        f"{node.name} made one chunk of the {len(inner.chunk_times)} that {inner.name} inside it wrote from "
        f"{inner.chunk_times[0]:.2f} s to {inner.chunk_times[-1]:.2f} s: it calls invoke, or collects the stream.",
        node.chunk_seqs[0] if node.chunk_times else node.seq,
    )


def _buffering_steps(node: RunNode, previous: RunNode) -> Iterator[Finding]:
    """Find a step that received many chunks and yielded one, or none before its end."""
    if (
        node.status is not NodeStatus.DONE
        or node.is_model
        or len(node.chunk_times) > 1
        or len(previous.chunk_times) < 2
    ):
        return
    output = f"one at {node.chunk_times[0]:.2f} s" if node.chunk_times else "nothing before its end"
    yield Finding(
        IssueKind.WHOLE_PARSER if node.type == "parser" else IssueKind.WHOLE_INPUT,
        node,
        f"{previous.name} gave {node.name} {len(previous.chunk_times)} chunks from {previous.chunk_times[0]:.2f} s to "
        f"{previous.chunk_times[-1]:.2f} s; it yielded {output}.",
        node.chunk_seqs[0] if node.chunk_times else node.seq,
    )


def _model_issues(node: RunNode) -> Iterator[Finding]:
    ended = node.status is NodeStatus.DONE
    if ended and len(node.chunk_times) <= 1 and max(len(node.text), node.output_size) > LONG_OUTPUT_BYTES:
        yield Finding(
            IssueKind.MODEL_IN_ONE,
            node,
            f"{node.name} was called at {node.started:.2f} s, and the whole answer arrived at {node.ended:.2f} s.",
            node.chunk_seqs[0] if node.chunk_times else node.seq,
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
        )
        return
    usual_gap = median(gaps)
    longest = max(gaps)
    if longest > STALL_FACTOR * usual_gap and longest >= MIN_STALL_SECONDS:
        index = gaps.index(longest)
        stalls = sum(gap > STALL_FACTOR * usual_gap and gap >= MIN_STALL_SECONDS for gap in gaps)
        yield Finding(
            IssueKind.STALL,
            node,
            f"{node.name} wrote nothing for {longest:.2f} s from {node.chunk_times[index]:.2f} s on; its median gap "
            f"is {usual_gap * 1e3:.0f} ms." + (f" There were {stalls} such gaps." if stalls > 1 else ""),
            node.chunk_seqs[index + 1],
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
