"""What a run's connection to its model does, as the transport itself tells it."""

import threading
import time
from dataclasses import dataclass, field
from typing import Any

import httpx2


@dataclass(slots=True)
class TransportTiming:
    """What has happened on the way to the model, of the newest request. Times are `time.monotonic()` seconds."""

    sent_at: float | None = None
    """When the request had been sent whole: the server has the prompt."""
    closed_at: float | None = None
    """When the connection was closed with the answer not yet whole: the server can tell that nobody listens."""
    _over: threading.Event = field(default_factory=threading.Event)

    def wait_finished(self, within: float = 0.0) -> bool:
        """Return whether the answer came whole or the connection was closed, waiting for it so many seconds."""
        return self._over.wait(within)

    def trace(self, event: str, _: dict[str, Any]) -> None:
        """Take what the transport tells (https://www.encode.io/httpcore/extensions/#trace)."""
        match event.partition(".")[2]:
            case "send_request_headers.started":
                self.sent_at = self.closed_at = None
                self._over.clear()
            case "send_request_body.complete":
                self.sent_at = time.monotonic()
            case "receive_response_body.complete":
                self._over.set()
            case "response_closed.complete" if not self._over.is_set():
                # Of an answer that was read to its end the connection is kept for the next request.
                self.closed()

    def closed(self) -> None:
        """Note that it is closed now."""
        self.closed_at = self.closed_at or time.monotonic()
        self._over.set()


def with_timing(http: httpx2.AsyncClient, connection: TransportTiming) -> httpx2.AsyncClient:
    """Return a client that sends through `http`, over its pool, and tells `connection` what happens.

    It holds nothing of its own that would have to be closed.
    """
    return httpx2.AsyncClient(transport=_Watched(http, connection))


class _Watched(httpx2.AsyncBaseTransport):
    def __init__(self, http: httpx2.AsyncClient, connection: TransportTiming) -> None:
        self._http = http
        self._connection = connection

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        request.extensions["trace"] = self._trace
        return await self._http.send(request, stream=True)

    async def _trace(self, event: str, info: dict[str, Any]) -> None:
        self._connection.trace(event, info)
