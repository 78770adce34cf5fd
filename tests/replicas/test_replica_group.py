"""Runs of one replica as another one reads, stops, shares and lists them."""

import asyncio
import contextlib
import gc
import threading
import weakref
from collections.abc import Iterator

import pytest

from tests.support.redis_process import RedisProcess
from tests.support.replica_parts import OWNER, Replica, replica
from tests.support.waiting import until
from weir.core.run_event import RunEvent
from weir.replicas import redis_keys, replica_group
from weir.replicas.remote_reader import RemoteReader
from weir.runs.recording_file import to_jsonl
from weir.runs.run import Run, Status
from weir.runs.run_store import RunNotFoundError
from weir.storage.run_records import RunFilter

MINE = RunFilter((OWNER,))


@pytest.fixture
def replicas(redis_here: RedisProcess) -> Iterator[tuple[Replica, Replica]]:
    with redis_here.client() as client:
        client.flushall()
    with replica(redis_here.url) as one, replica(redis_here.url) as other:
        yield one, other


def found(there: Replica, run_id: str) -> Run:
    """Return a run at another replica, once that can read it."""

    def look() -> Run | None:
        with contextlib.suppress(RunNotFoundError):
            return there.archive.get(run_id)
        return None

    return until(look)


def texts(events: list[RunEvent]) -> list[str]:
    return [event.get("chunk") for event in events if event.event == "on_chain_stream" and event.is_root]


def test_a_live_run_is_followed_on_another_replica(replicas: tuple[Replica, Replica]) -> None:
    here, there = replicas
    run, steps = here.start()
    steps.step("a", "b")
    copy = found(there, run.id)
    assert copy.is_live
    assert (copy.owner, copy.name, copy.input) == (OWNER, "steps", "hi")
    batches = copy.follow()
    seen: list[RunEvent] = []
    while texts(seen) != ["a", "b"]:
        seen += next(batches)
    steps.step("c")
    while texts(seen) != ["a", "b", "c"]:
        seen += next(batches)
    steps.end()
    for batch in batches:
        seen += batch
    assert copy.status is Status.DONE
    assert list(to_jsonl(copy)) == list(to_jsonl(run))
    assert [event.seq for event in seen] == list(range(len(run.events)))


def test_a_reader_that_comes_back_to_another_replica_misses_nothing(replicas: tuple[Replica, Replica]) -> None:
    here, there = replicas
    run, steps = here.start()
    pieces = [f"{number} " for number in range(60)]
    steps.step(*pieces)
    steps.end()
    found(there, run.id)

    async def read() -> list[int]:
        numbers: list[int] = []
        at = [here, there]
        while not numbers or numbers[-1] < len(run.events) - 1 or run.is_live:
            at.reverse()
            batches = at[0].archive.get(run.id).afollow(numbers[-1] if numbers else -1)
            # A reader that is cut in the middle of a batch has a part of it.
            async for batch in batches:
                numbers += [event.seq for event in batch][: 1 + len(batch) // 2]
                break
            await batches.aclose()
        return numbers

    assert asyncio.run(asyncio.wait_for(read(), 60)) == list(range(len(run.events)))


def test_an_ended_run_is_read_whole(replicas: tuple[Replica, Replica]) -> None:
    here, there = replicas
    run, steps = here.start(value={"topic": "weirs"})
    steps.step(*("text\n" * 3 for _ in range(50)))
    steps.end()
    assert run.wait(30)
    until(lambda: here.group.mirror.has_sent(run.id))
    copy = there.archive.get(run.id)
    assert copy.status is Status.DONE
    assert list(to_jsonl(copy)) == list(to_jsonl(run))
    assert there.archive.get(run.id) is copy


def test_a_copy_that_nobody_reads_leaves_the_memory(
    replicas: tuple[Replica, Replica], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = replicas
    run, steps = here.start()
    copy = found(there, run.id)
    steps.end()
    assert copy.wait(30)
    left = weakref.ref(copy)
    gc.disable()
    try:
        del copy
        monkeypatch.setattr(replica_group, "IDLE_SECONDS", 0.0)
        until(lambda: left() is None)
    finally:
        gc.enable()


def test_stop_reaches_the_replica_that_runs_it(replicas: tuple[Replica, Replica]) -> None:
    here, there = replicas
    run, steps = here.start()
    steps.step("a")
    copy = found(there, run.id)
    copy.stop()
    assert run.wait(10)
    assert run.status is Status.STOPPED
    assert copy.wait(10)
    assert copy.status is Status.STOPPED


def test_stop_reaches_a_replica_that_has_read_no_message_yet(
    redis_here: RedisProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_read = threading.Event()
    read = RemoteReader._read_old_messages

    def read_later(reader: RemoteReader) -> None:
        may_read.wait(30)
        read(reader)

    monkeypatch.setattr(RemoteReader, "_read_old_messages", read_later)
    with redis_here.client() as client, replica(redis_here.url) as here, replica(redis_here.url) as there:
        client.flushall()
        run, steps = here.start()
        steps.step("a")
        found(there, run.id).stop()
        until(lambda: client.xlen(redis_keys.CONTROL))
        may_read.set()
        assert run.wait(30)
        assert run.status is Status.STOPPED


def test_a_link_is_taken_back_on_all_replicas(replicas: tuple[Replica, Replica]) -> None:
    here, there = replicas
    run, steps = here.start()
    copy = found(there, run.id)
    assert copy.can_read("a stranger")
    here.archive.set_shared(run.id, False)
    until(lambda: not copy.can_read("a stranger"))
    assert copy.can_read(OWNER)
    there.archive.set_shared(run.id, True)
    until(lambda: run.can_read("a stranger"))
    steps.end()
    assert run.wait(10)
    until(lambda: here.group.mirror.has_sent(run.id))
    there.archive.set_shared(run.id, False)
    until(lambda: not run.can_read("a stranger"))


def test_a_replica_that_starts_later_knows_which_links_were_taken_back(
    redis_here: RedisProcess, replicas: tuple[Replica, Replica]
) -> None:
    here, there = replicas
    run, steps = here.start()
    steps.end()
    found(there, run.id)
    there.archive.set_shared(run.id, False)
    until(lambda: not run.is_shared)
    with replica(redis_here.url) as late:
        access = until(lambda: late.archive.access(run.id))
        assert (access.owner, access.is_shared) == (OWNER, False)


def test_a_run_that_is_read_elsewhere_is_not_abandoned(redis_here: RedisProcess) -> None:
    with replica(redis_here.url, grace_seconds=1.5) as here, replica(redis_here.url, grace_seconds=1.5) as there:
        run, steps = here.start()
        copy = found(there, run.id)
        with copy.reading():
            # Longer than the grace period, by the run's own clock.
            until(lambda: run.elapsed > 4.0 or not run.is_live)
            assert run.is_live
        # Waiting for the end of a run counts as reading it.
        until(lambda: not run.is_live)
        assert run.status is Status.ABANDONED
        assert copy.wait(10)
        assert copy.status is Status.ABANDONED
        del steps


def test_lists_have_the_runs_of_other_replicas(replicas: tuple[Replica, Replica]) -> None:
    here, there = replicas
    run, steps = here.start()
    until(lambda: there.archive.elsewhere(MINE))
    (entry,) = there.archive.elsewhere(MINE)
    assert (entry.id, entry.status, entry.chain, entry.input) == (run.id, "writing", "steps", "hi")
    assert there.archive.elsewhere(RunFilter(("somebody else",))) == []
    assert here.archive.elsewhere(MINE) == []
    steps.step("a")
    steps.end()
    # The row with its figures comes a moment after the end.
    until(lambda: there.archive.elsewhere(MINE)[0].status == "done")
    until(lambda: there.archive.elsewhere(MINE)[0].first_token is not None)
    assert there.archive.elsewhere(RunFilter((OWNER,), statuses=("failed",))) == []


def test_redis_has_no_more_of_an_owners_runs_than_a_list_has(
    monkeypatch: pytest.MonkeyPatch, replicas: tuple[Replica, Replica]
) -> None:
    monkeypatch.setattr(redis_keys, "MAX_LISTED", 3)
    here, there = replicas
    begun = []
    for _ in range(5):
        run, steps = here.start()
        here.archive.await_begun(run)
        begun.append(run.id)
        steps.end()
    assert {entry.id for entry in there.archive.elsewhere(MINE)} == set(begun[-3:])
    assert here.group.client.zcard(redis_keys.of_owner(OWNER)) == 3


def test_a_run_is_pinned_and_unpinned_on_any_replica(replicas: tuple[Replica, Replica]) -> None:
    here, there = replicas
    run, steps = here.start()
    steps.end()
    until(lambda: [entry.status for entry in there.archive.elsewhere(MINE)] == ["done"])
    here.archive.flush()
    for by in (there, here):
        by.archive.set_pinned(("somebody else",), run.id, True)
        for is_pinned in (True, False):
            by.archive.set_pinned((OWNER,), run.id, is_pinned)
            until(lambda is_pinned=is_pinned: here.archive.index.page(MINE)[0].is_pinned is is_pinned)  # type: ignore[misc]
            until(lambda is_pinned=is_pinned: there.archive.elsewhere(MINE)[0].is_pinned is is_pinned)  # type: ignore[misc]


def test_a_deleted_run_is_gone_everywhere_until_it_is_restored(replicas: tuple[Replica, Replica]) -> None:
    here, there = replicas
    run, steps = here.start()
    steps.end()
    until(lambda: [entry.status for entry in there.archive.elsewhere(MINE)] == ["done"])
    here.archive.flush()
    assert there.archive.delete(("somebody else",), [run.id]) == []
    assert there.archive.delete((OWNER,), [run.id]) == [run.id]
    until(lambda: here.archive.access(run.id) is None)
    assert there.archive.elsewhere(MINE) == []
    with pytest.raises(RunNotFoundError):
        there.archive.get(run.id)
    there.archive.restore((OWNER,), [run.id])
    until(lambda: here.archive.access(run.id) is not None)
    until(lambda: there.archive.elsewhere(MINE))


def test_unknown_and_impossible_ids_are_not_found(replicas: tuple[Replica, Replica]) -> None:
    for run_id in ("00000000-0000-4000-8000-000000000000", "a}:m", "", "x" * 100):
        with pytest.raises(RunNotFoundError):
            replicas[0].archive.get(run_id)


def test_secrets_are_redacted_before_anything_is_sent(redis_here: RedisProcess) -> None:
    secret = "a-secret-canary-word"
    with replica(redis_here.url, secrets=(secret,)) as here:
        run, steps = here.start()
        steps.step(f"The key is {secret}.")
        steps.end()
        assert run.wait(10)
        until(lambda: here.group.mirror.has_sent(run.id))
        with redis_here.client() as client:
            stream = repr(client.xrange(redis_keys.events(run.id)))
    assert "The key is" in stream
    assert secret not in stream


def test_no_key_is_without_an_expiry(redis_here: RedisProcess, replicas: tuple[Replica, Replica]) -> None:
    here, there = replicas
    run, steps = here.start()
    copy = found(there, run.id)
    copy.stop()
    assert run.wait(10)
    until(lambda: here.group.mirror.has_sent(run.id))
    with redis_here.client() as client:
        until(lambda: all(client.ttl(key) > 0 for key in client.scan_iter()))
        assert client.exists(redis_keys.whole(run.id), redis_keys.meta(run.id)) == 2
    del steps


def test_the_oldest_ended_runs_make_room_and_live_ones_stay(redis_here: RedisProcess) -> None:
    with redis_here.client() as client:
        client.flushall()
    with replica(redis_here.url, budget=3_000) as here:
        live, steps = here.start()
        ended = []
        for number in range(6):
            run, step = here.start()
            step.step(*(f"{number}-{piece} " for piece in range(20)))
            step.end()
            assert run.wait(10)
            until(lambda run=run: here.group.mirror.has_sent(run.id))  # type: ignore[misc]
            ended.append(run.id)
        here.group.sweeper.keep_bounds()
        with redis_here.client() as client:
            there = [run_id for run_id in ended if client.exists(redis_keys.whole(run_id))]
            assert 0 < len(there) < 6
            assert there == ended[-len(there) :]
            assert client.exists(redis_keys.events(live.id))
            assert not client.exists(redis_keys.meta(ended[0]), redis_keys.events(ended[0]))
        steps.end()
