"""Wait diagnosis: finds what a run waited for: slow steps, failures that cost time, questions asked again."""

from collections.abc import Iterator, Sequence
from typing import Any

from weir.analysis.critical_path import CriticalPath, critical_path
from weir.analysis.finding import Finding, IssueKind
from weir.analysis.messages import is_message, text_of
from weir.analysis.run_tree import NodeStatus, RunNode
from weir.core import serialization
from weir.core.run_event import RunEvent

SLOW_SHARE = 0.5
"""A step is slow if it takes more than this part of the time to the first text …"""
MIN_SLOW_SECONDS = 0.5
"""… and at least this long; …"""
MIN_SLOW_MODEL_SECONDS = 1.0
"""… a model that is asked before the answering one, this long."""
MIN_WAIT_SECONDS = 5.0
"""A model is slow to begin from here on."""
MIN_END_SECONDS = 1.0
"""A run that goes on for so long after its text keeps people waiting."""

MIN_REPEAT_SECONDS = 0.25
"""Repeated questions are found if they take this long together."""

_FALLBACKS = "RunnableWithFallbacks"
"""LangChain's name of the component that tries one Runnable after the other."""


def wait_findings(root: RunNode, events: Sequence[RunEvent]) -> Iterator[Finding]:
    """Yield what the run waited for without need."""
    path = critical_path(root)
    yield from _slow_steps(root, path)
    yield from _slow_model(root, path)
    yield from _slow_end(root)
    for node in root.walk():
        yield from _failed_attempts(node)
    yield from _same_questions(root, events)


def _slow_steps(root: RunNode, path: CriticalPath) -> Iterator[Finding]:
    first = path.first_text
    if first is None:
        return
    total = first - root.started
    answering = (path.model.node.name, path.model.node.type) if path.model else None
    for node, seconds in path.seconds_by_component():
        least = MIN_SLOW_MODEL_SECONDS if node.is_model else MIN_SLOW_SECONDS
        if (node.name, node.type) == answering:
            # An agent asks its model again and again: each call leads to the answer.
            continue
        if node is root or node.status is NodeStatus.FAILED or seconds < least or seconds <= SLOW_SHARE * total:
            continue
        calls = len({part.node.run_id for part in path.before if part.node.name == node.name})
        times = "" if calls == 1 else f" in {calls:,} calls, one after another"
        yield Finding(
            IssueKind.SLOW_STEP,
            node,
            f"{node.name} took {seconds:.2f} of the {total:.2f} s to the first text{times}, before "
            f"{path.model.node.name if path.model else 'a model'} was asked.",
            node.seq,
            seconds,
        )


def _slow_model(root: RunNode, path: CriticalPath) -> Iterator[Finding]:
    part = path.model
    if part is None or len(part.node.chunk_times) < 2 or part.seconds < MIN_WAIT_SECONDS:
        return
    if part.seconds > SLOW_SHARE * (part.end - root.started):
        yield Finding(
            IssueKind.SLOW_MODEL,
            part.node,
            f"{part.node.name} was asked at {part.start:.2f} s, and wrote its first chunk {part.seconds:.2f} s later.",
            part.node.chunk_seqs[0],
            part.seconds,
        )


def _slow_end(root: RunNode) -> Iterator[Finding]:
    last = root.text_times[-1] if root.text_times else None
    if last is None or root.ended is None or root.status is not NodeStatus.DONE:
        return
    seconds = root.ended - last
    # A model that writes on, for a structured answer or in another branch, is not an end.
    if seconds < MIN_END_SECONDS or any(node.is_model and (node.ended or 0.0) > last + 0.1 for node in root.walk()):
        return
    until = last + 0.9 * seconds
    late = (node for node in root.walk() if not node.children and node.ended is not None and node.ended > until)
    node = min(late, key=lambda leaf: leaf.seq, default=root)
    yield Finding(
        IssueKind.SLOW_END,
        node,
        f"The text was whole at {last:.2f} s; {node.name} went on until {node.ended or root.ended:.2f} s.",
        node.seq,
        seconds,
    )


def _failed_attempts(node: RunNode) -> Iterator[Finding]:
    """Find children that failed, and were followed by another attempt or by a fallback."""
    failures: dict[tuple[str, str], list[RunNode]] = {}
    for child in node.children:
        if child.status is NodeStatus.FAILED and child.ended is not None:
            failures.setdefault((child.name, child.type), []).append(child)
    if not failures:
        return
    # Children are in the order in which they started: the last one of a name tells whether it was tried again.
    last_of = {(child.name, child.type): child for child in node.children}
    for number, (component, failed) in enumerate(failures.items()):
        first = failed[0]
        if _is_after(last_of[component], first):
            seconds = sum(one.duration or 0.0 for one in failed)
            yield Finding(
                IssueKind.RETRIED,
                first,
                f"{first.name} failed {_times(len(failed))} before it went on, and {seconds:.2f} s with that: "
                f"{first.error[:200].rstrip('.')}.",
                first.seq,
                seconds,
            )
        elif number == 0 and node.name.startswith(_FALLBACKS) and _is_after(node.children[-1], first):
            yield Finding(
                IssueKind.FALLBACK,
                first,
                f"{first.name} failed after {first.duration or 0.0:.2f} s, and {node.children[-1].name} answered "
                f"instead: {first.error[:200].rstrip('.')}.",
                first.seq,
                node.children[-1].started - first.started,
            )


def _is_after(other: RunNode, failed: RunNode) -> bool:
    return other is not failed and other.started >= (failed.ended or 0.0)


def _times(number: int) -> str:
    return "once" if number == 1 else "twice" if number == 2 else f"{number:,} times"


def _same_questions(root: RunNode, events: Sequence[RunEvent]) -> Iterator[Finding]:
    """Find model calls that ask what one that has ended was asked before."""
    asked: dict[tuple[str, bytes], RunNode] = {}
    repeats: dict[tuple[str, bytes], list[RunNode]] = {}
    for node in sorted((node for node in root.walk() if node.is_model), key=lambda node: node.started):
        if node.status is not NodeStatus.DONE or node.seq >= len(events):
            continue
        if not (question := _question(events[node.seq].get("input"))):
            continue
        key = node.name, serialization.dumps(question)
        first = asked.setdefault(key, node)
        if first is not node and first.ended is not None and node.started >= first.ended:
            repeats.setdefault(key, []).append(node)
    for key, nodes in repeats.items():
        seconds = sum(node.duration or 0.0 for node in nodes)
        if seconds < MIN_REPEAT_SECONDS:
            continue
        yield Finding(
            IssueKind.SAME_QUESTION,
            nodes[0],
            f"{nodes[0].name} was asked the same at {asked[key].started:.2f} s and again at {nodes[0].started:.2f} s"
            + (f", {len(nodes) + 1:,} times in all" if len(nodes) > 1 else "")
            + f": {seconds:.2f} s.",
            nodes[0].seq,
            seconds,
        )


def _question(value: Any) -> list[tuple[str, str]]:
    """Return who wrote what of a model's input; empty if it cannot be read, or holds other things than text."""
    batches = value.get("messages") if isinstance(value, dict) else None
    messages = batches[0] if isinstance(batches, list) and batches and isinstance(batches[0], list) else batches
    if not isinstance(messages, list) or not all(map(is_message, messages)):
        return []
    question = [(str(message["type"]), text_of(message)) for message in messages]
    # A call of a tool has no text: its arguments would be left out of the comparison.
    return question if question and all(text for _, text in question) else []
