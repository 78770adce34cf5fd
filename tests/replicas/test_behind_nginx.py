"""Two and three replicas behind nginx: readers that are cut at random come back to another one, and miss nothing."""

import asyncio
import json
import random
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest

from tests.support.fake_openai import FakeOpenAI, Plan, fake_openai
from tests.support.nginx_process import nginx
from tests.support.redis_process import RedisProcess
from tests.support.replica_process import ReplicaProcess, replica_process
from tests.support.waiting import until

RUNS = 100
TOKEN = "a-token-for-programs"
TOKENS = [f"{number} " for number in range(30)]


@pytest.fixture(scope="module")
def model() -> Iterator[FakeOpenAI]:
    with fake_openai() as server:
        server.plan = Plan(tokens=TOKENS, rate=15)
        yield server


@pytest.fixture(scope="module")
def processes(redis_here: RedisProcess, model: FakeOpenAI) -> Iterator[list[ReplicaProcess]]:
    limits = {"WEIR_MAX_RUNS": "1000", "WEIR_MAX_RUNS_PER_CLIENT": "1000", "WEIR_KEEP_MB": "0", "WEIR_API_TOKEN": TOKEN}
    with ExitStack() as stack:
        yield [stack.enter_context(replica_process(redis_here.url, model.url, **limits)) for _ in range(3)]


async def read_in_pieces(client: httpx2.AsyncClient, url: str, draw: random.Random) -> tuple[str, list[str]]:
    """Read an answer whose connection is cut again and again; return its text, and the ids of its events."""
    text, kind = "", ""
    ids: list[str] = []
    while True:
        left = draw.randrange(1, 12)
        headers = {"Authorization": f"Bearer {TOKEN}"} | ({"Last-Event-ID": ids[-1]} if ids else {})
        async with client.stream("GET", f"{url}/api/sse?chain=story&topic=weirs", headers=headers) as response:
            assert response.status_code == 200, (response.status_code, ids)
            async for line in response.aiter_lines():
                field, _, value = line.partition(": ")
                if field == "event":
                    kind = value
                elif field == "id":
                    ids.append(value)
                elif field == "data" and kind in ("done", "error"):
                    assert kind == "done", value
                    return text, ids
                elif field == "data":
                    text += json.loads(value)["content"]
                elif not line and ids:
                    kind, left = "", left - 1
                    if left == 0:
                        break


@pytest.mark.parametrize("replicas", [2, 3])
def test_readers_that_are_sent_to_another_replica_miss_nothing(
    processes: list[ReplicaProcess], model: FakeOpenAI, tmp_path: Path, replicas: int
) -> None:
    draw, asked_before = random.Random(replicas), len(model.answers)

    async def read_all(url: str) -> list[tuple[str, list[str]]]:
        async with httpx2.AsyncClient(timeout=120, limits=httpx2.Limits(max_connections=None)) as client:
            readers = [read_in_pieces(client, url, random.Random(draw.random())) for _ in range(RUNS)]
            return await asyncio.gather(*readers)

    with nginx(tmp_path / "nginx", [process.port for process in processes[:replicas]]) as proxy:
        answers = asyncio.run(read_all(proxy.url))
    for text, ids in answers:
        assert text == "".join(TOKENS)
        assert len({run_id.partition(":")[0] for run_id in ids}) == 1
        numbers = [int(event_id.partition(":")[2]) for event_id in ids]
        assert numbers == sorted(set(numbers))
    assert len({ids[0].partition(":")[0] for _, ids in answers}) == RUNS
    assert len(model.answers) - asked_before == RUNS


def test_stop_on_another_replica_hangs_up_on_the_model(processes: list[ReplicaProcess], model: FakeOpenAI) -> None:
    here, there, _ = processes
    model.plan = Plan(tokens=["word "] * 100_000, rate=15)
    body = {"chain": "story", "input": {"topic": "weirs"}}
    with httpx2.Client(timeout=60, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        path = f"/api/runs/{client.post(f'{here.url}/api/runs', json=body).json()['id']}"
        until(lambda: client.get(f"{there.url}{path}").json()["text"])
        assert client.delete(f"{there.url}{path}").status_code == 200
        until(lambda: model.answers[-1].hung_up_at)
        for replica in (here, there):
            until(lambda replica=replica: client.get(f"{replica.url}{path}").json()["status"] == "stopped")  # type: ignore[misc]
        texts = {client.get(f"{replica.url}{path}").json()["text"] for replica in (here, there)}
    assert len(texts) == 1
