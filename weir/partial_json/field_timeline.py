"""When each part of a JSON text came, closed and was judged: a function of timed chunks."""

from collections.abc import Iterable
from typing import NamedTuple

from weir.partial_json.dialect import MODEL_ANSWER, Dialect
from weir.partial_json.fields import JsonType, ParseResult, Validity
from weir.partial_json.incremental_schema import Schema
from weir.partial_json.parser import PartialJson


class FieldTimeline(NamedTuple):
    """One field's times, in the caller's seconds; None is what has not happened. `problem`: see Field."""

    pointer: str
    type: JsonType
    opened_at: float
    closed_at: float | None
    judged_at: float | None
    verdict: Validity
    problem: str | None

    @property
    def usable_at(self) -> float | None:
        """From when on the value can be relied on: closed, and not found invalid."""
        return None if self.verdict is Validity.INVALID else self.closed_at


class FieldTimelines(NamedTuple):
    """All lifelines in the order of the document, when the first was usable, and how the text ended."""

    lines: tuple[FieldTimeline, ...]
    first_usable_at: float | None
    ending: ParseResult


def field_timelines(
    chunks: Iterable[tuple[float, str]], schema: Schema | None = None, dialect: Dialect = MODEL_ANSWER
) -> FieldTimelines:
    """Return the lifelines of a text from its chunks with their arrival times in seconds; raises SchemaError.

    What only the text's end shows (a lone number is whole) has the last chunk's time.
    """
    parser = PartialJson(dialect, schema)
    times: list[float] = []
    for at, text in chunks:
        times.append(at)
        parser.feed(text)
    ending = parser.finish()

    def when(chunk: int | None) -> float | None:
        return None if chunk is None else times[chunk - 1]

    lines = tuple(
        FieldTimeline(
            pointer,
            field.type,
            times[field.opened - 1],
            when(field.closed),
            when(field.judged),
            field.verdict,
            field.problem,
        )
        for pointer, field in parser.fields.items()
    )
    usable = [line.usable_at for line in lines if line.usable_at is not None]
    return FieldTimelines(lines, min(usable, default=None), ending)
