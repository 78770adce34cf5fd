"""Every function of events, given what broken models and chains of one's own can bring into a record.

More of it than the suite has time for: `pytest tests/streaming/test_odd_events.py --hypothesis-profile=nightly`.
"""

import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.runnables import RunnableGenerator, RunnableLambda

from api.views import run_view
from pages.components import words
from pages.components.inspector import charts, filter_lab, table
from streaming import codec, plain, recording
from streaming.chunk_list import chunks, named
from streaming.comparison import figure_pairs, first_difference, first_difference_of_text
from streaming.doctor import findings, flows
from streaming.events import Event
from streaming.face_off import face_off
from streaming.filters import EventFilter
from streaming.folding import rows, single_rows
from streaming.inspection import Inspection
from streaming.invisible import marked
from streaming.json_stream import JsonStream
from streaming.lifelines import lifelines
from streaming.limits import Limits, Quota
from streaming.loop import BackgroundLoop
from streaming.methods import Method
from streaming.metrics import Meter, custom_event, figures, output_of, text
from streaming.outcome import outcome
from streaming.party import Party
from streaming.progress import Phase, phase
from streaming.race import Lane, agreement, method_of, pieces, summary, value_of
from streaming.receipt import stop_receipt
from streaming.recorder import Recorder
from streaming.replay import at_end
from streaming.run import Run, Status
from streaming.store import MemoryStore
from streaming.tally import Tally
from streaming.tree import tree
from tests.streaming import event_strategies as odd
from tests.streaming.odd_model import OddModel


def can_be_sent(*values: Any) -> None:
    """Assert that a page and an answer can carry texts: UTF-8 has no halves of a surrogate pair."""
    for value in values:
        json.dumps(value, ensure_ascii=False, default=str).encode()


def read_figures(run: Run) -> None:
    meter = Meter()
    added = [meter.add(event) for event in run.events]
    found = meter.figures()
    assert found == figures(run.events)
    assert "".join(added) == text(run.events)
    assert found.characters == sum(map(len, added))
    assert found.tokens_in is None or found.tokens_in >= 0
    assert found.tokens_out is None or found.tokens_out >= 0
    can_be_sent(words.figures_line(found), words.live_line(meter, 1.0, "waiting"))
    assert outcome(run, found).mark
    assert len(figure_pairs(found, found)) == len({pair.label for pair in figure_pairs(found, found)})


def read_tree(run: Run) -> None:
    root = tree(run.events)
    if root is None:
        assert not any(event.event.endswith("_start") for event in run.events)
        return
    nodes = list(root.walk())
    can_be_sent(charts.tree_table(nodes).to_dict())
    for node in nodes:
        assert node.step is None or node.step >= 0
        assert len(charts._marks(node, node.name, 1.0)) <= len(node.arrivals)
    assert [flow.node for flow in flows(root)] == nodes
    can_be_sent([(finding.complaint.title, finding.evidence) for finding in findings(root)])


def read_inspection(run: Run) -> None:
    seen = Inspection()
    for count in range(len(run.events) + 1):
        seen.read(run.events, count)
    assert seen.figures() == figures(run.events)
    can_be_sent(sorted(seen.names), sorted(seen.types), sorted(seen.tags), sorted(seen.kinds))
    can_be_sent([(node.name, node.error, node.causes, marked(node.text)) for node in seen.origins])


def read_rows(run: Run) -> None:
    for folded in (True, False):
        found = table.table_rows(run.events, search="", folded=folded)
        assert [event for row in found for event in row.events] == list(run.events)
        can_be_sent(table._table(found, before=None).to_dict(), [marked(row.text) for row in found])
        assert len(table.table_rows(run.events, search="a", folded=folded)) <= len(found)
    assert len(single_rows(run.events)) == len(run.events) >= len(rows(run.events))
    can_be_sent([plain.indented(event.as_dict()) for event in run.events])


def read_lists(run: Run) -> None:
    listed = list(chunks(run.events))
    assert [chunk.number for chunk in listed] == list(range(len(listed)))
    can_be_sent([named(chunk) for chunk in listed])
    for name in ("classify", "route"):
        output_of(run.events, name)
        custom_event(run.events, name)
    assert phase(run.events, Phase.WAITING, None) in Phase
    kept = EventFilter(include_types=frozenset({"chain"}), exclude_tags=frozenset({"²"})).kept(run.events)
    assert kept == [event for event in run.events if event in kept]
    can_be_sent(filter_lab.astream_events_call(EventFilter(include_names=frozenset({event.name for event in kept}))))


def read_race(run: Run) -> None:
    lane = Lane(method_of(run), run).read()
    assert lane.text == text(run.events)
    assert lane.last >= (lane.first or 0.0)
    can_be_sent(summary([lane, lane]), agreement([lane, lane]), value_of(run).keys() and "")
    assert all(at >= 0 for at, _ in pieces(run))
    receipt = stop_receipt(run)
    assert (receipt is not None) == (run.status is Status.STOPPED and bool(run.events))
    head = at_end(run.events)
    assert head.play(0.0, run.events).events_at(1e9, run.events) == len(run.events)


def read_json(run: Run) -> None:
    stream = JsonStream()
    stream.read(run.events)
    timed = stream.chunks()
    found = lifelines(timed)
    assert all(line.closed_at is None or line.closed_at >= line.opened_at for line in found.lines)
    scores = face_off([chunk.text for chunk in timed], max_chunks=5, max_characters=3_000)
    assert len({score.name for score in scores}) == len(scores)


def read_difference(run: Run) -> None:
    assert first_difference(run.events, run.events) is None
    changed = list(run.events)[1:]
    assert (first_difference(run.events, changed) is None) == (not run.events)
    written = text(run.events)
    assert first_difference_of_text(written, f"{written}x") == len(written)


def read_bookkeeping(run: Run) -> None:
    tally = Tally()
    for end in range(len(run.events) + 1):
        tokens = tally.read(run.events[:end])
    assert tokens == Tally().read(run.events) >= 0


def read_answers(run: Run) -> None:
    assert json.loads(b"".join(run_view(run, "/api")))["events"] == len(run.events)
    head, *body = list(recording.lines(run))[:-1]
    assert json.loads(head)["format"] == codec.FORMAT
    assert [json.loads(line)["seq"] for line in body] == [event.seq for event in run.events]


READERS: tuple[Callable[[Run], None], ...] = (
    *(read_figures, read_tree, read_inspection, read_rows, read_lists, read_race, read_json, read_difference),
    *(read_bookkeeping, read_answers),
)


@given(run=odd.runs())
def test_functions_of_events_take_whatever_a_record_can_hold(run: Run) -> None:
    for read in READERS:
        read(run)


@pytest.fixture(scope="module")
def shared_loop() -> Iterator[BackgroundLoop]:
    running = BackgroundLoop("odd-runs")
    yield running
    running.close()


@given(
    chunks=st.lists(odd.texts | odd.blocks | odd.values, min_size=1, max_size=4),
    usage=odd.usages,
    about=st.fixed_dictionaries({"token_usage": odd.usages}) | odd.values,
    method=st.sampled_from([Method.ASTREAM, Method.ASTREAM_EVENTS, Method.INVOKE]),
)
def test_after_an_answer_of_an_odd_model_everybody_may_go_on(
    shared_loop: BackgroundLoop, chunks: list[Any], usage: Any, about: Any, method: Method
) -> None:
    recorder = Recorder(MemoryStore(budget=50_000_000), shared_loop)
    limits = Limits(Quota(live=1, tokens_per_day=10**12, total_tokens_per_day=10**12))
    model = OddModel(chunks=chunks, usage=usage, about=about)
    run = limits.start(Party("ann"), lambda: recorder.start(model, "What is a weir?", method=method))
    assert run.wait(10)
    after = limits.start(Party("ben"), lambda: recorder.start(RunnableLambda(str), "go"))
    assert after.wait(10)
    assert after.status is Status.DONE
    limits.nearly_used("ann")
    for read in READERS:
        read(run)


def as_read(event: Event) -> Any:
    """Return an event as a reader of its JSON has it: integers of more than 64 bits are floats."""
    return plain.loads(plain.dumps(event.as_dict()))


@given(
    yielded=st.lists(odd.values, max_size=4),
    name=odd.names,
    tags=st.lists(odd.tags, max_size=3),
    metadata=odd.metadata,
    value=odd.values,
)
def test_a_chain_of_ones_own_is_recorded_whatever_it_yields_and_is_named(
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
    assert run.wait(10)
    streamed = [event.get("chunk") for event in run.events if event.event == "on_chain_stream"]
    if run.status is Status.DONE:
        assert len(streamed) == len(yielded)
    for read in READERS:
        read(run)
    opened = recording.read(b"".join(recording.lines(run)))
    assert list(map(as_read, opened.events)) == list(map(as_read, run.events))
