"""Tables of a measurement in the language of the page: their heads, and the numbers in them."""

from collections.abc import Iterable

from pages.components.layout.translation import _, localized
from pages.components.layout.weir_sentences import translated
from weir.measure.measured_figures import LevelFigures
from weir.measure.measurement_comparison import compare, level_row
from weir.measure.measurement_file import MeasurementFile

Row = dict[str, str]


def level_rows(levels: Iterable[LevelFigures]) -> list[Row]:
    """Return a row of figures for each level."""
    return [_row(level_row(level) | {"Answers": _answers(level)}) for level in levels]


def compared_rows(earlier: MeasurementFile, measured: MeasurementFile) -> list[Row]:
    """Return a row for each level of either measurement, with what was measured then and now."""
    return [_row(level.row) for level in compare(earlier, measured)]


def _answers(level: LevelFigures) -> str:
    return _("{count} of {total}").format(count=level.answered, total=level.requests)


def _row(cells: Row) -> Row:
    # The name of a model may look like a number.
    return {translated(head): cell if head == "Model" else localized(cell) for head, cell in cells.items()}
