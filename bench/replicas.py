"""Several replicas over Redis: what the mirror costs, how late other replicas' readers are, and what Redis has to do.

    python -m bench.replicas [--rounds 3] [--only cpu delay stop scale memory commands readers comparison]

Replicas are processes with the app's API and services, without the pages. Prints one table: CPU a token of a replica
with Redis and without, in turns; how long after the model's server has written it a token is read, on the run's own
replica and on another one; how long after *Stop* on another replica the model is hung up on; CPU a token and a session
with one, two and three replicas behind nginx, in each process; Redis' memory and commands; a thousand readers of one
run over two replicas; and the same streams by resumable-stream. It takes seven minutes.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

from bench.replica_load import (
    AUTHORIZATION,
    ENVIRONMENT,
    Late,
    begin,
    cpu,
    end,
    events_path,
    read_tokens,
    replicas,
    row,
    show,
    spread,
)
from bench.resumable_stream import compare
from bench.servers import Server, model_server
from tests.support.fake_openai import Plan, fake_openai
from tests.support.redis_process import RedisProcess, redis_process
from tests.support.replica_process import ReplicaProcess, replica_process
from tests.support.replicas_behind_nginx import replicas_behind_nginx
from tests.support.waiting import until
from weir.replicas import redis_keys

RUNS, TOKENS, RATE = 20, 300, 50
SESSIONS, SESSION_TOKENS, SESSION_RATE = 20, 200, 20
"""Of each replica."""
ENDED, LIVE, LIVE_RATE, READERS, STOPS = 100, 100, 10, 1_000, 20


def microseconds(process: ReplicaProcess) -> float:
    """Return the CPU a token of a replica that makes `RUNS` runs, which nobody reads."""
    before = cpu(process.pid)
    run_ids = [begin(process.url, f"tokens={TOKENS} rate={RATE}") for _ in range(RUNS)]
    time.sleep(TOKENS / RATE + 1)
    end(process.url, run_ids[-1:])
    return 1e6 * (cpu(process.pid) - before) / (RUNS * TOKENS)


def compare_cpu(redis: RedisProcess, model: Server, rounds: int) -> None:
    """Print CPU a token with Redis and without, in turns."""
    with replicas(1, "", model) as (alone,), replicas(1, redis.url, model) as (mirrored,):
        microseconds(alone), microseconds(mirrored)
        pairs = [(microseconds(alone), microseconds(mirrored)) for _ in range(rounds)]
    without, with_redis = (statistics.median(values) for values in zip(*pairs, strict=True))
    each = ", ".join(f"{first:.0f}/{second:.0f}" for first, second in pairs)
    figures = (
        f"{without:.0f} µs without Redis, {with_redis:.0f} µs with it: × {with_redis / without:.2f} (rounds {each})"
    )
    row(f"CPU a token of a replica: {RUNS} runs at {RATE} tokens/s, {rounds} rounds in turns", figures)


def measure_delay(redis: RedisProcess, model: Server) -> None:
    """Print how late readers are on the run's replica and on another one."""

    async def both(ports: list[int], run_id: str) -> list[Late]:
        late = [Late() for _ in ports]
        readers = (read_tokens(port, events_path(run_id), one) for port, one in zip(ports, late, strict=True))
        await asyncio.gather(*readers)
        return late

    with replicas(2, redis.url, model) as processes:
        for rate in (20, 200):
            run_id = begin(processes[0].url, f"clock={rate * 10} rate={rate}")
            late = asyncio.run(both([process.port for process in processes], run_id))
            # What a reader gets when it joins was written before.
            own, other = (spread([delay for _, delay in one[rate:]]) for one in late)
            row(f"a token at {rate}/s, after the model's server", f"own replica {own}; another one {other}")


def measure_stop(redis: RedisProcess) -> None:
    """Print how long after Stop on another replica the model's server was hung up on."""
    delays = []
    with fake_openai() as model:
        model.plan = Plan(tokens=["word "] * 2_000, rate=20)
        here, there = (replica_process(redis.url, model.url, **ENVIRONMENT) for _ in range(2))
        with here as one, there as other:
            for _ in range(STOPS):
                run_id = begin(one.url, "")
                until(lambda run_id=run_id: show(other.url, run_id)["text"])  # type: ignore[misc]
                asked_at = time.monotonic()
                httpx2.delete(f"{other.url}/api/runs/{run_id}", headers=AUTHORIZATION, timeout=60).raise_for_status()
                delays.append(1_000 * (until(lambda: model.seen[-1].hung_up_at) - asked_at))
    row(f"from *Stop* on another replica to the model's server being hung up on, {STOPS} times", spread(delays))


async def run_sessions(url: str, sessions: int) -> None:
    """Have so many sessions start a story each, spread over the time of one, and read it to its end."""

    async def session(client: httpx2.AsyncClient, delay: float) -> None:
        await asyncio.sleep(delay)
        body = {"chain": "story", "input": {"topic": f"[[clock={SESSION_TOKENS} rate={SESSION_RATE}]]"}}
        run_id = (await client.post(f"{url}/api/runs", json=body)).raise_for_status().json()["id"]
        late = Late()
        await read_tokens(urlsplit(url).port or 0, events_path(run_id), late)
        assert len(late) == SESSION_TOKENS, len(late)

    spread_over = SESSION_TOKENS / SESSION_RATE
    async with httpx2.AsyncClient(timeout=60, headers=AUTHORIZATION) as client:
        await asyncio.gather(*(session(client, spread_over * number / sessions) for number in range(sessions)))


def scale(redis: RedisProcess, model: Server) -> None:
    """Print CPU a token and a session with one, two and three replicas behind nginx, in each process."""
    for count in (1, 2, 3):
        with (
            tempfile.TemporaryDirectory() as folder,
            replicas_behind_nginx(count, Path(folder), redis.url, f"{model.url}/v1", **ENVIRONMENT) as running,
            redis.client() as client,
        ):
            asyncio.run(run_sessions(running.nginx.url, 3 * count))
            pids = {f"replica {number}": process.pid for number, process in enumerate(running.processes, 1)}
            pids |= {
                "Redis": client.info("server")["process_id"],
                "nginx": running.nginx.pid,
                "model's server": model.process.pid,
            }
            before, own = {name: cpu(pid) for name, pid in pids.items()}, time.process_time()
            sessions = SESSIONS * count
            asyncio.run(run_sessions(running.nginx.url, sessions))
            used = {name: cpu(pid) - before[name] for name, pid in pids.items()}
            used["load generator"] = time.process_time() - own
        of_replicas = sum(seconds for name, seconds in used.items() if name.startswith("replica"))
        each = ", ".join(f"{name} {1e3 * seconds / sessions:.1f}" for name, seconds in used.items())
        figures = (
            f"{1e6 * of_replicas / (sessions * SESSION_TOKENS):.0f} µs a token, {1e3 * of_replicas / sessions:.0f} ms"
        )
        what = f"CPU of {count} replica{'s' * (count > 1)}, {SESSIONS} sessions of {SESSION_TOKENS} tokens for each"
        row(what, f"{figures} a session; ms a session in each process: {each}")


def measure_memory(redis: RedisProcess, model: Server) -> None:
    """Print Redis' memory for ended runs."""
    with replicas(1, redis.url, model) as (here,), redis.client() as client:
        client.flushall()
        before = client.info()["used_memory"]
        for _ in range(ENDED // RUNS):
            end(here.url, [begin(here.url, "tokens=500 rate=0") for _ in range(RUNS)])
        until(lambda: client.zcard(redis_keys.ENDED) == ENDED, seconds=120)
        with_streams = (client.info()["used_memory"] - before) / ENDED
        for key in client.scan_iter(redis_keys.events("*")):
            client.delete(key)
        used = (client.info()["used_memory"] - before) / ENDED
    figures = (
        f"{used / 1e3:.1f} kB, so {used / 1e3:.0f} MB for 1,000; {with_streams / 1e3:.0f} kB in the first two minutes"
    )
    row(f"an ended run of 500 tokens in Redis, of {ENDED}", figures)


def count_commands(redis: RedisProcess, model: Server) -> None:
    """Print what Redis does for live runs on two replicas."""
    seconds = 10
    with replicas(2, redis.url, model) as processes, redis.client() as client:
        what = f"tokens=100000 rate={LIVE_RATE}"
        began = [(processes[number % 2], begin(processes[number % 2].url, what)) for number in range(LIVE)]
        time.sleep(3)
        start, cpu_start = client.info("stats")["total_commands_processed"], cpu(client.info("server")["process_id"])
        time.sleep(seconds)
        stop, cpu_stop = client.info("stats")["total_commands_processed"], cpu(client.info("server")["process_id"])
        for process, run_id in began:
            httpx2.delete(f"{process.url}/api/runs/{run_id}", headers=AUTHORIZATION, timeout=60)
    share = 100 * (cpu_stop - cpu_start) / seconds
    figures = f"{(stop - start) / seconds:.0f} commands a second and {share:.1f} % of a core in Redis"
    row(f"{LIVE} live runs of {LIVE_RATE} tokens/s on two replicas", figures)


def many_readers(redis: RedisProcess, model: Server) -> None:
    """Print how late a thousand readers of one run over two replicas are, from when all of them have joined."""
    late = [Late() for _ in range(READERS)]

    async def read_all(ports: list[int], run_id: str) -> None:
        readers = (read_tokens(ports[number % 2], events_path(run_id), one) for number, one in enumerate(late))
        await asyncio.gather(*readers)

    with replicas(2, redis.url, model) as processes:
        before, own = [cpu(process.pid) for process in processes], time.process_time()
        run_id = begin(processes[0].url, "clock=80 rate=2")
        asyncio.run(read_all([process.port for process in processes], run_id))
        own = time.process_time() - own
        used = [cpu(process.pid) - start for process, start in zip(processes, before, strict=True)]
    joined = max(one[0][0] + one[0][1] / 1_000 for one in late)
    parts = []
    for number, name in enumerate(("the run's replica", "the other one")):
        since = [delay for one in late[number::2] for at, delay in one if at > joined]
        parts.append(f"on {name} {spread(since)} late and {used[number]:.1f} s of CPU")
    tokens = ", ".join(map(str, sorted({len(one) for one in late})))
    row(
        f"{READERS:,} readers of one run of 2 tokens/s over two replicas",
        f"each has {tokens} of 80 tokens; {'; '.join(parts)}; {own:.1f} s in the load generator",
    )


def main() -> None:
    """Measure all, or what is named."""
    parts: dict[str, Callable[[RedisProcess, Server], None]] = {
        "cpu": lambda redis, model: compare_cpu(redis, model, chosen.rounds),
        "delay": measure_delay,
        "stop": lambda redis, _: measure_stop(redis),
        "scale": scale,
        "memory": measure_memory,
        "commands": count_commands,
        "readers": many_readers,
        "comparison": compare,
    }
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=parts, default=list(parts))
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, redis_process(Path(folder)) as redis, model_server() as model:
        for name in chosen.only:
            parts[name](redis, model)


if __name__ == "__main__":
    main()
