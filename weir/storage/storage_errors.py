"""Errors of the conversation storage: not found, or a database problem with a message and a hint for people."""

import contextlib
import errno
import sqlite3
from collections.abc import Iterator
from enum import Enum

from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError, SQLAlchemyError


class ConversationNotFoundError(LookupError):
    """The conversation or message does not exist, was deleted, or belongs to another visitor."""


class StorageProblem(Enum):
    """A problem of the database. The value is (what happened, what to do)."""

    LOCKED = (
        "The conversations are locked by another program.",
        "Close other programs that use the database, such as a backup or a second Weir, then retry.",
    )
    CORRUPT = (
        "The database file of the conversations is damaged.",
        "Put a backup in its place. Or move the file away and restart Weir, which then creates a new one.",
    )
    READ_ONLY = (
        "The conversations can be read but not changed.",
        "Give Weir's user write access to the data folder and to the files in it, then restart Weir.",
    )
    FULL = (
        "The disk is full, so the conversations cannot be saved.",
        "Free some space on the database's disk, then retry.",
    )
    NO_FILE = (
        "The database file of the conversations cannot be opened or created.",
        "Check that `WEIR_DATA` names a folder that Weir's user may write to, then restart Weir.",
    )
    UNREACHABLE = (
        "The database of the conversations cannot be reached.",
        "Check that it is running and that `WEIR_DATABASE_URL` has the right address, user and password, then retry.",
    )
    ADDRESS = (
        "`WEIR_DATABASE_URL` is not an address of a database that Weir can use.",
        "Write it like `postgresql://user:password@host/database`, or leave it out to use a file.",
    )
    NEWER = (
        "The conversations were saved by a newer version of Weir.",
        "Update Weir, or set `WEIR_DATA` to another folder.",
    )
    OTHER = (
        "The database of the conversations reported an error.",
        "Retry. If the error stays, look up its cause in the log.",
    )

    @property
    def message(self) -> str:
        """What happened."""
        return self.value[0]

    @property
    def hint(self) -> str:
        """What to do."""
        return self.value[1]


class StorageError(Exception):
    """Conversations could not be saved or read. Nothing was changed. The cause is in `__cause__`, for the log only."""

    def __init__(self, problem: StorageProblem) -> None:
        super().__init__(f"{problem.message} {problem.hint}")
        self.problem = problem


# https://sqlite.org/rescode.html: the primary codes
_SQLITE = {
    sqlite3.SQLITE_BUSY: StorageProblem.LOCKED,
    sqlite3.SQLITE_LOCKED: StorageProblem.LOCKED,
    sqlite3.SQLITE_CORRUPT: StorageProblem.CORRUPT,
    sqlite3.SQLITE_NOTADB: StorageProblem.CORRUPT,
    sqlite3.SQLITE_READONLY: StorageProblem.READ_ONLY,
    sqlite3.SQLITE_PERM: StorageProblem.READ_ONLY,
    sqlite3.SQLITE_FULL: StorageProblem.FULL,
    sqlite3.SQLITE_CANTOPEN: StorageProblem.NO_FILE,
}
# https://www.postgresql.org/docs/current/errcodes-appendix.html: codes, or classes of them
_POSTGRESQL = {
    "55P03": StorageProblem.LOCKED,
    "40P01": StorageProblem.LOCKED,
    "25006": StorageProblem.READ_ONLY,
    "42501": StorageProblem.READ_ONLY,
    "53100": StorageProblem.FULL,
    "XX001": StorageProblem.CORRUPT,
    "XX002": StorageProblem.CORRUPT,
    "08": StorageProblem.UNREACHABLE,
    "28": StorageProblem.UNREACHABLE,
    "3D": StorageProblem.UNREACHABLE,
    "53": StorageProblem.UNREACHABLE,
    "57P": StorageProblem.UNREACHABLE,
}
_SYSTEM = {errno.ENOSPC: StorageProblem.FULL, errno.EDQUOT: StorageProblem.FULL, errno.EROFS: StorageProblem.READ_ONLY}


@contextlib.contextmanager
def storage_errors() -> Iterator[None]:
    """Translate errors of the database and the file system into StorageError, within a `with` block."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, CommandError, OSError) as error:
        raise StorageError(storage_problem(error)) from error


def storage_problem(error: BaseException) -> StorageProblem:
    """Return the problem behind an error of the database or the file system."""
    match error:
        case CommandError():
            return StorageProblem.NEWER
        case OSError():
            return _SYSTEM.get(error.errno or 0, StorageProblem.NO_FILE)
        case sqlite3.Error():
            return _SQLITE.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, StorageProblem.OTHER)
        case DBAPIError(orig=sqlite3.Error() as cause):
            return storage_problem(cause)
        case DBAPIError(orig=cause) if code := getattr(cause, "sqlstate", None):
            known = (_POSTGRESQL.get(code[:length]) for length in (5, 3, 2))
            return next((problem for problem in known if problem), StorageProblem.OTHER)
        # Without a code the error is not from the server: it is unreachable, or psycopg rejects the address.
        case OperationalError():
            return StorageProblem.UNREACHABLE
        case ProgrammingError():
            return StorageProblem.ADDRESS
        case _:
            return StorageProblem.OTHER
