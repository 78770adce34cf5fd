"""What the measurements of several replicas share: processes, stories of the model server, and readers of them."""

import asyncio
import re
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx2
import psutil

from bench.servers import Server
from tests.support.replica_process import ReplicaProcess, replica_process
from tests.support.waiting import until

API_TOKEN = "a-token-for-programs"
ENVIRONMENT = {
    "WEIR_API_TOKEN": API_TOKEN,
    "WEIR_MAX_RUNS": "5000",
    "WEIR_MAX_RUNS_PER_CLIENT": "5000",
    "WEIR_KEEP_MB": "0",
    "WEIR_GRACE": "600",
}
AUTHORIZATION = {"Authorization": f"Bearer {API_TOKEN}"}
TOKEN = re.compile(rb"(?<!\d)(\d+)@(\d+\.\d{4})")
MAX_TOKEN = 40
"""Bytes that a token may have."""

Late = list[tuple[float, float]]
"""When each token was written, and how many milliseconds later it was read."""


@contextmanager
def replicas(count: int, redis_url: str, model: Server) -> Iterator[list[ReplicaProcess]]:
    """Run replicas; without an address each is alone."""
    with ExitStack() as stack:
        url = f"{model.url}/v1"
        yield [stack.enter_context(replica_process(redis_url, url, **ENVIRONMENT)) for _ in range(count)]


def begin(url: str, what: str) -> str:
    """Start a story, and return the run's id."""
    body = {"chain": "story", "input": {"topic": f"[[{what}]]"}}
    answer = httpx2.post(f"{url}/api/runs", json=body, headers=AUTHORIZATION, timeout=60)
    run_id: str = answer.raise_for_status().json()["id"]
    return run_id


def end(url: str, run_ids: list[str]) -> None:
    """Wait until runs have ended."""
    for run_id in run_ids:
        until(lambda run_id=run_id: show(url, run_id)["status"] == "done", seconds=600)  # type: ignore[misc]


def show(url: str, run_id: str) -> dict[str, Any]:
    """Return a run as a replica shows it."""
    answer = httpx2.get(f"{url}/api/runs/{run_id}", headers=AUTHORIZATION, timeout=60)
    view: dict[str, Any] = answer.raise_for_status().json()
    return view


def events_path(run_id: str) -> str:
    """Return the path of the tokens of a run."""
    return f"/api/runs/{run_id}/events?include_types=chat_model"


async def read_tokens(port: int, path: str, late: Late, method: str = "GET") -> None:
    """Read a stream of clock tokens to its end with as little work as can be; `late` gets each as it comes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        head = (f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", f"Authorization: Bearer {API_TOKEN}")
        writer.write("\r\n".join((*head, "Connection: close", "Content-Length: 0", "", "")).encode())
        rest = b""
        while data := await reader.read(65_536):
            now, rest = time.time(), rest + data
            for found in TOKEN.finditer(rest):
                # An event may have a token twice, and the last one has all of them.
                if int(found[1]) == len(late):
                    late.append((float(found[2]), 1_000 * (now - float(found[2]))))
            rest = rest[-MAX_TOKEN:]
    finally:
        writer.close()


def cpu(pid: int) -> float:
    """Return the seconds of CPU that a process and its children have used."""
    process = psutil.Process(pid)
    times = [one.cpu_times() for one in (process, *process.children(recursive=True))]
    return sum(time.user + time.system for time in times)


def row(what: str, figures: str) -> None:
    """Print a row of the table."""
    print(f"| {what} | {figures} |", flush=True)


def spread(values: list[float]) -> str:
    """Return median, p95 and maximum, of milliseconds."""
    if not values:
        return "nothing"
    ordered = sorted(values)
    p95 = ordered[int(0.95 * len(ordered))]
    return f"{statistics.median(ordered):.0f} ms (p95: {p95:.0f}, most: {ordered[-1]:.0f})"
