"""Server-sent events: their encoding, and named connections that a client can break to see that it resumes."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import Any, TypeVar

from fastapi.sse import ServerSentEvent

from weir.core import serialization

RETRY_MILLISECONDS = 1_000
"""How long a browser waits before it reconnects. Sent with the first event: httpx-sse takes a `retry` alone for one."""

OPENING = ServerSentEvent(comment="stream")
"""A comment, which clients skip. It makes the response start at once, however late the first event is."""

T = TypeVar("T")


def sse_event(
    data: Any, *, event: str | None = None, event_id: str | None = None, retry: int | None = None
) -> ServerSentEvent:
    """Return an event with `data` as JSON."""
    return ServerSentEvent(raw_data=serialization.dumps(data).decode(), event=event, id=event_id, retry=retry)


class SseConnections:
    """The open named connections of a server. Use it on the event loop only."""

    def __init__(self) -> None:
        self._open: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    def break_all(self, name: str) -> None:
        """Break all connections of that name."""
        for broken in self._open.pop(name, set()):
            broken.set()

    @contextlib.contextmanager
    def track(self, name: str) -> Iterator[asyncio.Event]:
        """Register a connection while the `with` block runs. The event is set when the connection must break."""
        broken = asyncio.Event()
        self._open[name].add(broken)
        try:
            yield broken
        finally:
            self._open[name].discard(broken)
            if not self._open[name]:
                del self._open[name]


async def iterate_until(items: AsyncGenerator[T, None], broken: asyncio.Event) -> AsyncIterator[T]:
    """Yield from `items` until it ends or `broken` is set."""
    break_task = asyncio.ensure_future(broken.wait())
    try:
        async with contextlib.aclosing(items):
            while True:
                next_task = asyncio.ensure_future(anext(items, None))
                try:
                    await asyncio.wait({next_task, break_task}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    if not next_task.done():
                        next_task.cancel()
                        with contextlib.suppress(asyncio.CancelledError):
                            await next_task
                if break_task.done() or (item := next_task.result()) is None:
                    return
                yield item
    finally:
        break_task.cancel()
