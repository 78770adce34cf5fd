"""Fifty server-sent-event clients at once: how late a chunk is, and whether any is missing.

    python bench/http_clients.py [--clients 50] [--rate 20] [--tokens 200]

Model server, Weir and clients run on this machine. The model writes its clock into every token, so that a chunk's lag
is the time from there to the client that has parsed it. Prints JSON.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import uvicorn
from httpx_sse import aconnect_sse
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from weir.analysis.metrics import percentile

ROOT = Path(__file__).parents[1]


def clock_model(tokens: int, rate: float) -> Starlette:
    """Return a model server whose tokens are the time at which they were written."""

    def chunk(delta: dict[str, str], reason: str | None = None) -> str:
        about = {"id": "clock", "object": "chat.completion.chunk", "created": 0, "model": "clock"}
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return f"data: {json.dumps(about | {'choices': [choice]})}\n\n"

    async def write() -> AsyncIterator[str]:
        started = time.monotonic()
        for number in range(tokens):
            await asyncio.sleep(max(0.0, started + number / rate - time.monotonic()))
            yield chunk({"content": f"{time.monotonic():.6f} "})
        yield chunk({}, "stop")
        yield "data: [DONE]\n\n"

    async def complete(_: Request) -> StreamingResponse:
        return StreamingResponse(write(), media_type="text/event-stream")

    return Starlette(routes=[Route("/v1/chat/completions", complete, methods=["POST"])])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def weir(model: str) -> Iterator[str]:
    """Start Weir against a model server and yield its address."""
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", f"--server.port={port}"]
    environment = os.environ | {"OPENAI_BASE_URL": model, "OPENAI_API_KEY": "none"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            while True:
                with contextlib.suppress(OSError):
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}/api"
        finally:
            process.send_signal(signal.SIGTERM)


async def listen(client: httpx.AsyncClient, number: int) -> list[float]:
    """Return the lag of every chunk that one client got, in seconds."""
    async with aconnect_sse(client, "GET", "/sse", params={"topic": f"clock {number}"}) as source:
        return [
            time.monotonic() - float(event.json()["content"])
            async for event in source.aiter_sse()
            if event.event == "message" and event.data
        ]


async def measure(address: str, clients: int) -> list[list[float]]:
    limits = httpx.Limits(max_connections=clients)
    async with httpx.AsyncClient(base_url=address, timeout=120, limits=limits) as client:
        await listen(client, 0)
        return await asyncio.gather(*(listen(client, number) for number in range(clients)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--rate", type=float, default=20.0)
    parser.add_argument("--tokens", type=int, default=200)
    arguments = parser.parse_args()
    port = free_port()
    serving = [sys.executable, __file__, "--serve", str(port), str(arguments.tokens), str(arguments.rate)]
    with subprocess.Popen(serving) as model:
        try:
            with weir(f"http://127.0.0.1:{port}/v1") as address:
                lags = asyncio.run(measure(address, arguments.clients))
        finally:
            model.terminate()
    every = sorted(lag for own in lags for lag in own)
    print(
        json.dumps(
            {
                "clients": arguments.clients,
                "tokens_per_s": arguments.rate,
                "complete": sum(len(own) == arguments.tokens for own in lags),
                "lag_median_s": round(statistics.median(every), 4),
                "lag_p95_s": round(percentile(every, 0.95), 4),
                "lag_max_s": round(every[-1], 4),
            }
        )
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        uvicorn.run(clock_model(int(sys.argv[3]), float(sys.argv[4])), port=int(sys.argv[2]), log_level="error")
    else:
        main()
