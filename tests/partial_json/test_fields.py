import pytest

from tests.support.json_texts import parse
from weir.partial_json.dialect import Dialect
from weir.partial_json.fields import JsonType


def test_fields_are_a_mapping_in_the_order_of_the_document() -> None:
    fields = parse('{"b": [1, {"c": "x"}], "a/~": null, "b": 2 }').fields
    assert list(fields) == ["", "/b", "/a~1~0"]
    assert len(fields) == 3
    assert fields["/a~1~0"].type is JsonType.NULL
    assert fields["/a~1~0"].keys == ["a/~"]


@pytest.mark.parametrize("pointer", ["a", "/c", "/b/2", "/b/00", "/b/-", "/b/²", "/b/0/c", "/b/0/c/d", "b/", "/"])
def test_a_pointer_to_nothing_is_not_in_it(pointer: str) -> None:
    fields = parse('{"b": [1, 2]').fields
    assert pointer not in fields
    with pytest.raises(KeyError):
        fields[pointer]


def test_a_document_that_has_not_begun_has_no_fields() -> None:
    assert dict(parse("").fields) == {}


def test_a_depth_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Dialect(max_depth=0)
