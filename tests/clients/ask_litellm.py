"""Ask by LiteLLM's SDK, in one of several ways, and print what it makes of the answers, a pair of base|model each."""

import json
import sys
from typing import Any

import litellm  # type: ignore[import-not-found]

TOOL = {"type": "function", "function": {"name": "measure", "parameters": {"type": "object", "properties": {}}}}


def ask(way: str, base: str, model: str) -> dict[str, Any]:
    """Return text, tools, end, usage and error."""
    asked: dict[str, Any] = {
        "model": f"openai/{model}",
        "api_base": base,
        "api_key": "none",
        "messages": [{"role": "user", "content": "Why does it fall?"}],
        "max_retries": 2 if way == "retry" else 0,
    }
    found: dict[str, Any] = {"text": "", "tools": ""}
    try:
        if way in ("whole", "retry"):
            whole = litellm.completion(**asked)
            found["text"], found["end"] = whole.choices[0].message.content, whole.choices[0].finish_reason
            found["usage"] = [whole.usage.prompt_tokens, whole.usage.completion_tokens]
            return found
        asked |= {"tools": [TOOL]} if way == "tools" else {}
        stream = litellm.completion(**asked, stream=True, stream_options={"include_usage": True})
        for part in stream:
            for choice in part.choices:
                found["text"] += choice.delta.content or ""
                for call in choice.delta.tool_calls or ():
                    found["tools"] += (call.function.name or "") + (call.function.arguments or "")
                found["end"] = choice.finish_reason or found.get("end")
            if usage := getattr(part, "usage", None):
                found["usage"] = [usage.prompt_tokens, usage.completion_tokens]
            if way == "abort" and found["text"]:
                stream.completion_stream.response.close()
                return found
    except Exception as error:
        found["error"] = {"status": getattr(error, "status_code", None), "isRaised": True}
    return found


if __name__ == "__main__":
    print(json.dumps([ask(sys.argv[1], *pair.split("|")) for pair in sys.argv[2:]]))  # noqa: T201
