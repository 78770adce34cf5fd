"""Replicas in the test's own process: an archive, a group and a recorder each, and a chain that a test steps."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

from langchain_core.runnables import Runnable, RunnableGenerator

from weir.archive.replicated_archive import ReplicatedArchive
from weir.archive.run_summary import plain_entry
from weir.replicas.replica_group import ReplicaGroup
from weir.runs.background_loop import BackgroundLoop
from weir.runs.recorder import Recorder
from weir.runs.run import Run

OWNER = "0123456789abcdef"


@dataclass(slots=True)
class Steps:
    """A chain that yields one piece for each step that the test lets it take."""

    loop: BackgroundLoop
    _turns: Any = field(default=None)

    def chain(self) -> Runnable[Any, Any]:
        """Return the chain."""
        self._turns = asyncio.Queue()

        async def pieces(inputs: AsyncIterator[Any]) -> AsyncIterator[str]:
            async for _ in inputs:
                while (piece := await self._turns.get()) is not None:
                    yield piece

        return RunnableGenerator(pieces, name="steps")

    def step(self, *pieces: str) -> None:
        """Let it yield these."""
        for piece in pieces:
            self.loop.call(self._turns.put_nowait, piece)

    def end(self) -> None:
        """Let it end."""
        self.loop.call(self._turns.put_nowait, None)


@dataclass(frozen=True, slots=True)
class Replica:
    """One replica."""

    archive: ReplicatedArchive
    group: ReplicaGroup
    recorder: Recorder
    loop: BackgroundLoop

    def start(self, owner: str = OWNER, value: Any = "hi") -> tuple[Run, Steps]:
        """Start a run, and return it with what steps it."""
        steps = Steps(self.loop)
        return self.recorder.start(steps.chain(), value, owner=owner), steps


@contextlib.contextmanager
def replica(
    url: str, *, grace_seconds: float = 60.0, budget: int = 10_000_000, ttl: int = 3_600, secrets: tuple[str, ...] = ()
) -> Iterator[Replica]:
    """Have a replica for the duration of a `with` block."""
    archive, loop = ReplicatedArchive(50_000_000), BackgroundLoop()
    group = ReplicaGroup(
        url, describe=plain_entry, grace_seconds=grace_seconds, memory=10_000_000, budget=budget, ttl=ttl
    )
    archive.join(group)
    group.start(archive)
    recorder = Recorder(archive, loop, grace_seconds=grace_seconds, secrets=secrets)
    try:
        yield Replica(archive, group, recorder, loop)
    finally:
        recorder.stop_all()
        archive.close(5.0)
        group.close()
        loop.close()
