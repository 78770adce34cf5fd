"""Gate: a chain that yields a word, then waits until the test opens the gate."""

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

from langchain_core.runnables import RunnableGenerator


class Gate:
    """A chain that yields "before ", waits for `open`, and yields "after". It may be opened before the run starts."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.cancelled = threading.Event()
        self._is_open = threading.Event()
        self._opened: asyncio.Event | None = None

    def chain(self) -> Any:
        async def words(inputs: AsyncIterator[Any]) -> AsyncIterator[str]:
            async for _ in inputs:
                self._loop = asyncio.get_running_loop()
                self._opened = asyncio.Event()
                yield "before "
                self.reached.set()
                try:
                    if not self._is_open.is_set():
                        await self._opened.wait()
                except asyncio.CancelledError:
                    self.cancelled.set()
                    raise
                yield "after"

        return RunnableGenerator(words, name="gate")

    def open(self) -> None:
        self._is_open.set()
        if self._opened is not None:
            self._loop.call_soon_threadsafe(self._opened.set)
