"""Checks of a run by rules: a function `events, rules -> results`, for tests and CI."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

from weir.analysis.check_rules import ARROW, Rules
from weir.analysis.checked_run import CheckedRun, CheckResult, read_events
from weir.analysis.graph_diagnosis import run_findings
from weir.analysis.json_check import json_valid
from weir.analysis.messages import is_message
from weir.analysis.metrics_line import counted
from weir.analysis.run_text import seconds_text
from weir.analysis.run_tree import RunNode
from weir.analysis.usage import read_usage
from weir.core.run_event import RunEvent

ROUTE_EVENT = "route"
"""Custom event of the smart router; its data has the `route`."""

MIN_SLACK_SECONDS = 0.02
"""Time that a run may be later than its base whatever the tolerance: less than this is chance."""


def check(events: Sequence[RunEvent], rules: Rules) -> list[CheckResult]:
    """Return a result for each rule that is set, in the order of `Rules`."""
    recorded = read_events(events)
    return [result for name, bound in rules.bounds.items() for result in _CHECKS[name](recorded, bound)]


def rules_of(events: Sequence[RunEvent], tolerance: float) -> Rules:
    """Return the rules that a base recording sets for another one of the same chain.

    A time may be longer, and a rate lower, by the share `tolerance`. The longest gap is left out: it is chance. Finish
    reason, route, tool calls and the absence of errors are as in the base.
    """
    recorded = read_events(events)
    metrics, route = recorded.metrics, _route(recorded)
    return Rules(
        first_token=_later(metrics.time_to_first_token, tolerance),
        gap_p95=_later(metrics.p95_latency, tolerance),
        duration=_later(metrics.duration, tolerance),
        tokens_per_second=metrics.tokens_per_second and metrics.tokens_per_second / (1 + tolerance),
        max_tokens=metrics.tokens_out and int(metrics.tokens_out * (1 + tolerance)),
        finish=metrics.finish_reason,
        no_error=all(result.holds for result in _no_error(recorded, True)),
        route=None if route is None else route[0],
        calls=dict(Counter(name for name, _ in _tool_calls(recorded))),
    )


def _later(seconds: float | None, tolerance: float) -> float | None:
    return None if seconds is None else seconds + max(seconds * tolerance, MIN_SLACK_SECONDS)


def _first_token(recorded: CheckedRun, bound: float) -> Iterator[CheckResult]:
    first, limit = recorded.metrics.time_to_first_token, f"at most {seconds_text(bound)}"
    if first is None:
        yield recorded.broken("first_token", "no text came", limit)
    elif first > bound:
        yield recorded.broken("first_token", seconds_text(first), limit, recorded.answer_events[0])
    else:
        yield CheckResult("first_token", True, seconds_text(first), limit)


def _gaps(rule: str, recorded: CheckedRun, figure: float | None, bound: float) -> Iterator[CheckResult]:
    limit = f"at most {seconds_text(bound)}"
    if figure is None:
        yield CheckResult(rule, None, f"{counted(recorded.metrics.chunks, 'chunk')} of text, so there is no gap", limit)
    elif figure > bound:
        _, later = max(pairwise(recorded.answer_events), key=lambda pair: pair[1].elapsed - pair[0].elapsed)
        yield recorded.broken(rule, seconds_text(figure), limit, later)
    else:
        yield CheckResult(rule, True, seconds_text(figure), limit)


def _gap_p95(recorded: CheckedRun, bound: float) -> Iterator[CheckResult]:
    yield from _gaps("gap_p95", recorded, recorded.metrics.p95_latency, bound)


def _gap_max(recorded: CheckedRun, bound: float) -> Iterator[CheckResult]:
    longest = max(recorded.metrics.inter_token_latencies, default=None)
    yield from _gaps("gap_max", recorded, longest, bound)


def _duration(recorded: CheckedRun, bound: float) -> Iterator[CheckResult]:
    duration, limit = recorded.metrics.duration, f"at most {seconds_text(bound)}"
    late = next((event for event in recorded.events if event.elapsed > bound), None)
    if late:
        yield recorded.broken("duration", seconds_text(duration), limit, late)
    else:
        yield CheckResult("duration", True, seconds_text(duration), limit)


def _tokens_per_second(recorded: CheckedRun, bound: float) -> Iterator[CheckResult]:
    rate, limit = recorded.metrics.tokens_per_second, f"at least {bound:.4g} tokens/s"
    if rate is None:
        chunks = counted(recorded.metrics.chunks, "chunk")
        yield CheckResult("tokens_per_second", None, f"{chunks} of text, so there is no rate", limit)
    elif rate < bound:
        yield recorded.broken("tokens_per_second", f"{rate:.1f} tokens/s", limit, recorded.answer_events[-1])
    else:
        yield CheckResult("tokens_per_second", True, f"{rate:.1f} tokens/s", limit)


def _max_tokens(recorded: CheckedRun, bound: int) -> Iterator[CheckResult]:
    tokens, limit = recorded.metrics.tokens_out, f"at most {counted(bound, 'token')}"
    if tokens is None:
        yield CheckResult("max_tokens", None, "no tokens were counted", limit)
        return
    figure = counted(tokens, "token") + ("" if recorded.metrics.exact else ", counted by chunks")
    if tokens <= bound:
        yield CheckResult("max_tokens", True, figure, limit)
        return
    total = 0
    for event in recorded.events:
        usage = read_usage(event.get("output")) if event.event in ("on_chat_model_end", "on_llm_end") else None
        total += (usage.output_tokens or 0) if usage else 0
        if total > bound:
            yield recorded.broken("max_tokens", figure, limit, event)
            return
    yield recorded.broken("max_tokens", figure, limit)


def _finish(recorded: CheckedRun, bound: str) -> Iterator[CheckResult]:
    ends = [event for event in recorded.events if event.event in ("on_chat_model_end", "on_llm_end")]
    reason = recorded.metrics.finish_reason
    if reason == bound:
        yield CheckResult("finish", True, reason, bound)
    elif not ends:
        yield recorded.broken("finish", "no model call ended", bound)
    else:
        yield recorded.broken("finish", reason or "the model reported none", bound, ends[-1])


def _no_error(recorded: CheckedRun, _: bool) -> Iterator[CheckResult]:
    error = next((event for event in recorded.events if event.event.endswith("_error")), None)
    if error:
        node = recorded.nodes.get(error.run_id)
        text = node.error if node and node.error else str(error.get("error"))
        yield recorded.broken("no_error", f"{error.name}: {text}"[:500], "no error", error)
    elif recorded.root is None or recorded.root.ended is None:
        yield recorded.broken("no_error", "the recording ends before the run does", "no error")
    else:
        yield CheckResult("no_error", True, "no error", "no error")


def _streams(recorded: CheckedRun, paths: Sequence[str]) -> Iterator[CheckResult]:
    for path in paths:
        yield _streams_along(recorded, path)


def _streams_along(recorded: CheckedRun, path: str) -> CheckResult:
    """Return whether each component of a path yields chunks, and begins before the one ahead of it has finished."""
    rule, limit = f"streams {path}", "chunks are passed on as they come"
    earlier: RunNode | None = None
    for name in map(str.strip, path.split(ARROW)):
        nodes = [node for node in recorded.nodes.values() if node.name == name]
        if not nodes:
            return recorded.broken(rule, f"there is no component {name}", limit)
        node = max(nodes, key=lambda node: len(node.chunk_times))
        if len(node.chunk_times) < 2:
            at = f"{name} yielded {counted(len(node.chunk_times), 'chunk')}"
            seq = node.chunk_seqs[0] if node.chunk_seqs else node.seq
            return recorded.broken(rule, at, limit, recorded.events[seq])
        if earlier and node.chunk_times[0] > earlier.chunk_times[-1]:
            figure = f"{name} began after {earlier.name} had finished"
            return recorded.broken(rule, figure, limit, recorded.events[node.chunk_seqs[0]])
        earlier = node
    chunks = len(earlier.chunk_times) if earlier else 0
    return CheckResult(rule, True, counted(chunks, "chunk"), limit)


def _route(recorded: CheckedRun) -> tuple[str, RunEvent] | None:
    for event in recorded.events:
        if event.event == "on_custom_event" and event.name == ROUTE_EVENT:
            return str(event.get("route")), event
    return None


def _route_taken(recorded: CheckedRun, bound: str) -> Iterator[CheckResult]:
    taken = _route(recorded)
    if taken is None:
        yield recorded.broken("route", "no route was taken", bound)
    elif taken[0] != bound:
        yield recorded.broken("route", taken[0], bound, taken[1])
    else:
        yield CheckResult("route", True, bound, bound)


def _contains(recorded: CheckedRun, texts: Sequence[str]) -> Iterator[CheckResult]:
    for text in texts:
        rule = f"contains {text!r}"
        if text in recorded.text:
            yield CheckResult(rule, True, f"at character {recorded.text.index(text)}", "in the answer")
        else:
            yield recorded.broken(rule, f"not in the {len(recorded.text):,} characters", "in the answer")


def _tool_calls(recorded: CheckedRun) -> list[tuple[str, RunEvent]]:
    """Return the tools that ran; in a run without any, the calls that its models asked for."""
    runs = [(event.name, event) for event in recorded.events if event.event == "on_tool_start"]
    return runs or [
        (str(call["name"]), event)
        for event in recorded.events
        if event.event == "on_chat_model_end" and is_message(output := event.get("output"))
        for call in output.get("tool_calls") or ()
        if isinstance(call, dict) and call.get("name")
    ]


def _calls(recorded: CheckedRun, bounds: dict[str, int]) -> Iterator[CheckResult]:
    calls = _tool_calls(recorded)
    for tool, bound in bounds.items():
        events = [event for name, event in calls if name == tool]
        rule, figure, limit = f"calls {tool}", counted(len(events), "call"), counted(bound, "call")
        if len(events) == bound:
            yield CheckResult(rule, True, figure, limit)
        else:
            yield recorded.broken(rule, figure, limit, events[bound] if len(events) > bound else None)


def _doctor(recorded: CheckedRun, _: bool) -> Iterator[CheckResult]:
    found = run_findings(recorded.root, recorded.events) if recorded.root else []
    if found:
        text = "; ".join(f"{finding.kind.message}: {finding.evidence}" for finding in found)
        yield recorded.broken("doctor", text, "no finding", recorded.events[found[0].seq])
    else:
        yield CheckResult("doctor", True, "no finding", "no finding")


_CHECKS: dict[str, Callable[[CheckedRun, Any], Iterator[CheckResult]]] = {
    "first_token": _first_token,
    "gap_p95": _gap_p95,
    "gap_max": _gap_max,
    "duration": _duration,
    "tokens_per_second": _tokens_per_second,
    "max_tokens": _max_tokens,
    "finish": _finish,
    "no_error": _no_error,
    "streams": _streams,
    "route": _route_taken,
    "json_valid": json_valid,
    "contains": _contains,
    "calls": _calls,
    "doctor": _doctor,
}
