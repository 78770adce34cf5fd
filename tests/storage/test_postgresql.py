from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL, Engine, create_engine, text

from tests.storage.conftest import POSTGRESQL
from tests.support.conversations import ANN
from weir.storage.database import database_url
from weir.storage.repository import ConversationRepository, open_repository
from weir.storage.storage_errors import StorageError, StorageProblem

pytestmark = pytest.mark.skipif(not POSTGRESQL, reason="needs WEIR_TEST_POSTGRES: make test-postgres")


@pytest.fixture
def url(tmp_path: Path) -> URL:
    return database_url(tmp_path, POSTGRESQL)


@pytest.fixture
def repository(url: URL) -> Iterator[ConversationRepository]:
    opened = open_repository(url)
    yield opened
    opened.close()


@pytest.fixture
def other(url: URL) -> Iterator[Engine]:
    """A way past the repository."""
    engine = create_engine(url)
    yield engine
    engine.dispose()


def test_connections_that_the_server_has_closed_are_replaced(repository: ConversationRepository, other: Engine) -> None:
    conversation = repository.create(ANN)
    with other.begin() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
        )
    assert repository.path(ANN, conversation) == []


def test_a_locked_table_is_reported(
    repository: ConversationRepository, other: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("weir.storage.database.LOCK_TIMEOUT_SECONDS", 0.1)
    with other.begin() as connection:
        connection.execute(text("LOCK TABLE conversations IN EXCLUSIVE MODE"))
        with pytest.raises(StorageError) as raised:
            repository.create(ANN)
    assert raised.value.problem is StorageProblem.LOCKED
    repository.create(ANN)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"database": "no_such_database"}, StorageProblem.UNREACHABLE),
        ({"username": "nobody_known"}, StorageProblem.UNREACHABLE),
        ({"query": {"options": "-c default_transaction_read_only=on"}}, StorageProblem.READ_ONLY),
    ],
)
def test_what_the_server_refuses_is_reported(
    repository: ConversationRepository, url: URL, change: dict[str, object], problem: StorageProblem
) -> None:
    with pytest.raises(StorageError) as raised:
        open_repository(url.set(**change)).create(ANN)  # type: ignore[arg-type]
    assert raised.value.problem is problem
