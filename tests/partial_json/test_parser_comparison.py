import itertools
import json

import pytest

from weir.partial_json.adversarial_chunking import by_characters
from weir.partial_json.fields import Json
from weir.partial_json.parser_comparison import (
    JITER,
    LANGCHAIN,
    PYDANTIC,
    WEIR,
    ParserResult,
    ValueRegressions,
    compare_parsers,
    growth,
    reparse_every_chunk,
)

TEXT = json.dumps({"title": "Wörter \U0001f600 hier", "n": [1, -2.5, True], "sub": {"a": None}})


def results_of(text: str, size: int = 1) -> dict[str, ParserResult]:
    results = compare_parsers(by_characters(text, size), max_chunks=1000, max_characters=10_000)
    return {result.name: result for result in results}


def test_all_parsers_end_with_the_value_of_json_loads() -> None:
    for result in results_of(TEXT).values():
        assert result.ends_right is True
        assert result.compared == result.chunks == len(TEXT)
        assert result.steps[-1].value == json.loads(TEXT)
        assert result.steps[-1].characters == len(TEXT)


def test_only_weir_keeps_to_its_growth_rules_in_an_escaped_text() -> None:
    results = results_of(TEXT)
    assert results[WEIR.name].growth == ValueRegressions()
    assert results[LANGCHAIN.name].growth.vanished > 0
    assert results[JITER.name].growth == results[PYDANTIC.name].growth


def test_a_fence_is_stripped_by_langchain_and_weir_only() -> None:
    results = results_of(f"```json\n{TEXT}\n```")
    assert results[LANGCHAIN.name].steps[-1].value == results[WEIR.name].steps[-1].value == json.loads(TEXT)
    assert results[JITER.name].errors == results[JITER.name].compared
    assert {result.ends_right for result in results.values()} == {None}


def test_an_exception_of_a_parser_is_its_result() -> None:
    results = results_of('["a", }')
    assert "Expected a value" in str(results[WEIR.name].steps[-1].error)
    assert results[WEIR.name].errors == 1
    assert results[WEIR.name].steps[-2].value == ["a"]
    assert results_of("x")[LANGCHAIN.name].steps[0].error == "No value yet"
    assert results_of("x")[WEIR.name].steps[0].error == "No value yet"


def test_a_wrong_last_value_is_reported() -> None:
    wrong = reparse_every_chunk("wrong", lambda text: [text])
    failing = reparse_every_chunk("failing", float)
    chunks = by_characters("[1]", 1)
    for result in compare_parsers(chunks, max_chunks=9, max_characters=9, candidates=[wrong, failing]):
        assert result.ends_right is False


@pytest.mark.parametrize(("max_chunks", "max_characters"), [(3, 100), (100, 13)])
def test_the_work_is_limited_and_the_result_says_to_what(max_chunks: int, max_characters: int) -> None:
    for result in compare_parsers(by_characters(TEXT, 4), max_chunks=max_chunks, max_characters=max_characters):
        assert (result.compared, len(result.steps)) == (3, 3)
        assert result.chunks == len(by_characters(TEXT, 4))
        assert result.ends_right is None


def test_the_clock_times_the_parser_only() -> None:
    ticks = itertools.count()
    clock = lambda: next(ticks) / 1000  # noqa: E731
    (result,) = compare_parsers(by_characters(TEXT, 4), max_chunks=5, max_characters=99, candidates=[WEIR], clock=clock)
    assert result.seconds == pytest.approx(0.005)
    assert result.microseconds_per_chunk == pytest.approx(1000)
    (result,) = compare_parsers([], max_chunks=5, max_characters=99, candidates=[WEIR], clock=clock)
    assert (result.microseconds_per_chunk, result.steps, result.ends_right) == (0.0, (), None)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"a": 1}, {"a": 1.5, "b": "x"}, ValueRegressions()),
        ({"a": 1}, {"a": "1"}, ValueRegressions(flips=1)),
        (True, 1, ValueRegressions(flips=1)),
        ({"a": {"b": 1}, "c": 2}, {}, ValueRegressions(vanished=2)),
        ([[1, 2], 3], [[1]], ValueRegressions(vanished=2)),
        (["ab"], ["abc"], ValueRegressions()),
        (["ab"], ["ac"], ValueRegressions(rewrites=1)),
        (None, None, ValueRegressions()),
    ],
)
def test_what_does_not_grow_is_counted(before: Json, after: Json, expected: ValueRegressions) -> None:
    assert growth(before, after) == expected
