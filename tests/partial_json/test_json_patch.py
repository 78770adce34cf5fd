import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.json_texts import DOCUMENTS, SIZES, chunks_of_sizes, is_same
from weir.partial_json.dialect import LIKE_LANGCHAIN, MODEL_ANSWER
from weir.partial_json.fields import FieldEvent, Json
from weir.partial_json.json_patch import Operation, deltas, patch
from weir.partial_json.parser import PartialJson

Make = Callable[[Sequence[FieldEvent], Json], list[Operation]]


def apply(document: Json, operations: list[Operation]) -> Any:
    """Apply a patch as RFC 6902 says, with the additional operation "append"."""
    box: list[Any] = [document]
    for operation in operations:
        steps = [step.replace("~1", "/").replace("~0", "~") for step in operation["path"].split("/")]
        container: Any = box
        key: Any = 0
        for step in steps[1:]:
            container = container[key]
            key = int(step) if isinstance(container, list) else step
        value = json.loads(json.dumps(operation["value"]))
        if operation["op"] == "append":
            container[key] += value
        elif operation["op"] == "add" and isinstance(container, list) and container is not box:
            container.insert(key, value)
        else:
            assert operation["op"] == "add" or key in container or isinstance(container, list)
            container[key] = value
    return box[0]


@pytest.mark.parametrize("make", [patch, deltas])
@given(text=DOCUMENTS, sizes=SIZES, dialect=st.sampled_from([MODEL_ANSWER, LIKE_LANGCHAIN]))
def test_the_operations_lead_from_each_state_to_the_next(make: Make, text: str, sizes: list[int], dialect: Any) -> None:
    parser = PartialJson(dialect=dialect)
    document: Json = None
    for piece in chunks_of_sizes(text, sizes):
        document = apply(document, make(parser.feed(piece), parser.value))
        assert is_same(document, parser.value)
    assert is_same(apply(document, make(parser.finish().events, parser.value)), json.loads(text))


def steps(make: Make, chunks: list[str]) -> list[list[tuple[str, str, Json]]]:
    parser = PartialJson(dialect=LIKE_LANGCHAIN)
    operations_by_chunk = []
    for chunk in chunks:
        operations = make(parser.feed(chunk), parser.value)
        operations_by_chunk.append([(one["op"], one["path"], one["value"]) for one in operations])
    return operations_by_chunk


def test_a_string_that_grew_is_replaced_or_appended_to() -> None:
    chunks = ['{"a": ["x', "y", '", 1', "2", ", {}]"]
    start = [("add", "", {}), ("add", "/a", []), ("add", "/a/0", "x")]
    number = [[("add", "/a/1", 1)], [("replace", "/a/1", 12)], [("add", "/a/2", {})]]
    assert steps(patch, chunks) == [start, [("replace", "/a/0", "xy")], *number]
    assert steps(deltas, chunks) == [start, [("append", "/a/0", "y")], *number]


def test_a_duplicate_key_is_added_and_the_replaced_value_is_left_out() -> None:
    assert steps(patch, ['{"a": {"b": "x"}, "a": 1, "a": "y', 'z", "a": 2}']) == [
        [("add", "", {}), ("add", "/a", "y")],
        [("add", "/a", 2)],
    ]
