"""Opening the database: one file in the data folder, or PostgreSQL."""

import os
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from weir.storage.database_engine import create_database_engine, write_engine
from weir.storage.migrations.upgrade import upgrade
from weir.storage.repository import ConversationRepository
from weir.storage.storage_error import StorageError, StorageProblem, storage_errors

FILE = "weir.db"
IN_MEMORY_URL = URL.create("sqlite")
"""A database that lives as long as its library: for an app that cannot keep conversations and goes on without."""


def database_url(folder: Path, url: str | None) -> URL:
    """Return where conversations are kept: at `url` if there is one, else in a file in `folder`.

    Raises StorageError for what is no URL of either kind.
    """
    if url is None:
        return URL.create("sqlite", database=str(folder / FILE))
    try:
        made = make_url(url)
    except (ArgumentError, ValueError):
        raise StorageError(StorageProblem.ADDRESS) from None
    if made.drivername in ("postgres", "postgresql"):
        made = made.set(drivername="postgresql+psycopg")
    if made.drivername not in ("sqlite", "postgresql+psycopg"):
        raise StorageError(StorageProblem.ADDRESS)
    return made


def open_repository(url: URL, *, clock: Callable[[], float] = time.time) -> ConversationRepository:
    """Open the database, bring its tables up to date and mark answers whose writer is gone as cut.

    `clock` gives seconds since the epoch. Raises StorageError; the app can then open IN_MEMORY and go on.
    """
    with storage_errors():
        if url.get_backend_name() == "sqlite" and url.database and not url.database.startswith("file:"):
            _make_file(Path(url.database))
        engine = create_database_engine(url)
        try:
            upgrade(write_engine(engine))
            library = ConversationRepository(engine, clock=clock)
            library.expire_leases()
        except BaseException:
            engine.dispose()
            raise
        return library


def _make_file(path: Path) -> None:
    """Create a file, and its folder, that nobody else may read. SQLite's other files inherit the file's mode."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
