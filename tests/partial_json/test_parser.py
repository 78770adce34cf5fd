import copy
import json
import sys
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from langchain_core.messages import AIMessageChunk

from tests.support.json_texts import DOCUMENTS, SCRAPS, SIZES, VALUES, chunks_of_sizes, is_same, parse
from weir.partial_json.adversarial_chunking import by_characters, split_inside_tokens
from weir.partial_json.dialect import (
    LIKE_LANGCHAIN,
    MODEL_ANSWER,
    STRICT,
    ControlCharacters,
    Dialect,
    NumberMode,
    SurroundingText,
)
from weir.partial_json.fields import ChangeType, Field, Json, JsonError, ParseStatus, State, Validity
from weir.partial_json.parser import PartialJson

DIALECTS = st.sampled_from([MODEL_ANSWER, STRICT, LIKE_LANGCHAIN, Dialect(SurroundingText.WHITE_SPACE)])


def has_grown(before: Json, after: Json, numbers: bool) -> bool:
    """Whether the growth rules of the parser allow this change."""
    if isinstance(before, dict):
        return isinstance(after, dict) and all(
            k in after and has_grown(v, after[k], numbers) for k, v in before.items()
        )
    if isinstance(before, list):
        return (
            isinstance(after, list)
            and len(after) >= len(before)
            and all(has_grown(a, b, numbers) for a, b in zip(before, after, strict=False))
        )
    if isinstance(before, str):
        return isinstance(after, str) and after.startswith(before)
    if numbers and isinstance(before, int | float) and not isinstance(before, bool):
        return isinstance(after, int | float) and not isinstance(after, bool)
    return is_same(before, after)


def json_loads_result(text: str, strict: bool) -> tuple[Json, int | None]:
    """Return what json.loads returns, or the offset of its error, which is 0 for a constant such as NaN."""

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    try:
        return json.loads(text, strict=strict, parse_constant=refuse), None
    except ValueError as error:
        return None, getattr(error, "pos", 0)


@given(DOCUMENTS, SIZES, DIALECTS)
def test_the_final_value_is_that_of_json_loads(text: str, sizes: list[int], dialect: Dialect) -> None:
    parser = parse(text, dialect, sizes)
    assert parser.finish().status is ParseStatus.COMPLETE
    assert is_same(parser.value, json.loads(text))
    assert all(field.state is State.CLOSED for field in parser.fields.values())


@given(DOCUMENTS, SIZES, DIALECTS)
def test_a_value_only_grows(text: str, sizes: list[int], dialect: Dialect) -> None:
    parser = PartialJson(dialect=dialect)
    before: Json = None
    for piece in chunks_of_sizes(text, sizes):
        absent = parser.state("") is State.ABSENT
        parser.feed(piece)
        assert absent or has_grown(before, parser.value, dialect.numbers is NumberMode.INCREMENTAL)
        before = copy.deepcopy(parser.value)


def facts(field: Field) -> tuple[object, ...]:
    return field.pointer, field.type, field.state, field.start, field.end


@given(st.one_of(SCRAPS, DOCUMENTS), SIZES, DIALECTS)
@example(f"```{' ' * 62}json\n7", [1], MODEL_ANSWER)
@example("Here: [ ", [1], MODEL_ANSWER)
@example("0 {", [1], Dialect(SurroundingText.WHITE_SPACE))
def test_the_result_does_not_depend_on_how_the_text_is_cut(text: str, sizes: list[int], dialect: Dialect) -> None:
    whole = parse(text, dialect)
    other = whole.finish()
    for chunks in (chunks_of_sizes(text, sizes), split_inside_tokens(text)):
        parser = PartialJson(dialect=dialect)
        for chunk in chunks:
            parser.feed(chunk)
        result = parser.finish()
        assert (result.status, result.open, str(result.error)) == (other.status, other.open, str(other.error))
        assert is_same(parser.value, whole.value)
        assert (parser.before, parser.after) == (whole.before, whole.after)
        assert [facts(f) for f in parser.fields.values()] == [facts(f) for f in whole.fields.values()]


@given(st.one_of(SCRAPS, DOCUMENTS), SIZES, st.sampled_from(ControlCharacters))
@example('"NaN"', [1], ControlCharacters.ACCEPTED)
@example("[1.]", [1], ControlCharacters.ACCEPTED)
def test_a_text_ends_in_an_error_exactly_if_json_loads_raises(
    text: str, sizes: list[int], controls: ControlCharacters
) -> None:
    parser = parse(text, Dialect(SurroundingText.WHITE_SPACE, controls), sizes)
    result = parser.finish()
    expected, raised_at = json_loads_result(text, strict=controls is ControlCharacters.REFUSED)
    if raised_at is None:
        assert result.error is None
        assert is_same(parser.value, expected)
    else:
        assert result.error is not None
        # json.loads names the beginning of what is wrong, Weir the first character that cannot be there.
        assert raised_at <= result.error.offset <= len(text)
        assert parse(text[: result.error.offset], parser.dialect).error is None


@given(SCRAPS, SIZES)
def test_a_model_answer_is_at_least_what_json_loads_reads(text: str, sizes: list[int]) -> None:
    parser = parse(text, MODEL_ANSWER, sizes)
    result = parser.finish()
    expected, raised_at = json_loads_result(text, strict=False)
    if raised_at is None:
        assert result.error is None
        assert is_same(parser.value, expected)
    else:
        assert result.error is not None or (parser.before + parser.after).strip()


@given(st.text(), SIZES, DIALECTS)
def test_no_text_makes_it_raise(text: str, sizes: list[int], dialect: Dialect) -> None:
    result = parse(text, dialect, sizes).finish()
    assert (result.error is None) == (result.status is ParseStatus.COMPLETE)


@given(VALUES, st.data())
def test_a_cut_text_is_truncated_and_names_what_is_open(value: Json, data: st.DataObject) -> None:
    text = json.dumps([value])
    cut = data.draw(st.integers(1, len(text) - 1))
    result = parse(text[:cut], data.draw(DIALECTS)).finish()
    assert result.status is ParseStatus.TRUNCATED
    assert result.open[0] == ""
    assert result.error is not None
    assert result.error.offset == cut


@given(DOCUMENTS, SIZES)
def test_prose_and_a_fence_are_kept_apart_to_the_character(document: str, sizes: list[int]) -> None:
    text = f'{{"value": {document}}}'
    parser = parse(f"Sure! Here [1] it is:\n```json\n{text}\n```\nBye", MODEL_ANSWER, sizes)
    assert parser.finish().status is ParseStatus.COMPLETE
    assert is_same(parser.value, json.loads(text))
    assert (parser.before, parser.after) == ("Sure! Here [1] it is:\n```json\n", "\n```\nBye")


@pytest.mark.parametrize(
    ("text", "before", "value", "after"),
    [
        ('The object {"a": 1} it is', "The object ", {"a": 1}, " it is"),
        ("A set {x} and { } then", "A set {x} and ", {}, " then"),
        ("As in [1], the list: [ 2]", "As in [1], the list: ", [2], ""),
        ("See\n[a]\n[ 3]", "See\n[a]\n", [3], ""),
        ("A pair: [x] and\n[ ]", "A pair: [x] and\n", [], ""),
        ("```\n7 \n```", "```\n", 7, " \n```"),
        ("```JSON\ntrue\n```", "```JSON\n", True, "\n```"),
        ('```json {"a": 1}\n```', "```json ", {"a": 1}, "\n```"),
        ('```python\nprint({"a": 1})\n```\nso {"b": 2}', '```python\nprint({"a": 1})\n```\nso ', {"b": 2}, ""),
        ('```\nprint({"a": 1})\n``` x\n~~~\n````\n{"b": 2}', '```\nprint({"a": 1})\n``` x\n~~~\n````\n', {"b": 2}, ""),
        (f'{"- " * 100}\n{{"a": 1}}', f"{'- ' * 100}\n", {"a": 1}, ""),
        ("\ufeff [1] x", "\ufeff ", [1], " x"),
        ('"text" and more', "", "text", " and more"),
        (" -1.5e1 ", "", -15.0, " "),
        ("null", "", None, ""),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_where_the_json_begins_and_ends(text: str, before: str, value: Json, after: str, size: int) -> None:
    parser = parse(text, MODEL_ANSWER, [size])
    assert parser.finish().status is ParseStatus.COMPLETE
    assert (parser.before, parser.value, parser.after) == (before, value, after)


def test_a_bracket_that_ends_the_prose_is_the_json_cut_short() -> None:
    parser = parse("Here: [ ", MODEL_ANSWER, [1])
    assert parser.state("") is State.ABSENT
    result = parser.finish()
    assert result.status is ParseStatus.TRUNCATED
    assert parser.value == []
    assert [event.change for event in result.events] == [ChangeType.OPENED]
    assert (parser.fields[""].start, parser.fields[""].opened) == (6, 7)


@pytest.mark.parametrize("text", ["", "  \n", "no JSON", "7 of them", "\ufeff"])
@pytest.mark.parametrize("dialect", [MODEL_ANSWER, Dialect(SurroundingText.WHITE_SPACE)])
def test_a_text_without_json_fails(text: str, dialect: Dialect) -> None:
    parser = parse(text, dialect)
    assert parser.finish().status is ParseStatus.FAILED
    if dialect is MODEL_ANSWER:
        assert (parser.state(""), parser.value, len(parser.fields)) == (State.ABSENT, None, 0)


def test_states_and_events_describe_the_life_of_a_field() -> None:
    parser = PartialJson()
    life = [
        [(event.change.value, event.field.pointer, event.value) for event in parser.feed(chunk)]
        for chunk in ['{"a/~', '": "x', "y", '", "n": 1', '2, "t": [tr', "ue], "]
    ]
    assert life == [
        [("opened", "", None)],
        [("opened", "/a~1~0", ""), ("grew", "/a~1~0", "x")],
        [("grew", "/a~1~0", "y")],
        [("closed", "/a~1~0", None)],
        [("opened", "/n", 12), ("closed", "/n", None), ("opened", "/t", None)],
        [("opened", "/t/0", True), ("closed", "/t/0", None), ("closed", "/t", None)],
    ]
    assert parser.value == {"a/~": "xy", "n": 12, "t": [True]}
    paths = ["", "/a~1~0", "/t/0", "/t/00", "/t/-", "/t/1", "/t/0/x", "/t/0/x/y", "/b", "a"]
    states = [parser.state(path).value for path in paths]
    assert states == ["growing", "closed", "closed", *["absent"] * 7]
    number = parser.fields["/n"]
    assert (number.opened, number.closed, number.start, number.end) == (4, 5, 19, 21)
    assert "'/n' number closed unjudged" in repr(number)


def test_the_value_is_one_live_object() -> None:
    parser = PartialJson()
    parser.feed('{"a": [')
    value = parser.value
    parser.feed('1, "x')
    assert parser.value is value
    assert value == {"a": [1, "x"]}


def test_a_kept_string_does_not_change() -> None:
    parser = PartialJson()
    values = []
    for piece in ['"', "ab", "c", "d", '"']:
        parser.feed(piece)
        values.append(parser.value)
    assert values == ["", "ab", "abc", "abcd", "abcd"]


def test_the_last_of_two_equal_keys_wins_when_its_value_appears() -> None:
    parser = PartialJson()
    parser.feed('{"a": {"b": "x"}, "c": 1, "a": ')
    assert parser.value == {"a": {"b": "x"}, "c": 1}
    events = parser.feed('"y"}')
    assert [event.change for event in events][:3] == [ChangeType.REPLACED, ChangeType.EXTENDED, ChangeType.CLOSED]
    assert json.dumps(parser.value) == '{"a": "y", "c": 1}'


def test_incremental_numbers_appear_as_they_are_written() -> None:
    parser = PartialJson(dialect=LIKE_LANGCHAIN)
    snapshots = []
    for char in "[-12.50e1, 1]":
        parser.feed(char)
        snapshots.append(copy.deepcopy(parser.value))
    assert [type(value).__name__ for value in snapshots if not isinstance(value, list)] == []
    assert [v[0] if isinstance(v, list) and v else None for v in snapshots][:10] == [
        None, None, -1, -12, -12, -12.5, -12.5, -12.5, -125.0, -125.0,
    ]  # fmt: skip
    assert parser.value == [-125.0, 1]


def test_a_long_incremental_number_waits_until_it_is_complete() -> None:
    parser = PartialJson(dialect=LIKE_LANGCHAIN)
    parser.feed("[" + "1" * 101)
    assert parser.value == []
    parser.feed("]")
    assert parser.value == [int("1" * 101)]


def test_surrogates_and_escapes_may_be_cut_anywhere() -> None:
    parser = PartialJson()
    snapshots = []
    for char in r'"\ud83d\ude00\ud83dx\ud83d\n\ud83d"':
        parser.feed(char)
        snapshots.append(str(parser.value))
    assert snapshots[6] == ""
    assert snapshots[12] == "😀"
    assert snapshots[-1] == "😀\ud83dx\ud83d\n\ud83d"


@pytest.mark.parametrize(("depth", "fails"), [(500, False), (501, True)])
def test_the_depth_is_limited(depth: int, fails: bool) -> None:
    parser = parse("[" * depth + "]" * depth)
    result = parser.finish()
    assert (result.error is not None) is fails
    if result.error is not None:
        assert result.error.cause == "The JSON is nested more than 500 levels deep."
        assert result.error.offset == 500


def test_the_depth_limit_is_a_setting() -> None:
    assert parse("[[1]]", Dialect(max_depth=1)).finish().status is ParseStatus.FAILED
    assert parse("[" * 20_000 + "]" * 20_000, Dialect(max_depth=20_000)).finish().status is ParseStatus.COMPLETE


def test_control_characters_are_accepted_or_refused() -> None:
    text = '["a\n\t\x00b"]'
    assert parse(text).value == ["a\n\t\x00b"]
    error = parse(text, Dialect(controls=ControlCharacters.REFUSED)).error
    assert isinstance(error, JsonError)
    assert "U+000A must be escaped" in error.cause
    assert (error.offset, error.line, error.column) == (3, 1, 4)


@pytest.mark.parametrize("size", [1, 4, 100])
def test_an_error_names_its_position_and_keeps_the_value(size: int) -> None:
    parser = parse('{\n "a": "x",\n "b": [1, 2, y', MODEL_ANSWER, [size])
    assert str(parser.error) == "Line 3, column 14 (character 26): Expected a value, not 'y'."
    assert parser.value == {"a": "x", "b": [1, 2]}
    assert parser.feed("3]}") == []
    assert parser.finish() == (ParseStatus.FAILED, ("", "/b"), parser.error, ())
    assert parser.value == {"a": "x", "b": [1, 2]}


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('{"a": "b', "the string at /a"),
        ('{"a": [', "the array at /a"),
        ('{"a', "a key of the object at the root"),
        ('{"a": -', "a number, where a digit may follow"),
        ('{"a": 12', "a number, where a digit, '.' or 'e' may follow"),
        ('{"a": nu', "the literal null"),
        ('"x', "the string at the root"),
    ],
)
def test_the_error_of_a_truncated_text_names_the_unfinished_part(text: str, where: str) -> None:
    result = parse(text).finish()
    assert result.status is ParseStatus.TRUNCATED
    assert result.error is not None
    assert result.error.cause == f"The text ends within {where}."


def test_an_integer_beyond_pythons_bound_is_an_error() -> None:
    digits = "1" * (sys.get_int_max_str_digits() + 1)
    for text in (digits, f"[{digits}]"):
        result = parse(text, STRICT).finish()
        assert result.status is ParseStatus.FAILED
        assert result.error is not None
        assert result.error.cause == "The integer has more digits than Python reads."


def test_feeding_a_finished_parser_raises() -> None:
    parser = parse("[1]")
    assert parser.finish() is parser.finish()
    with pytest.raises(RuntimeError):
        parser.feed(" ")


def test_what_follows_strict_json_may_be_white_space_only() -> None:
    assert parse("[1] \n", STRICT).after == " \n"
    assert parse("[1]\n x", STRICT).finish().status is ParseStatus.FAILED


def seconds(text: str) -> float:
    parser = PartialJson()
    started = time.process_time()
    for piece in by_characters(text, 4):
        parser.feed(piece)
    return time.process_time() - started


@pytest.mark.slow
@pytest.mark.parametrize("make", [lambda n: json.dumps(["word \n"] * n), lambda n: json.dumps({"a": "word \n" * n})])
def test_ten_times_the_text_does_not_take_a_hundred_times_as_long(make: Callable[[int], str]) -> None:
    short, long = make(2_000), make(20_000)
    assert min(seconds(long) for _ in range(3)) < 30 * min(seconds(short) for _ in range(3))


@pytest.mark.slow
@pytest.mark.parametrize("text", ["\n" * 100_000, "{" + "\n" * 100_000, " \n" * 50_000, "`" * 100_000])
def test_text_before_the_json_takes_memory_in_proportion_to_its_size(text: str) -> None:
    parser = PartialJson()
    tracemalloc.start()
    try:
        for start in range(0, len(text), 4_096):
            parser.feed(text[start : start + 4_096])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20 * len(text)
    assert parser.finish().status is not ParseStatus.COMPLETE


async def test_a_stream_of_texts_and_messages_yields_the_value_and_its_fields() -> None:
    async def chunks() -> AsyncIterator[str | AIMessageChunk]:
        for text in ('{"name": "We', "", "ir", '", "depth"'):
            yield text
        yield AIMessageChunk(content=": 3}")

    parser = PartialJson({"properties": {"depth": {"type": "string"}}})
    seen = [(copy.deepcopy(value), [*fields]) async for value, fields in parser.astream(chunks())]
    assert [value for value, _ in seen] == [
        {"name": "We"},
        {"name": "Weir"},
        {"name": "Weir"},
        {"name": "Weir", "depth": 3},
    ]
    assert seen[-1][1] == ["", "/name", "/depth"]
    assert parser.fields["/depth"].validity is Validity.INVALID
    assert parser.finish().status is ParseStatus.COMPLETE


async def test_a_number_alone_comes_with_the_end_of_the_stream() -> None:
    async def chunks() -> AsyncIterator[str]:
        yield "4"
        yield "2"

    assert [value async for value, _ in PartialJson().astream(chunks())] == [42]
