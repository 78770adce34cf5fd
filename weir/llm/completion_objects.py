"""The JSON objects of chat completions, whole or in chunks, in the form that LangChain and the openai client expect.

Both take an object's parts for what they should be, and fail in many places where they are not. What Weir can do
without is left out: other choices than the first, counts that are no numbers, a second finish reason. What the answer
cannot do without raises MalformedAnswerError.
"""

import json
from dataclasses import dataclass
from typing import Any

from weir.llm.answer_errors import EndedInErrorError, MalformedAnswerError, ReportedError

MAX_TOKENS = 10**12
"""Tokens that a count may be: more is no count."""

_COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")
_DETAILS = ("prompt_tokens_details", "completion_tokens_details")
_TYPES = {"id": str, "object": str, "created": int, "model": str, "system_fingerprint": str, "service_tier": str}


@dataclass(slots=True)
class Completion:
    """One answer in the making. It is given each object of the answer's body, once and in their order."""

    is_stream: bool
    _has_ended: bool = False
    """Whether a finish reason has come."""
    _counted: dict[str, int] | None = None
    """The newest usage."""

    def read(self, data: dict[str, Any]) -> dict[str, Any]:
        """Bring an object into its form, in place, and return it. Raises AnswerError."""
        if reported := data.get("error"):
            raise ReportedError(_words(reported))
        for name, kind in _TYPES.items():
            if name in data and not isinstance(data[name], kind):
                del data[name]
        data["usage"] = self._usage(data.get("usage"))
        data["choices"] = [self._choice(choice) for choice in _first(data.get("choices"))]
        return data

    def _choice(self, choice: dict[str, Any]) -> dict[str, Any]:
        if reported := choice.get("error"):
            raise ReportedError(_words(reported))
        choice["index"] = 0
        choice["finish_reason"] = self._finish_reason(choice.get("finish_reason"))
        choice["logprobs"] = None
        # A whole message in a stream is the only part of an answer that its server did not stream.
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
        # One that is no text is an end all the same.
        return _without_surrogates(reason) if isinstance(reason, str) else [_words(reason)]

    def _usage(self, usage: Any) -> dict[str, Any] | None:
        """Return the tokens that are new in a usage; None where it is none.

        Some servers send the tokens so far with each chunk. LangChain adds up what it is given.
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
    """Return the first choice, if it is among these."""
    if choices is None:
        return []
    if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
        raise MalformedAnswerError(f"choices: {_words(choices)}")
    # A server with one choice may leave its index out.
    return [choice for choice in choices if choice.get("index") in (0, None)][:1]


def _message(given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise MalformedAnswerError(f"message: {_words(given)}")
    made: dict[str, Any] = {}
    if "role" in given:
        # The openai client adds roles up, and LangChain makes a person's message of a "user".
        made["role"] = "assistant"
    if "content" in given:
        made["content"] = _text(given["content"], "content")
    if refusal := _text(given.get("refusal"), "refusal"):
        made["refusal"] = refusal
    if calls := given.get("tool_calls"):
        if not isinstance(calls, list):
            raise MalformedAnswerError(f"tool_calls: {_words(calls)}")
        made["tool_calls"] = [_tool_call(call, place) for place, call in enumerate(calls)]
    if call := given.get("function_call"):
        made["function_call"] = _function(call)
    return made


def _text(value: Any, name: str) -> str | None:
    """Return text, or the text of a list of parts."""
    if isinstance(value, list) and all(isinstance(part, dict) for part in value):
        value = "".join(part["text"] for part in value if isinstance(part.get("text"), str))
    if value is None or isinstance(value, str):
        return value and _without_surrogates(value)
    raise MalformedAnswerError(f"{name}: {_words(value)}")


def _without_surrogates(text: str) -> str:
    """Return text that UTF-8 can carry: JSON can hold halves of a character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _tool_call(call: Any, place: int) -> dict[str, Any]:
    if not isinstance(call, dict):
        raise MalformedAnswerError(f"tool_calls: {_words(call)}")
    index = call.get("index")
    return {
        "index": index if isinstance(index, int) and 0 <= index < MAX_TOKENS else place,
        "id": _text(call.get("id"), "tool_calls.id"),
        "type": "function",
        "function": _function(call.get("function")),
    }


def _function(given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise MalformedAnswerError(f"function: {_words(given)}")
    arguments = given.get("arguments")
    if isinstance(arguments, dict):
        # So some servers send what OpenAI sends as text.
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


def _words(value: Any) -> str:
    """Return a value for people: a message in it, or its beginning."""
    words = value.get("message") if isinstance(value, dict) else None
    return _without_surrogates(words if isinstance(words, str) and words else repr(value))[:300]
