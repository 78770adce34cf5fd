"""Several replicas over Redis: what the mirror costs, how late other replicas' readers are, and what Redis has to do.

    python -m bench.replicas [--rounds 3]

Replicas are processes with the app's API and services, without the pages. Prints, all in one run: CPU a token of a
replica with Redis and without, in turns; how long after the model's server has written it a token is read, on the run's
own replica and on another one; CPU a token in each of one, two and three replicas; Redis' memory and commands; and a
thousand readers of one run over two replicas.
"""

import argparse
import asyncio
import json
import re
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import psutil

from bench.servers import Server, model_server
from tests.support.redis_process import RedisProcess, redis_process
from tests.support.replica_process import ReplicaProcess, replica_process
from tests.support.waiting import until

LIMITS = {"WEIR_MAX_RUNS": "5000", "WEIR_MAX_RUNS_PER_CLIENT": "5000", "WEIR_KEEP_MB": "0", "WEIR_GRACE": "600"}
RUNS, TOKENS, RATE = 20, 300, 50
CLOCK = re.compile(rb"\d@(\d+\.\d+)")
ENDED, LIVE, READERS = 60, 100, 1_000


@contextmanager
def replicas(count: int, redis_url: str, model: Server) -> Iterator[list[ReplicaProcess]]:
    """Run replicas; without an address each is alone."""
    with ExitStack() as stack:
        url = f"{model.url}/v1"
        yield [stack.enter_context(replica_process(redis_url, url, **LIMITS)) for _ in range(count)]


def begin(there: ReplicaProcess, what: str) -> str:
    """Start a story, and return the run's id."""
    body = {"chain": "story", "input": {"topic": f"[[{what}]]"}}
    run_id: str = httpx2.post(f"{there.url}/api/runs", json=body, timeout=60).json()["id"]
    return run_id


def end(there: ReplicaProcess, run_ids: list[str]) -> None:
    """Wait until runs have ended."""
    for run_id in run_ids:
        until(lambda run_id=run_id: _status(there, run_id) == "done", seconds=600)  # type: ignore[misc]


def _status(there: ReplicaProcess, run_id: str) -> str:
    status: str = httpx2.get(f"{there.url}/api/runs/{run_id}", timeout=60).json()["status"]
    return status


def cpu(there: ReplicaProcess) -> float:
    """Return the seconds of CPU that a replica has used."""
    times = psutil.Process(there.pid).cpu_times()
    return times.user + times.system


def microseconds(processes: list[ReplicaProcess]) -> list[float]:
    """Return the CPU a token of each replica, while each makes `RUNS` runs."""
    before = [cpu(process) for process in processes]
    began = [[begin(process, f"tokens={TOKENS} rate={RATE}") for _ in range(RUNS)] for process in processes]
    time.sleep(TOKENS / RATE + 1)
    for process, run_ids in zip(processes, began, strict=True):
        end(process, run_ids[-1:])
    used = [cpu(process) - start for process, start in zip(processes, before, strict=True)]
    return [1e6 * seconds / (RUNS * TOKENS) for seconds in used]


async def delays(there: ReplicaProcess, run_id: str) -> list[float]:
    """Read a run whose tokens are clocks; return how late each was, in milliseconds."""
    late: list[float] = []
    async with (
        httpx2.AsyncClient(timeout=600, limits=httpx2.Limits(max_connections=None)) as client,
        client.stream("GET", f"{there.url}/api/runs/{run_id}/events?include_types=chat_model") as response,
    ):
        async for line in response.aiter_lines():
            if line.startswith("data: ") and '"on_chat_model_stream"' in line:
                content = json.loads(line[6:])["data"]["chunk"]
                text = content.get("content") if isinstance(content, dict) else content
                if isinstance(text, str) and "@" in text:
                    late.append(1_000 * (time.time() - float(text.split("@")[1].strip(" .\n"))))
    return late


def spread(values: list[float]) -> str:
    """Return median, p95 and maximum."""
    if not values:
        return "nothing"
    ordered = sorted(values)
    return (
        f"median {statistics.median(ordered):.0f}, p95 {ordered[int(0.95 * len(ordered))]:.0f}, most {ordered[-1]:.0f}"
    )


def compare_cpu(redis: RedisProcess, model: Server, rounds: int) -> None:
    """Print CPU a token with Redis and without, in turns."""
    with replicas(1, "", model) as alone, replicas(1, redis.url, model) as mirrored:
        microseconds(alone), microseconds(mirrored)
        pairs = [(microseconds(alone)[0], microseconds(mirrored)[0]) for _ in range(rounds)]
    without, with_redis = (statistics.median(values) for values in zip(*pairs, strict=True))
    print(f"CPU a token: {without:.0f} µs without Redis, {with_redis:.0f} µs with it: × {with_redis / without:.2f}")
    print("  rounds: " + ", ".join(f"{first:.0f}/{second:.0f}" for first, second in pairs))


def measure_delay(redis: RedisProcess, model: Server) -> None:
    """Print how late readers are on the run's replica and on another one."""

    async def both(here: ReplicaProcess, there: ReplicaProcess, run_id: str) -> tuple[list[float], list[float]]:
        return await asyncio.gather(delays(here, run_id), delays(there, run_id))

    with replicas(2, redis.url, model) as (here, there):
        for rate in (20, 200):
            own, remote = asyncio.run(both(here, there, begin(here, f"clock={rate * 10} rate={rate}")))
            print(f"{rate} tokens/s, ms after the model's server: own replica {spread(own)}; other {spread(remote)}")


def scale(redis: RedisProcess, model: Server) -> None:
    """Print CPU a token in each of one, two and three replicas."""
    for count in (1, 2, 3):
        with replicas(count, redis.url, model) as processes:
            microseconds(processes)
            each = microseconds(processes)
        print(f"{count} replicas, µs of CPU a token in each: {', '.join(f'{value:.0f}' for value in each)}")


def measure_redis(redis: RedisProcess, model: Server) -> None:
    """Print Redis' memory for ended runs and its commands for live ones."""
    with replicas(1, redis.url, model) as (here,), redis.client() as client:
        client.flushall()
        before = _info(client)["used_memory"]
        end(here, [begin(here, "tokens=500 rate=0") for _ in range(ENDED)])
        until(lambda: client.zcard("weir:ended") == ENDED, seconds=120)
        for key in client.scan_iter("weir:*:e"):
            client.delete(key)
        used = (_info(client)["used_memory"] - before) / ENDED
        print(f"memory: {used / 1e3:.1f} kB an ended run of 500 tokens, so {used / 1e3:.0f} MB for 1,000")
        run_ids = [begin(here, "tokens=100000 rate=20") for _ in range(LIVE)]
        time.sleep(3)
        start, cpu_start = _info(client), client.info("cpu")
        time.sleep(10)
        stop, cpu_stop = _info(client), client.info("cpu")
        share = sum(cpu_stop[key] - cpu_start[key] for key in ("used_cpu_user", "used_cpu_sys")) / 10
        commands = (stop["total_commands_processed"] - start["total_commands_processed"]) / 10
        print(
            f"{LIVE} live runs of 20 tokens/s: {commands:.0f} commands a second, {100 * share:.1f} % of a core in Redis"
        )
        for run_id in run_ids:
            httpx2.delete(f"{here.url}/api/runs/{run_id}", timeout=60)


def _info(client: Any) -> dict[str, Any]:
    info: dict[str, Any] = client.info()
    return info


async def read_raw(there: ReplicaProcess, run_id: str, joined: list[float]) -> list[tuple[float, float]]:
    """Read a run with as little work as can be; return when each token was written, and how late it was, in ms."""
    reader, writer = await asyncio.open_connection("127.0.0.1", there.port, limit=1_000_000)
    path = f"/api/runs/{run_id}/events?include_types=chat_model"
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{there.port}\r\n\r\n".encode())
    late = []
    while (line := await reader.readline()) and not line.startswith(b"event: end"):
        if b"on_chat_model_stream" in line and (found := CLOCK.search(line)):
            late.append((float(found[1]), 1_000 * (time.time() - float(found[1]))))
            if len(late) == 1:
                joined.append(time.time())
    writer.close()
    return late


def many_readers(redis: RedisProcess, model: Server) -> None:
    """Print how late a thousand readers of one run over two replicas are, from when all of them have joined."""
    joined: list[float] = []

    async def read_all(processes: list[ReplicaProcess], run_id: str) -> list[list[tuple[float, float]]]:
        return await asyncio.gather(*(read_raw(processes[number % 2], run_id, joined) for number in range(READERS)))

    with replicas(2, redis.url, model) as processes:
        run_id, before = begin(processes[0], "clock=100 rate=2"), [cpu(process) for process in processes]
        used = time.process_time()
        late = asyncio.run(read_all(processes, run_id))
        used = time.process_time() - used
        spent = [cpu(process) - start for process, start in zip(processes, before, strict=True)]
    print(f"{READERS} readers of one run over two replicas: tokens each {sorted({len(values) for values in late})}")
    for number, name in enumerate(("own", "other")):
        since = [delay for values in late[number::2] for at, delay in values if at > max(joined)]
        print(f"  {name} replica, ms: {spread(since)}; {spent[number]:.1f} s of CPU")
    print(f"  the load generator: {used:.1f} s of CPU")


def main() -> None:
    """Measure all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder, redis_process(Path(folder)) as redis, model_server() as model:
        compare_cpu(redis, model, rounds)
        measure_delay(redis, model)
        scale(redis, model)
        measure_redis(redis, model)
        many_readers(redis, model)


if __name__ == "__main__":
    main()
