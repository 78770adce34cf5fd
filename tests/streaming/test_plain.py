import dataclasses
import json
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.documents import Document
from langchain_core.messages import AIMessageChunk, HumanMessage
from langchain_core.prompts import ChatPromptTemplate
from pydantic import BaseModel

from streaming.plain import MAX_DEPTH, MAX_REPR, dumps, loads

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


@given(JSON_VALUES)
def test_json_values_come_back_as_they_went(value: Any) -> None:
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
def test_what_runnables_emit_becomes_plain_json(value: Any, expected: Any) -> None:
    assert loads(dumps(value)) == expected


def test_a_uuid_is_its_text() -> None:
    value = uuid.uuid4()
    assert loads(dumps(value)) == str(value)


def test_a_prompt_value_is_its_messages() -> None:
    prompt = ChatPromptTemplate.from_messages([("system", "be kind"), ("human", "{q}")]).invoke({"q": "why?"})
    messages = loads(dumps(prompt))["messages"]
    assert [(message["type"], message["content"]) for message in messages] == [("system", "be kind"), ("human", "why?")]


def test_what_has_no_json_form_is_its_type_and_a_bounded_repr() -> None:
    shown = loads(dumps({"model": object(), "long": type("Long", (), {"__repr__": lambda _: "x" * 10_000})()}))
    assert shown["model"]["type"] == "object"
    assert len(shown["long"]["repr"]) == MAX_REPR


def test_nesting_ends_at_a_bound() -> None:
    deep: Any = "bottom"
    for _ in range(10_000):
        deep = [deep]
    text = dumps(deep).decode()
    assert text.count("[") <= MAX_DEPTH + MAX_REPR
    json.loads(text)
