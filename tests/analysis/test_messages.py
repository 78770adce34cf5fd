"""Recognition of recorded messages, and their text."""

from typing import Any

import pytest
from langchain_core import messages
from langchain_core.messages import BaseMessage
from langchain_core.outputs import GenerationChunk

from weir.analysis.messages import MESSAGE_TYPES, is_message, text_of
from weir.core import serialization

REQUIRED: dict[str, Any] = {"tool_call_id": "1", "name": "look_up", "role": "critic", "id": "2"}


def classes() -> list[type[BaseMessage]]:
    """Return all message classes of LangChain."""
    exported = [getattr(messages, name) for name in messages.__all__]
    message_classes = [kind for kind in exported if isinstance(kind, type) and issubclass(kind, BaseMessage)]
    return [kind for kind in message_classes if kind.model_fields["type"].default in MESSAGE_TYPES]


def create_message(kind: type[BaseMessage], content: Any) -> BaseMessage:
    fields = {name: value for name, value in REQUIRED.items() if name in kind.model_fields}
    return kind(**fields) if kind is messages.RemoveMessage else kind(content=content, **fields)


def test_message_types_are_those_of_langchain() -> None:
    types = {kind.model_fields["type"].default for kind in classes()}
    assert types == MESSAGE_TYPES
    assert len(classes()) == len(MESSAGE_TYPES)


@pytest.mark.parametrize("kind", classes(), ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("content", ["A weir.", ["A ", {"type": "text", "text": "weir."}]])
def test_a_recorded_message_is_recognized(kind: type[BaseMessage], content: Any) -> None:
    message = create_message(kind, content)
    message.additional_kwargs = {"refusal": "no"}
    message.response_metadata = {"finish_reason": "stop"}
    recorded = serialization.loads(serialization.dumps(message))
    assert is_message(recorded)
    assert text_of(recorded) == ("" if kind is messages.RemoveMessage else "A weir.")


@pytest.mark.parametrize(
    "value",
    [
        {"content": "text"},
        {"content": [1, 2]},
        {"content": None},
        {"type": "article", "content": "text"},
        {"type": None, "content": "text"},
        {"type": ["ai"], "content": "text"},
        {"type": "ai"},
        {"type": "ai", "content": None},
        {"type": "ai", "content": [1, 2]},
        {"type": "tool", "content": "text", "tool_calls": 3},
        {"type": "system", "content": "text", "response_metadata": "none"},
        serialization.loads(serialization.dumps(GenerationChunk(text="text"))),
        [],
        7,
        None,
    ],
)
def test_another_value_is_not_a_message_and_has_no_text(value: Any) -> None:
    assert not is_message(value)
    assert text_of(value) == ""


def test_blocks_without_text_are_skipped() -> None:
    blocks = [{"type": "image"}, {"text": 3}, {"text": None}, {"type": "text", "text": "weir"}]
    assert text_of({"type": "AIMessageChunk", "content": blocks}) == "weir"
