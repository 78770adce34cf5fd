"""Field timeline: when each field of a JSON text appeared, closed and was validated. A function of timed chunks."""

from collections.abc import Iterable
from typing import NamedTuple

from weir.partial_json.checked_schema import Schema
from weir.partial_json.dialect import MODEL_ANSWER, Dialect
from weir.partial_json.fields import JsonType, ParseResult, Validity
from weir.partial_json.parser import PartialJson


class FieldTimeline(NamedTuple):
    """Times of one field, in seconds on the caller's clock. None: has not happened. `problem`: see `Field`."""

    pointer: str
    type: JsonType
    opened_at: float
    closed_at: float | None
    judged_at: float | None
    verdict: Validity
    problem: str | None

    @property
    def usable_at(self) -> float | None:
        """Time from which the value can be relied on: it is closed and not invalid."""
        return None if self.verdict is Validity.INVALID else self.closed_at


class FieldTimelines(NamedTuple):
    """The timelines of all fields in document order, the time of the first usable one, and how the text ended."""

    lines: tuple[FieldTimeline, ...]
    first_usable_at: float | None
    ending: ParseResult

    @property
    def invalid_pointers(self) -> list[str]:
        """Pointers of the innermost invalid fields: those around them are invalid because of them."""
        invalid = [line.pointer for line in self.lines if line.verdict is Validity.INVALID]
        parents = {pointer.rpartition("/")[0] for pointer in invalid if pointer}
        return [pointer for pointer in invalid if pointer not in parents]


def field_timelines(
    chunks: Iterable[tuple[float, str]], schema: Schema | None = None, dialect: Dialect = MODEL_ANSWER
) -> FieldTimelines:
    """Return the timelines of a text's fields from its chunks and their arrival times in seconds. Raises SchemaError.

    What only the end of the text decides, such as that a lone number is complete, has the time of the last chunk.
    """
    parser = PartialJson(schema, dialect=dialect)
    times: list[float] = []
    for at, text in chunks:
        times.append(at)
        parser.feed(text)
    ending = parser.finish()

    def time_of(chunk: int | None) -> float | None:
        return None if chunk is None else times[chunk - 1]

    lines = tuple(
        FieldTimeline(
            pointer,
            field.type,
            times[field.opened - 1],
            time_of(field.closed),
            time_of(field.validated_in_chunk),
            field.validity,
            field.problem,
        )
        for pointer, field in parser.fields.items()
    )
    usable = [line.usable_at for line in lines if line.usable_at is not None]
    return FieldTimelines(lines, min(usable, default=None), ending)
