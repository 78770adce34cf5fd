import dataclasses
import json
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.prompts import ChatPromptTemplate
from pydantic import BaseModel

from weir.core.serialization import (
    MAX_DEPTH,
    MAX_REPR,
    dumps,
    dumps_utf8_safe,
    indented,
    is_plain,
    loads,
    to_jsonable,
    to_utf8_safe,
)

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=20,
)


class Point(BaseModel):
    x: int


@dataclasses.dataclass
class Pair:
    left: int
    right: str


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    "block",
    [
        {"type": "image", "base64": "A" * 4_000, "mime_type": "image/png"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 3_980}},
        {"type": "image_url", "image_url": "data:image/png;base64," + "A" * 3_980},
    ],
)
def test_a_large_image_in_a_question_is_a_text_in_the_record(block: dict[str, Any]) -> None:
    asked = HumanMessage([{"type": "text", "text": "What?"}, block])
    note = {"type": "text", "text": "[image/png, 3 kB, left out of the record]"}
    assert loads(dumps({"messages": [[asked]]}))["messages"][0][0]["content"] == [asked.content[0], note]


@pytest.mark.parametrize(
    "message",
    [
        HumanMessage([{"type": "image", "base64": "AAAA", "mime_type": "image/png"}]),
        HumanMessage([{"type": "image_url", "image_url": {"url": "https://elsewhere/" + "a" * 4_000}}]),
        HumanMessage([{"type": "image", "url": None}, "text"]),
        # What a model has made is the answer.
        AIMessage([{"type": "image", "base64": "A" * 4_000, "mime_type": "image/png"}]),
    ],
)
def test_other_blocks_are_recorded_as_they_are(message: BaseMessage) -> None:
    assert loads(dumps(message))["content"] == message.content


@given(JSON_VALUES)
def test_dumps_and_loads_keep_json_values(value: Any) -> None:
    assert loads(dumps(value)) == value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (HumanMessage("hi"), {"type": "human", "content": "hi"}),
        (AIMessageChunk(content="", id="1"), {"type": "AIMessageChunk", "content": "", "id": "1"}),
        (Document("text", metadata={"k": 1}), {"page_content": "text", "metadata": {"k": 1}}),
        (ValueError("bad"), {"type": "ValueError", "message": "bad"}),
        (Point(x=3), {"x": 3}),
        (Pair(1, "r"), {"left": 1, "right": "r"}),
        ({"b", "a"}, ["a", "b"]),
        ({1: (2, 3)}, {"1": [2, 3]}),
        (float("nan"), None),
        (2**80, 2**80),
        ("half of a pair: \ud83d", "half of a pair: \ud83d"),
        (Unprintable(), {"type": "Unprintable", "repr": "<Unprintable whose repr raised RuntimeError>"}),
    ],
)
def test_dumps_converts_what_runnables_emit(value: Any, expected: Any) -> None:
    assert loads(dumps(value)) == expected


def test_dumps_writes_a_uuid_as_text() -> None:
    value = uuid.uuid4()
    assert loads(dumps(value)) == str(value)


def test_dumps_writes_a_prompt_value_as_its_messages() -> None:
    prompt = ChatPromptTemplate.from_messages([("system", "be kind"), ("human", "{q}")]).invoke({"q": "why?"})
    messages = loads(dumps(prompt))["messages"]
    assert [(message["type"], message["content"]) for message in messages] == [("system", "be kind"), ("human", "why?")]


def test_dumps_writes_other_objects_as_type_and_bounded_repr() -> None:
    parsed = loads(dumps({"model": object(), "long": type("Long", (), {"__repr__": lambda _: "x" * 10_000})()}))
    assert parsed["model"]["type"] == "object"
    assert len(parsed["long"]["repr"]) == MAX_REPR


class Broken(Mapping[str, int]):
    """A mapping whose every method raises."""

    def __getitem__(self, key: str) -> int:
        raise RuntimeError("no")

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError("no")

    def __len__(self) -> int:
        raise RuntimeError("no")

    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__
    __hash__ = object.__hash__


class BrokenError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no")


class BrokenList(list[int]):
    def __iter__(self) -> Iterator[int]:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    "value",
    [Broken(), BrokenError(), BrokenList([1]), {Broken(): 1}, 10**5_000, [Broken()]],
    ids=["mapping", "error", "list", "key", "integer", "inside"],
)
@pytest.mark.parametrize("beside", ["text", "half of a pair: \ud83d", 2**80])
def test_dumps_writes_values_that_raise_and_keeps_those_beside_them(value: Any, beside: Any) -> None:
    parsed = loads(dumps({"value": value, "beside": beside}))
    assert set(parsed) == {"value", "beside"}
    assert parsed["beside"] in (beside, float(2**80))
    assert dumps(value)


def test_dumps_stops_at_a_cycle() -> None:
    ring: list[Any] = ["half of a pair: \ud83d"]
    ring += [ring, {"again": ring}]
    parsed = loads(dumps(ring))
    assert (parsed[1]["type"], parsed[2]["again"]["type"]) == ("list", "list")


@pytest.mark.parametrize(
    "value", [None, 1, "a", [1, {"a": 2.5}], {"half": "\ud83d"}, {"large": 10**30}, {"\ude00": ["\ude00"]}]
)
def test_indented_and_sendable_can_be_encoded(value: Any) -> None:
    assert json.loads(indented(value)) == value
    json.dumps(to_utf8_safe(value), ensure_ascii=False).encode()
    assert json.loads(dumps_utf8_safe(value)) == to_utf8_safe(value)
    indented(value).encode()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": [1, "b", None, True, 0.5]}, True),
        ({1: "a"}, False),
        ([float("nan")], False),
        ({"a": (1,)}, False),
        ([Point(x=1)], False),
        ({"a": type("Text", (str,), {})("b")}, False),
    ],
)
def test_is_plain_accepts_only_the_types_of_json(value: Any, expected: bool) -> None:
    assert is_plain(value) is expected
    assert is_plain(to_jsonable(value))


def test_dumps_bounds_nesting() -> None:
    deep: Any = "bottom"
    for _ in range(10_000):
        deep = [deep]
    text = dumps(deep).decode()
    assert text.count("[") <= MAX_DEPTH + MAX_REPR
    json.loads(text)
