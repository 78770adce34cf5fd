"""Run summary: what lists show of a run, computed once, at its end, by the functions that the pages use."""

import dataclasses
import time
from collections.abc import Sequence
from typing import Any

from weir.analysis.asked_models import Cost, cost_of, model_of
from weir.analysis.component_data import messages_of
from weir.analysis.graph_diagnosis import run_findings
from weir.analysis.messages import text_of
from weir.analysis.outcome import AnswerStatus, outcome
from weir.analysis.run_snapshot import RunSnapshot
from weir.core import serialization
from weir.core.run_event import RunEvent
from weir.runs.attached_run import program_of
from weir.runs.run import ATTACHED, Run, Status
from weir.storage.run_records import RunEntry

EVENTS_PER_TURN = 200
"""Events that are read before other threads, such as the loop of the runs, take their turn."""

TURN_SECONDS = 0.0005

MAX_INPUT = 200
"""Characters of the input that a list has."""

MAX_SEARCHED = 2_000
"""Characters of the input that a search looks into."""

MAX_MODELS = 100
"""Characters of the models' names."""

PROGRAMS = ("http", "command", ATTACHED)
"""What a run's context says it came from (`via`), where that is no page."""

_STATUSES = {
    Status.RUNNING: AnswerStatus.WRITING,
    Status.DONE: AnswerStatus.DONE,
    Status.WAITING: AnswerStatus.WAITING,
    Status.STOPPED: AnswerStatus.STOPPED,
    Status.FAILED: AnswerStatus.FAILED,
    Status.ABANDONED: AnswerStatus.STOPPED,
}


def summarize(run: Run, cost: Cost) -> RunEntry:
    """Return the entry of a run that has ended. Called on a thread of its own."""
    count = len(run.events)
    seen = RunSnapshot()
    for end in range(0, count, EVENTS_PER_TURN):
        seen.advance_to(run.events, min(end + EVENTS_PER_TURN, count))
        time.sleep(TURN_SECONDS)
    seen.advance_to(run.events, count)
    metrics = seen.metrics()
    result = outcome(run, metrics)
    findings = run_findings(seen.root, seen.events) if seen.root else []
    entry = plain_entry(run)
    model = models_of(seen.events)
    return dataclasses.replace(
        entry,
        status=result.status.name.lower(),
        model=model,
        seconds=metrics.duration,
        first_token=metrics.time_to_first_token,
        tokens_per_second=metrics.tokens_per_second,
        tokens_in=metrics.tokens_in,
        tokens_out=metrics.tokens_out,
        is_exact=metrics.exact,
        cost=cost_of(metrics.tokens_to_pay, cost),
        findings=len(findings),
        worst_finding=findings[0].kind.message if findings else "",
        search_text=serialization.replace_lone_surrogates(
            f"{entry.search_text} {model} {result.detail[:MAX_INPUT]}".lower()
        ),
    )


def plain_entry(run: Run) -> RunEntry:
    """Return the entry of a run without figures: of one that is live, or that cannot be analyzed."""
    text, program = input_text(run), program_of(run)
    name = _text_of(program.get("name"))
    status = AnswerStatus.LOST if run.is_attached and run.status is Status.ABANDONED else _STATUSES[run.status]
    return RunEntry(
        id=run.id,
        owner=run.owner,
        chain=run.name,
        page=_page(run),
        created_at=run.created_at,
        status=status.name.lower(),
        model="",
        seconds=run.elapsed,
        first_token=None,
        tokens_per_second=None,
        tokens_in=None,
        tokens_out=None,
        is_exact=False,
        cost=None,
        events=len(run.events),
        findings=0,
        worst_finding="",
        input=text[:MAX_INPUT],
        search_text=f"{run.name} {text[:MAX_SEARCHED]} {run.id} {name}".lower(),
        is_shared=run.is_shared,
        read_by_others=run.read_by_others,
        ended_at=run.ended_at,
        stop_requested_at=run.stop_requested_at,
        program=name or None,
        program_id=_text_of(program.get("id")) or None,
    )


def _page(run: Run) -> str:
    via = run.context.get("via")
    return via if via in PROGRAMS else _text_of(run.context.get("page"))


def _text_of(value: Any) -> str:
    return value[:MAX_MODELS] if isinstance(value, str) else ""


def input_text(run: Run) -> str:
    """Return what a run was asked, in one line: the last of its messages, or the first field that is not empty."""
    value = run.input
    if messages := messages_of(value):
        value = text_of(messages[-1])
    if isinstance(value, dict):
        value = next((part for part in value.values() if part not in (None, "", [], {})), "")
    text = value if isinstance(value, str) else serialization.dumps(value).decode()
    return serialization.replace_lone_surrogates(" ".join(text[: 2 * MAX_SEARCHED].split()))


def models_of(events: Sequence[RunEvent]) -> str:
    """Return the names of the models that were asked, in the order of their first calls."""
    names: dict[str, None] = {}
    for event in events:
        if event.event in ("on_chat_model_start", "on_llm_start"):
            names[model_of(event) or event.name] = None
    return ", ".join(names)[:MAX_MODELS]
