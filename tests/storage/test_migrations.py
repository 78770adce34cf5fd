import multiprocessing
from multiprocessing.synchronize import Barrier

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Engine, inspect, make_url

from tests.support.conversations import ANN, ask, texts
from weir.storage.database import create_database_engine, write_engine
from weir.storage.migrations.upgrade import alembic_config, upgrade
from weir.storage.repository import ConversationRepository, open_repository
from weir.storage.storage_errors import StorageError, StorageProblem
from weir.storage.tables import Table


def empty_engine(url: URL) -> Engine:
    """Return an engine for a database without tables, whose folder exists."""
    if url.database and url.get_backend_name() == "sqlite":
        open_repository(url).close()
    engine = create_database_engine(url)
    with write_engine(engine).begin() as connection:
        Table.metadata.drop_all(connection)
        connection.exec_driver_sql("DROP TABLE IF EXISTS alembic_version")
    return engine


def revisions(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        script = ScriptDirectory.from_config(alembic_config(connection))
        return [revision.revision for revision in script.walk_revisions()][::-1]


def current(engine: Engine) -> str | None:
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def test_the_revisions_make_the_tables_that_the_code_uses(repository: ConversationRepository, url: URL) -> None:
    engine = create_database_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Table.metadata) == []
    engine.dispose()


def test_every_revision_can_be_upgraded_to_the_last(url: URL) -> None:
    engine = empty_engine(url)
    known = revisions(engine)
    assert known[0] == "0001"
    for start in known:
        upgrade(write_engine(engine), start)
        assert current(engine) == start
        upgrade(write_engine(engine))
        assert current(engine) == known[-1]
        engine.dispose()
        engine = empty_engine(url)
    engine.dispose()


def test_opening_again_keeps_what_is_there(repository: ConversationRepository, url: URL) -> None:
    conversation = repository.create(ANN)
    ask(repository, conversation, "Hello", "World")
    again = open_repository(url)
    assert texts(again.path(ANN, conversation)) == ["Hello", "World"]
    again.close()


def test_a_revision_that_fails_leaves_nothing_behind(url: URL) -> None:
    engine = empty_engine(url)
    with write_engine(engine).begin() as connection:
        connection.exec_driver_sql("CREATE TABLE corrections (id INTEGER)")
    with pytest.raises(StorageError):
        open_repository(url)
    assert inspect(engine).get_table_names() == ["corrections"]
    engine.dispose()


def test_a_database_of_a_newer_weir_is_left_alone(repository: ConversationRepository, url: URL) -> None:
    engine = create_database_engine(url)
    with write_engine(engine).begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StorageError) as raised:
        open_repository(url)
    assert raised.value.problem is StorageProblem.NEWER
    assert current(engine) == "9999"
    engine.dispose()


def open_at_once(url: str, barrier: Barrier) -> None:
    barrier.wait()
    repository = open_repository(make_url(url))
    ask(repository, repository.create(ANN), "Hello", "World")
    repository.close()


@pytest.mark.slow
def test_processes_that_start_at_once_take_turns(url: URL) -> None:
    spawn = multiprocessing.get_context("spawn")
    barrier = spawn.Barrier(4)
    address = url.render_as_string(hide_password=False)
    processes = [spawn.Process(target=open_at_once, args=(address, barrier)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    repository = open_repository(url)
    assert len(repository.conversations(ANN)) == 4
    repository.close()


def test_alembic_offers_its_own_commands_on_the_same_configuration(
    repository: ConversationRepository, url: URL
) -> None:
    engine = create_database_engine(url)
    with engine.connect() as connection:
        command.check(alembic_config(connection))
    engine.dispose()
