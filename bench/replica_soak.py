"""Replicas behind nginx, one of which is killed and started again each minute: is anything lost, does anything grow?

    python -m bench.replica_soak [--replicas 3] [--minutes 60] [--visitors 20]

Replicas are processes with the app's API and services, without the pages, over one Redis. Visitors start a story, and
two readers of each follow it, cut off at random and sent to whichever replica is free. The first replica is never
killed, so that its memory shows what an hour leaves behind; the others are, in turn. Bounds are reached early, so keys
and memory must stand still: the last tenth of the time is compared with that from the tenth minute on, or from two
fifths on where the whole is shorter than that.

Exits with 1, and says why, where a reader misses a token or has one twice, a run ends for no reason, the record of a
run whose replica was killed has less than what was sent, something grows, or a key has no expiry.
"""

import argparse
import asyncio
import itertools
import json
import random
import re
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psutil

from bench.servers import Server, model_log, model_server
from bench.soak import SAMPLE_EVERY, STILL, part, settled_part
from tests.support.redis_process import RedisProcess, redis_process
from tests.support.replicas_behind_nginx import ReplicasBehindNginx, replicas_behind_nginx
from tests.support.waiting import until
from weir.replicas import redis_keys
from weir.runs.failure_sentences import FailureKind

TOKENS, RATE = 300, 20
READERS = 2
KILL_EVERY, DOWN_SECONDS = 60.0, 5.0
BEHIND_SECONDS = 5.0
"""Time of tokens that the record of a killed replica's run may lack. Batches leave ten times a second, but on a busy
machine the model's server may write on for a while before it notices that nobody reads.
"""
SPARE_KEYS = 50
API_TOKEN = "a-token-for-programs"
ENVIRONMENT = {
    "WEIR_API_TOKEN": API_TOKEN,
    "WEIR_MAX_RUNS": "1000",
    "WEIR_MAX_RUNS_PER_CLIENT": "1000",
    "WEIR_RECORD_MB": "20",
    "WEIR_KEEP_MB": "20",
    "WEIR_REDIS_MB": "2",
}
TOKEN = re.compile(r"(\d+)@\d")
UNAVAILABLE = (502, 503, 504)


@dataclass(slots=True)
class Reading:
    """What a reader has of a run."""

    tokens: list[int] = field(default_factory=list)
    last_id: str = ""
    status: str = ""
    elsewhere: int = 0
    """Tokens that another replica than the run's has given it, or had before those."""


@dataclass(slots=True)
class Soak:
    """What has been seen so far."""

    ends_at: float
    url: str
    redis: Any
    killed: set[int] = field(default_factory=set)
    """Processes that were killed."""
    recorded: dict[str, int] = field(default_factory=dict)
    """Tokens in the record of each run that was cut off, by its mark."""
    faults: list[str] = field(default_factory=list)
    ended: Counter[str] = field(default_factory=Counter)
    connections: int = 0
    refused: int = 0
    sizes: dict[str, list[tuple[float, int]]] = field(default_factory=dict)


@contextmanager
def topology(count: int) -> Iterator[tuple[ReplicasBehindNginx, RedisProcess, Server]]:
    """Run replicas behind nginx, Redis, and a model server."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "redis").mkdir()
        redis = stack.enter_context(redis_process(folder / "redis"))
        model = stack.enter_context(model_server())
        running = replicas_behind_nginx(count, folder, redis.url, f"{model.url}/v1", **ENVIRONMENT)
        yield stack.enter_context(running), redis, model


async def read(client: httpx2.AsyncClient, soak: Soak, run_id: str, replica: str, draw: random.Random) -> Reading:
    """Read the run of a replica to its end, by as many connections as it takes."""
    reading = Reading()
    while not reading.status:
        soak.connections += 1
        headers = {"Last-Event-ID": reading.last_id} if reading.last_id else {}
        try:
            path = f"{soak.url}/api/runs/{run_id}/events?include_types=chat_model"
            async with client.stream("GET", path, headers=headers) as response:
                if response.status_code in UNAVAILABLE:
                    await asyncio.sleep(0.2)
                    continue
                if response.status_code != 200:
                    text = (await response.aread()).decode()
                    soak.faults.append(f"run {run_id} after event {reading.last_id}: {response.status_code} {text}")
                    reading.status = "unreadable"
                    break
                before = len(reading.tokens)
                try:
                    await _read_lines(response, reading, draw.randrange(5, 400))
                finally:
                    if answered_by(response) != replica and len(reading.tokens) > before:
                        reading.elsewhere = len(reading.tokens)
        except httpx2.TransportError:
            # Its replica was killed.
            await asyncio.sleep(0.2)
    return reading


def answered_by(response: httpx2.Response) -> str:
    """Return the address of the replica that an answer comes from."""
    return response.headers["X-Replica"].rpartition(" ")[2]


async def _read_lines(response: httpx2.Response, reading: Reading, most: int) -> None:
    """Read at most so many events."""
    is_end = False
    async for line in response.aiter_lines():
        if line.startswith("id: "):
            reading.last_id = line[4:]
        elif line.startswith("event: "):
            is_end = line == "event: end"
        elif line.startswith("data: ") and is_end:
            reading.status = json.loads(line[6:])["status"]
        elif '"on_chat_model_stream"' in line and (found := TOKEN.search(line)):
            reading.tokens.append(int(found[1]))
        elif not line:
            most -= 1
            if most <= 0 or reading.status:
                return


async def begin(client: httpx2.AsyncClient, soak: Soak, mark: int) -> tuple[str, str]:
    """Start a story; return the run's id and its replica, "" where the one that took the request was killed."""
    body = {"chain": "story", "input": {"topic": f"[[clock={TOKENS} rate={RATE} mark={mark}]]"}}
    try:
        answer = await client.post(f"{soak.url}/api/runs", json=body)
    except httpx2.TransportError:
        return "", ""
    if answer.status_code in UNAVAILABLE:
        return "", ""
    assert answer.status_code == 201, answer.text
    return answer.json()["id"], answered_by(answer)


async def visit(client: httpx2.AsyncClient, soak: Soak, marks: Iterator[int], delay: float) -> None:
    """Start one story after another, and have each read, until the time is over."""
    await asyncio.sleep(delay)
    while time.monotonic() < soak.ends_at:
        mark = next(marks)
        run_id, replica = await begin(client, soak, mark)
        if not run_id:
            soak.refused += 1
            await asyncio.sleep(0.5)
            continue
        draw = random.Random(mark)
        readings = [read(client, soak, run_id, replica, random.Random(draw.random())) for _ in range(READERS)]
        await judge(client, soak, run_id, str(mark), await asyncio.gather(*readings))


async def judge(client: httpx2.AsyncClient, soak: Soak, run_id: str, mark: str, readings: list[Reading]) -> None:
    """Note what is wrong with a run and with what its readers have."""
    status = readings[0].status
    soak.ended[status] += 1
    for reading in readings:
        if reading.tokens != list(range(len(reading.tokens))):
            soak.faults.append(f"run {run_id}: a reader has {reading.tokens}")
        if reading.status != status or (status == "done" and len(reading.tokens) != TOKENS):
            soak.faults.append(f"run {run_id} is {status}, and a reader has {len(reading.tokens)} tokens")
    if status != "failed":
        return
    view = await shown(client, soak, run_id)
    if (view["text"] and view["mark"] != "Cut off") or not view["message"].startswith(FailureKind.SERVER_GONE.message):
        soak.faults.append(f"run {run_id} ended for no reason: {view['message']}")
    record = (await read(client, soak, run_id, "", random.Random(mark))).tokens
    soak.recorded[mark] = len(record)
    if record != list(range(len(record))):
        soak.faults.append(f"run {run_id}: its record has {record}")
    if len(record) < (most := max(reading.elsewhere for reading in readings)):
        soak.faults.append(f"run {run_id}: its record has {len(record)} tokens, and other replicas had {most}")
    replica = (await asyncio.to_thread(soak.redis.hget, redis_keys.meta(run_id), "replica") or b"--").decode()
    if int(replica.split("-")[-2] or 0) not in soak.killed:
        soak.faults.append(f"run {run_id} is cut off, and its replica {replica} was not killed")


async def shown(client: httpx2.AsyncClient, soak: Soak, run_id: str) -> dict[str, Any]:
    """Return a run as a replica shows it."""
    while True:
        answer = await client.get(f"{soak.url}/api/runs/{run_id}")
        if answer.status_code not in UNAVAILABLE:
            view: dict[str, Any] = answer.raise_for_status().json()
            return view


async def kill_in_turn(replicas: ReplicasBehindNginx, soak: Soak) -> None:
    """Kill a replica each minute, and start it again."""
    for victim in itertools.cycle(range(1, len(replicas.processes))):
        await asyncio.sleep(KILL_EVERY - DOWN_SECONDS)
        if time.monotonic() > soak.ends_at - KILL_EVERY / 2:
            return
        soak.killed.add(replicas.processes[victim].pid)
        await asyncio.to_thread(replicas.kill, victim)
        await asyncio.sleep(DOWN_SECONDS)
        await asyncio.to_thread(replicas.restart, victim)


async def sample(replicas: ReplicasBehindNginx, soak: Soak) -> None:
    """Note sizes from time to time."""
    started = time.monotonic()
    first = psutil.Process(replicas.processes[0].pid)
    while time.monotonic() < soak.ends_at:
        info = await asyncio.to_thread(soak.redis.info)
        sizes = {
            "keys in Redis": soak.redis.dbsize(),
            "bytes of Redis": info["used_memory"],
            "bytes of the replica that stays": first.memory_full_info().uss,
        }
        for name, size in sizes.items():
            soak.sizes.setdefault(name, []).append((time.monotonic() - started, size))
        await asyncio.sleep(SAMPLE_EVERY)


async def load(replicas: ReplicasBehindNginx, soak: Soak, visitors: int) -> None:
    """Have visitors come and replicas die until the time is over."""
    limits, marks = httpx2.Limits(max_connections=None, max_keepalive_connections=20), itertools.count(1)
    headers = {"Authorization": f"Bearer {API_TOKEN}"}
    async with httpx2.AsyncClient(timeout=120, limits=limits, headers=headers) as client, asyncio.TaskGroup() as tasks:
        tasks.create_task(sample(replicas, soak))
        tasks.create_task(kill_in_turn(replicas, soak))
        for number in range(visitors):
            tasks.create_task(visit(client, soak, marks, TOKENS / RATE * number / visitors))


def compare_with_model(soak: Soak, model: Server) -> list[int]:
    """Note the runs for which the model was asked twice, or whose record has too little; return how much they lack."""
    log = model_log(model)
    twice = [mark for mark, count in Counter(one["mark"] for one in log).items() if count > 1]
    soak.faults += [f"the model was asked twice for story {mark}" for mark in twice]
    sent = {one["mark"]: one.get("sent", 0) for one in log}
    # A replica may be killed before it has asked the model.
    lacking = {mark: sent.get(mark, 0) - count for mark, count in soak.recorded.items()}
    too_much = {mark: count for mark, count in lacking.items() if count > BEHIND_SECONDS * RATE}
    soak.faults += [f"the record of story {mark} lacks {count} tokens" for mark, count in too_much.items()]
    return sorted(lacking.values())


def compare_sizes(soak: Soak, settled: float) -> None:
    """Print how sizes have grown, and note what did not stand still."""
    for name, sizes in soak.sizes.items():
        early, late = part(sizes, settled), part(sizes, 0.9)
        unit = 1e6 if "bytes" in name else 1
        tenths = " ".join(f"{part(sizes, tenth / 10) / unit:.4g}" for tenth in range(10))
        print(f"  {name.replace('bytes', 'MB')}, tenth by tenth: {tenths} ({late / early:.2f} ×)")
        if abs(late - early) > max(STILL * early, SPARE_KEYS if unit == 1 else 0):
            soak.faults.append(f"{name}: {late / early:.2f} × what there was, not within {STILL:.0%}")


def main() -> None:
    """Measure, print, and exit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replicas", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--visitors", type=int, default=20)
    chosen = parser.parse_args()
    if chosen.replicas < 2:
        parser.error("one replica stays: there must be two or more")
    with topology(chosen.replicas) as (replicas, redis, model), redis.client() as client:
        soak = Soak(time.monotonic() + chosen.minutes * 60, replicas.nginx.url, client)
        asyncio.run(load(replicas, soak, chosen.visitors))
        until(lambda: not client.exists(redis_keys.LIVE))
        soak.faults += [f"key {key!r} has no expiry" for key in client.scan_iter() if client.ttl(key) == -1]
        lacking = compare_with_model(soak, model)
    runs = ", ".join(f"{count:,} {status}" for status, count in soak.ended.most_common())
    print(
        f"{chosen.minutes:g} minutes, {chosen.replicas} replicas, {chosen.visitors} visitors at {RATE} tokens/s each:"
    )
    print(f"  runs: {runs}; {soak.refused} starts were with a replica that was killed, and asked again")
    print(f"  {len(soak.killed)} replicas killed; {READERS} readers of each run, by {soak.connections:,} connections")
    if lacking:
        middle = statistics.median(lacking)
        print(
            f"  tokens that a killed replica had and had not sent: {middle:g} of a run (median), {lacking[-1]} at most"
        )
    compare_sizes(soak, settled_part(chosen.minutes))
    for fault in soak.faults[:50]:
        print(f"  broken: {fault}")
    sys.exit(bool(soak.faults))


if __name__ == "__main__":
    main()
