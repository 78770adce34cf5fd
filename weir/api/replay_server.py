"""OpenAI-compatible server that answers with recorded calls, chunk for chunk and with their timing.

Any client can be tested against a real stream with it, without a model.
"""

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from weir.llm.replay_model import ReplayCall

MODEL = "replay"
"""Name of the only model that the server lists. It answers under any other name too."""

_KINDS = {"stop_sequence": "stop", "end_turn": "stop", "max_tokens": "length", "tool_use": "tool_calls"}
"""Finish reasons of other providers, as OpenAI names them."""


class ConnectionCutError(Exception):
    """Ends a response in the middle of its body, so that the server closes the connection."""


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """How the recorded calls are replayed."""

    speed: float | None = 1.0
    """Factor of the recorded speed; None: at once."""
    cut_at: int | None = None
    """Number of chunks after which the connection is closed."""
    stall_at: int | None = None
    """Number of chunks after which nothing more is sent."""


@dataclass(frozen=True, slots=True)
class _Sent:
    """A chunk as OpenAI's API has it."""

    seconds: float
    delta: dict[str, Any] | None
    """None: the chunk has the usage alone."""
    finish_reason: str | None = None
    usage: dict[str, int] | None = None


def create_replay_app(calls: Sequence[ReplayCall], options: ReplayOptions) -> Starlette:
    """Return the server's app. It answers requests with the calls in order, and after the last begins again."""
    numbers = itertools.count()

    async def complete(request: Request) -> Response:
        try:
            body = await request.json()
        except ValueError:
            body = None
        if not isinstance(body, dict) or not isinstance(body.get("messages"), list):
            error = {"message": "The body is no JSON object with messages.", "type": "invalid_request_error"}
            return JSONResponse({"error": error}, 400)
        number = next(numbers)
        reply = _Reply(calls[number % len(calls)], options, str(body.get("model") or MODEL), f"chatcmpl-{number}")
        if not body.get("stream"):
            return await reply.whole()
        usage = bool((body.get("stream_options") or {}).get("include_usage"))
        return StreamingResponse(reply.stream(usage), media_type="text/event-stream")

    async def models(_: Request) -> Response:
        return JSONResponse({"object": "list", "data": [{"id": MODEL, "object": "model", "owned_by": "weir"}]})

    return Starlette(
        routes=[
            Route("/v1/chat/completions", complete, methods=["POST"]),
            Route("/v1/models", models),
        ]
    )


class _Reply:
    """The answer to one request."""

    def __init__(self, call: ReplayCall, options: ReplayOptions, model: str, id_: str) -> None:
        self._call = call
        self._options = options
        self._head = {"id": id_, "created": int(time.time()), "model": model}
        self._started = time.monotonic()

    async def stream(self, with_usage: bool) -> AsyncIterator[str]:
        """Yield server-sent events. Raises ConnectionCutError where the recorded call, or `cut_at`, ends it."""
        number = 0
        for sent in _sent_chunks(self._call):
            if sent.usage is not None and sent.delta is None and not with_usage:
                continue
            await self._fault(number)
            await self._wait(sent.seconds)
            yield self._event(sent)
            number += 1
        await self._fault(number)
        if self._call.error:
            await self._wait(self._call.ended)
            raise ConnectionCutError(self._call.error)
        yield "data: [DONE]\n\n"

    async def whole(self) -> Response:
        """Return the whole answer at the time of its recorded end."""
        await self._wait(self._call.ended)
        sent = list(_sent_chunks(self._call))
        await self._fault(len(sent))
        if self._call.error:
            raise ConnectionCutError(self._call.error)
        deltas = [chunk.delta for chunk in sent if chunk.delta is not None]
        text = "".join(delta.get("content") or "" for delta in deltas)
        tools = _merged_tool_calls(deltas)
        message = {"role": "assistant", "content": text or None if tools else text}
        finish_reason = next((chunk.finish_reason for chunk in reversed(sent) if chunk.finish_reason), None)
        choice = {
            "index": 0,
            "message": message | ({"tool_calls": tools} if tools else {}),
            "finish_reason": finish_reason,
        }
        usage = next((chunk.usage for chunk in sent if chunk.usage), None)
        answer = {**self._head, "object": "chat.completion", "choices": [choice]}
        return JSONResponse(answer | ({"usage": usage} if usage else {}))

    def _event(self, sent: _Sent) -> str:
        choice = {"index": 0, "delta": sent.delta, "finish_reason": sent.finish_reason}
        value: dict[str, Any] = {**self._head, "object": "chat.completion.chunk", "choices": [choice]}
        if sent.delta is None:
            value |= {"choices": [], "usage": sent.usage}
        return f"data: {json.dumps(value)}\n\n"

    async def _wait(self, seconds: float) -> None:
        if self._options.speed:
            await asyncio.sleep(max(0.0, self._started + seconds / self._options.speed - time.monotonic()))

    async def _fault(self, number: int) -> None:
        """Stall or cut the answer, if that many chunks are sent before it."""
        if self._options.stall_at is not None and number >= self._options.stall_at:
            await asyncio.Event().wait()
        if self._options.cut_at is not None and number >= self._options.cut_at:
            raise ConnectionCutError("cut by --cut-at")


def _sent_chunks(call: ReplayCall) -> Iterator[_Sent]:
    """Yield the chunks of a call as OpenAI's API has them. Usage comes once, in a chunk of its own."""
    usage_sent: dict[str, int] | None = None
    for number, (seconds, fields) in enumerate(call.chunks):
        usage = _usage(fields.get("usage_metadata"))
        delta = _delta(fields)
        finish_reason = _finish_reason(fields.get("response_metadata"))
        if number == 0:
            delta = {"role": "assistant", "content": "", **delta}
        if delta.get("content") or len(delta) > 1 or finish_reason or usage is None:
            yield _Sent(seconds, delta, finish_reason)
        if usage is not None and usage != usage_sent:
            usage_sent = usage
            yield _Sent(seconds, None, usage=usage)


def _delta(fields: dict[str, Any]) -> dict[str, Any]:
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


def _merged_tool_calls(deltas: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
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


def _finish_reason(metadata: Any) -> str | None:
    if not isinstance(metadata, dict):
        return None
    keys = ("finish_reason", "stop_reason", "done_reason")
    reason = next((metadata[key] for key in keys if isinstance(metadata.get(key), str)), None)
    return None if reason is None else _KINDS.get(reason, reason)


def _usage(metadata: Any) -> dict[str, int] | None:
    if not isinstance(metadata, dict):
        return None
    names = {"input_tokens": "prompt_tokens", "output_tokens": "completion_tokens", "total_tokens": "total_tokens"}
    return {name: metadata.get(field) or 0 for field, name in names.items()}
