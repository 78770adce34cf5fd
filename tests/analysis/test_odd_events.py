"""Every function of events, with any event that broken models and users' chains can produce.

With more examples: `pytest tests/analysis/test_odd_events.py --hypothesis-profile=nightly`.
"""

import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.runnables import RunnableGenerator, RunnableLambda

from pages.components.inspector import event_filter_form, event_table
from pages.components.layout import formatting
from tests.support import event_strategies as odd
from tests.support.odd_model import OddModel
from weir.access.caller import Caller
from weir.access.limits import RunLimitConfig, RunLimiter
from weir.analysis.answer_reader import answer_text
from weir.analysis.event_filter import EventFilter
from weir.analysis.event_rows import folded_rows, unfolded_rows
from weir.analysis.graph_diagnosis import run_findings
from weir.analysis.method_race import Lane, method_of, run_input, summary, text_agreement, timed_chunks
from weir.analysis.metrics import MetricsAccumulator, custom_event, output_of, run_metrics
from weir.analysis.outcome import outcome
from weir.analysis.playback import playhead_at_end
from weir.analysis.progress import RunPhase, run_phase
from weir.analysis.run_comparison import first_difference, first_difference_of_text, metric_pairs
from weir.analysis.run_json import RunJsonReader
from weir.analysis.run_snapshot import RunSnapshot
from weir.analysis.run_tree import run_tree
from weir.analysis.stop_report import stop_report
from weir.analysis.stream_diagnosis import flows
from weir.analysis.text_chunks import chunk_label, text_chunks
from weir.analysis.token_counter import TokenUsageCounter
from weir.analysis.waterfall_rows import waterfall
from weir.api.schemas import run_view
from weir.core import serialization
from weir.core.run_event import RunEvent
from weir.partial_json.field_timeline import field_timelines
from weir.partial_json.parser_comparison import compare_parsers
from weir.runs import recording_file, recording_lines
from weir.runs.background_loop import BackgroundLoop
from weir.runs.methods import Method
from weir.runs.recorder import Recorder
from weir.runs.run import Run, Status
from weir.runs.run_store import MemoryStore
from weir.text.invisible_characters import replace_invisible


def assert_sendable(*values: Any) -> None:
    """Assert that UTF-8 can encode the texts: they have no lone surrogates."""
    for value in values:
        json.dumps(value, ensure_ascii=False, default=str).encode()


def read_metrics(run: Run) -> None:
    accumulator = MetricsAccumulator()
    texts = [accumulator.add(event) for event in run.events]
    metrics = accumulator.metrics()
    assert metrics == run_metrics(run.events)
    assert "".join(texts) == answer_text(run.events)
    assert metrics.characters == sum(map(len, texts))
    assert metrics.tokens_in is None or metrics.tokens_in >= 0
    assert metrics.tokens_out is None or metrics.tokens_out >= 0
    assert_sendable(formatting.metrics_line(metrics), formatting.live_metrics_line(accumulator, 1.0, "waiting"))
    assert outcome(run, metrics).status
    assert len(metric_pairs(metrics, metrics)) == len({pair.label for pair in metric_pairs(metrics, metrics)})


def read_tree(run: Run) -> None:
    root = run_tree(run.events)
    if root is None:
        assert not any(event.event.endswith("_start") for event in run.events)
        return
    nodes = list(root.walk())
    assert_sendable(waterfall(root, run.events[-1].elapsed))
    for node in nodes:
        assert node.step is None or node.step >= 0
    assert [flow.node for flow in flows(root)] == nodes
    assert_sendable([(finding.kind.message, finding.evidence) for finding in run_findings(root, run.events)])


def read_snapshot(run: Run) -> None:
    snapshot = RunSnapshot()
    for count in range(len(run.events) + 1):
        snapshot.advance_to(run.events, count)
    assert snapshot.metrics() == run_metrics(run.events)
    assert_sendable(sorted(snapshot.names), sorted(snapshot.types), sorted(snapshot.tags), sorted(snapshot.kinds))
    assert_sendable(
        [(node.name, node.error, node.causes, replace_invisible(node.text)) for node in snapshot.error_origins]
    )


def read_rows(run: Run) -> None:
    for folded in (True, False):
        rows = event_table.table_rows(run.events, search="", folded=folded)
        assert [event for row in rows for event in row.events] == list(run.events)
        assert_sendable(event_table._table(rows, before=None).to_dict(), [replace_invisible(row.text) for row in rows])
        assert len(event_table.table_rows(run.events, search="a", folded=folded)) <= len(rows)
    assert len(unfolded_rows(run.events)) == len(run.events) >= len(folded_rows(run.events))
    assert_sendable([serialization.indented(event.as_dict()) for event in run.events])


def read_lists(run: Run) -> None:
    chunks = list(text_chunks(run.events))
    assert [chunk.number for chunk in chunks] == list(range(len(chunks)))
    assert_sendable([chunk_label(chunk) for chunk in chunks])
    for name in ("classify", "route"):
        output_of(run.events, name)
        custom_event(run.events, name)
    assert run_phase(run.events, RunPhase.WAITING, None) in RunPhase
    selected = EventFilter(include_types=frozenset({"chain"}), exclude_tags=frozenset({"²"})).select(run.events)
    assert selected == [event for event in run.events if event in selected]
    assert_sendable(
        event_filter_form.astream_events_call(EventFilter(include_names=frozenset({event.name for event in selected})))
    )


def read_race(run: Run) -> None:
    lane = Lane(method_of(run), run).read()
    assert lane.text == answer_text(run.events)
    assert lane.last >= (lane.first or 0.0)
    assert_sendable(summary([lane, lane]), text_agreement([lane, lane]), run_input(run).keys() and "")
    assert all(at >= 0 for at, _ in timed_chunks(run))
    report = stop_report(run)
    assert (report is not None) == (run.status is Status.STOPPED and bool(run.events))
    head = playhead_at_end(run.events)
    assert head.play(0.0, run.events).events_at(1e9, run.events) == len(run.events)


def read_json(run: Run) -> None:
    reader = RunJsonReader()
    reader.read(run.events)
    chunks = reader.chunks()
    timelines = field_timelines(chunks)
    assert all(line.closed_at is None or line.closed_at >= line.opened_at for line in timelines.lines)
    results = compare_parsers([chunk.text for chunk in chunks], max_chunks=5, max_characters=3_000)
    assert len({result.name for result in results}) == len(results)


def read_difference(run: Run) -> None:
    assert first_difference(run.events, run.events) is None
    changed = list(run.events)[1:]
    assert (first_difference(run.events, changed) is None) == (not run.events)
    written = answer_text(run.events)
    assert first_difference_of_text(written, f"{written}x") == len(written)


def read_token_usage(run: Run) -> None:
    counter = TokenUsageCounter()
    for end in range(len(run.events) + 1):
        tokens = counter.update(run.events[:end])
    assert tokens == TokenUsageCounter().update(run.events) >= 0


def read_recording(run: Run) -> None:
    assert json.loads(b"".join(run_view(run, "/api")))["events"] == len(run.events)
    head, *body = list(recording_file.to_jsonl(run))[:-1]
    assert json.loads(head)["format"] == recording_lines.FORMAT
    assert [json.loads(line)["seq"] for line in body] == [event.seq for event in run.events]


READERS: tuple[Callable[[Run], None], ...] = (
    *(read_metrics, read_tree, read_snapshot, read_rows, read_lists, read_race, read_json, read_difference),
    *(read_token_usage, read_recording),
)


@pytest.mark.slow
@given(run=odd.runs())
def test_functions_of_events_accept_any_event(run: Run) -> None:
    for read in READERS:
        read(run)


@pytest.fixture(scope="module")
def shared_loop() -> Iterator[BackgroundLoop]:
    running = BackgroundLoop("odd-runs")
    yield running
    running.close()


@pytest.mark.slow
@given(
    chunks=st.lists(odd.texts | odd.blocks | odd.values, min_size=1, max_size=4),
    usage=odd.usages,
    about=st.fixed_dictionaries({"token_usage": odd.usages}) | odd.values,
    method=st.sampled_from([Method.ASTREAM, Method.ASTREAM_EVENTS, Method.INVOKE]),
)
def test_after_an_answer_of_an_odd_model_other_runs_can_start(
    shared_loop: BackgroundLoop, chunks: list[Any], usage: Any, about: Any, method: Method
) -> None:
    recorder = Recorder(MemoryStore(budget=50_000_000), shared_loop)
    limits = RunLimiter(RunLimitConfig(live=1, tokens_per_day=10**12, total_tokens_per_day=10**12))
    model = OddModel(chunks=chunks, usage=usage, about=about)
    run = limits.start(Caller("ann"), lambda: recorder.start(model, "What is a weir?", method=method))
    assert run.wait(30)
    after = limits.start(Caller("ben"), lambda: recorder.start(RunnableLambda(str), "go"))
    assert after.wait(30)
    assert after.status is Status.DONE
    limits.low_quotas("ann")
    for read in READERS:
        read(run)


def as_read(event: RunEvent) -> Any:
    """Return an event as read from its JSON, in which integers of more than 64 bits become floats."""
    return serialization.loads(serialization.dumps(event.as_dict()))


@pytest.mark.slow
@given(
    yielded=st.lists(odd.values, max_size=4),
    name=odd.names,
    tags=st.lists(odd.tags, max_size=3),
    metadata=odd.metadata,
    value=odd.values,
)
def test_a_users_chain_is_recorded_with_any_chunks_and_any_name(
    shared_loop: BackgroundLoop,
    yielded: Sequence[Any],
    name: str,
    tags: list[str],
    metadata: dict[str, Any],
    value: Any,
) -> None:
    async def yields(inputs: AsyncIterator[Any]) -> AsyncIterator[Any]:
        async for _ in inputs:
            for item in yielded:
                yield item

    recorder = Recorder(MemoryStore(budget=50_000_000), shared_loop)
    chain = RunnableGenerator(yields, name="chain").with_config(run_name=name, tags=tags, metadata=metadata)
    run = recorder.start(chain, value, name=name)
    assert run.wait(30)
    streamed = [event.get("chunk") for event in run.events if event.event == "on_chain_stream"]
    if run.status is Status.DONE:
        assert len(streamed) == len(yielded)
    for read in READERS:
        read(run)
    opened = recording_file.from_jsonl(b"".join(recording_file.to_jsonl(run)))
    assert list(map(as_read, opened.events)) == list(map(as_read, run.events))
