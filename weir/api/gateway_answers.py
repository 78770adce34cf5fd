"""Answers of the OpenAI-compatible door: a run as a chat completion, whole or as a stream, while it is recorded."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from weir.analysis.answer_reader import AnswerReader
from weir.analysis.metrics import RunMetrics, run_metrics
from weir.analysis.outcome import AnswerStatus, outcome
from weir.api.completion_chunks import delta_of, merged_tool_calls, openai_finish_reason, openai_usage
from weir.api.gateway_errors import GatewayError, error_response, failure_of
from weir.api.responses import UNBUFFERED_HEADERS
from weir.core import serialization
from weir.core.run_event import RunEvent
from weir.runs.failure_sentences import FailureKind
from weir.runs.run import Run

KEEP_ALIVE_SECONDS = 15.0
"""Without a chunk for this long a comment is sent: proxies close a connection that is silent for a minute."""

_ENDS = {FailureKind.LENGTH: "length", FailureKind.CONTENT_FILTER: "content_filter", FailureKind.REFUSAL: "stop"}
"""Failures that OpenAI's API has as finish reasons."""


@dataclass(slots=True)
class Deltas:
    """Makes deltas of a run's events, and keeps what its end is made of."""

    is_plain: bool
    """Whether the root is a model; else the text of a chain is its answer."""
    finish_reason: str | None = None
    usage: dict[str, Any] | None = None
    _answer: AnswerReader = field(default_factory=AnswerReader)

    def read(self, events: Sequence[RunEvent]) -> Iterator[dict[str, Any]]:
        """Yield the deltas of further events."""
        for event in events:
            if self.is_plain:
                yield from self._read_model(event)
            elif text := self._answer.read(event):
                yield {"content": f"\n\n{text}" if self._answer.begins_anew else text}

    def _read_model(self, event: RunEvent) -> Iterator[dict[str, Any]]:
        if not event.is_root:
            return
        if event.event == "on_chat_model_end":
            message = event.get("output")
            fields = message if isinstance(message, dict) else {}
            self.usage = openai_usage(fields.get("usage_metadata"))
            self.finish_reason = openai_finish_reason(fields.get("response_metadata")) or self.finish_reason
        elif event.event == "on_chat_model_stream" and isinstance(chunk := event.get("chunk"), dict):
            self.finish_reason = openai_finish_reason(chunk.get("response_metadata")) or self.finish_reason
            delta = delta_of(chunk)
            if not delta["content"]:
                del delta["content"]
            if delta:
                yield delta

    def end(self, run: Run) -> GatewayError | None:
        """Complete finish reason and usage from the events of a run that has ended; return the error if it failed.

        Takes time in proportion to its events: call it on a thread.
        """
        metrics = run_metrics(run.events)
        result = outcome(run, metrics)
        self.usage = self.usage or _usage(metrics)
        if result.kind in _ENDS:
            self.finish_reason = _ENDS[result.kind]
            return None
        is_done = result.status is AnswerStatus.DONE or result.kind is FailureKind.EMPTY
        if not is_done and result.status is not AnswerStatus.WAITING:
            return failure_of(result, stopped=result.status is AnswerStatus.STOPPED)
        if result.status is AnswerStatus.WAITING:
            return GatewayError(409, f"{result.message} Open run {run.id} in Weir and answer it.", "waits_for_person")
        self.finish_reason = self.finish_reason or metrics.finish_reason or "stop"
        if not self.is_plain and self.finish_reason == "tool_calls":
            self.finish_reason = "stop"
        return None


def _usage(metrics: RunMetrics) -> dict[str, Any]:
    read, written = metrics.tokens_in or 0, metrics.tokens_out or 0
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}


class CompletionResponse(Response):
    """The answer to one request. A client that hangs up stops the run, which hangs up on the model."""

    def __init__(self, run: Run, model: str, *, is_plain: bool, streams: bool, wants_usage: bool) -> None:
        super().__init__()
        self._run = run
        self._deltas = Deltas(is_plain)
        self._streams = streams
        self._wants_usage = wants_usage
        self._about = {"id": f"chatcmpl-{run.id}", "created": int(run.created_at), "model": model}
        self._run_headers = {"X-Weir-Run": run.id}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer, or stop the run when the client hangs up."""
        answering = asyncio.ensure_future(self._stream(scope, send) if self._streams else self._send_whole(scope, send))
        leaving = asyncio.ensure_future(_hang_up(receive))
        try:
            await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if answering.done():
                answering.result()
        finally:
            for task in (answering, leaving):
                task.cancel()
            await asyncio.gather(answering, leaving, return_exceptions=True)
            self._run.stop()

    async def _send_whole(self, scope: Scope, send: Send) -> None:
        deltas: list[dict[str, Any]] = []
        async for events in self._run.afollow():
            deltas.extend(self._deltas.read(events))
        error = await asyncio.to_thread(self._deltas.end, self._run)
        if error is not None:
            await error_response(error, self._run_headers)(scope, _nothing, send)
            return
        tools = merged_tool_calls(deltas)
        texts = {name: "".join(delta.get(name) or "" for delta in deltas) for name in _TEXTS}
        message: dict[str, Any] = {
            "role": "assistant",
            "content": texts["content"] or (None if tools or texts["refusal"] else ""),
        }
        message |= {name: text for name, text in texts.items() if text and name != "content"}
        message |= {"tool_calls": tools} if tools else {}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self._deltas.finish_reason}
        body = {**self._about, "object": "chat.completion", "choices": [choice], "usage": self._deltas.usage}
        await JSONResponse(serialization.to_utf8_safe(body), headers=self._run_headers)(scope, _nothing, send)

    async def _stream(self, scope: Scope, send: Send) -> None:
        has_begun = False
        async for events in self._run.afollow(heartbeat=KEEP_ALIVE_SECONDS):
            data = b"".join(self._chunk(delta) for delta in self._deltas.read(events))
            if events and not data:
                continue
            if not has_begun:
                await self._begin(send)
                has_begun = True
            await _send_part(send, data or b": keep-alive\n\n")
        error = await asyncio.to_thread(self._deltas.end, self._run)
        if error is not None and not has_begun:
            await error_response(error, self._run_headers)(scope, _nothing, send)
            return
        if not has_begun:
            await self._begin(send)
        await _send_part(send, self._end() if error is None else _event(error.body), more=False)

    async def _begin(self, send: Send) -> None:
        headers = UNBUFFERED_HEADERS | self._run_headers | {"Content-Type": "text/event-stream; charset=utf-8"}
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": raw})
        await _send_part(send, self._chunk({"role": "assistant", "content": ""}))

    def _chunk(self, delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        usage = {"usage": None} if self._wants_usage else {}
        return _event({**self._about, "object": "chat.completion.chunk", "choices": [choice], **usage})

    def _end(self) -> bytes:
        parts = [self._chunk({}, self._deltas.finish_reason)]
        if self._wants_usage:
            last: dict[str, Any] = {"object": "chat.completion.chunk", "choices": [], "usage": self._deltas.usage}
            parts.append(_event({**self._about, **last}))
        return b"".join([*parts, b"data: [DONE]\n\n"])


_TEXTS = ("content", "refusal", "reasoning_content")


def _event(value: Any) -> bytes:
    return b"data: " + serialization.dumps_utf8_safe(value) + b"\n\n"


async def _send_part(send: Send, data: bytes, *, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": more})


async def _hang_up(receive: Receive) -> None:
    """Wait until the client has hung up."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _nothing() -> Any:
    return {"type": "http.request", "body": b"", "more_body": False}
