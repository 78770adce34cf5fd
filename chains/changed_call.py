"""A recorded call of a chat model, made again with messages and parameters of one's own."""

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.runnables import Runnable

from weir.llm.chain_registry import ModelNotReadyError, PreparedRun
from weir.llm.provider import ModelOptions, ModelProvider

MAX_CHARS = 4_000_000
"""Characters of all texts that are sent: as many as a conversation of 200 messages may have."""

_CLASSES: dict[str, type[BaseMessage]] = {
    "human": HumanMessage,
    "ai": AIMessage,
    "system": SystemMessage,
    "tool": ToolMessage,
    "function": FunctionMessage,
    "chat": ChatMessage,
}
_TEXT_ROLES = ("human", "ai", "system", "chat")
_FIELDS = (
    *("content", "name", "role", "additional_kwargs"),
    *("tool_calls", "invalid_tool_calls", "tool_call_id", "status"),
)
"""Fields of a recorded message that say what is sent; the others are notes of how it came about."""


class UnusableMessagesError(ValueError):
    """The messages cannot be sent to a model. Its text is a sentence for people."""


def role_of(message: Mapping[str, Any]) -> str:
    """Return the role of a recorded message: human, ai, system, tool, function, chat, or another word in the record."""
    return str(message["type"]).removesuffix("MessageChunk").lower()


def is_editable(message: Mapping[str, Any]) -> bool:
    """Whether a recorded message is text alone. Tool calls, their results and content blocks are sent as they are."""
    more = message.get("additional_kwargs") or {}
    calls = [message.get("tool_calls"), message.get("invalid_tool_calls"), more.get("tool_calls")]
    has_calls = any(calls) or bool(more.get("function_call"))
    return role_of(message) in _TEXT_ROLES and isinstance(message.get("content"), str) and not has_calls


def as_message(message: Mapping[str, Any]) -> BaseMessage:
    """Return the message of a recorded one. Raises UnusableMessagesError."""
    class_ = _CLASSES.get(role_of(message))
    if class_ is None:
        raise UnusableMessagesError("One of the messages has a role that cannot be sent to a model.")
    fields = {name: message[name] for name in _FIELDS if name in message and name in class_.model_fields}
    try:
        return class_(**fields)
    except (ValueError, LookupError, TypeError, AttributeError) as error:  # by the kind of what is missing
        sentence = f"A message of the role {role_of(message)} is not recorded whole, so that it cannot be sent."
        raise UnusableMessagesError(sentence) from error


def prepare_changed_call(
    models: ModelProvider,
    messages: Sequence[Mapping[str, Any]],
    options: ModelOptions,
    *,
    stop: Sequence[str] = (),
) -> PreparedRun:
    """Return the model that answers, with these parameters, and the recorded messages that it is asked with.

    Raises ModelNotReadyError or UnusableMessagesError.
    """
    if not messages:
        raise UnusableMessagesError("No message is left to send.")
    if sum(len(str(message.get("content"))) for message in messages) > MAX_CHARS:
        raise UnusableMessagesError(f"The messages have more than {MAX_CHARS:,} characters.")
    given = [as_message(message) for message in messages]
    model = models.create_model(options)
    if model is None:
        raise ModelNotReadyError
    runnable: Runnable[Any, Any] = model.bind(stop=list(stop)) if stop else model
    return PreparedRun(runnable, given)
