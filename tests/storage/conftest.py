import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL, create_engine, text

from weir.storage.database import database_url
from weir.storage.repository import ConversationRepository, open_repository

POSTGRESQL = os.environ.get("WEIR_TEST_POSTGRES")
"""Address of an empty database for tests; `make test-postgres` starts one."""
BACKENDS = ["sqlite", *(["postgresql"] if POSTGRESQL else [])]


class Clock:
    """A clock that changes only by `move`."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=BACKENDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> URL:
    """An empty database."""
    if request.param == "sqlite":
        return database_url(tmp_path / "data", None)
    server_url = database_url(tmp_path, POSTGRESQL)
    engine = create_engine(server_url)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    return server_url


@pytest.fixture
def repository(url: URL, clock: Clock) -> Iterator[ConversationRepository]:
    with contextlib.closing(open_repository(url, clock=clock)) as opened:
        yield opened


@pytest.fixture
def other_process(repository: ConversationRepository, url: URL, clock: Clock) -> Iterator[ConversationRepository]:
    """A second repository on the same database, as if in another process."""
    with contextlib.closing(open_repository(url, clock=clock)) as opened:
        yield opened
