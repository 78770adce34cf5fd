"""Loop watchdog: real event loops that are really blocked."""

import asyncio
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from weir.app.loop_watch import LoopWatch
from weir.runs.background_loop import BackgroundLoop

LATE = 0.3
HELD_BY_C = """
import asyncio, re, time
from weir.app.loop_watch import LoopWatch

async def main():
    watch = LoopWatch(late_seconds=0.5, gil_seconds=0.5)
    watch.add("of the test", asyncio.get_running_loop())
    watch.start()
    await asyncio.sleep(0.6)
    hold_with_a_pattern()
    await asyncio.sleep(0.6)
    watch.close()

def hold_with_a_pattern():
    letters = 20
    while True:
        begun = time.monotonic()
        re.match("(a+)+$", "a" * letters + "b")
        if time.monotonic() - begun > 1.0:
            return
        letters += 1

asyncio.run(main())
"""


@pytest.fixture
def watch(loop: BackgroundLoop) -> Iterator[LoopWatch]:
    loop_watch = LoopWatch(late_seconds=LATE, uses_faulthandler=False)
    loop_watch.add("of the test", loop.loop)
    loop_watch.start()
    yield loop_watch
    loop_watch.close()


def logged(caplog: pytest.LogCaptureFixture, text: str) -> list[str]:
    return [record.getMessage() for record in caplog.records if text in record.getMessage()]


def until(happened: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def test_blocked_loop_is_logged_once_with_its_stack_and_again_when_it_runs(
    loop: BackgroundLoop, watch: LoopWatch, caplog: pytest.LogCaptureFixture
) -> None:
    release = threading.Event()

    def hold_the_loop() -> None:
        release.wait(20)

    loop.call(hold_the_loop)
    until(lambda: logged(caplog, "has been blocked"))
    watch.look()
    release.set()
    until(lambda: logged(caplog, "runs again"))
    (stack,) = logged(caplog, "has been blocked")
    assert "of the test" in stack
    assert "in hold_the_loop" in stack
    assert "release.wait(20)" in stack
    (end,) = logged(caplog, "runs again")
    assert "the cause is unknown" not in end


def test_loop_that_is_blocked_twice_is_logged_twice(
    loop: BackgroundLoop, watch: LoopWatch, caplog: pytest.LogCaptureFixture
) -> None:
    def is_logged(text: str, times: int) -> bool:
        return len(logged(caplog, text)) == times

    for times in (1, 2):
        release = threading.Event()
        loop.call(release.wait, 20)
        until(partial(is_logged, "has been blocked", times))
        release.set()
        until(partial(is_logged, "runs again", times))


def test_running_loop_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    watch = LoopWatch(late_seconds=1.0, uses_faulthandler=False, clock=lambda: now)

    async def turning() -> None:
        nonlocal now
        watch.add("of the test", asyncio.get_running_loop())
        await asyncio.sleep(0)
        now = 1.2  # late by 0.95 s
        watch.look()
        await asyncio.sleep(0.3)  # a beat
        now = 2.4
        watch.look()

    with caplog.at_level(logging.WARNING):
        asyncio.run(turning())
    assert caplog.records == []


def test_closed_loop_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    watch = LoopWatch(late_seconds=1.0, uses_faulthandler=False, clock=lambda: now)

    async def short() -> None:
        watch.add("of the test", asyncio.get_running_loop())
        await asyncio.sleep(0)

    asyncio.run(short())
    now = 100.0
    watch.look()
    assert caplog.records == []


def test_stack_of_c_code_that_holds_the_gil_is_written() -> None:
    ended = subprocess.run([sys.executable, "-c", HELD_BY_C], capture_output=True, text=True, timeout=60, check=True)
    assert "in hold_with_a_pattern" in ended.stderr
    assert "re/__init__.py" in ended.stderr
    assert "blocked for" in ended.stderr
