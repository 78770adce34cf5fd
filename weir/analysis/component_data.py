"""Data of one component of a run, as a person reads it: what it was given and gave. A function of events."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from weir.analysis.messages import is_message
from weir.analysis.run_tree import RunNode
from weir.core.run_event import RunEvent

_PARAMETERS = {
    "ls_provider": "provider",
    "ls_model_name": "model",
    "ls_temperature": "temperature",
    "ls_max_tokens": "max_tokens",
    "ls_stop": "stop",
}
"""LangChain's notes of a model's parameters in its metadata, and what they are called here."""

_ROLES = {"human": "human", "user": "human", "ai": "ai", "assistant": "ai", "system": "system", "developer": "system"}
"""Words for the role of a message that LangChain takes, and its own for them."""


@dataclass(frozen=True, slots=True)
class ComponentData:
    """What a component was given and gave."""

    messages: tuple[dict[str, Any], ...]
    """The messages that it was given, if it was given messages."""
    input: Any
    """What it was given otherwise; None if the record has nothing of it yet."""
    answer: dict[str, Any] | None
    """The message that it gave, if it gave one."""
    output: Any
    """What it gave otherwise; the text so far of one that has not ended."""
    parameters: dict[str, Any]
    """Parameters of a model."""
    documents: tuple[dict[str, Any], ...]
    """The documents that it gave."""


def component_data(node: RunNode, events: Sequence[RunEvent]) -> ComponentData:
    """Return a component's data, by the events so far."""
    start = events[node.seq]
    end = events[node.end_seq] if node.end_seq is not None and node.end_seq < len(events) else None
    given = start.get("input")
    if given in (None, "", {}) and end is not None:
        # A step that takes its input as a stream has it whole at its end.
        given = end.get("input")
    messages = messages_of(given)
    output = end.get("output") if end is not None else node.text or None
    answer: dict[str, Any] | None = output if isinstance(output, dict) and is_message(output) else None
    metadata = start.component.metadata
    return ComponentData(
        messages=messages,
        input=None if messages else given,
        answer=answer,
        output=None if answer else output,
        parameters={label: metadata[key] for key, label in _PARAMETERS.items() if metadata.get(key) is not None},
        documents=_documents(output),
    )


def messages_of(value: Any) -> tuple[dict[str, Any], ...]:
    """Return the messages of a recorded value: a list of them, a prompt's value or a state; none of any other value.

    Messages that are written as a role and a text, as LangChain takes them, are returned as messages too.
    """
    listed = value.get("messages") if isinstance(value, dict) and not is_message(value) else value
    if not isinstance(listed, list):
        return ()
    found = _messages(listed)
    # A model is asked with a batch of lists.
    return found or (_messages(listed[0]) if len(listed) == 1 and isinstance(listed[0], list) else ())


def _messages(listed: list[Any]) -> tuple[dict[str, Any], ...]:
    messages = [_message(one) for one in listed]
    return tuple(one for one in messages if one) if all(messages) else ()


def _message(value: Any) -> dict[str, Any] | None:
    if is_message(value):
        message: dict[str, Any] = value
        return message
    if isinstance(value, dict):
        role, content = value.get("role"), value.get("content")
    elif isinstance(value, list) and len(value) == 2:
        role, content = value
    else:
        return None
    kind = _ROLES.get(role) if isinstance(role, str) else None
    return {"type": kind, "content": content} if kind and isinstance(content, str) else None


def _documents(value: Any) -> tuple[dict[str, Any], ...]:
    listed = value.get("documents") if isinstance(value, dict) else value
    if not isinstance(listed, list) or not listed:
        return ()
    return (
        tuple(listed)
        if all(isinstance(one, dict) and isinstance(one.get("page_content"), str) for one in listed)
        else ()
    )
