import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL, create_engine, text

from weir.storage.database import database_url, open_repository
from weir.storage.repository import ConversationRepository

POSTGRESQL = os.environ.get("WEIR_TEST_POSTGRES")
"""An empty database that tests may do anything to; `make test-postgres` brings one."""
BACKENDS = ["sqlite", *(["postgresql"] if POSTGRESQL else [])]


class Clock:
    """A clock that stands until it is moved."""

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
    empty = database_url(tmp_path, POSTGRESQL)
    engine = create_engine(empty)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    return empty


@pytest.fixture
def library(url: URL, clock: Clock) -> Iterator[ConversationRepository]:
    opened = open_repository(url, clock=clock)
    yield opened
    opened.close()


@pytest.fixture
def other_process(library: ConversationRepository, url: URL, clock: Clock) -> Iterator[ConversationRepository]:
    """A second library on the same database, as another process would have it."""
    opened = open_repository(url, clock=clock)
    yield opened
    opened.close()
