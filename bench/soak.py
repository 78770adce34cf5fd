"""Ten minutes of fifty sessions that come and go, ask, read, and now and then leave in the middle: what is left over?

    python -m bench.soak [--minutes 10] [--sessions 50]

Runs are kept within a bound that is reached early, so that memory must stand still: the median of the last tenth of
the time is compared with that of a tenth from the tenth minute on, or from two fifths on where the whole is shorter
than that. When all have left, threads, open files, sockets and child processes are counted again: after the time for
which Streamlit remembers who has gone, and one more visitor, since it forgets the others when the next one leaves.

Exits with 1, and says why, where tokens were lost, memory did not stand still, or something was left over. Threads are
not judged: those of pools stay.
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import statistics
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field

from websockets.asyncio.client import connect

from bench.servers import Server, model_server, weir
from bench.sessions import Session, address
from weir.analysis.metrics import percentile

TOKENS = 300
RATE = 20.0
LEAVES_EVERY = 7
"""Of so many answers one is left in the middle."""
GRACE = 5
"""Seconds that a run goes on after its last reader."""
RECORD_MB = 20
SAMPLE_EVERY = 5.0
SETTLED_MINUTES = 10
FORGOTTEN_AFTER = 150
"""Seconds after which Streamlit has let go of a session that did not come back, and of the loop that it has."""

STILL = 0.1
"""The part by which memory that stands still may differ."""
SPARE = 5
"""Files, sockets and processes more than before that are nothing left over."""


@dataclass(slots=True)
class Soak:
    """What has been seen so far."""

    ends_at: float
    answers: int = 0
    left: int = 0
    lost: int = 0
    lags: list[float] = field(default_factory=list)
    memory: list[tuple[float, int]] = field(default_factory=list)
    """Seconds since the start, and bytes."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a process holds besides memory."""

    threads: int
    files: int
    sockets: int
    children: int

    @classmethod
    def of(cls, server: Server) -> "Held":
        """Count what a server holds now."""
        process = server.process
        return cls(
            threads=process.num_threads(),
            files=process.num_fds(),
            sockets=len(process.net_connections()),
            children=len(process.children(recursive=True)),
        )


async def visit(server: Server, soak: Soak, turn: Iterator[int], delay: float) -> None:
    """Be one visitor after another, each with one question, until the time is over."""
    await asyncio.sleep(delay)
    while time.monotonic() < soak.ends_at:
        async with connect(address(server), max_size=None) as socket:
            session = Session(socket)
            await session.open()
            question = f"[[clock={TOKENS} rate={RATE:g}]]"
            if next(turn) % LEAVES_EVERY == 0:
                await session.ask_and_leave(question, after=3.0)
                soak.left += 1
                continue
            answer = await session.ask(question, TOKENS)
            soak.answers += 1
            soak.lost += answer.lost
            soak.lags += answer.lags


async def sample(server: Server, soak: Soak) -> None:
    """Note the memory from time to time."""
    started = time.monotonic()
    while time.monotonic() < soak.ends_at:
        soak.memory.append((time.monotonic() - started, server.memory()))
        await asyncio.sleep(SAMPLE_EVERY)


async def load(server: Server, sessions: int, seconds: float) -> Soak:
    """Have sessions come and go for so long."""
    soak, turn = Soak(time.monotonic() + seconds), itertools.count(1)
    spread = TOKENS / RATE
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(sample(server, soak))
        for number in range(sessions):
            tasks.create_task(visit(server, soak, turn, spread * number / sessions))
    return soak


def live_runs(server: Server) -> int:
    """Return how many runs are live, by Weir's own word."""
    with urllib.request.urlopen(f"{server.url}/api/health", timeout=10) as answer:
        return int(json.load(answer)["live_runs"])


def part(sizes: list[tuple[float, int]], start: float) -> float:
    """Return the median of the sizes of the tenth of the time that begins at that part of it."""
    whole = sizes[-1][0]
    return statistics.median(size for at, size in sizes if start * whole <= at <= (start + 0.1) * whole)


def settled_part(minutes: float) -> float:
    """Return the part of the time from which on memory has to stand still."""
    return min(SETTLED_MINUTES / minutes, 0.4)


def broken(soak: Soak, settled: float, left_live: int, before: Held, after: Held) -> list[str]:
    """Say which bounds were not kept."""
    problems = []
    if soak.lost:
        problems.append(f"{soak.lost:,} tokens lost")
    if left_live:
        problems.append(f"{left_live} runs live with nobody there")
    if abs((grown := part(soak.memory, 0.9) / part(soak.memory, settled)) - 1) > STILL:
        problems.append(f"memory {grown:.2f} × what it was, not within {STILL:.0%}")
    more = {name: getattr(after, name) - getattr(before, name) for name in ("files", "sockets", "children")}
    problems += [
        f"{count} {name} more than before, not at most {SPARE}" for name, count in more.items() if count > SPARE
    ]
    return problems


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--sessions", type=int, default=50)
    chosen = parser.parse_args()
    limits = {"WEIR_MAX_RUNS": "1000", "WEIR_MAX_RUNS_PER_CLIENT": "1000"}
    bounds = {"WEIR_RECORD_MB": str(RECORD_MB), "WEIR_GRACE": str(GRACE)}
    with contextlib.ExitStack() as servers:
        model = servers.enter_context(model_server())
        server = servers.enter_context(weir(model, **limits, **bounds))
        asyncio.run(load(server, 2, 5))
        time.sleep(GRACE + 1)
        before = Held.of(server)
        soak = asyncio.run(load(server, chosen.sessions, chosen.minutes * 60))
        live = live_runs(server)
        time.sleep(FORGOTTEN_AFTER)
        asyncio.run(load(server, 2, 5))
        time.sleep(GRACE + 1)
        after, left_live = Held.of(server), live_runs(server)
    settled = settled_part(chosen.minutes)
    early, late = part(soak.memory, settled), part(soak.memory, 0.9)
    print(f"{chosen.minutes:g} minutes, {chosen.sessions} sessions at {RATE:g} tokens/s each:")
    print(f"  {soak.answers:,} answers read to the end, {soak.left:,} left in the middle, {soak.lost:,} tokens lost")
    print(f"  lag median {statistics.median(soak.lags):.3f} s, p95 {percentile(soak.lags, 0.95):.3f} s")
    tenths = " ".join(f"{part(soak.memory, tenth / 10) / 1e6:.0f}" for tenth in range(10))
    print(f"  memory in MB, tenth by tenth: {tenths}")
    print(
        f"  memory {early / 1e6:.0f} MB from minute {settled * chosen.minutes:.0f} on, "
        f"{late / 1e6:.0f} MB at the end ({late / early:.2f} ×)"
    )
    print(f"  live runs: {live} when the last had left, {left_live} afterwards")
    for name in ("threads", "files", "sockets", "children"):
        print(f"  {name}: {getattr(before, name)} before, {getattr(after, name)} after")
    found = broken(soak, settled, left_live, before, after)
    for bound in found:
        print(f"  broken: {bound}")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
