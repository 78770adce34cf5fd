"""Weir's replicas beside Vercel's resumable-stream: two servers each, one Redis, the same streams.

A part of `python -m bench.replicas`. The package comes from npm into a temporary folder. Readers ask the second server
for what the first one streams: how late is each token there, and how many commands does Redis run for it? Then the
first server is killed: of what its own readers had, what have those of the second one, and what gets one who comes
afterwards?
"""

import asyncio
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import psutil

from bench.replica_load import Late, begin, events_path, read_tokens, replicas, row, spread
from bench.servers import Server
from tests.support.app_process import free_port
from tests.support.redis_process import RedisProcess
from tests.support.replica_process import ReplicaProcess
from tests.support.waiting import until

PACKAGES = ("resumable-stream@2.2.13", "redis@4")
SCRIPT = Path(__file__).with_name("resumable_stream.mjs")
SECONDS = 5
"""Time of a stream whose delay is measured."""
STREAMS, RATE, KILL_AFTER, WAIT_SECONDS = 20, 20, 3.0, 25.0
"""Streams whose server is killed, their tokens a second, when, and how long readers wait for what comes after."""


class Pair(Protocol):
    """Two servers that share their streams."""

    name: str
    there: int
    """Port of the second."""

    async def start(self, what: str, late: Late) -> str:
        """Have the first server begin a stream and a reader read it there; return its path at both."""

    def kill(self) -> None:
        """Kill the first server."""


@dataclass(slots=True)
class WeirPair:
    """Two replicas of Weir."""

    here: ReplicaProcess
    there: int
    name: str = "Weir"
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def start(self, what: str, late: Late) -> str:
        path = events_path(await asyncio.to_thread(begin, self.here.url, what))
        self.tasks.append(asyncio.create_task(read_tokens(self.here.port, path, late)))
        return path

    def kill(self) -> None:
        self.here.signal(9)


@dataclass(slots=True)
class NodePair:
    """Two servers of `resumable_stream.mjs`."""

    here: int
    process: subprocess.Popen[bytes]
    there: int
    name: str = "resumable-stream"
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def start(self, what: str, late: Late) -> str:
        path = f"/{uuid.uuid4()}"
        question = quote(f"[[{what}]]")
        self.tasks.append(asyncio.create_task(read_tokens(self.here, f"{path}?question={question}", late, "POST")))
        # It can be joined once its first token is there.
        await asyncio.to_thread(until, lambda: late)
        return path

    def kill(self) -> None:
        self.process.kill()


@contextmanager
def weir_pair(redis: RedisProcess, model: Server) -> Iterator[Pair]:
    """Run two replicas."""
    with replicas(2, redis.url, model) as (here, there):
        yield WeirPair(here, there.port)


@contextmanager
def node_pair(folder: Path, redis: RedisProcess, model: Server) -> Iterator[Pair]:
    """Run two servers with the packages of a folder."""
    ports = [free_port(), free_port()]
    environment = os.environ | {"REDIS_URL": redis.url}
    with ExitStack() as stack:
        processes = []
        for port in ports:
            command = ["node", SCRIPT.name, str(port), model.url]
            process = stack.enter_context(subprocess.Popen(command, cwd=folder, env=environment))
            stack.callback(process.kill)
            until(lambda process=process: psutil.Process(process.pid).net_connections("tcp"))  # type: ignore[misc]
            processes.append(process)
        yield NodePair(ports[0], processes[0], ports[1])


def install(folder: Path) -> str:
    """Install the package; return why that cannot be done, in a sentence, or nothing."""
    if shutil.which("npm") is None:
        return "The comparison with resumable-stream needs node and npm (on Debian: apt install npm)."
    command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), *PACKAGES]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return f"The comparison with resumable-stream needs its package, which npm does not get: {done.stderr.strip()}"
    shutil.copy(SCRIPT, folder)
    return ""


def commands(client: Any) -> int:
    """Return how many commands Redis has run, those of scripts too."""
    return sum(stats["calls"] for name, stats in client.info("commandstats").items() if name != "cmdstat_info")


async def measure(pair: Pair, client: Any, streams: int, rate: int) -> None:
    """Print how late tokens are at the second server, and the commands in Redis."""
    before, own, remote = commands(client), [Late() for _ in range(streams)], [Late() for _ in range(streams)]
    paths = await asyncio.gather(*(pair.start(f"clock={rate * SECONDS} rate={rate}", late) for late in own))
    readers = [read_tokens(pair.there, path, late) for path, late in zip(paths, remote, strict=True)]
    await asyncio.gather(*readers)
    tokens = streams * rate * SECONDS
    each = (commands(client) - before) / tokens
    assert {len(late) for late in remote} == {rate * SECONDS}
    # What a reader gets when it joins was written before.
    delays = [delay for late in remote for _, delay in late[rate:]]
    what = f"{streams} stream{'s' * (streams > 1)} at {rate} tokens/s"
    row(f"{pair.name}, {what}", f"on the other server {spread(delays)} late, {each:.2f} commands a token in Redis")


async def lose(pair: Pair) -> None:
    """Print what readers have when the first server is killed."""
    own, remote, late = ([Late() for _ in range(STREAMS)] for _ in range(3))
    what = f"clock=2000 rate={RATE}"
    paths = await asyncio.gather(*(pair.start(what, seen) for seen in own))

    def read_there(seen: list[Late]) -> list[asyncio.Task[None]]:
        there = zip(paths, seen, strict=True)
        return [asyncio.create_task(read_tokens(pair.there, path, one)) for path, one in there]

    reading = read_there(remote)
    await asyncio.sleep(KILL_AFTER)
    pair.kill()
    reading += read_there(late)
    ended, waiting = await asyncio.wait(reading, timeout=WAIT_SECONDS)
    got_end = len(ended.intersection(reading[:STREAMS]))
    for task in waiting:
        task.cancel()
    await asyncio.gather(*reading, return_exceptions=True)
    had, has, gets = (sum(map(len, seen)) for seen in (own, remote, late))
    row(
        f"{pair.name}, {STREAMS} streams whose server is killed",
        f"its readers had {had} tokens, those on the other server have {has}, and who comes afterwards gets {gets}; "
        f"{got_end} of {STREAMS} there had an end within {WAIT_SECONDS:.0f} s",
    )


def compare(redis: RedisProcess, model: Server) -> None:
    """Print the comparison."""

    async def all_of(pair: Pair) -> None:
        with redis.client() as client:
            for streams, rate in ((1, 20), (20, 20), (1, 200)):
                await measure(pair, client, streams, rate)
        await lose(pair)

    with tempfile.TemporaryDirectory() as folder:
        if problem := install(Path(folder)):
            print(problem)
            return
        with weir_pair(redis, model) as pair:
            asyncio.run(all_of(pair))
        with node_pair(Path(folder), redis, model) as pair:
            asyncio.run(all_of(pair))
