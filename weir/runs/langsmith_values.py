"""Values of LangSmith's wire as Weir records them: messages, inputs, outputs and errors."""

import re
from typing import Any

from weir.core import serialization

MAX_EVENT = 120_000
"""Bytes of the data of one event. Of a larger one the long texts are cut, as the tail does."""

MAX_TEXT = 2_000
MAX_DETAIL = 10_000

_TYPES = {
    f"{name}Message{suffix}": f"{name}Message{suffix}" if suffix else name.lower()
    for name in ("Human", "AI", "System", "Tool", "Function", "Chat")
    for suffix in ("", "Chunk")
}
"""`type` of a recorded message, by the name of its class."""

_TRACEBACK = "Traceback (most recent call last)"
_REPR = re.compile(r"([A-Za-z_][\w.]*)\((.*?),?\)", re.DOTALL)
_STACK = re.compile(r"([A-Za-z_$][\w.$]*)(?:: |\n)")


def plain(value: Any) -> Any:
    """Return a value with the messages and documents in it as Weir records them, not as LangChain serializes them.

    Raises ValueError for one that is nested more deeply than a line of a recording.
    """
    serialization.check_depth([value])
    return _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("lc") == 1 and isinstance(value.get("kwargs"), dict):
        path = value.get("id")
        name = path[-1] if isinstance(path, list) and path and isinstance(path[-1], str) else ""
        fields = {key: _plain(item) for key, item in value["kwargs"].items()}
        if kind := _TYPES.get(name):
            return (
                {"type": kind}
                | {key: item for key, item in fields.items() if item or key == "content"}
                | {"type": kind}
            )
        return fields
    return {key: _plain(item) for key, item in value.items()}


def data_of(fields: dict[str, Any]) -> bytes:
    """Return the data of an event as JSON of a bounded size and depth."""
    try:
        value = plain(fields)
    except ValueError:
        return b'{"omitted":{"nested":"too deeply"}}'
    data = serialization.dumps(value)
    if len(data) > MAX_EVENT:
        size, data = len(data), serialization.dumps(_shortened(value))
        if len(data) > MAX_EVENT:
            data = serialization.dumps({"omitted": {"bytes": size}})
    return data


def _shortened(value: Any) -> Any:
    if isinstance(value, str):
        more = len(value) - MAX_TEXT
        return value if more <= 0 else f"{value[:MAX_TEXT]}… ({more:,} characters more)"
    if isinstance(value, dict):
        return {key: _shortened(item) for key, item in value.items()}
    return [_shortened(item) for item in value] if isinstance(value, list) else value


def is_known(inputs: Any) -> bool:
    """Whether an input is there: LangChain gives `{"input": ""}` for one that is streamed in and not known yet."""
    return bool(inputs) and inputs != {"input": ""}


def unwrapped(value: Any, *names: str) -> Any:
    """Return what a client has put under one of these names because it was no object."""
    return next((value[name] for name in names if isinstance(value, dict) and list(value) == [name]), value)


def is_chat(inputs: Any, metadata: dict[str, Any]) -> bool:
    """Whether a model takes messages."""
    return metadata.get("ls_model_type") == "chat" or (isinstance(inputs, dict) and "messages" in inputs)


def model_output(outputs: Any, metadata: dict[str, Any]) -> Any:
    """Return the message that a chat model has answered with, with its usage, from LangChain's or OpenAI's form."""
    try:
        outputs = plain(outputs)
    except ValueError:
        return outputs
    message = _first_message(outputs) if isinstance(outputs, dict) else None
    if not isinstance(message, dict):
        return outputs
    usage = outputs.get("usage_metadata") or metadata.get("usage_metadata")
    if message.get("usage_metadata") or not isinstance(usage, dict):
        return message
    return {**message, "usage_metadata": usage}


def _first_message(outputs: dict[str, Any]) -> Any:
    generations = outputs.get("generations")
    while isinstance(generations, list) and generations:
        generations = generations[0]
    if isinstance(generations, dict) and generations.get("message"):
        return generations["message"]
    choices = outputs.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else outputs
    found = choice.get("message", choice) if isinstance(choice, dict) else None
    if not isinstance(found, dict) or not isinstance(found.get("content"), str):
        return None
    reason = choice.get("finish_reason")
    about = {"response_metadata": {"finish_reason": reason}} if isinstance(reason, str) else {}
    return {"type": "ai", "content": found["content"], **about}


def error_of(text: str) -> dict[str, str]:
    """Return an error's class and message. Python sends its `repr`, JavaScript its message, then both the stack."""
    first, _, rest = text.partition("\n\n")
    if match := _REPR.fullmatch(first.partition(_TRACEBACK)[0].strip()):
        message = match[2]
        if len(message) > 1 and message[0] == message[-1] and message[0] in "'\"":
            message = message[1:-1]
        return {"type": match[1][:200], "message": message[:MAX_DETAIL]}
    match = _STACK.match(rest)
    return {"type": match[1][:200] if match else "Error", "message": first[:MAX_DETAIL]}
