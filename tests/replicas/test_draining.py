"""A replica that is asked to end: its runs end first, within a bound, and others read them."""

import signal
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.support.fake_openai import FakeOpenAI, Plan, fake_openai
from tests.support.redis_process import RedisProcess
from tests.support.replica_parts import replica
from tests.support.replica_process import ReplicaProcess, replica_process
from tests.support.waiting import until
from weir.runs.failure import FailureKind
from weir.runs.run import Status


@pytest.fixture
def model() -> Iterator[FakeOpenAI]:
    with fake_openai() as server:
        yield server


def begin(there: ReplicaProcess) -> str:
    answer = httpx2.post(f"{there.url}/api/runs", json={"chain": "story", "input": {"topic": "weirs"}}, timeout=60)
    run_id: str = answer.json()["id"]
    return run_id


def health(there: ReplicaProcess) -> tuple[int, Any]:
    answer = httpx2.get(f"{there.url}/api/health", timeout=60)
    return answer.status_code, answer.json()["status"]


def test_live_runs_end_before_the_process_does(redis_here: RedisProcess, model: FakeOpenAI) -> None:
    model.plan = Plan(tokens=[f"{number} " for number in range(120)], rate=40)
    with (
        replica(redis_here.url) as there,
        replica_process(redis_here.url, model.url, WEIR_DRAIN="60", WEIR_KEEP_MB="0") as process,
    ):
        assert health(process) == (200, "ready")
        run_id = begin(process)
        process.signal(signal.SIGTERM)
        until(lambda: health(process) == (503, "draining"))
        # What still comes is answered.
        assert httpx2.get(f"{process.url}/api/runs/{run_id}", timeout=60).json()["status"] == "running"
        copy = there.archive.get(run_id)
        assert copy.wait(60)
        assert copy.status is Status.DONE
        until(lambda: not process.is_alive())


def test_runs_that_do_not_end_are_cut_off_at_the_bound(redis_here: RedisProcess, model: FakeOpenAI) -> None:
    model.plan = Plan(tokens=[f"{number} " for number in range(20_000)], rate=20)
    with (
        replica(redis_here.url) as there,
        replica_process(redis_here.url, model.url, WEIR_DRAIN="1", WEIR_KEEP_MB="0") as process,
    ):
        copy = there.archive.get(begin(process))
        until(lambda: len(copy.events) > 10)
        process.signal(signal.SIGTERM)
        assert copy.wait(60)
        assert copy.failure is not None
        assert (copy.status, copy.failure.kind) == (Status.FAILED, FailureKind.SERVER_GONE)
        until(lambda: not process.is_alive())
        # The model was hung up on.
        until(lambda: all(seen.ended.is_set() for seen in model.seen))
