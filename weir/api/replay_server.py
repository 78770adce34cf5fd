"""OpenAI-compatible server that answers with recorded calls, chunk for chunk and with their timing.

Any client can be tested against a real stream with it, without a model.
"""

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from weir.api.completion_chunks import SentChunk, merged_tool_calls, sent_chunks
from weir.llm.replay_model import ReplayCall

MODEL = "replay"
"""Name of the only model that the server lists. It answers under any other name too."""


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
        for sent in sent_chunks(self._call):
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
        sent = list(sent_chunks(self._call))
        await self._fault(len(sent))
        if self._call.error:
            raise ConnectionCutError(self._call.error)
        deltas = [chunk.delta for chunk in sent if chunk.delta is not None]
        text = "".join(delta.get("content") or "" for delta in deltas)
        tools = merged_tool_calls(deltas)
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

    def _event(self, sent: SentChunk) -> str:
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
