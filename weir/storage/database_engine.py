"""How Weir talks to its database: SQLite's settings, PostgreSQL's, and how transactions begin."""

import sqlite3
import time
from typing import Any

from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine, event

LOCK_TIMEOUT_SECONDS = 5.0
"""Seconds that a write waits for another one to finish."""
_WRITES = "weir_writes"


def create_database_engine(url: URL) -> Engine:
    """Return the engine for a database. Nothing is opened yet."""
    if url.get_backend_name() != "sqlite":
        engine = create_engine(
            url, hide_parameters=True, pool_pre_ping=True, connect_args={"connect_timeout": int(LOCK_TIMEOUT_SECONDS)}
        )
        event.listen(engine, "begin", _begin_on_server)
        return engine
    # The whole of a database in memory is in its one connection, for which threads wait.
    one = {"pool_size": 1, "max_overflow": 0} if not url.database else {}
    engine = create_engine(
        url, hide_parameters=True, poolclass=QueuePool, connect_args={"check_same_thread": False}, **one
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_on_sqlite)
    return engine


def write_engine(engine: Engine) -> Engine:
    """Return the engine for transactions that write: it shares the other's connections."""
    return engine.execution_options(**{_WRITES: True})


def _writes(connection: Connection) -> bool:
    return _WRITES in connection.get_execution_options()


def _prepare_sqlite(connection: Any, _: Any) -> None:
    assert isinstance(connection, sqlite3.Connection)
    connection.isolation_level = None  # SQLAlchemy says when a transaction begins; the driver would begin it too late
    connection.execute(f"PRAGMA busy_timeout = {LOCK_TIMEOUT_SECONDS * 1000:.0f}")
    _use_wal(connection)
    connection.execute("PRAGMA synchronous = NORMAL")  # WAL's own: a crash loses nothing, a power cut the last moments
    connection.execute("PRAGMA foreign_keys = ON")
    # SQLite's own knows A to Z only; searching is to find "Ärger" by "ärger".
    connection.create_function("lower", 1, _lower, deterministic=True)


def _use_wal(connection: sqlite3.Connection) -> None:
    # The file stays in this mode. Where two processes switch a new file at once, SQLite refuses one without waiting.
    give_up = time.monotonic() + LOCK_TIMEOUT_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
            time.sleep(0.05)
        else:
            return


def _lower(text: Any) -> Any:
    return text.lower() if isinstance(text, str) else text


def _begin_on_sqlite(connection: Connection) -> None:
    # A transaction that reads first and wants to write later would be refused at once if another has written between.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if _writes(connection) else "BEGIN")


def _begin_on_server(connection: Connection) -> None:
    if _writes(connection):
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_SECONDS * 1000:.0f}ms'")
