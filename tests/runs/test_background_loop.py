import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator

import pytest

from weir.runs.background_loop import BackgroundLoop


def test_closing_is_quiet_about_a_generator_that_closes_another(caplog: pytest.LogCaptureFixture) -> None:
    ended = []

    async def inner() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            await asyncio.sleep(0.01)
            ended.append("inner")

    async def outer() -> AsyncIterator[int]:
        async with contextlib.aclosing(inner()) as numbers:  # type: ignore[type-var]
            async for number in numbers:
                yield number

    async def begin() -> AsyncIterator[int]:
        begun = outer()
        await anext(begun)
        return begun

    loop = BackgroundLoop()
    left_open = loop.submit(begin()).result(30)
    loop.close()
    assert left_open
    assert ended == ["inner"]
    assert not caplog.records


def test_closing_ends_a_generator_that_a_cancelled_task_has_left_once(caplog: pytest.LogCaptureFixture) -> None:
    is_reading, ended = threading.Event(), []

    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            await asyncio.sleep(0.01)
            ended.append("numbers")

    async def read() -> None:
        async for _ in numbers():
            is_reading.set()
            await asyncio.Event().wait()

    loop = BackgroundLoop()
    loop.submit(read())
    assert is_reading.wait(30)
    loop.close()
    assert ended == ["numbers"]
    assert not caplog.records
