"""Presets: named sets of options, in the database of the conversations. Visitors see their own only."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, delete, func, select, update

from weir.storage.queries import new_id
from weir.storage.records import TRASH_DAYS
from weir.storage.tables import PresetRow
from weir.storage.title import one_line
from weir.storage.transactions import Transactions

MAX_NAME = 60
"""Characters of a name; the rest is cut off."""

MAX_PRESETS = 100
"""Presets that a visitor may have."""


class PresetError(ValueError):
    """The preset cannot be kept. Its text says why, for people."""


@dataclass(frozen=True, slots=True)
class Preset:
    """A named set of options, as JSON values."""

    id: str
    name: str
    options: Mapping[str, Any]


class PresetRepository:
    """The presets of all visitors. Each method is one transaction, and raises StorageError if the database fails."""

    def __init__(self, engine: Engine, *, clock: Callable[[], float] = time.time) -> None:
        transactions = Transactions(engine)
        self._reading, self._writing = transactions.reading, transactions.writing
        self._clock = clock

    def presets(self, visitor: str) -> Sequence[Preset]:
        """Return a visitor's presets by their names."""
        query = select(PresetRow).where(PresetRow.visitor == visitor, PresetRow.deleted_at.is_(None))
        with self._reading() as session:
            rows = session.scalars(query.order_by(func.lower(PresetRow.name), PresetRow.id))
            return [_preset(row) for row in rows]

    def save(self, visitor: str, name: str, options: Mapping[str, Any]) -> Preset:
        """Keep options under a name, in place of those that it has. Raises PresetError."""
        name = one_line(name)[:MAX_NAME].strip()
        if not name:
            raise PresetError("A preset needs a name.")
        own = PresetRow.visitor == visitor
        with self._writing() as session:
            session.execute(delete(PresetRow).where(own, PresetRow.deleted_at < self._clock() - TRASH_DAYS * 86_400))
            rows = session.scalars(select(PresetRow).where(own, PresetRow.deleted_at.is_(None))).all()
            same = next((row for row in rows if row.name == name), None)
            if same is not None:
                same.options = dict(options)
                return _preset(same)
            if len(rows) >= MAX_PRESETS:
                raise PresetError(f"There are {MAX_PRESETS} presets already: delete one first.")
            row = PresetRow(id=new_id(), visitor=visitor, name=name, deleted_at=None, options=dict(options))
            session.add(row)
            return _preset(row)

    def delete(self, visitor: str, preset_id: str) -> None:
        """Delete a preset, until `restore`."""
        change = update(PresetRow).where(PresetRow.id == preset_id, PresetRow.visitor == visitor)
        with self._writing() as session:
            session.execute(change.values(deleted_at=self._clock()))

    def restore(self, visitor: str, preset_id: str) -> None:
        """Undo a deletion. Does nothing if another preset has the name by now."""
        with self._writing() as session:
            row = session.get(PresetRow, preset_id)
            if row is None or row.visitor != visitor:
                return
            same = select(PresetRow.id).where(PresetRow.visitor == visitor, PresetRow.name == row.name)
            if session.scalar(same.where(PresetRow.deleted_at.is_(None))) is None:
                row.deleted_at = None


def _preset(row: PresetRow) -> Preset:
    return Preset(row.id, row.name, row.options)
