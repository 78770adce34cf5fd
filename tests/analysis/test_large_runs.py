"""The time of functions of events grows at most linearly with the run, for many events and for large answers."""

import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import pytest

from pages.components.inspector import event_table
from tests.support.event_strategies import recorded
from weir.analysis.answer_reader import answer_text
from weir.analysis.event_filter import EventFilter
from weir.analysis.graph_diagnosis import run_findings
from weir.analysis.method_race import Lane, text_agreement, timed_chunks
from weir.analysis.metrics import run_metrics
from weir.analysis.progress import RunPhase, run_phase
from weir.analysis.run_comparison import first_difference, first_difference_of_text
from weir.analysis.run_json import RunJsonReader
from weir.analysis.run_snapshot import RunSnapshot
from weir.analysis.run_tree import run_tree
from weir.analysis.stop_report import stop_report
from weir.analysis.stream_diagnosis import flows
from weir.analysis.text_chunks import text_chunks
from weir.analysis.token_counter import TokenUsageCounter
from weir.analysis.waterfall_rows import waterfall
from weir.api.schemas import run_view
from weir.core import serialization
from weir.core.run_event import Component, RunEvent
from weir.partial_json.field_timeline import field_timelines
from weir.runs import recording_file
from weir.runs.methods import Method
from weir.runs.run import Run, Status

ROOT = Component("chain", "root", (), (), {})


def events_of(body: Iterable[tuple[str, Component, Any]]) -> list[RunEvent]:
    return [
        RunEvent(seq, seq * 1e-3, name, component, serialization.dumps(data))
        for seq, (name, component, data) in enumerate(body)
    ]


def long_stream(size: int) -> list[RunEvent]:
    """Return a run of a model that streams many chunks, each of which the chain passes on."""
    model = Component("model", "model", ("root",), ("seq:step:1",), {})
    body = [
        ("on_chain_start", ROOT, {"input": "q"}),
        ("on_chat_model_start", model, {"input": "q"}),
        *(
            event
            for number in range(size)
            for event in (
                ("on_chat_model_stream", model, {"chunk": {"type": "AIMessageChunk", "content": f"[{number},"}}),
                ("on_chain_stream", ROOT, {"chunk": f"[{number},"}),
            )
        ),
    ]
    return events_of(body)


def large_answer(size: int) -> list[RunEvent]:
    """Return a run of a model that writes its answer in one chunk."""
    model = Component("model", "model", ("root",), (), {})
    message = {"type": "ai", "content": '["a", 1]\n' * size, "usage_metadata": {"output_tokens": size}}
    return events_of(
        [
            ("on_chain_start", ROOT, {"input": "q"}),
            ("on_chat_model_start", model, {"input": "q"}),
            ("on_chat_model_stream", model, {"chunk": message}),
            ("on_chain_stream", ROOT, {"chunk": message["content"]}),
            ("on_chat_model_end", model, {"output": message}),
        ]
    )


def many_failures(size: int) -> list[RunEvent]:
    """Return a run of components that fail one after the other, each with another error."""
    body: list[tuple[str, Component, Any]] = [("on_chain_start", ROOT, {})]
    for number in range(size):
        step = Component(f"step {number}", f"id-{number}", ("root",), (f"seq:step:{number}",), {})
        body += [
            ("on_chain_start", step, {"input": number}),
            ("on_chain_stream", step, {"chunk": number}),
            ("on_chain_error", step, {"error": {"type": "ValueError", "message": str(number)}}),
        ]
    return events_of(body)


def deep_nesting(size: int) -> list[RunEvent]:
    """Return a run of nested components, each of which passes on what the model in the innermost one wrote."""
    components = [
        Component("step", f"id-{depth}", () if not depth else (f"id-{depth - 1}",), (), {}) for depth in range(size)
    ]
    model = Component("model", "model", (f"id-{size - 1}",), (), {})
    body: list[tuple[str, Component, Any]] = [("on_chain_start", component, {}) for component in components]
    body += [("on_chat_model_start", model, {}), *[("on_chat_model_stream", model, {"chunk": "ab"})] * 3]
    body += [("on_chat_model_end", model, {"output": {}})]
    for component in reversed(components):
        body += [("on_chain_stream", component, {"chunk": "ab"}), ("on_chain_end", component, {})]
    return events_of(body)


def custom_events(size: int) -> list[RunEvent]:
    """Return a run of many custom events."""
    components = [Component(f"report {number}", "root", (), (), {}) for number in range(size)]
    return events_of(
        [("on_chain_start", ROOT, {}), *(("on_custom_event", component, [1, "a"]) for component in components)]
    )


def read_snapshot(run: Run) -> RunSnapshot:
    snapshot = RunSnapshot()
    snapshot.advance_to(run.events, len(run.events))
    return snapshot


def read_table(run: Run) -> int:
    rows = event_table.table_rows(run.events, search="", folded=True)
    return len(event_table._table(rows[: event_table.PAGE], before=None)) + sum(len(row.text) for row in rows)


def read_diagnosis(run: Run) -> int:
    root = run_tree(run.events)
    assert root is not None
    drawn = waterfall(root, run.events[-1].elapsed)
    return len(serialization.dumps(drawn)) + len(run_findings(root, run.events)) + len(flows(root))


def read_json(run: Run) -> int:
    reader = RunJsonReader()
    reader.read(run.events)
    return len(field_timelines(reader.chunks()[:2_000]).lines)


def read_race(run: Run) -> str:
    one, other = Lane(Method.ASTREAM, run).read(), Lane(Method.STREAM, run).read()
    return text_agreement([one, other])


READERS: tuple[Callable[[Run], object], ...] = (
    *(read_snapshot, read_table, read_diagnosis, read_json, read_race, timed_chunks, stop_report),
    lambda run: run_metrics(run.events),
    lambda run: list(text_chunks(run.events)),
    lambda run: TokenUsageCounter().update(run.events),
    lambda run: run_phase(run.events, RunPhase.WAITING, None),
    lambda run: EventFilter(include_names=frozenset({"x"})).select(run.events),
    lambda run: first_difference(run.events, run.events),
    lambda run: first_difference_of_text(answer_text(run.events), f"{answer_text(run.events)}x"),
    lambda run: sum(map(len, recording_file.to_jsonl(run))),
    lambda run: b"".join(run_view(run, "/api")),
    lambda run: event_table.table_rows(run.events, search="nowhere", folded=False),
)


ATTEMPTS = 5
"""Number of measurements. On a busy machine other processes slow some of them down, but not all."""


def cpu_time(read: Callable[[], object]) -> float:
    """Return the CPU seconds of a call in this thread."""
    started = time.thread_time()
    read()
    return time.thread_time() - started


def grows_too_fast(read: Callable[[Run], object], small: Run, large: Run) -> tuple[float, float] | None:
    """Return the seconds for a run and for one twice as long, if the ratio is too large each time; else None."""
    for _ in range(ATTEMPTS):
        once, twice = cpu_time(partial(read, small)), cpu_time(partial(read, large))
        # Below a few milliseconds, noise dominates.
        if twice <= 3 * once + 0.005:
            return None
    return once, twice


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shape", "size"),
    [
        (long_stream, 2_000),
        (large_answer, 50_000),
        (many_failures, 1_000),
        (deep_nesting, 1_000),
        (custom_events, 2_000),
    ],
)
def test_a_run_twice_as_long_takes_at_most_three_times_as_long(
    shape: Callable[[int], list[RunEvent]], size: int
) -> None:
    small, large = (recorded(shape(factor * size), status=Status.STOPPED) for factor in (1, 2))
    for number, read in enumerate(READERS):
        assert grows_too_fast(read, small, large) is None, number
