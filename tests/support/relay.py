"""A wire between a client and a server on loopback that a test can freeze, cut and mend."""

import asyncio
import contextlib
from collections.abc import Coroutine, Iterator
from typing import Any
from urllib.parse import urlsplit

from weir.runs.background_loop import BackgroundLoop


def _address(server: str) -> tuple[str, int]:
    there = urlsplit(server)
    assert there.hostname is not None
    assert there.port is not None
    return there.hostname, there.port


class Relay:
    """Passes bytes both ways. All its methods return once what they say is so."""

    def __init__(self, server: str, loop: BackgroundLoop, delay_seconds: float = 0.0) -> None:
        self._there = _address(server)
        self._loop = loop
        self._delay_seconds = delay_seconds
        self._server: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()
        self._flows: asyncio.Event | None = None
        self._port = 0
        self.mend()

    @property
    def url(self) -> str:
        """Where clients go instead of the server."""
        return f"http://localhost:{self._port}"

    def freeze(self) -> None:
        """Let nothing through, as when a network is gone: connections stay, and wait."""
        self._do(self._freeze())

    def cut(self) -> None:
        """Break every connection and refuse new ones, as when a server is gone."""
        self._do(self._cut())

    def mend(self) -> None:
        """Pass bytes, those held up first."""
        self._do(self._mend())

    def lead_to(self, server: str) -> None:
        """Break every connection, and have new ones go to another server."""
        self.cut()
        self._there = _address(server)
        self.mend()

    def _do(self, what: Coroutine[Any, Any, None]) -> None:
        self._loop.submit(what).result(timeout=60)

    async def _freeze(self) -> None:
        assert self._flows is not None
        self._flows.clear()

    async def _cut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for end in list(self._ends):
            end.transport.abort()

    async def _mend(self) -> None:
        self._flows = self._flows or asyncio.Event()
        self._flows.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._join, "127.0.0.1", self._port)
            self._port = self._server.sockets[0].getsockname()[1]

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            onward = await asyncio.open_connection(*self._there)
        except OSError:
            writer.transport.abort()
            return
        self._ends |= {writer, onward[1]}
        try:
            await asyncio.gather(self._pass(reader, onward[1]), self._pass(onward[0], writer))
        finally:
            self._ends -= {writer, onward[1]}

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert self._flows is not None
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                await self._flows.wait()
                await asyncio.sleep(self._delay_seconds)
                writer.write(data)
                await writer.drain()
        writer.close()


@contextlib.contextmanager
def relay(server: str, *, delay_seconds: float = 0.0) -> Iterator[Relay]:
    """Have a wire to a server, at an address like `http://127.0.0.1:8000`, for the duration of a `with` block."""
    loop = BackgroundLoop("relay")
    wire = Relay(server, loop, delay_seconds)
    try:
        yield wire
    finally:
        wire.cut()
        loop.close()
