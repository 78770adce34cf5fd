"""What functions of events cost on a run of many events, or of a large answer: in proportion to it, never more."""

import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import pytest

from pages.components.inspector import event_table, run_charts
from tests.support.event_strategies import recorded
from weir.analysis.event_filter import EventFilter
from weir.analysis.method_race import Lane, text_agreement, timed_chunks
from weir.analysis.metrics import answer_text, run_metrics
from weir.analysis.progress import RunPhase, run_phase
from weir.analysis.run_comparison import first_difference, first_difference_of_text
from weir.analysis.run_json import RunJsonReader
from weir.analysis.run_snapshot import RunSnapshot
from weir.analysis.run_tree import run_tree
from weir.analysis.stop_report import stop_report
from weir.analysis.stream_diagnosis import findings, flows
from weir.analysis.text_chunks import text_chunks
from weir.analysis.token_counter import TokenUsageCounter
from weir.api.schemas import run_view
from weir.core import serialization
from weir.core.run_event import Component, RunEvent
from weir.partial_json.field_timeline import field_timelines
from weir.runs import recording_file
from weir.runs.methods import Method
from weir.runs.run import Run, Status

ROOT = Component("chain", "root", (), (), {})


def made(written: Iterable[tuple[str, Component, Any]]) -> list[RunEvent]:
    return [
        RunEvent(seq, seq * 1e-3, kind, source, serialization.dumps(data))
        for seq, (kind, source, data) in enumerate(written)
    ]


def long_stream(size: int) -> list[RunEvent]:
    """A model that writes many chunks, each of which its chain hands on."""
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
    return made(body)


def large_answer(size: int) -> list[RunEvent]:
    """A model that writes all at once."""
    model = Component("model", "model", ("root",), (), {})
    message = {"type": "ai", "content": '["a", 1]\n' * size, "usage_metadata": {"output_tokens": size}}
    return made(
        [
            ("on_chain_start", ROOT, {"input": "q"}),
            ("on_chat_model_start", model, {"input": "q"}),
            ("on_chat_model_stream", model, {"chunk": message}),
            ("on_chain_stream", ROOT, {"chunk": message["content"]}),
            ("on_chat_model_end", model, {"output": message}),
        ]
    )


def many_failures(size: int) -> list[RunEvent]:
    """Components that fail one after the other, each in its own way."""
    body: list[tuple[str, Component, Any]] = [("on_chain_start", ROOT, {})]
    for number in range(size):
        step = Component(f"step {number}", f"id-{number}", ("root",), (f"seq:step:{number}",), {})
        body += [
            ("on_chain_start", step, {"input": number}),
            ("on_chain_stream", step, {"chunk": number}),
            ("on_chain_error", step, {"error": {"type": "ValueError", "message": str(number)}}),
        ]
    return made(body)


def deep_nesting(size: int) -> list[RunEvent]:
    """Components in components, each of which hands on what the model in the innermost one wrote."""
    sources = [
        Component("step", f"id-{depth}", () if not depth else (f"id-{depth - 1}",), (), {}) for depth in range(size)
    ]
    model = Component("model", "model", (f"id-{size - 1}",), (), {})
    body: list[tuple[str, Component, Any]] = [("on_chain_start", source, {}) for source in sources]
    body += [("on_chat_model_start", model, {}), *[("on_chat_model_stream", model, {"chunk": "ab"})] * 3]
    body += [("on_chat_model_end", model, {"output": {}})]
    for source in reversed(sources):
        body += [("on_chain_stream", source, {"chunk": "ab"}), ("on_chain_end", source, {})]
    return made(body)


def custom_events(size: int) -> list[RunEvent]:
    """A chain that reports on its own."""
    sources = [Component(f"report {number}", "root", (), (), {}) for number in range(size)]
    return made([("on_chain_start", ROOT, {}), *(("on_custom_event", source, [1, "a"]) for source in sources)])


def inspected(run: Run) -> RunSnapshot:
    seen = RunSnapshot()
    seen.advance_to(run.events, len(run.events))
    return seen


def drawn(run: Run) -> int:
    found = event_table.table_rows(run.events, search="", folded=True)
    return len(event_table._table(found[: event_table.PAGE], before=None)) + sum(len(row.text) for row in found)


def diagnosed(run: Run) -> int:
    root = run_tree(run.events)
    assert root is not None
    nodes = list(root.walk())
    marks = sum(len(run_charts._marks(node, node.name, run.events[-1].elapsed)) for node in nodes)
    return len(run_charts.tree_table(nodes)) + len(findings(root)) + len(flows(root)) + marks


def parsed(run: Run) -> int:
    stream = RunJsonReader()
    stream.read(run.events)
    return len(field_timelines(stream.chunks()[:2_000]).lines)


def raced(run: Run) -> str:
    one, other = Lane(Method.ASTREAM, run).read(), Lane(Method.STREAM, run).read()
    return text_agreement([one, other])


READERS: tuple[Callable[[Run], object], ...] = (
    *(inspected, drawn, diagnosed, parsed, raced, timed_chunks, stop_report),
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
"""How often a pair of times is taken: other processes of a busy machine slow single ones down, but not all."""


def cost(read: Callable[[], object]) -> float:
    """Return the CPU seconds that it takes in this thread."""
    started = time.thread_time()
    read()
    return time.thread_time() - started


def grows_too_fast(read: Callable[[Run], object], small: Run, large: Run) -> tuple[float, float] | None:
    """Return the seconds for a run and for one of twice its length where they are never in proportion; else None."""
    for _ in range(ATTEMPTS):
        once, twice = cost(partial(read, small)), cost(partial(read, large))
        # Below a few milliseconds it is noise that is compared.
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
def test_twice_the_run_costs_at_most_three_times_as_much(shape: Callable[[int], list[RunEvent]], size: int) -> None:
    small, large = (recorded(shape(factor * size), status=Status.STOPPED) for factor in (1, 2))
    for number, read in enumerate(READERS):
        assert grows_too_fast(read, small, large) is None, number
