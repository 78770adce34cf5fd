from typing import Any

import pytest

from weir.partial_json.outline import OutlineRow, Stage, outline
from weir.partial_json.parser import PartialJson

SCHEMA: dict[str, Any] = {
    "type": "object",
    "$defs": {"Part": {"type": "object", "properties": {"grams": {"type": "integer"}, "name": {"type": "string"}}}},
    "properties": {
        "title": {"type": "string", "maxLength": 5},
        "parts": {"type": "array", "items": {"$ref": "#/$defs/Part"}},
        "stars": {"type": "integer"},
    },
}


def rows(text: str, schema: dict[str, Any] | None = None, limit: int = 100) -> list[OutlineRow]:
    parser = PartialJson(schema=schema)
    parser.feed(text)
    return outline(parser, schema, limit=limit)


def stages(text: str, schema: dict[str, Any] | None = None) -> list[tuple[int, str, Stage]]:
    return [(row.depth, row.key, row.stage) for row in rows(text, schema)]


def test_the_outline_has_each_field_with_its_state_and_absent_ones() -> None:
    assert stages('{"title": "Soup and more", "parts": [{"grams": 5, "na', SCHEMA) == [
        (0, "", Stage.GROWING),
        (1, "title", Stage.INVALID),
        (1, "parts", Stage.GROWING),
        (2, "0", Stage.GROWING),
        (3, "grams", Stage.VALID),
        (3, "name", Stage.ABSENT),
        (1, "stars", Stage.ABSENT),
    ]


def test_without_a_schema_a_field_is_at_most_closed() -> None:
    assert stages('{"a": [1, 2], "b": "gro') == [
        (0, "", Stage.GROWING),
        (1, "a", Stage.CLOSED),
        (2, "0", Stage.CLOSED),
        (2, "1", Stage.CLOSED),
        (1, "b", Stage.GROWING),
    ]


def test_before_the_first_bracket_the_document_is_absent() -> None:
    assert stages("Sure, here it is:") == [(0, "", Stage.ABSENT)]


def test_a_long_document_shows_its_newest_part() -> None:
    text = '{"done": {"x": 1}, "list": [' + ", ".join(f'{{"n": {n}, "m": [1, 2]}}' for n in range(500)) + ', {"n": 5'
    outline_rows = rows(text, limit=20)
    assert len(outline_rows) < 20
    assert [(row.key, row.preview) for row in outline_rows if row.pointer is None] == [("…", "498 before")]
    assert [row.key for row in outline_rows if row.depth == 2] == ["…", "498", "499", "500"]
    assert outline_rows[-1].stage is Stage.GROWING


@pytest.mark.parametrize(
    ("text", "preview"),
    [
        ('["' + "x" * 200 + '"', '"' + "x" * 60 + '…"'),
        ('["' + "x" * 200 + "end", '"…' + "x" * 57 + 'end"'),
        ("[1.5e0,", "1.5"),
        ("[true", "true"),
        ("[null", "null"),
        ('[{"a": 1}', "{ 1 }"),
    ],
)
def test_a_preview_is_short_and_of_a_growing_string_its_end(text: str, preview: str) -> None:
    assert rows(text)[1].preview == preview


def test_a_reference_that_is_not_followed_shows_no_absent_fields() -> None:
    schema = {"properties": {"a": {"$ref": "#/elsewhere"}}, "elsewhere": {"properties": {"b": {}}}}
    assert [row.key for row in rows('{"a": {', schema)] == ["", "a"]
