"""Transactions on the database, with errors for people. All access to stored data goes through these two."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from weir.storage.database import write_engine
from weir.storage.storage_errors import StorageError, StorageProblem, storage_errors


class Transactions:
    """Begins transactions on a database. `engine` comes from `create_database_engine`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writing_engine = write_engine(engine)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Read within a `with` block. Raises StorageError."""
        with storage_errors(), Session(self._engine) as session:
            try:
                yield session
            except ValueError as error:  # a value is not JSON or not a role: Weir did not write it
                raise StorageError(StorageProblem.CORRUPT) from error

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Write within a `with` block: all of it or nothing. Raises StorageError."""
        with storage_errors(), Session(self._writing_engine, expire_on_commit=False) as session, session.begin():
            yield session
