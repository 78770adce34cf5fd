"""Chunks of chat completions, as OpenAI's API has them, made of recorded message chunks."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from weir.llm.replay_model import ReplayCall

_KINDS = {"stop_sequence": "stop", "end_turn": "stop", "max_tokens": "length", "tool_use": "tool_calls"}
"""Finish reasons of other providers, as OpenAI names them."""

_USAGE_DETAILS = (
    ("input_token_details", "cache_read", "prompt_tokens_details", "cached_tokens"),
    ("output_token_details", "reasoning", "completion_tokens_details", "reasoning_tokens"),
)
"""Details of a usage: LangChain's field and key, and those of OpenAI."""


@dataclass(frozen=True, slots=True)
class SentChunk:
    """A chunk as OpenAI's API has it."""

    seconds: float
    delta: dict[str, Any] | None
    """None: the chunk has the usage alone."""
    finish_reason: str | None = None
    usage: dict[str, Any] | None = None


def sent_chunks(call: ReplayCall) -> Iterator[SentChunk]:
    """Yield the chunks of a call as OpenAI's API has them. Usage comes once, in a chunk of its own."""
    usage_sent: dict[str, Any] | None = None
    for number, (seconds, fields) in enumerate(call.chunks):
        usage = openai_usage(fields.get("usage_metadata"))
        delta = delta_of(fields)
        finish_reason = openai_finish_reason(fields.get("response_metadata"))
        if number == 0:
            delta = {"role": "assistant", "content": "", **delta}
        if delta.get("content") or len(delta) > 1 or finish_reason or usage is None:
            yield SentChunk(seconds, delta, finish_reason)
        if usage is not None and usage != usage_sent:
            usage_sent = usage
            yield SentChunk(seconds, None, usage=usage)


def delta_of(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the delta of a message's fields."""
    content = fields.get("content")
    if isinstance(content, list):
        blocks = (block if isinstance(block, str) else block.get("text") for block in content)
        content = "".join(text for text in blocks if isinstance(text, str))
    delta: dict[str, Any] = {"content": content if isinstance(content, str) else ""}
    more = fields.get("additional_kwargs")
    for name in ("refusal", "reasoning_content"):
        if isinstance(more, dict) and more.get(name):
            delta[name] = more[name]
    parts = [part for part in fields.get("tool_call_chunks") or () if isinstance(part, dict)]
    tools = [_tool_delta(part) for part in parts]
    # A message that was not streamed has whole calls only.
    tools = tools or [_whole_tool(index, call) for index, call in enumerate(fields.get("tool_calls") or ())]
    if tools:
        delta["tool_calls"] = tools
    return delta


def _tool_delta(part: dict[str, Any]) -> dict[str, Any]:
    function = {key: part[field] for key, field in (("name", "name"), ("arguments", "args")) if part.get(field)}
    head = {"id": part["id"], "type": "function"} if part.get("id") else {}
    return {"index": part.get("index") or 0, **head, "function": function}


def _whole_tool(index: int, call: dict[str, Any]) -> dict[str, Any]:
    return _tool_delta({**call, "index": index, "args": json.dumps(call.get("args") or {})})


def merged_tool_calls(deltas: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return whole tool calls of the parts that a stream has."""
    calls: dict[int, dict[str, Any]] = {}
    for part in (part for delta in deltas for part in delta.get("tool_calls", ())):
        call = calls.setdefault(
            part["index"], {"id": "", "type": "function", "function": {"name": "", "arguments": ""}}
        )
        call["id"] += part.get("id", "")
        for name, text in part["function"].items():
            call["function"][name] += text
    return list(calls.values())


def openai_finish_reason(metadata: Any) -> str | None:
    """Return the finish reason of a message's `response_metadata`, as OpenAI names it; None if it has none."""
    if not isinstance(metadata, dict):
        return None
    keys = ("finish_reason", "stop_reason", "done_reason")
    reason = next((metadata[key] for key in keys if isinstance(metadata.get(key), str)), None)
    return None if reason is None else _KINDS.get(reason, reason)


def openai_usage(metadata: Any) -> dict[str, Any] | None:
    """Return the usage of a message's `usage_metadata`, as OpenAI names it; None if it has none."""
    if not isinstance(metadata, dict):
        return None
    names = {"input_tokens": "prompt_tokens", "output_tokens": "completion_tokens", "total_tokens": "total_tokens"}
    usage: dict[str, Any] = {name: metadata.get(field) or 0 for field, name in names.items()}
    for field, key, name, detail in _USAGE_DETAILS:
        details = metadata.get(field)
        if isinstance(details, dict) and isinstance(details.get(key), int):
            usage[name] = {detail: details[key]}
    return usage
