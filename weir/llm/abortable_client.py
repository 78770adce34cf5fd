"""HTTP client for one run that waits for its model on a thread, whose connections another thread can abort."""

import contextlib
import functools
import socket
import ssl
import threading
from typing import Any

import httpx2

from weir.llm.idle_timeout import IdleTimeoutClient
from weir.llm.transport_timing import TransportTiming


class RunAbortedError(Exception):
    """A request was about to be sent for a run that has been aborted."""

    message = "The request was not sent, because the run has been stopped."

    def __init__(self) -> None:
        super().__init__(self.message)


class AbortableConnections:
    """The HTTP client of one synchronous run. `abort` shuts its sockets down, so that a blocked read returns at once.

    Closing a client does not wake a thread that reads from its socket, and closing a chain's generator reads the
    stream to its end. Shutting the socket down wakes the thread, and tells the server at once.
    """

    def __init__(self, connection: TransportTiming | None = None) -> None:
        self._timing = connection or TransportTiming()
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._is_aborted = False
        self.http = IdleTimeoutClient(abort=self.abort, verify=tls_context(), event_hooks={"request": [self._prepare]})

    def abort(self) -> None:
        """Shut all connections down, now and as soon as one is made."""
        with self._lock:
            self._is_aborted = True
            for connection in self._sockets:
                self._shut_down(connection)

    def close(self) -> None:
        """Close the client. Call it when no thread uses it any more."""
        self.http.close()

    def _prepare(self, request: httpx2.Request) -> None:
        if self._is_aborted:
            raise RunAbortedError
        # https://www.encode.io/httpcore/extensions/#trace
        request.extensions["trace"] = self._trace

    def _trace(self, event: str, info: dict[str, Any]) -> None:
        self._timing.trace(event, info)
        # Behind a proxy these events have other prefixes.
        if not event.endswith(("connect_tcp.complete", "start_tls.complete")):
            return
        connection = info["return_value"].get_extra_info("socket")
        if connection is None:
            return
        with self._lock:
            self._sockets.append(connection)
            if self._is_aborted:
                self._shut_down(connection)

    def _shut_down(self, connection: socket.socket) -> None:
        # Not `SSLSocket.shutdown`: it removes the TLS layer while another thread reads through it.
        with contextlib.suppress(OSError):
            socket.socket.shutdown(connection, socket.SHUT_RDWR)
            self._timing.closed()


@functools.cache
def tls_context() -> ssl.SSLContext:
    """Return the TLS context that all clients share: making one takes as long as a short answer."""
    return httpx2.create_ssl_context()
