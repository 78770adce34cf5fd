"""Redis away, back with and without its data, full, read-only, slow: runs go on, and what was missed is sent once."""

import contextlib

import pytest

from tests.support.redis_process import RedisProcess
from tests.support.relay import relay
from tests.support.replica_parts import Replica, Steps, replica
from tests.support.waiting import until
from weir.replicas.redis_check import RedisCheckError, check_redis
from weir.replicas.redis_connection import ReplicaProblem
from weir.replicas.replica_sweeper import LEASE_SECONDS, SETTLED_SECONDS, SWEEP_SECONDS
from weir.runs.recording_file import to_jsonl
from weir.runs.run import Run, Status
from weir.runs.run_store import RunElsewhereError, RunNotFoundError, RunUnavailableError


def found(there: Replica, run_id: str) -> Run:
    def look() -> Run | None:
        with contextlib.suppress(RunNotFoundError, RunElsewhereError):
            return there.archive.get(run_id)
        return None

    return until(look)


def finish(run: Run, steps: Steps) -> list[bytes]:
    """End a run and return its recording."""
    steps.step("last")
    steps.end()
    assert run.wait(60)
    assert run.status is Status.DONE
    return list(to_jsonl(run))


def has_piece(run: Run, piece: str) -> bool:
    return any(event.get("chunk") == piece for event in run.events)


@pytest.mark.parametrize("loses_data", [False, True], ids=["with its data", "without its data"])
def test_redis_is_killed_and_comes_back(redis_server: RedisProcess, loses_data: bool) -> None:
    with replica(redis_server.url) as here, replica(redis_server.url) as there:
        run, steps = here.start()
        steps.step("before")
        copy = found(there, run.id)
        until(lambda: has_piece(copy, "before"))
        assert here.group.note(run.id) == ""
        redis_server.kill()
        if loses_data:
            redis_server.lose_data()
        until(lambda: here.group.problem and there.group.problem)
        assert here.group.note(run.id) == ReplicaProblem.AWAY.value
        # Runs go on here and begin here; elsewhere a sentence says why they cannot be read.
        steps.step("while it is away")
        until(lambda: has_piece(run, "while it is away"))
        other, other_steps = here.start()
        whole = finish(other, other_steps)
        with pytest.raises(RunElsewhereError):
            there.archive.get(other.id)
        assert there.archive.access(other.id) is None
        assert copy.is_live
        redis_server.start()
        until(lambda: not here.group.problem and not there.group.problem)
        until(lambda: has_piece(copy, "while it is away"))
        assert here.group.note(run.id) == ""
        assert list(to_jsonl(found(there, other.id))) == whole
        whole = finish(run, steps)
        assert copy.wait(60)
        assert list(to_jsonl(copy)) == whole


@pytest.mark.parametrize(
    ("break_it", "mend_it", "problem"),
    [
        (("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0"), ReplicaProblem.FULL),
        (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE"), ReplicaProblem.READ_ONLY),
    ],
    ids=["full", "read-only"],
)
def test_redis_takes_no_writes_for_a_while(
    redis_server: RedisProcess, break_it: tuple[str, ...], mend_it: tuple[str, ...], problem: ReplicaProblem
) -> None:
    with replica(redis_server.url) as here, replica(redis_server.url) as there, redis_server.client() as client:
        run, steps = here.start()
        copy = found(there, run.id)
        client.execute_command(*break_it)
        steps.step("meanwhile")
        until(lambda: here.group.problem == problem.value)
        assert here.group.note(run.id) == problem.value
        client.execute_command(*mend_it)
        until(lambda: has_piece(copy, "meanwhile"))
        whole = finish(run, steps)
        assert copy.wait(60)
        assert list(to_jsonl(copy)) == whole


def test_a_slow_link_that_drops_loses_nothing_and_sends_nothing_twice(redis_server: RedisProcess) -> None:
    address = f"http://127.0.0.1:{redis_server.port}"
    with relay(address, delay_seconds=0.2) as wire, replica(redis_server.url) as there:
        slow = wire.url.replace("http://localhost", "redis://127.0.0.1")
        with replica(slow) as here:
            run, steps = here.start()
            copy = found(there, run.id)
            for number in range(3):
                steps.step(*(f"{number}-{piece}" for piece in range(20)))
                until(lambda number=number: has_piece(copy, f"{number}-19"))  # type: ignore[misc]
                # The answer to what is on its way is lost: it is sent again, and refused.
                steps.step(f"{number} drops")
                until(lambda number=number: has_piece(run, f"{number} drops"))  # type: ignore[misc]
                wire.cut()
                wire.mend()
            whole = finish(run, steps)
            assert copy.wait(60)
            assert list(to_jsonl(copy)) == whole


def test_a_run_goes_on_while_redis_is_away_for_longer_than_any_time_that_replicas_have(
    redis_server: RedisProcess,
) -> None:
    with replica(redis_server.url, grace_seconds=3.0) as here, replica(redis_server.url, grace_seconds=3.0) as there:
        run, steps = here.start()
        copy = found(there, run.id)
        with copy.reading():
            until(lambda: run.elapsed > 3.5 or not run.is_live)
            redis_server.kill()
            until(lambda: here.group.problem)
            # Longer than its grace period, and than the signs of life, which are over when Redis has its data again.
            since = run.elapsed
            until(lambda: run.elapsed > since + LEASE_SECONDS + 1 or not run.is_live)
            assert run.is_live
            redis_server.start()
            until(lambda: not here.group.problem and not there.group.problem)
            # Nobody has taken this replica for dead by the time that they may.
            since = run.elapsed
            until(lambda: run.elapsed > since + SETTLED_SECONDS + 2 * SWEEP_SECONDS or not copy.is_live)
            assert copy.is_live
            whole = finish(run, steps)
            assert copy.wait(60)
            assert list(to_jsonl(copy)) == whole


def test_a_start_without_redis_is_refused_with_a_sentence(redis_server: RedisProcess) -> None:
    check_redis(redis_server.url)
    redis_server.kill()
    with pytest.raises(RedisCheckError, match="WEIR_REDIS_OPTIONAL=true") as raised:
        check_redis(redis_server.url)
    assert raised.value.may_pass
    for wrong in (
        "redis+sentinel://127.0.0.1:1",
        "redis+cluster://127.0.0.1:1/2",
        "redis+cluster://",
        "redis+cluster://a:b",
    ):
        with pytest.raises(RedisCheckError, match="no address"):
            check_redis(wrong)


def test_a_password_that_is_wrong_does_not_pass(redis_server: RedisProcess) -> None:
    with redis_server.client() as client:
        client.config_set("requirepass", "right")
    with pytest.raises(RedisCheckError, match="refuses Weir") as raised:
        check_redis(redis_server.url)
    assert not raised.value.may_pass
    check_redis(redis_server.url.replace("redis://", "redis://:right@"))


def test_a_replica_that_started_alone_joins_the_others(redis_server: RedisProcess) -> None:
    redis_server.kill()
    with replica(redis_server.url) as here:
        until(lambda: here.group.problem)
        run, steps = here.start()
        steps.step("alone")
        assert here.archive.get(run.id) is run
        with pytest.raises(RunUnavailableError):
            here.archive.get("00000000-0000-4000-8000-000000000000")
        redis_server.start()
        with replica(redis_server.url) as there:
            copy = found(there, run.id)
            until(lambda: has_piece(copy, "alone"))
            whole = finish(run, steps)
            assert copy.wait(60)
            assert list(to_jsonl(copy)) == whole
