import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from weir.archive.run_archive import RunArchive
from weir.storage.database import database_url
from weir.storage.repository import open_repository

Reopen = Callable[..., RunArchive]


@pytest.fixture
def reopen(tmp_path: Path) -> Iterator[Reopen]:
    """Return a function that opens the archive of one data folder, each time as a new process would."""
    with contextlib.ExitStack() as stack:

        def opened(
            *, budget: int = 10_000_000, memory: int = 10_000_000, clock: Callable[[], float] = float
        ) -> RunArchive:
            repository = stack.enter_context(contextlib.closing(open_repository(database_url(tmp_path, None))))
            archive = RunArchive(
                memory,
                engine=repository.engine,
                folder=tmp_path,
                budget=budget,
                cost=lambda tokens_in, tokens_out, _: (tokens_in or 0) + (tokens_out or 0) / 2,
                clock=clock,
            )
            archive.start()
            stack.callback(archive.close, 10)
            archive.flush()
            return archive

        yield opened


@pytest.fixture
def archive(reopen: Reopen) -> RunArchive:
    return reopen()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of the files."""
    return tmp_path / "runs"
