"""Recorded messages: which dict is one, and its text.

A record has LangChain's messages as plain JSON (`plain.dumps`), beside whatever else a chain yields: a schema of one's
own may well have a field `content`.
"""

from typing import Any

MESSAGE_TYPES = frozenset(
    {
        *("human", "ai", "system", "tool", "function", "chat", "remove"),
        *("HumanMessageChunk", "AIMessageChunk", "SystemMessageChunk", "ToolMessageChunk"),
        *("FunctionMessageChunk", "ChatMessageChunk"),
    }
)
"""The `type` of LangChain's messages and of their chunks (`langchain_core.messages`)."""

_FIELDS: dict[str, type] = {
    "additional_kwargs": dict,
    "response_metadata": dict,
    "tool_calls": list,
    "invalid_tool_calls": list,
    "tool_call_chunks": list,
}
"""Fields of messages, with what they hold where they are there: empty ones are not recorded."""


def is_message(value: Any) -> bool:
    """Whether a recorded value is what `plain.dumps` makes of a LangChain message.

    It has the type of a message, a content of text or of content blocks, and no field of a message that holds
    something else.
    """
    if not isinstance(value, dict):
        return False
    kind = value.get("type")
    if not isinstance(kind, str) or kind not in MESSAGE_TYPES or not _is_content(value.get("content")):
        return False
    return all(isinstance(value[name], held) for name, held in _FIELDS.items() if name in value)


def _is_content(content: Any) -> bool:
    if isinstance(content, list):
        return all(isinstance(block, str | dict) for block in content)
    return isinstance(content, str)


def text_of(value: Any) -> str:
    """Return the text of a recorded chunk or output: a string itself, of a message its content; else ""."""
    if isinstance(value, str):
        return value
    if not is_message(value):
        return ""
    content = value["content"]
    if isinstance(content, str):
        return content
    parts = (block if isinstance(block, str) else block.get("text") for block in content)
    return "".join(part for part in parts if isinstance(part, str))
