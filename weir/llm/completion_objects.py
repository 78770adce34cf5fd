"""Normalises the JSON objects of chat completions to the form that LangChain and the openai client expect.

Both assume that each field has its documented type, and fail in many places if it has not. Fields that Weir can do
without are removed: choices other than the first, counts that are no numbers, a second finish reason. For a field that
the answer needs MalformedAnswerError is raised.
"""

import json
from dataclasses import dataclass
from typing import Any

from weir.llm.invalid_answers import EndedInErrorError, MalformedAnswerError, ReportedError

MAX_TOKENS = 10**12
"""Largest count of tokens: a larger number is ignored."""

_COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")
_DETAILS = ("prompt_tokens_details", "completion_tokens_details")
_TYPES = {"id": str, "object": str, "created": int, "model": str, "system_fingerprint": str, "service_tier": str}


@dataclass(slots=True)
class Completion:
    """Normalises one answer: `read` is called with each object of its body, once and in order."""

    is_stream: bool
    _has_ended: bool = False
    """Whether a finish reason has been read."""
    _counted: dict[str, int] | None = None
    """The newest usage."""

    def read(self, data: dict[str, Any]) -> dict[str, Any]:
        """Normalise an object in place and return it. Raises AnswerError."""
        if error := data.get("error"):
            raise ReportedError(_excerpt(error))
        for name, kind in _TYPES.items():
            if name in data and not isinstance(data[name], kind):
                del data[name]
        if self.is_stream:
            # The openai client drops a chunk of another name where it was given a response format.
            data["object"] = "chat.completion.chunk"
        data["usage"] = self._usage(data.get("usage"))
        data["choices"] = [self._choice(choice) for choice in _first(data.get("choices"))]
        return data

    def _choice(self, choice: dict[str, Any]) -> dict[str, Any]:
        if error := choice.get("error"):
            raise ReportedError(_excerpt(error))
        choice["index"] = 0
        choice["finish_reason"] = self._finish_reason(choice.get("finish_reason"))
        choice["logprobs"] = None
        # A server that does not support streaming sends a whole message as the only part of the stream.
        given = choice.pop("delta", None) or choice.pop("message", None) or {}
        if self.is_stream:
            choice["delta"] = _message(given)
        else:
            choice["message"] = {"content": None} | _message(given) | {"role": "assistant"}
        return choice

    def _finish_reason(self, reason: Any) -> Any:
        if reason == "error":
            raise EndedInErrorError("finish_reason: error")
        if not reason or self._has_ended:
            return None
        self._has_ended = True
        # A finish reason that is no text ends the answer too.
        return _without_surrogates(reason) if isinstance(reason, str) else [_excerpt(reason)]

    def _usage(self, usage: Any) -> dict[str, Any] | None:
        """Return the tokens that a usage adds to the one before; None if it has no counts.

        Some servers send the tokens so far with each chunk, and LangChain sums the usage of all chunks.
        """
        if not isinstance(usage, dict):
            return None
        read, written = (_count(usage.get(name)) for name in _COUNTS[:2])
        if read is None or written is None:
            return None
        total = _count(usage.get("total_tokens"))
        counts = dict(zip(_COUNTS, (read, written, read + written if total is None else total), strict=True))
        before, self._counted = self._counted, counts
        if before:
            return {name: counts[name] - before[name] for name in _COUNTS}
        return counts | {name: _details(usage.get(name)) for name in _DETAILS}


def _first(choices: Any) -> list[dict[str, Any]]:
    """Return a list of the first choice only; empty if it is not among these."""
    if choices is None:
        return []
    if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
        raise MalformedAnswerError(f"choices: {_excerpt(choices)}")
    # A server with one choice may leave its index out.
    return [choice for choice in choices if choice.get("index") in (0, None)][:1]


def _message(given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise MalformedAnswerError(f"message: {_excerpt(given)}")
    made: dict[str, Any] = {}
    if "role" in given:
        # The openai client concatenates the roles of chunks, and LangChain makes a HumanMessage of "user".
        made["role"] = "assistant"
    if "content" in given:
        made["content"] = _text(given["content"], "content")
    if refusal := _text(given.get("refusal"), "refusal"):
        made["refusal"] = refusal
    reasoning = given.get("reasoning_content") or given.get("reasoning")
    if isinstance(reasoning, str) and reasoning:
        made["reasoning_content"] = _without_surrogates(reasoning)
    if calls := given.get("tool_calls"):
        if not isinstance(calls, list):
            raise MalformedAnswerError(f"tool_calls: {_excerpt(calls)}")
        made["tool_calls"] = [_tool_call(call, place) for place, call in enumerate(calls)]
    if call := given.get("function_call"):
        made["function_call"] = _function(call)
    return made


def _text(value: Any, name: str) -> str | None:
    """Return text, or the joined text of a list of parts."""
    if isinstance(value, list) and all(isinstance(part, dict) for part in value):
        value = "".join(part["text"] for part in value if isinstance(part.get("text"), str))
    if value is None or isinstance(value, str):
        return value and _without_surrogates(value)
    raise MalformedAnswerError(f"{name}: {_excerpt(value)}")


def _without_surrogates(text: str) -> str:
    """Return text that UTF-8 can encode: JSON can contain lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _tool_call(call: Any, place: int) -> dict[str, Any]:
    if not isinstance(call, dict):
        raise MalformedAnswerError(f"tool_calls: {_excerpt(call)}")
    index = call.get("index")
    return {
        "index": index if isinstance(index, int) and 0 <= index < MAX_TOKENS else place,
        "id": _text(call.get("id"), "tool_calls.id"),
        "type": "function",
        "function": _function(call.get("function")),
    }


def _function(given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise MalformedAnswerError(f"function: {_excerpt(given)}")
    arguments = given.get("arguments")
    if isinstance(arguments, dict):
        # OpenAI sends a string here; some servers send the object.
        arguments = json.dumps(arguments)
    return {"name": _text(given.get("name"), "function.name"), "arguments": _text(arguments, "function.arguments")}


def _count(value: Any) -> int | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 <= value <= MAX_TOKENS else None


def _details(value: Any) -> dict[str, int]:
    if not isinstance(value, dict):
        return {}
    counted = {name: _count(count) for name, count in value.items()}
    return {name: count for name, count in counted.items() if count is not None}


def _excerpt(value: Any) -> str:
    """Return the value as text for people: its `message`, or its beginning."""
    message = value.get("message") if isinstance(value, dict) else None
    return _without_surrogates(message if isinstance(message, str) and message else repr(value))[:300]
