"""Timing of a run's connection to its model, from the trace events of the transport."""

import threading
import time
from dataclasses import dataclass, field
from typing import Any

import httpx2


@dataclass(slots=True)
class TransportTiming:
    """When the newest request was sent and its connection closed. Times are `time.monotonic()` seconds."""

    sent_at: float | None = None
    """When the whole request had been sent: the server has the prompt."""
    closed_at: float | None = None
    """When the connection was closed before the answer was whole: the server can notice it."""
    _finished: threading.Event = field(default_factory=threading.Event)

    def wait_finished(self, within: float = 0.0) -> bool:
        """Wait so many seconds, and return whether the answer is whole or the connection closed."""
        return self._finished.wait(within)

    def trace(self, event: str, _: dict[str, Any]) -> None:
        """Handle an event of the transport (https://www.encode.io/httpcore/extensions/#trace)."""
        match event.partition(".")[2]:
            case "send_request_headers.started":
                self.sent_at = self.closed_at = None
                self._finished.clear()
            case "send_request_body.complete":
                self.sent_at = time.monotonic()
            case "receive_response_body.complete":
                self._finished.set()
            case "response_closed.complete" if not self._finished.is_set():
                # After an answer that was read to its end the connection stays open for the next request.
                self.closed()

    def closed(self) -> None:
        """Note that the connection is closed now."""
        self.closed_at = self.closed_at or time.monotonic()
        self._finished.set()


def with_timing(http: httpx2.AsyncClient, connection: TransportTiming) -> httpx2.AsyncClient:
    """Return a client that sends through `http` and its connection pool, and records the timing in `connection`.

    It need not be closed: it owns no connection.
    """
    return httpx2.AsyncClient(transport=_TimedTransport(http, connection))


class _TimedTransport(httpx2.AsyncBaseTransport):
    def __init__(self, http: httpx2.AsyncClient, connection: TransportTiming) -> None:
        self._http = http
        self._connection = connection

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        request.extensions["trace"] = self._trace
        return await self._http.send(request, stream=True)

    async def _trace(self, event: str, info: dict[str, Any]) -> None:
        self._connection.trace(event, info)
