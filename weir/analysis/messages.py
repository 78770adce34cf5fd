"""Recorded messages: recognizes a LangChain message in recorded JSON and reads its text.

Events hold LangChain's messages as JSON (`serialization.dumps`), next to any other output of a chain. A user's own
schema may also have a field `content`, so that the type and the other fields are checked too.
"""

from typing import Any

MESSAGE_TYPES = frozenset(
    {
        *("human", "ai", "system", "tool", "function", "chat", "remove"),
        *("HumanMessageChunk", "AIMessageChunk", "SystemMessageChunk", "ToolMessageChunk"),
        *("FunctionMessageChunk", "ChatMessageChunk"),
    }
)
"""Values of `type` of LangChain's messages and message chunks (`langchain_core.messages`)."""

_FIELDS: dict[str, type] = {
    "additional_kwargs": dict,
    "response_metadata": dict,
    "tool_calls": list,
    "invalid_tool_calls": list,
    "tool_call_chunks": list,
}
"""Fields of messages and their types. Empty fields are not recorded."""


def is_message(value: Any) -> bool:
    """Whether a recorded value is a LangChain message.

    It has a message's `type`, a `content` of text or content blocks, and no message field of another type.
    """
    if not isinstance(value, dict):
        return False
    kind = value.get("type")
    if not isinstance(kind, str) or kind not in MESSAGE_TYPES or not _is_content(value.get("content")):
        return False
    # Not over `_FIELDS`: this is asked twice for each chunk, and a chunk has three fields.
    return all(isinstance(value[name], _FIELDS[name]) for name in value if name in _FIELDS)


def _is_content(content: Any) -> bool:
    if isinstance(content, list):
        return all(isinstance(block, str | dict) for block in content)
    return isinstance(content, str)


def reasoning_of(value: Any) -> str:
    """Return the reasoning of a recorded chunk or message: what the model thinks before it answers; else ""."""
    if not is_message(value):
        return ""
    more = value.get("additional_kwargs") or {}
    reasoning = more.get("reasoning_content")
    if isinstance(reasoning, str) and reasoning:
        return reasoning
    content = value["content"]
    if isinstance(content, str):
        return ""
    blocks = (block for block in content if isinstance(block, dict) and block.get("type") in ("reasoning", "thinking"))
    parts = (block.get("reasoning") or block.get("thinking") for block in blocks)
    return "".join(part for part in parts if isinstance(part, str))


def writes_tool_call(value: Any) -> bool:
    """Whether a recorded chunk is a part of a tool call: its name, or a piece of its arguments."""
    if not is_message(value):
        return False
    pieces = value.get("tool_call_chunks") or ()
    return any(isinstance(piece, dict) and (piece.get("name") or piece.get("args")) for piece in pieces)


def text_of(value: Any) -> str:
    """Return the text of a recorded chunk or output: a string, or a message's content; else ""."""
    if isinstance(value, str):
        return value
    if not is_message(value):
        return ""
    content = value["content"]
    if isinstance(content, str):
        return content
    parts = (block if isinstance(block, str) else block.get("text") for block in content)
    return "".join(part for part in parts if isinstance(part, str))
