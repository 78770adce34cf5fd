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


def scores(text: str, size: int = 1) -> dict[str, ParserResult]:
    found = compare_parsers(by_characters(text, size), max_chunks=1000, max_characters=10_000)
    return {score.name: score for score in found}


def test_all_parsers_end_with_the_value_of_json_loads() -> None:
    for score in scores(TEXT).values():
        assert score.ends_right is True
        assert score.compared == score.chunks == len(TEXT)
        assert score.steps[-1].value == json.loads(TEXT)
        assert score.steps[-1].characters == len(TEXT)


def test_only_weir_keeps_to_its_growth_rules_in_an_escaped_text() -> None:
    found = scores(TEXT)
    assert found[WEIR.name].growth == ValueRegressions()
    assert found[LANGCHAIN.name].growth.vanished > 0
    assert found[JITER.name].growth == found[PYDANTIC.name].growth


def test_a_fence_is_stripped_by_langchain_and_weir_only() -> None:
    found = scores(f"```json\n{TEXT}\n```")
    assert found[LANGCHAIN.name].steps[-1].value == found[WEIR.name].steps[-1].value == json.loads(TEXT)
    assert found[JITER.name].errors == found[JITER.name].compared
    assert {score.ends_right for score in found.values()} == {None}


def test_what_a_parser_raises_is_its_answer() -> None:
    found = scores('["a", }')
    assert "A value must stand here" in str(found[WEIR.name].steps[-1].error)
    assert found[WEIR.name].errors == 1
    assert found[WEIR.name].steps[-2].value == ["a"]
    assert scores("x")[LANGCHAIN.name].steps[0].error == "It shows nothing"
    assert scores("x")[WEIR.name].steps[0].error == "It shows nothing"


def test_a_last_value_that_is_wrong_is_told() -> None:
    wrong = reparse_every_chunk("wrong", lambda text: [text])
    failing = reparse_every_chunk("failing", float)
    chunks = by_characters("[1]", 1)
    for score in compare_parsers(chunks, max_chunks=9, max_characters=9, contestants=[wrong, failing]):
        assert score.ends_right is False


@pytest.mark.parametrize(("max_chunks", "max_characters"), [(3, 100), (100, 13)])
def test_the_work_is_bounded_and_the_score_says_by_how_much(max_chunks: int, max_characters: int) -> None:
    for score in compare_parsers(by_characters(TEXT, 4), max_chunks=max_chunks, max_characters=max_characters):
        assert (score.compared, len(score.steps)) == (3, 3)
        assert score.chunks == len(by_characters(TEXT, 4))
        assert score.ends_right is None


def test_the_clock_times_the_parser_only() -> None:
    ticks = itertools.count()
    clock = lambda: next(ticks) / 1000  # noqa: E731
    (score,) = compare_parsers(by_characters(TEXT, 4), max_chunks=5, max_characters=99, contestants=[WEIR], clock=clock)
    assert score.seconds == pytest.approx(0.005)
    assert score.microseconds_per_chunk == pytest.approx(1000)
    (score,) = compare_parsers([], max_chunks=5, max_characters=99, contestants=[WEIR], clock=clock)
    assert (score.microseconds_per_chunk, score.steps, score.ends_right) == (0.0, (), None)


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
