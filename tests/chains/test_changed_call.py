from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from chains.changed_call import (
    MAX_CHARS,
    UnusableMessagesError,
    as_message,
    is_editable,
    prepare_changed_call,
    role_of,
)
from tests.support.fake_openai import FakeOpenAI
from weir.config.settings import Settings
from weir.core import serialization
from weir.llm.chain_registry import ModelNotReadyError
from weir.llm.provider import ModelOptions, ModelProvider

CALL = {"name": "measure", "args": {"what": "rain"}, "id": "call-1", "type": "tool_call"}
TOOL_TURN: list[Any] = [
    HumanMessage("How much rain?"),
    AIMessage("", tool_calls=[CALL]),
    ToolMessage("3 mm", tool_call_id="call-1", name="measure"),
]


def recorded(message: Any) -> dict[str, Any]:
    value: dict[str, Any] = serialization.loads(serialization.dumps(message))
    return value


@pytest.fixture
def models(openai_server: FakeOpenAI) -> ModelProvider:
    return ModelProvider(Settings(openai_base_url=openai_server.url, openai_api_key="none", openai_model="fake"))


def test_recorded_messages_become_the_messages_that_they_were() -> None:
    for message in TOOL_TURN:
        assert as_message(recorded(message)) == message


def test_text_alone_is_editable() -> None:
    assert [is_editable(recorded(message)) for message in TOOL_TURN] == [True, False, False]
    assert is_editable({"type": "AIMessageChunk", "content": "Hello"})
    assert not is_editable({"type": "human", "content": [{"type": "text", "text": "Hello"}]})
    assert role_of({"type": "AIMessageChunk"}) == "ai"


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [{"type": "remove", "content": ""}],
        [{"type": "tool", "content": "3 mm"}],
        [{"type": "ai", "content": "", "tool_calls": [{"no": "call"}]}],
        [{"type": "human", "content": "a" * (MAX_CHARS + 1)}],
    ],
)
def test_messages_that_cannot_be_sent_are_refused_with_a_sentence(
    models: ModelProvider, messages: list[dict[str, Any]]
) -> None:
    with pytest.raises(UnusableMessagesError, match=r"\.$"):
        prepare_changed_call(models, messages, ModelOptions())


async def test_the_model_is_asked_with_all_messages_and_parameters(
    models: ModelProvider, openai_server: FakeOpenAI
) -> None:
    options = ModelOptions(model="other", temperature=0.5, max_tokens=9, seed=7)
    prepared = prepare_changed_call(models, list(map(recorded, TOOL_TURN)), options, stop=["\n\n"])
    assert "".join([chunk.text async for chunk in prepared.runnable.astream(prepared.inputs)]) == "Once upon a time."
    body = openai_server.answers[-1].body
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "tool"]
    assert body["messages"][1]["tool_calls"][0]["function"]["name"] == "measure"
    assert body["messages"][2]["tool_call_id"] == "call-1"
    sent = {name: body[name] for name in ("model", "temperature", "max_completion_tokens", "seed", "stop")}
    assert sent == {"model": "other", "temperature": 0.5, "max_completion_tokens": 9, "seed": 7, "stop": ["\n\n"]}
    await models.aclose()


def test_without_a_ready_model_nothing_is_prepared(models: ModelProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "endpoint", lambda: None)
    with pytest.raises(ModelNotReadyError):
        prepare_changed_call(models, [{"type": "human", "content": "Hello"}], ModelOptions())
