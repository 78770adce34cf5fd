"""Named server-sent-event connections, so that a client can have its own one broken to see it resume."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import TypeVar

T = TypeVar("T")


class SseConnections:
    """The named connections of one server. Used on its loop only."""

    def __init__(self) -> None:
        self._open: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    def break_all(self, name: str) -> int:
        """Break the connections of that name, and return how many there were."""
        broken = self._open.pop(name, set())
        for connection in broken:
            connection.set()
        return len(broken)

    @contextlib.contextmanager
    def track(self, name: str) -> Iterator[asyncio.Event]:
        """Hold a connection open under a name; the event is set when it is to break."""
        connection = asyncio.Event()
        self._open[name].add(connection)
        try:
            yield connection
        finally:
            self._open[name].discard(connection)
            if not self._open[name]:
                del self._open[name]


async def iterate_until(items: AsyncGenerator[T, None], broken: asyncio.Event) -> AsyncIterator[T]:
    """Yield from `items` until it ends or `broken` is set."""
    breaking = asyncio.ensure_future(broken.wait())
    try:
        async with contextlib.aclosing(items):
            while True:
                following = asyncio.ensure_future(anext(items, None))
                try:
                    await asyncio.wait({following, breaking}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    if not following.done():
                        following.cancel()
                        with contextlib.suppress(asyncio.CancelledError):
                            await following
                if breaking.done() or (item := following.result()) is None:
                    return
                yield item
    finally:
        breaking.cancel()
