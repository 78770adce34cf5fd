"""The database connection: SQLite in the data folder, or PostgreSQL. Its address, its engine, and its transactions."""

import os
import sqlite3
import time
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from weir.storage.storage_errors import StorageError, StorageProblem

FILE = "weir.db"
IN_MEMORY_URL = URL.create("sqlite")
"""A database that lives as long as its repository: for an app whose own database cannot be opened."""
LOCK_TIMEOUT_SECONDS = 5.0
"""How long a write waits for another one to finish."""
_LOCK_POLL_SECONDS = 0.05
_WRITES = "weir_writes"


def database_url(folder: Path, url: str | None) -> URL:
    """Return the address of the database: `url` if it is set, else a file in `folder`.

    Raises StorageError if `url` is neither SQLite nor PostgreSQL.
    """
    if url is None:
        return URL.create("sqlite", database=str(folder / FILE))
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise StorageError(StorageProblem.ADDRESS) from None
    if parsed.drivername in ("postgres", "postgresql"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in ("sqlite", "postgresql+psycopg"):
        raise StorageError(StorageProblem.ADDRESS)
    return parsed


def create_database_file(url: URL) -> None:
    """Create the SQLite file and its folder, readable by Weir's user only. Does nothing for other databases.

    SQLite's other files inherit the file's mode.
    """
    if url.get_backend_name() != "sqlite" or not url.database or url.database.startswith("file:"):
        return
    path = Path(url.database)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def create_database_engine(url: URL) -> Engine:
    """Return the engine for a database. It connects at its first use."""
    if url.get_backend_name() != "sqlite":
        engine = create_engine(
            url, hide_parameters=True, pool_pre_ping=True, connect_args={"connect_timeout": int(LOCK_TIMEOUT_SECONDS)}
        )
        event.listen(engine, "begin", _begin_on_postgresql)
        return engine
    # A database in memory exists in a single connection, which all threads share in turns.
    pool_size = {"pool_size": 1, "max_overflow": 0} if not url.database else {}
    engine = create_engine(
        url, hide_parameters=True, poolclass=QueuePool, connect_args={"check_same_thread": False}, **pool_size
    )
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_on_sqlite)
    return engine


def write_engine(engine: Engine) -> Engine:
    """Return the engine for transactions that write. It shares the connections of `engine`."""
    return engine.execution_options(**{_WRITES: True})


def _writes(connection: Connection) -> bool:
    return _WRITES in connection.get_execution_options()


def _configure_sqlite(connection: Any, _: Any) -> None:
    assert isinstance(connection, sqlite3.Connection)
    connection.isolation_level = None  # SQLAlchemy begins the transactions; the driver would begin them too late
    connection.execute(f"PRAGMA busy_timeout = {LOCK_TIMEOUT_SECONDS * 1000:.0f}")
    _use_wal(connection)
    # The usual setting for WAL: a crash of Weir loses nothing, a power cut loses the last moments.
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
    # SQLite's own `lower` knows A to Z only; a search for "ärger" must find "Ärger".
    connection.create_function("lower", 1, _lower, deterministic=True)


def _use_wal(connection: sqlite3.Connection) -> None:
    # The file stays in this mode. If two processes switch a new file at once, SQLite refuses one without waiting.
    deadline = time.monotonic() + LOCK_TIMEOUT_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_LOCK_POLL_SECONDS)
        else:
            return


def _lower(text: Any) -> Any:
    return text.lower() if isinstance(text, str) else text


def _begin_on_sqlite(connection: Connection) -> None:
    # SQLite refuses the write of a transaction that began by reading if another one has written meanwhile.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if _writes(connection) else "BEGIN")


def _begin_on_postgresql(connection: Connection) -> None:
    if _writes(connection):
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_SECONDS * 1000:.0f}ms'")
