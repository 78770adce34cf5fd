"""Run index: the ended runs as rows of the database, so that a list of them is filtered and sorted without a recording.

It knows nothing of the files: `weir/archive/` writes these and keeps the two in step.
"""

import dataclasses
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Engine, case, delete, func, or_, select, update
from sqlalchemy.orm import Session

from weir.storage import queries
from weir.storage.database import IN_MEMORY_URL, create_database_engine
from weir.storage.run_records import RunEntry, RunFilter, RunSort
from weir.storage.tables import RunRow, Table
from weir.storage.transactions import Transactions

MAX_IDS = 500
"""Ids in one statement; SQLite takes up to 32,766 values."""

_FIELDS = tuple(field.name for field in dataclasses.fields(RunEntry))
_COLUMNS = tuple(getattr(RunRow, name) for name in _FIELDS)
_IS_LISTED = RunRow.deleted_at.is_(None) & RunRow.is_damaged.is_(False)


class RunFigures(NamedTuple):
    """What the figures over a list are computed from, of one run."""

    created_at: float
    first_token: float | None
    tokens_per_second: float | None


class RunIndex:
    """The index of the runs in one data folder. Thread-safe: each call is one transaction. Methods raise StorageError.

    `folder` is the id of the data folder. Changes name the owners who may make them.
    """

    def __init__(self, engine: Engine, folder: str, *, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._clock = clock
        transactions = Transactions(engine)
        self._reading, self._write = transactions.reading, transactions.writing
        self.changes = 0
        """Number of changes that this process has made: what was computed from the index holds until the next one."""

    @contextmanager
    def _writing(self) -> Iterator[Session]:
        with self._write() as session:
            yield session
        self.changes += 1

    # Lists

    def page(
        self,
        filter_: RunFilter,
        *,
        sort: RunSort = RunSort.CREATED_AT,
        ascending: bool = False,
        limit: int = 50,
        offset: int = 0,
    ) -> list[RunEntry]:
        """Return a part of a list. Runs without a value for `sort` come last; of equals, the newest comes first."""
        column = _sort_column(sort)
        order = (column.is_(None), column if ascending else column.desc(), RunRow.created_at.desc(), RunRow.id)
        return self._entries(filter_, (), order, limit, offset)

    def page_before(self, filter_: RunFilter, created_at: float, run_id: str, limit: int) -> list[RunEntry]:
        """Return the newest runs that are older than this one, newest first."""
        older = or_(RunRow.created_at < created_at, (RunRow.created_at == created_at) & (RunRow.id > run_id))
        return self._entries(filter_, (older,), (RunRow.created_at.desc(), RunRow.id), limit, 0)

    def _entries(
        self,
        filter_: RunFilter,
        more: Iterable[ColumnElement[bool]],
        order: Iterable[Any],
        limit: int,
        offset: int,
    ) -> list[RunEntry]:
        query = select(*_COLUMNS).where(*self._matches(filter_), *more).order_by(*order).limit(limit).offset(offset)
        with self._reading() as session:
            return [RunEntry(*row) for row in session.execute(query)]

    def count(self, filter_: RunFilter) -> int:
        """Return the length of a list."""
        with self._reading() as session:
            return session.scalar(select(func.count()).select_from(RunRow).where(*self._matches(filter_))) or 0

    def figures(self, filter_: RunFilter) -> list[RunFigures]:
        """Return the figures of the runs of a list, oldest first."""
        columns = (RunRow.created_at, RunRow.first_token, RunRow.tokens_per_second)
        query = select(*columns).where(*self._matches(filter_)).order_by(RunRow.created_at)
        with self._reading() as session:
            return [RunFigures._make(row) for row in session.execute(query).all()]

    def chains(self, owners: Collection[str]) -> list[str]:
        """Return the names of the chains that these owners have run."""
        query = select(RunRow.chain).where(*self._matches(RunFilter(tuple(owners)))).distinct().order_by(RunRow.chain)
        with self._reading() as session:
            return list(session.scalars(query))

    def programs(self, owners: Collection[str]) -> list[str]:
        """Return the names of the programs that have sent runs of these owners."""
        is_sent = RunRow.program.is_not(None)
        query = select(RunRow.program).where(*self._matches(RunFilter(tuple(owners))), is_sent).distinct()
        with self._reading() as session:
            return [name for name in session.scalars(query.order_by(RunRow.program)) if name is not None]

    def _matches(self, filter_: RunFilter) -> list[ColumnElement[bool]]:
        conditions = [RunRow.folder == self._folder, RunRow.owner.in_(filter_.owners), _IS_LISTED]
        if filter_.chains:
            conditions.append(RunRow.chain.in_(filter_.chains))
        if filter_.statuses:
            conditions.append(RunRow.status.in_(filter_.statuses))
        if filter_.since is not None:
            conditions.append(RunRow.created_at >= filter_.since)
        if filter_.only_pinned:
            conditions.append(RunRow.is_pinned.is_(True))
        if filter_.programs:
            conditions.append(RunRow.program.in_(filter_.programs) | RunRow.program_id.in_(filter_.programs))
        conditions += [RunRow.search_text.contains(word, autoescape=True) for word in filter_.words]
        return conditions

    # One run

    def find(self, run_id: str) -> RunEntry | None:
        """Return a run of any owner; None if it is not here, is deleted or cannot be read."""
        query = select(*_COLUMNS).where(RunRow.id == run_id, RunRow.folder == self._folder, _IS_LISTED)
        with self._reading() as session:
            row = session.execute(query).one_or_none()
            return None if row is None else RunEntry(*row)

    def has(self, run_id: str) -> bool:
        """Whether a run has a row, also one that lists leave out."""
        with self._reading() as session:
            return session.scalar(select(RunRow.id).where(RunRow.id == run_id)) is not None

    def add(self, entry: RunEntry) -> None:
        """Add a run, or replace its row."""
        values = {name: getattr(entry, name) for name in _FIELDS if name != "id"}
        values |= {"folder": self._folder, "is_damaged": False, "deleted_at": None}
        with self._writing() as session:
            queries.upsert(session, RunRow, {"id": entry.id}, values)

    def set_shared(self, run_id: str, is_shared: bool) -> None:
        """Set whether everybody who has the link may read a run."""
        self._change([run_id], is_shared=is_shared)

    def set_read_by_others(self, run_id: str) -> None:
        """Note that somebody else has opened the link of a run."""
        self._change([run_id], read_by_others=True)

    def set_damaged(self, run_id: str) -> None:
        """Note that the file of a run cannot be read. Lists leave it out from now on."""
        self._change([run_id], is_damaged=True)

    def set_pinned(self, owners: Collection[str], run_id: str, is_pinned: bool) -> None:
        """Pin a run, so that it is removed last, or unpin it."""
        self._change([run_id], owners, is_pinned=is_pinned)

    def delete(self, owners: Collection[str], run_ids: Collection[str]) -> list[str]:
        """Hide runs until they are purged; return the ids of those that these owners had."""
        return self._change(run_ids, owners, deleted_at=self._clock())

    def restore(self, owners: Collection[str], run_ids: Collection[str]) -> list[str]:
        """Undo `delete`."""
        return self._change(run_ids, owners, deleted_at=None)

    def _change(self, run_ids: Collection[str], owners: Collection[str] | None = None, **values: object) -> list[str]:
        """Change rows and return their ids."""
        chosen = RunRow.id.in_(tuple(run_ids)) & (RunRow.folder == self._folder)
        if owners is not None:
            chosen &= RunRow.owner.in_(tuple(owners))
        with self._writing() as session:
            ids = list(session.scalars(select(RunRow.id).where(chosen)))
            session.execute(update(RunRow).where(chosen).values(**values))
            return ids

    # Housekeeping, for all owners at once

    def ids(self) -> set[str]:
        """Return the ids of all runs, also of those that lists leave out."""
        with self._reading() as session:
            return set(session.scalars(select(RunRow.id).where(RunRow.folder == self._folder)))

    def forget(self, run_ids: Iterable[str]) -> None:
        """Remove the rows of runs whose files are gone."""
        ids = list(run_ids)
        with self._writing() as session:
            for start in range(0, len(ids), MAX_IDS):
                _forget(session, ids[start : start + MAX_IDS])

    def deleted_before(self, moment: float) -> list[str]:
        """Return the ids of the runs that were deleted before `moment`."""
        query = select(RunRow.id).where(RunRow.folder == self._folder, RunRow.deleted_at < moment)
        with self._reading() as session:
            return list(session.scalars(query))

    def first_to_remove(self, limit: int) -> Sequence[tuple[str, int]]:
        """Return ids and sizes of the runs to be removed first.

        First come those that lists leave out; then the oldest; last those that somebody else has opened by their link,
        and those that are pinned.
        """
        rank = case((~_IS_LISTED, 0), (RunRow.is_pinned, 3), (RunRow.read_by_others & RunRow.is_shared, 2), else_=1)
        query = (
            select(RunRow.id, RunRow.bytes)
            .where(RunRow.folder == self._folder)
            .order_by(rank, RunRow.created_at, RunRow.id)
            .limit(limit)
        )
        with self._reading() as session:
            return [(run_id, size) for run_id, size in session.execute(query)]

    def total_bytes(self) -> int:
        """Return the size of all files."""
        with self._reading() as session:
            return int(session.scalar(select(func.sum(RunRow.bytes)).where(RunRow.folder == self._folder)) or 0)


def memory_index() -> RunIndex:
    """Return an index in memory, for runs that are not kept on disk."""
    engine = create_database_engine(IN_MEMORY_URL)
    with engine.begin() as connection:
        Table.metadata.tables[RunRow.__tablename__].create(connection)
    return RunIndex(engine, "memory")


def _forget(session: Session, run_ids: Sequence[str]) -> None:
    session.execute(delete(RunRow).where(RunRow.id.in_(run_ids)))


def _sort_column(sort: RunSort) -> ColumnElement[Any]:
    if sort is RunSort.TOKENS:
        known = RunRow.tokens_in.is_not(None) | RunRow.tokens_out.is_not(None)
        total = func.coalesce(RunRow.tokens_in, 0) + func.coalesce(RunRow.tokens_out, 0)
        return case((known, total), else_=None)
    column: ColumnElement[Any] = getattr(RunRow, sort.value)
    return column
