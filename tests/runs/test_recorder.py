import asyncio
import gc
import threading
import tracemalloc
import weakref
from collections.abc import AsyncIterator
from enum import StrEnum
from typing import Any

import pytest
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableGenerator, RunnableLambda, RunnableParallel

from tests.support.gate import Gate
from tests.support.waiting import until
from weir.analysis.answer_reader import answer_text
from weir.core import serialization
from weir.core.run_event import MAX_LABEL
from weir.runs import recording_file
from weir.runs.background_loop import BackgroundLoop
from weir.runs.failure_sentences import FailureKind
from weir.runs.memory_run import MemoryRun
from weir.runs.methods import Method
from weir.runs.recorder import Recorder
from weir.runs.run import Run, Status
from weir.runs.run_store import MemoryStore, RunEvictedError, RunNotFoundError

ANSWER = "Once upon a time there was a weir."


def story(answer: str = ANSWER) -> Any:
    model = GenericFakeChatModel(messages=iter([AIMessage(answer)]))
    return ChatPromptTemplate.from_template("About {topic}") | model | StrOutputParser()


async def langchain_events(chain: Any, value: Any) -> list[Any]:
    return [event async for event in chain.astream_events(value, version="v2")]


@pytest.mark.parametrize(
    "make",
    [
        story,
        lambda: RunnableParallel(upper=RunnableLambda(str.upper), same=RunnableLambda(str)) | RunnableLambda(str),
    ],
    ids=["story", "parallel"],
)
def test_the_record_is_what_astream_events_gives(recorder: Recorder, make: Any) -> None:
    value = {"topic": "water"} if make is story else "abc"
    run = recorder.start(make(), value)
    assert run.wait(30)
    expected = asyncio.run(langchain_events(make(), value))
    assert run.status is Status.DONE
    assert sorted((e.event, e.name, len(e.component.parent_ids)) for e in run.events) == sorted(
        (e["event"], e["name"], len(e["parent_ids"])) for e in expected
    )
    assert [event.seq for event in run.events] == list(range(len(expected)))


def test_the_text_of_a_run_is_what_its_root_streamed(recorder: Recorder) -> None:
    run = recorder.start(story(), {"topic": "water"})
    assert run.wait(30)
    assert answer_text(run.events) == ANSWER
    assert run.input == {"topic": "water"}
    assert run.events[0].run_id == run.id


def test_an_ended_run_leaves_the_memory_with_its_last_reader(recorder: Recorder) -> None:
    run = recorder.start(story(), {"topic": "water"})
    assert run.wait(30)
    left = weakref.ref(run)
    recorder.store.discard(run.id)  # type: ignore[attr-defined]
    gc.disable()
    try:
        del run
        until(lambda: left() is None)
    finally:
        gc.enable()


def test_arrival_times_come_from_the_injected_clock(loop: BackgroundLoop) -> None:
    ticks = iter(range(100, 10_000))
    run = Recorder(MemoryStore(10**7), loop, clock=lambda: float(next(ticks))).start(story(), {"topic": "t"})
    assert run.wait(30)
    assert [event.elapsed for event in run.events] == [float(number) for number in range(1, len(run.events) + 1)]


def test_an_event_takes_under_400_bytes_on_average(recorder: Recorder) -> None:
    tracemalloc.start()
    run = recorder.start(story("word " * 500), {"topic": "water"})
    assert run.wait(60)
    gc.collect()
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(run.events) > 1_500
    assert run.size / len(run.events) < 400
    assert taken / len(run.events) < 400


def test_stop_cancels_at_once_in_the_middle_of_a_stall_and_keeps_what_arrived(recorder: Recorder) -> None:
    gate = Gate()
    run = recorder.start(gate.chain(), "go")
    assert gate.reached.wait(30)
    run.stop()
    assert gate.cancelled.wait(30)
    assert run.wait(30)
    assert run.status is Status.STOPPED
    assert answer_text(run.events) == "before "


def test_stop_reaches_a_chain_that_loses_the_first_cancellation(recorder: Recorder) -> None:
    waiting, lost = threading.Event(), threading.Event()

    async def careless(inputs: AsyncIterator[Any]) -> AsyncIterator[str]:
        async for _ in inputs:
            yield "before "
            try:
                waiting.set()
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                lost.set()
            await asyncio.Event().wait()

    run = recorder.start(RunnableGenerator(careless), "go")
    assert waiting.wait(30)
    run.stop()
    assert run.wait(30)
    assert lost.is_set()
    assert run.status is Status.STOPPED


def test_a_stopped_run_leaves_no_component_open(recorder: Recorder) -> None:
    gate = Gate()
    run = recorder.start(gate.chain() | RunnableLambda(str), "go")
    assert gate.reached.wait(30)
    run.stop()
    assert run.wait(30)
    started = [event.run_id for event in run.events if event.event.endswith("_start")]
    ended = [event.run_id for event in run.events if event.event.endswith(("_end", "_error"))]
    assert sorted(started) == sorted(ended)
    assert run.events[-1].run_id == run.id


def test_stop_after_the_end_changes_nothing(recorder: Recorder) -> None:
    run = recorder.start(story(), {"topic": "water"})
    assert run.wait(30)
    run.stop()
    assert run.status is Status.DONE


def test_an_exception_closes_every_open_component_and_keeps_the_text(recorder: Recorder) -> None:
    async def breaks(inputs: AsyncIterator[str]) -> AsyncIterator[str]:
        async for _ in inputs:
            yield "partial "
            raise ValueError("the dam broke")

    chain = RunnableLambda(str).with_config(run_name="first") | RunnableGenerator(breaks, name="breaks")
    run = recorder.start(chain, "go", name="outer")
    assert run.wait(30)
    assert run.status is Status.FAILED
    assert run.failure is not None
    assert run.failure.kind is FailureKind.INTERNAL
    assert answer_text(run.events) == "partial "
    closing = [
        (event.event, event.name, event.data["error"]["type"]) for event in run.events if "_error" in event.event
    ]
    assert closing == [
        ("on_chain_error", "first", "Interrupted"),
        ("on_chain_error", "breaks", "ValueError"),
        ("on_chain_error", "RunnableSequence", "ValueError"),
    ]
    assert run.events[-1].data["error"]["message"] == "the dam broke"


def test_a_failure_that_the_chain_survives_is_closed_where_it_happened(recorder: Recorder) -> None:
    def fails(_: str) -> str:
        raise KeyError("inner")

    chain = RunnableLambda(fails).with_fallbacks([RunnableLambda(str)]) | RunnableLambda(str.upper)
    run = recorder.start(chain, "go")
    assert run.wait(30)
    assert run.status is Status.DONE
    kinds = [(event.event, event.name) for event in run.events]
    failed = kinds.index(("on_chain_error", "fails"))
    assert kinds.index(("on_chain_start", "fails")) < failed < kinds.index(("on_chain_end", "RunnableSequence"))
    assert run.events[failed].data["error"]["type"] == "KeyError"


def test_a_key_in_an_error_is_not_recorded(loop: BackgroundLoop) -> None:
    def leaks(_: str) -> str:
        raise ValueError("wrong key sk-canary!")

    run = Recorder(MemoryStore(10**7), loop, secrets=("sk-canary",)).start(RunnableLambda(leaks), "go")
    assert run.wait(30)
    assert run.failure is not None
    assert "sk-canary" not in run.failure.detail
    assert not [event for event in run.events if b"sk-canary" in event.payload]


@pytest.mark.parametrize("method", list(Method))
def test_secrets_are_in_no_name_tag_or_metadata(loop: BackgroundLoop, method: Method) -> None:
    labelled = RunnableLambda(str.upper).with_config(
        run_name="of sk-canary", tags=["t", "sk-canary"], metadata={"key": "sk-canary", "sk-canary": 1}
    )
    run = Recorder(MemoryStore(10**7), loop, secrets=("sk-canary",)).start(labelled, "go", method=method)
    assert list(run.follow())
    assert "sk-canary" not in run.name
    for source in (event.component for event in run.events):
        assert source.name == "of •••"
        assert {"t", "•••"} <= set(source.tags)
        assert "sk-canary" not in source.tags
        assert source.metadata.items() >= {"key": "•••", "•••": 1}.items()
        assert source is run.events[0].component


def test_many_threads_read_the_same_events_live(recorder: Recorder) -> None:
    gate = Gate()
    run = recorder.start(gate.chain(), "go")
    results: list[list[int]] = []

    def read() -> None:
        results.append([event.seq for batch in run.follow() for event in batch])

    readers = [threading.Thread(target=read) for _ in range(8)]
    for reader in readers:
        reader.start()
    assert gate.reached.wait(30)
    gate.open()
    for reader in readers:
        reader.join(60)
    assert results == [list(range(len(run.events)))] * 8


def test_a_reader_starts_after_any_event_live_or_afterwards(recorder: Recorder) -> None:
    run = recorder.start(story(), {"topic": "water"})
    assert run.wait(30)
    seen = [event.seq for batch in run.follow(after=3) for event in batch]
    assert seen == list(range(4, len(run.events)))
    assert list(run.follow(after=len(run.events))) == []


async def test_asyncio_readers_on_another_loop_get_every_event(recorder: Recorder) -> None:
    gate = Gate()
    run = recorder.start(gate.chain(), "go")

    async def read() -> list[int]:
        return [event.seq async for batch in run.afollow() for event in batch]

    readers = [asyncio.create_task(read()) for _ in range(5)]
    await asyncio.to_thread(gate.reached.wait, 5)
    gate.open()
    assert await asyncio.gather(*readers) == [list(range(len(run.events)))] * 5


async def test_a_heartbeat_comes_while_nothing_happens(recorder: Recorder) -> None:
    gate = Gate()
    run = recorder.start(gate.chain(), "go")
    assert await asyncio.to_thread(gate.reached.wait, 5)
    batches = run.afollow(heartbeat=0.01)
    while await anext(batches):
        pass
    await batches.aclose()
    assert next(batch for batch in run.follow(heartbeat=0.01) if not batch) == []
    run.stop()
    assert await asyncio.to_thread(run.wait, 5)


def test_a_run_that_nobody_reads_is_abandoned(loop: BackgroundLoop) -> None:
    gate = Gate()
    run = Recorder(MemoryStore(10**7), loop, grace_seconds=0.02).start(gate.chain(), "go")
    assert gate.cancelled.wait(30)
    assert run.wait(30)
    assert run.status is Status.ABANDONED
    assert answer_text(run.events) == "before "


def test_a_run_goes_on_while_it_is_read_and_for_a_reader_who_comes_back_in_time(loop: BackgroundLoop) -> None:
    gate = Gate()
    run = Recorder(MemoryStore(10**7), loop, grace_seconds=0.5).start(gate.chain(), "go")
    assert gate.reached.wait(30)
    with run.reading():
        assert not gate.cancelled.wait(0.7)
    with run.reading():
        gate.open()
        assert run.wait(30)
    assert run.status is Status.DONE


def test_the_oldest_ended_runs_make_room_and_their_links_say_so(loop: BackgroundLoop) -> None:
    store = MemoryStore(budget=60_000)
    recorder = Recorder(store, loop)
    runs = []
    for _ in range(8):
        runs.append(recorder.start(story("word " * 20), {"topic": "water"}))
        assert runs[-1].wait(30)
    assert store.size <= 60_000
    assert store.get(runs[-1].id) is runs[-1]
    with pytest.raises(RunEvictedError):
        store.get(runs[0].id)
    with pytest.raises(RunNotFoundError):
        store.get("never-was")


def test_a_run_that_outgrows_the_bound_ends_with_its_own_sentence(loop: BackgroundLoop) -> None:
    async def endless(inputs: AsyncIterator[str]) -> AsyncIterator[str]:
        async for _ in inputs:
            while True:
                yield "x" * 1_000
                await asyncio.sleep(0)

    store = MemoryStore(budget=100_000)
    run = Recorder(store, loop).start(RunnableGenerator(endless), "go")
    assert run.wait(30)
    assert run.status is Status.FAILED
    assert run.failure is not None
    assert run.failure.kind is FailureKind.RECORD_FULL
    assert answer_text(run.events).startswith("xxx")


def test_of_live_runs_the_largest_is_ended_to_make_room(loop: BackgroundLoop) -> None:
    recorder = Recorder(MemoryStore(budget=100_000), loop)
    huge, small = Gate(), Gate()
    large = recorder.start(huge.chain(), "a" * 30_000)
    little = recorder.start(small.chain() | RunnableLambda(lambda words: f"{words} {'b' * 9_000}"), "go")
    assert huge.reached.wait(30)
    assert small.reached.wait(30)
    small.open()
    assert little.wait(30)
    assert large.wait(30)
    assert (little.status, little.failure) == (Status.DONE, None)
    assert (large.status, large.failure and large.failure.kind) == (Status.FAILED, FailureKind.RECORD_FULL)


def stored_run(store: MemoryStore, size: int) -> Run:
    """Add a live run without events to a store."""
    run = MemoryRun(
        str(size),
        "stored",
        "x" * size,
        context={},
        created_at=0.0,
        cancel=lambda: None,
        on_last_reader_left=lambda: None,
    )
    store.add(run)
    return run


def test_a_run_that_is_being_ended_counts_as_room(loop: BackgroundLoop) -> None:
    store = MemoryStore(budget=100_000)
    small, large, middle = (stored_run(store, size) for size in (5_000, 90_000, 40_000))
    assert store.add_bytes(0) is large
    large.request_stop(Status.FAILED)
    assert store.add_bytes(20_000) is None
    assert store.add_bytes(40_000) is middle
    middle.request_stop(Status.FAILED)
    assert store.add_bytes(0) is None
    assert store.add_bytes(100_000) is small
    small.request_stop(Status.FAILED)
    assert store.add_bytes(0) is None


def test_closing_the_loop_ends_every_run(loop: BackgroundLoop) -> None:
    gate = Gate()
    run = Recorder(MemoryStore(10**7), loop).start(gate.chain(), "go")
    assert gate.reached.wait(30)
    loop.close()
    assert run.wait(30)
    assert not run.is_live


def test_stopped_chains_that_block_hold_up_no_other(recorder: Recorder) -> None:
    release, at_work = threading.Event(), threading.Semaphore(0)

    def block(_: str) -> None:
        at_work.release()
        release.wait(200)

    try:
        stuck = [recorder.start(RunnableLambda(block), "wait") for _ in range(20)]
        for run in stuck:
            assert at_work.acquire(timeout=10)
            run.stop()
        assert recorder.start(RunnableLambda(str.upper), "quick").wait(30)
    finally:
        release.set()
    assert all(run.wait(30) and run.status is Status.STOPPED for run in stuck)


class Shade(StrEnum):
    DARK = "dark"


def test_what_a_chain_is_named_and_tagged_with_is_recorded_as_bounded_text(recorder: Recorder) -> None:
    branches = {f"branch_{number}": RunnableLambda(str) for number in range(300)}
    chain = RunnableParallel(branches).with_config(
        tags=["half of a pair: \ud83d", "x" * 5_000, Shade.DARK],
        metadata={"model": object(), "shade": Shade.DARK, "half": "\ud83d"},
    )
    run = recorder.start(chain, "go")
    assert run.wait(30)
    root = run.events[0].component
    assert len(root.name) == len(run.name) == MAX_LABEL
    assert root.name.endswith("…")
    assert {"half of a pair: \ufffd", "dark"} < set(root.tags)
    assert all(len(tag) <= MAX_LABEL and type(tag) is str for tag in root.tags)
    assert root.metadata["model"]["type"] == "object"
    assert serialization.is_plain(root.metadata)
    assert len({id(event.component) for event in run.events if event.is_root}) == 1
    assert [event.as_dict() for event in recording_file.from_jsonl(b"".join(recording_file.to_jsonl(run))).events] == [
        event.as_dict() for event in run.events
    ]


class Table:
    """Raises if it is asked whether it is true, as tables and arrays do."""

    def __bool__(self) -> bool:
        raise ValueError("the truth value of a table is ambiguous")

    def __eq__(self, other: object) -> bool:
        raise ValueError("the truth value of a table is ambiguous")

    __hash__ = object.__hash__


# LangChain's own handler for `astream_events` loses the events of these chains.
@pytest.mark.parametrize("method", [method for method in Method if method is not Method.ASTREAM_EVENTS])
@pytest.mark.parametrize("value", [Table(), {"input": Table()}, [Table()]])
def test_a_chain_of_tables_is_recorded_by_every_method(recorder: Recorder, method: Method, value: Any) -> None:
    chain: Any = RunnableLambda(lambda value: [value]) | RunnableLambda(lambda values: values[0])
    run = recorder.start(chain, value, method=method)
    assert run.wait(30)
    assert run.status is Status.DONE
    ended = [event.name for event in run.events if event.event == "on_chain_end"]
    assert len(ended) == 3
    assert not [event for event in run.events if event.event.endswith("_error")]
