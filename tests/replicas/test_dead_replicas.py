"""A replica that is killed or paused: its runs end where they are, once; a program goes on at another replica."""

import asyncio
import json
import random
import signal
import uuid
from collections.abc import Iterator
from functools import partial

import httpx2
import pytest
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage

from tests.support.fake_openai import FakeOpenAI, Plan, fake_openai
from tests.support.redis_process import RedisProcess
from tests.support.relay import relay
from tests.support.replica_parts import replica
from tests.support.replica_process import ReplicaProcess, replica_process
from tests.support.waiting import until
from weir.attach.weir_tail import Tail, _make_handler
from weir.replicas.replica_sweeper import LEASE_SECONDS, SETTLED_SECONDS, SWEEP_SECONDS
from weir.runs.failure_sentences import FailureKind
from weir.runs.recording_file import to_jsonl
from weir.runs.run import Status

WRITERS, RUNS = 4, 5
LONG = Plan(tokens=[f"{number} " for number in range(2_000)], rate=20)


@pytest.fixture(scope="module")
def model() -> Iterator[FakeOpenAI]:
    with fake_openai() as server:
        server.plan = LONG
        yield server


@pytest.fixture(scope="module")
def survivor(redis_here: RedisProcess, model: FakeOpenAI) -> Iterator[ReplicaProcess]:
    with replica_process(redis_here.url, model.url) as process:
        yield process


def begin(there: ReplicaProcess) -> str:
    answer = httpx2.post(f"{there.url}/api/runs", json={"chain": "story", "input": {"topic": "weirs"}}, timeout=60)
    assert answer.status_code == 201, answer.text
    run_id: str = answer.json()["id"]
    return run_id


def is_readable(there: ReplicaProcess, run_id: str, tokens: int = 1) -> bool:
    answer = httpx2.get(f"{there.url}/api/runs/{run_id}", timeout=60)
    return answer.status_code == 200 and len(answer.json()["text"].split()) >= tokens


async def read_events(there: ReplicaProcess, run_id: str) -> tuple[list[int], str]:
    """Follow a run to its end; return the numbers of its events, and the data of the end."""
    numbers: list[int] = []
    kind = ""
    async with (
        httpx2.AsyncClient(timeout=120) as client,
        client.stream("GET", f"{there.url}/api/runs/{run_id}/events") as response,
    ):
        assert response.status_code == 200
        async for line in response.aiter_lines():
            if line.startswith("event: "):
                kind = line.removeprefix("event: ")
            elif line.startswith("data: ") and kind == "end":
                return numbers, json.loads(line.removeprefix("data: "))["status"]
            elif line.startswith("data: "):
                numbers.append(json.loads(line.removeprefix("data: "))["seq"])
    raise AssertionError("the stream has no end")


def test_a_dead_replica_is_noticed_in_twenty_seconds() -> None:
    # A sign that was given just before, the lock of a sweeper that died too, and the next turn of another.
    assert LEASE_SECONDS + LEASE_SECONDS // 2 + SWEEP_SECONDS <= 20
    assert SETTLED_SECONDS < LEASE_SECONDS


def test_a_writer_is_killed_at_twenty_moments(
    redis_here: RedisProcess, model: FakeOpenAI, survivor: ReplicaProcess
) -> None:
    draw = random.Random(26)

    async def kill_and_read() -> dict[str, tuple[list[int], str]]:
        reading: dict[str, asyncio.Task[tuple[list[int], str]]] = {}
        for _ in range(WRITERS):
            with replica_process(redis_here.url, model.url) as writer:
                for run_id in [begin(writer) for _ in range(RUNS)]:
                    tokens = draw.randrange(1, 30)
                    await asyncio.to_thread(until, partial(is_readable, survivor, run_id, tokens))
                    reading[run_id] = asyncio.create_task(read_events(survivor, run_id))
                    await asyncio.sleep(0)
                writer.signal(signal.SIGKILL)
        return {run_id: await asyncio.wait_for(task, 120) for run_id, task in reading.items()}

    ended = asyncio.run(kill_and_read())
    assert len(ended) == WRITERS * RUNS
    for run_id, (numbers, status) in ended.items():
        assert numbers == list(range(len(numbers)))
        assert status == "failed"
        view = httpx2.get(f"{survivor.url}/api/runs/{run_id}", timeout=60).json()
        assert view["mark"] == "Cut off"
        assert view["message"].startswith(FailureKind.SERVER_GONE.message)
        # What was read is all that there is, and the text has no hole.
        assert len(view["text"].split()) > 0
        assert view["text"].split() == [str(number) for number in range(len(view["text"].split()))]


def test_a_paused_writer_cannot_write_after_its_end(
    redis_here: RedisProcess, model: FakeOpenAI, survivor: ReplicaProcess
) -> None:
    model.plan = Plan(tokens=LONG.tokens[:200], rate=40)
    with replica_process(redis_here.url, model.url) as writer:
        run_id = begin(writer)
        until(lambda: is_readable(survivor, run_id, 5))
        writer.signal(signal.SIGSTOP)
        numbers, status = asyncio.run(read_events(survivor, run_id))
        assert status == "failed"
        cut = httpx2.get(f"{survivor.url}/api/runs/{run_id}/recording", timeout=60).content
        writer.signal(signal.SIGCONT)
        # Its own readers have the rest.
        until(lambda: is_readable(writer, run_id, 200))
        until(lambda: httpx2.get(f"{writer.url}/api/runs/{run_id}", timeout=60).json()["status"] == "done")
        assert httpx2.get(f"{survivor.url}/api/runs/{run_id}/recording", timeout=60).content == cut
        with replica(redis_here.url) as late:
            assert b"".join(to_jsonl(late.archive.get(run_id))) == cut
        assert len(numbers) == cut.count(b"\n") - 2
    model.plan = LONG


def test_a_program_goes_on_with_its_run_at_another_replica(
    redis_here: RedisProcess, model: FakeOpenAI, survivor: ReplicaProcess
) -> None:
    chain = GenericFakeChatModel(messages=iter([AIMessage(" ".join(map(str, range(40))))]))
    run_id = uuid.uuid4()
    with (
        replica_process(redis_here.url, model.url) as writer,
        relay(writer.url) as wire,
        replica(redis_here.url) as there,
    ):
        tail = Tail(wire.url, "", "", True)
        stream = chain.stream("count", {"callbacks": [_make_handler(tail)], "run_id": run_id})
        before = next(stream).text
        until(lambda: there.archive.access(str(run_id)))
        copy = there.archive.get(str(run_id))
        until(lambda: any(event.event == "on_chat_model_stream" for event in copy.events))
        writer.signal(signal.SIGKILL)
        wire.lead_to(survivor.url)
        assert before + "".join(chunk.text for chunk in stream) == " ".join(map(str, range(40)))
        # Until the lease of the dead one is over it is the one that has the run.
        assert copy.wait(60)
        assert copy.failure is not None
        assert copy.failure.kind is FailureKind.SERVER_GONE
        until(lambda: there.archive.get(str(run_id)).status is Status.DONE)
        whole = httpx2.get(f"{survivor.url}/api/runs/{run_id}/recording", timeout=60).content
        assert b"".join(to_jsonl(there.archive.get(str(run_id)))) == whole
        assert [event.seq for event in there.archive.get(str(run_id)).events] == list(range(whole.count(b"\n") - 2))
        tail.close()
