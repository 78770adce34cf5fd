"""Bringing a database's tables up to date when Weir starts."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine

_LOCK = 0x57454952
"""Any number that nobody else locks in this database: "WEIR" in ASCII."""
_LOCK_PATIENCE = 60
"""Seconds that a process waits for another one that is upgrading."""


def config(connection: Connection) -> Config:
    """Return what Alembic's commands need to work on a connection."""
    made = Config(attributes={"connection": connection})
    made.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    made.set_main_option("path_separator", "os")
    return made


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Run the revisions that are missing, all or none of them. Processes that start at once take turns.

    On SQLite the engine's transactions must begin with BEGIN IMMEDIATE.
    """
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_LOCK_PATIENCE}s'")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        command.upgrade(config(connection), revision)
