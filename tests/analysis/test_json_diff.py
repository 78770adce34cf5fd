"""Differences of JSON values: applied to the first they give the second."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir.analysis.json_diff import Difference, DiffKind, differences

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.text("a~/é", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("a~/b", max_size=2), inner, max_size=3),
    max_leaves=12,
)


def applied(value: Any, found: list[Difference]) -> Any:
    """Return the value with the differences, as JSON Patch applies them."""
    document = {"": copy.deepcopy(value)}
    # Removed places of a list are taken from its end, so that the others keep their numbers.
    for difference in sorted(found, key=lambda one: one.kind is DiffKind.REMOVE):
        if difference.kind is not DiffKind.REMOVE:
            _put(document, difference.pointer, difference.after)
    for difference in reversed(found):
        if difference.kind is DiffKind.REMOVE:
            _remove(document, difference.pointer)
    return document[""]


def _place(document: Any, pointer: str) -> tuple[Any, Any]:
    *path, last = [key.replace("~1", "/").replace("~0", "~") for key in pointer.split("/")]
    for key in path:
        document = document[int(key)] if isinstance(document, list) else document[key]
    return document, int(last) if isinstance(document, list) else last


def _put(document: Any, pointer: str, value: Any) -> None:
    container, key = _place(document, pointer)
    if isinstance(container, list) and key == len(container):
        container.append(value)
    else:
        container[key] = value


def _remove(document: Any, pointer: str) -> None:
    container, key = _place(document, pointer)
    del container[key]


@given(VALUES, VALUES)
def test_differences_make_one_value_of_the_other(before: Any, after: Any) -> None:
    assert applied(before, list(differences(before, after))) == after


@given(VALUES)
def test_equal_values_do_not_differ(value: Any) -> None:
    assert list(differences(value, copy.deepcopy(value))) == []


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ({"a": 1}, {"a": 2, "b/c": 3}, [("replace", "/a"), ("add", "/b~1c")]),
        ([1, 2, 3], [1], [("remove", "/1"), ("remove", "/2")]),
        ({"a": [1]}, {"a": [1, {"b": 2}]}, [("add", "/a/1")]),
        (1, True, [("replace", "")]),
        (None, {}, [("replace", "")]),
    ],
)
def test_a_difference_has_its_place(before: Any, after: Any, found: list[tuple[str, str]]) -> None:
    assert [(one.kind.value, one.pointer) for one in differences(before, after)] == found


def test_values_deeper_than_python_recurses_are_compared() -> None:
    before, after = [0], [1]
    for _ in range(5_000):
        before, after = [before], [after]  # type: ignore[list-item]
    assert len(list(differences(before, after))) == 1
