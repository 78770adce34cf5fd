"""Files of measurements: written and read, foreign ones refused, and two compared."""

from datetime import UTC, datetime

import pytest

from weir.config.model_catalogue import CatalogueModel, ModelEntry
from weir.measure.measured_figures import ErrorCount, LevelFigures, Spread
from weir.measure.measurement_comparison import compare, comparison_notes, level_row
from weir.measure.measurement_file import (
    MAX_BYTES,
    MeasuredModel,
    MeasurementFile,
    MeasurementFileError,
    read_measurement,
)
from weir.measure.measurement_plan import MeasurementPlan


def measured(first: float, concurrency: int = 4, tokens: int = 200, model: str = "m-1") -> MeasurementFile:
    level = LevelFigures(
        model="fast",
        concurrency=concurrency,
        requests=5,
        answered=4,
        first_token=Spread(median=first, p95=2 * first),
        tokens_per_second=80.0,
        is_exact=False,
        errors=(ErrorCount(reason="It was cut.", count=1),),
    )
    return MeasurementFile(
        at=datetime(2026, 11, 28, 9, 30, tzinfo=UTC),
        tokens=tokens,
        requests=5,
        models=(MeasuredModel(name="fast", model=model, host="here:1"),),
        levels=(level,),
    )


def test_a_file_is_read_as_it_was_written() -> None:
    assert read_measurement(measured(0.2).to_json().encode()) == measured(0.2)
    assert measured(0.2).file_name == "weir-measure-2026-11-28T093000.json"
    assert measured(0.2).failed


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"no JSON", "This file is not JSON."),
        (b"{}", "no measurement of `weir measure`: at: Field required"),
        (measured(0.2).to_json().replace("weir-measurement", "other").encode(), "format: Input should be"),
        (measured(0.2).to_json().replace("80.0", "NaN").encode(), "tokens_per_second: Input should be a finite number"),
        (b" " * (MAX_BYTES + 1), "larger than a measurement can be"),
    ],
)
def test_what_is_no_measurement_is_refused(content: bytes, sentence: str) -> None:
    with pytest.raises(MeasurementFileError, match=sentence):
        read_measurement(content)


def test_two_measurements_are_compared_level_by_level() -> None:
    both, new, old = (
        compare(measured(0.2), measured(0.3))[0].row,
        compare(measured(0.2, 1), measured(0.3))[0].row,
        compare(measured(0.2, 1), measured(0.3))[1].row,
    )
    assert (both["First token"], both["Tokens/s each"], both["Errors"]) == (
        "200 ms → 300 ms (+50%)",
        "80.0 → 80.0 (+0%)",
        "1 → 1",
    )
    assert (new["First token"], old["First token"], both["Gap"]) == ("– → 300 ms", "200 ms → –", "–")
    assert level_row(measured(0.2).levels[0])["Tokens/s each"] == "~80.0"
    assert comparison_notes(measured(0.2), measured(0.2)) == []
    assert comparison_notes(measured(0.2), measured(0.2, tokens=50, model="m-2")) == [
        "The answers had 200 tokens then and 50 now.",
        "fast was m-1 at here:1 then and is m-2 at here:1 now.",
    ]


def test_a_plan_says_what_is_sent_and_what_it_costs() -> None:
    plan = MeasurementPlan(("fast", "free", "own"), (1, 16), 100, 4)
    assert plan.requests_per_model == 1 + 4 + 16
    models = {
        "fast": CatalogueModel("fast", ModelEntry(key_env="KEY", price_in=1, price_out=10)),
        "free": CatalogueModel("free", ModelEntry(key_env="KEY")),
        "own": CatalogueModel("own", ModelEntry(embedded=True)),
    }
    assert plan.sentences(models) == [
        "Sends 63 requests to 3 models, 1, 16 at once; each asks for at most 100 tokens of plain text.",
        "In all it reads about 5,040 tokens and writes at most 6,024.",
        "Costs at most $0.0218 (fast $0.0218, own nothing). What free may cost is not known: no prices are set.",
    ]
    alone = MeasurementPlan(("own",), (1,), 100, 4)
    assert alone.sentences(models)[-1] == "Costs nothing: own nothing."
