import pytest

from weir.partial_json.dialect import LIKE_LANGCHAIN
from weir.partial_json.field_timeline import FieldTimeline, field_timelines
from weir.partial_json.fields import JsonType, ParseStatus, Validity

CHUNKS = [(0.5, '{"na'), (1.0, 'me": "W'), (1.5, "eir"), (2.0, '", "n": 1'), (2.5, "2, "), (3.0, '"x": [true]')]


def test_each_field_has_its_times() -> None:
    timelines = field_timelines(CHUNKS, {"properties": {"name": {"minLength": 9}, "n": {"type": "integer"}}})
    assert timelines.lines[1] == FieldTimeline(
        "/name", JsonType.STRING, 1.0, 2.0, 2.0, Validity.INVALID, "'Weir' is too short"
    )  # fmt: skip
    assert [(line.pointer, line.opened_at, line.closed_at, line.judged_at) for line in timelines.lines] == [
        ("", 0.5, None, None),
        ("/name", 1.0, 2.0, 2.0),
        ("/n", 2.0, 2.5, 2.5),
        ("/x", 3.0, 3.0, 3.0),
        ("/x/0", 3.0, 3.0, 3.0),
    ]
    assert timelines.first_usable_at == 2.5
    assert timelines.ending.status is ParseStatus.TRUNCATED


def test_without_a_schema_a_closed_field_is_usable() -> None:
    timelines = field_timelines(CHUNKS, dialect=LIKE_LANGCHAIN)
    assert timelines.first_usable_at == 2.0
    assert {line.verdict for line in timelines.lines} == {Validity.UNKNOWN}


def test_a_lone_number_closes_with_the_last_chunk() -> None:
    timelines = field_timelines([(1.0, " 4"), (2.0, "2")])
    assert [(line.opened_at, line.closed_at) for line in timelines.lines] == [(1.0, 2.0)]


def test_a_text_without_json_has_no_timelines() -> None:
    timelines = field_timelines([])
    assert (timelines.lines, timelines.first_usable_at, timelines.ending.status) == ((), None, ParseStatus.FAILED)


@pytest.mark.parametrize(
    ("text", "pointers"),
    [
        ('{"a": {"b": [1, "x", 2]}}', ["/a/b/1"]),
        ('{"a": {"b": ["x", 1, "y"]}}', ["/a/b/0", "/a/b/2"]),
        ('{"a": {"b": [1]}}', []),
        ('{"c": 1}', [""]),
    ],
)
def test_the_innermost_invalid_fields_are_named(text: str, pointers: list[str]) -> None:
    numbers = {"type": "array", "items": {"type": "integer"}}
    inner = {"type": "object", "properties": {"b": numbers}}
    schema = {"type": "object", "properties": {"a": inner}, "required": ["a"]}
    assert field_timelines([(0.0, text)], schema).invalid_pointers == pointers
