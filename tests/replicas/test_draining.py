"""Replicas that are asked to end: their runs end first, within a bound, others read them, and no request is lost."""

import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.fake_openai import FakeOpenAI, Plan, fake_openai
from tests.support.redis_process import RedisProcess
from tests.support.replica_parts import replica
from tests.support.replica_process import ReplicaProcess, replica_process
from tests.support.replicas_behind_nginx import replicas_behind_nginx
from tests.support.waiting import until
from weir.runs.failure_sentences import FailureKind
from weir.runs.run import Status

API_TOKEN = "a-token-for-programs"
AUTHORIZATION = {"Authorization": f"Bearer {API_TOKEN}"}
STORY = {"chain": "story", "input": {"topic": "weirs"}}


@pytest.fixture
def model() -> Iterator[FakeOpenAI]:
    with fake_openai() as server:
        yield server


def begin(there: ReplicaProcess) -> str:
    answer = httpx2.post(f"{there.url}/api/runs", json=STORY, headers=AUTHORIZATION, timeout=60)
    run_id: str = answer.json()["id"]
    return run_id


def health(there: ReplicaProcess) -> tuple[int, Any]:
    answer = httpx2.get(f"{there.url}/api/health", timeout=60)
    return answer.status_code, answer.json()["status"]


class Visitors:
    """Visitors who start runs, read them and stop them, one after another, each by connections of their own."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._leaving, self._have_left = threading.Event(), threading.Event()
        self.faults: list[str] = []
        self.served: Counter[str] = Counter()
        """Answers of each replica."""

    def come_and_go(self) -> None:
        while not self._leaving.is_set() and not self.faults:
            run = f"/{self._ask('POST', '', json=STORY).get('id')}"
            self._ask("GET", run)
            self._ask("DELETE", run)
        self._have_left.set()

    def leave(self) -> None:
        """Have them leave once they have their answers, and wait for that."""
        self._leaving.set()
        assert self._have_left.wait(60)

    def _ask(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        try:
            url = f"{self._url}/api/runs{path}"
            answer = httpx2.request(method, url, headers=AUTHORIZATION, timeout=60, **body)
        except httpx2.TransportError as error:
            self.faults.append(f"{method} {path}: {error!r}")
            return {}
        if answer.status_code not in (200, 201):
            self.faults.append(f"{method} {path}: {answer.status_code} {answer.text}")
            return {}
        self.served[answer.headers["X-Replica"]] += 1
        view: dict[str, Any] = answer.json()
        return view


@pytest.fixture
def visitors() -> Iterator[Callable[[str], Visitors]]:
    """Return a function that has visitors come to an address, until the end of the test."""
    with ThreadPoolExecutor() as threads, ExitStack() as stack:

        def come(url: str) -> Visitors:
            visitors = Visitors(url)
            threads.submit(visitors.come_and_go)
            stack.callback(visitors.leave)
            return visitors

        yield come


def test_a_rolling_restart_loses_no_request_and_live_runs_end_first(
    redis_here: RedisProcess, model: FakeOpenAI, tmp_path: Path, visitors: Callable[[str], Visitors]
) -> None:
    limits = {"WEIR_API_TOKEN": API_TOKEN, "WEIR_MAX_RUNS": "1000", "WEIR_MAX_RUNS_PER_CLIENT": "1000"}
    with replicas_behind_nginx(2, tmp_path, redis_here.url, model.url, WEIR_DRAIN="60", **limits) as running:
        seen = visitors(running.nginx.url)
        for number, process in enumerate(running.processes):
            model.plan = plan = Plan(tokens=[f"{token} " for token in range(20_000)], rate=20)
            assert health(process) == (200, "ready")
            run_id = begin(process)
            process.signal(signal.SIGTERM)
            until(lambda process=process: health(process) == (503, "draining"))  # type: ignore[misc]
            running.nginx.lead_to([port for port in running.ports if port != process.port])
            # What still comes is answered.
            path = f"/api/runs/{run_id}"
            here = httpx2.get(f"{process.url}{path}", headers=AUTHORIZATION, timeout=60).json()
            assert here["status"] == "running"
            # The model comes to its end.
            model.plan = Plan()
            plan.tokens.clear()
            until(lambda process=process: not process.is_alive())  # type: ignore[misc]
            there = httpx2.get(f"{running.nginx.url}{path}", headers=AUTHORIZATION, timeout=60).json()
            assert there["status"] == "done"
            assert there["text"].startswith(here["text"])
            running.kill(number)
            running.restart(number)
            running.nginx.lead_to(running.ports)
        answered = seen.served.total()
        until(lambda: seen.faults or seen.served.total() > answered + 3)
        seen.leave()
    assert seen.faults == []
    assert len(seen.served) == 2


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
