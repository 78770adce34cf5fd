"""Migration runner: upgrades a database's tables when Weir starts."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine

_LOCK = 0x57454952
"""Key of the advisory lock: "WEIR" in ASCII, a number that no other program is likely to lock in this database."""
_LOCK_TIMEOUT_SECONDS = 60
"""How long a process waits for another one that is upgrading."""


def alembic_config(connection: Connection) -> Config:
    """Return the configuration for Alembic's commands on a connection."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Run the missing revisions, all or none of them. Processes that start at the same time take turns.

    On SQLite the engine's transactions must begin with BEGIN IMMEDIATE.
    """
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT_SECONDS}s'")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        command.upgrade(alembic_config(connection), revision)
