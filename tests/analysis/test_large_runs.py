"""What functions of events cost on a run of many events, or of a large answer: in proportion to it, never more."""

import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import pytest

from pages.components.inspector import event_table, run_charts
from tests.support.event_strategies import recorded
from weir.analysis.event_filter import EventFilter
from weir.analysis.method_race import Lane, agreement, pieces
from weir.analysis.metrics import figures, text
from weir.analysis.progress import Phase, phase
from weir.analysis.run_comparison import first_difference, first_difference_of_text
from weir.analysis.run_json import JsonStream
from weir.analysis.run_snapshot import Inspection
from weir.analysis.run_tree import tree
from weir.analysis.stop_report import stop_receipt
from weir.analysis.stream_diagnosis import findings, flows
from weir.analysis.text_chunks import chunks
from weir.analysis.token_counter import Tally
from weir.api.schemas import run_view
from weir.core import serialization
from weir.core.run_event import Event, Source
from weir.partial_json.field_timeline import lifelines
from weir.runs import recording_file
from weir.runs.methods import Method
from weir.runs.run import Run, Status

ROOT = Source("chain", "root", (), (), {})


def made(written: Iterable[tuple[str, Source, Any]]) -> list[Event]:
    return [
        Event(seq, seq * 1e-3, kind, source, serialization.dumps(data))
        for seq, (kind, source, data) in enumerate(written)
    ]


def long_stream(size: int) -> list[Event]:
    """A model that writes many chunks, each of which its chain hands on."""
    model = Source("model", "model", ("root",), ("seq:step:1",), {})
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


def large_answer(size: int) -> list[Event]:
    """A model that writes all at once."""
    model = Source("model", "model", ("root",), (), {})
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


def many_failures(size: int) -> list[Event]:
    """Components that fail one after the other, each in its own way."""
    body: list[tuple[str, Source, Any]] = [("on_chain_start", ROOT, {})]
    for number in range(size):
        step = Source(f"step {number}", f"id-{number}", ("root",), (f"seq:step:{number}",), {})
        body += [
            ("on_chain_start", step, {"input": number}),
            ("on_chain_stream", step, {"chunk": number}),
            ("on_chain_error", step, {"error": {"type": "ValueError", "message": str(number)}}),
        ]
    return made(body)


def deep_nesting(size: int) -> list[Event]:
    """Components in components, each of which hands on what the model in the innermost one wrote."""
    sources = [
        Source("step", f"id-{depth}", () if not depth else (f"id-{depth - 1}",), (), {}) for depth in range(size)
    ]
    model = Source("model", "model", (f"id-{size - 1}",), (), {})
    body: list[tuple[str, Source, Any]] = [("on_chain_start", source, {}) for source in sources]
    body += [("on_chat_model_start", model, {}), *[("on_chat_model_stream", model, {"chunk": "ab"})] * 3]
    body += [("on_chat_model_end", model, {"output": {}})]
    for source in reversed(sources):
        body += [("on_chain_stream", source, {"chunk": "ab"}), ("on_chain_end", source, {})]
    return made(body)


def custom_events(size: int) -> list[Event]:
    """A chain that reports on its own."""
    sources = [Source(f"report {number}", "root", (), (), {}) for number in range(size)]
    return made([("on_chain_start", ROOT, {}), *(("on_custom_event", source, [1, "a"]) for source in sources)])


def inspected(run: Run) -> Inspection:
    seen = Inspection()
    seen.read(run.events, len(run.events))
    return seen


def drawn(run: Run) -> int:
    found = event_table.table_rows(run.events, search="", folded=True)
    return len(event_table._table(found[: event_table.PAGE], before=None)) + sum(len(row.text) for row in found)


def diagnosed(run: Run) -> int:
    root = tree(run.events)
    assert root is not None
    nodes = list(root.walk())
    marks = sum(len(run_charts._marks(node, node.name, run.events[-1].at)) for node in nodes)
    return len(run_charts.tree_table(nodes)) + len(findings(root)) + len(flows(root)) + marks


def parsed(run: Run) -> int:
    stream = JsonStream()
    stream.read(run.events)
    return len(lifelines(stream.chunks()[:2_000]).lines)


def raced(run: Run) -> str:
    one, other = Lane(Method.ASTREAM, run).read(), Lane(Method.STREAM, run).read()
    return agreement([one, other])


READERS: tuple[Callable[[Run], object], ...] = (
    *(inspected, drawn, diagnosed, parsed, raced, pieces, stop_receipt),
    lambda run: figures(run.events),
    lambda run: list(chunks(run.events)),
    lambda run: Tally().read(run.events),
    lambda run: phase(run.events, Phase.WAITING, None),
    lambda run: EventFilter(include_names=frozenset({"x"})).kept(run.events),
    lambda run: first_difference(run.events, run.events),
    lambda run: first_difference_of_text(text(run.events), f"{text(run.events)}x"),
    lambda run: sum(map(len, recording_file.lines(run))),
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
def test_twice_the_run_costs_at_most_three_times_as_much(shape: Callable[[int], list[Event]], size: int) -> None:
    small, large = (recorded(shape(factor * size), status=Status.STOPPED) for factor in (1, 2))
    for number, read in enumerate(READERS):
        assert grows_too_fast(read, small, large) is None, number
