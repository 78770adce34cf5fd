"""A replica that is cut off from Redis, or died between two steps: its runs end once for everybody else, and whole."""

from tests.support.redis_process import RedisProcess
from tests.support.relay import relay
from tests.support.replica_parts import replica
from tests.support.waiting import until
from weir.replicas import redis_keys
from weir.runs.failure_sentences import FailureKind
from weir.runs.recording_file import to_jsonl
from weir.runs.run import Status


def test_a_replica_that_redis_has_lost_goes_on_alone(redis_here: RedisProcess) -> None:
    with relay(f"http://127.0.0.1:{redis_here.port}") as wire, replica(redis_here.url) as there:
        with replica(wire.url.replace("http://localhost", "redis://127.0.0.1")) as here:
            run, steps = here.start()
            steps.step("before")
            until(lambda: here.group.mirror.connected_at)
            until(lambda: there.archive.access(run.id))
            copy = there.archive.get(run.id)
            until(lambda: len(copy.events) == len(run.events))
            wire.freeze()
            steps.step("after")
            assert copy.wait(60)
            assert copy.status is Status.FAILED
            assert copy.failure is not None
            assert copy.failure.kind is FailureKind.SERVER_GONE
            until(lambda: here.group.note(run.id))
            wire.mend()
            until(lambda: not here.group.problem)
            steps.end()
            assert run.wait(30)
            assert run.status is Status.DONE
            until(lambda: here.group.mirror.has_sent(run.id))
            assert "other replicas had lost contact" in here.group.note(run.id)
        assert [event.get("chunk") for event in copy.events if event.event == "on_chain_stream"] == ["before"]


def test_a_replica_that_died_before_it_had_stored_the_whole_loses_nothing(redis_here: RedisProcess) -> None:
    with replica(redis_here.url) as there, redis_here.client() as client:
        with replica(redis_here.url) as here:
            run, steps = here.start()
            steps.step("all")
            steps.end()
            assert run.wait(30)
            until(lambda: client.exists(redis_keys.whole(run.id)))
        # As it is between the two: the stream has its end, and the run is still among the live ones.
        client.delete(redis_keys.whole(run.id))
        client.hset(redis_keys.meta(run.id), "status", "live")
        client.hset(redis_keys.LIVE, run.id, here.group.name)
        until(lambda: client.exists(redis_keys.whole(run.id)))
        copy = there.archive.get(run.id)
        assert copy.status is Status.DONE
        assert list(to_jsonl(copy)) == list(to_jsonl(run))
        assert client.hget(redis_keys.meta(run.id), "status") == b"ended"
