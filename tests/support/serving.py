"""Serving of ASGI apps in tests, by uvicorn on a thread."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp


class _Server(uvicorn.Server):
    """A server that ends at once. uvicorn's own looks ten times a second whether it is to, and then waits as long."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_serving = threading.Event()

    async def main_loop(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        await self.on_tick(0)
        self.is_serving.set()
        await self._stopping.wait()

    async def shutdown(self, sockets: object = None) -> None:  # noqa: ARG002 (uvicorn gives them)
        for server in self.servers:
            server.close()
        for task in self.server_state.tasks:
            task.cancel()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        if tasks := set(self.server_state.tasks):
            await asyncio.wait(tasks)
        await asyncio.sleep(0)

    def stop(self) -> None:
        """Have the server break its connections and end, from another thread."""
        self._loop.call_soon_threadsafe(self._stopping.set)


@contextlib.contextmanager
def served(app: ASGIApp, name: str) -> Iterator[str]:
    """Serve an app on a free port of 127.0.0.1 and yield its address."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, lifespan="off")
    server = _Server(config)
    thread = threading.Thread(target=server.run, name=name, daemon=True)
    thread.start()
    if not server.is_serving.wait(60):
        raise TimeoutError(f"{name} did not start")
    try:
        host, port = server.servers[0].sockets[0].getsockname()[:2]
        yield f"http://{host}:{port}"
    finally:
        server.stop()
        thread.join(timeout=60)
