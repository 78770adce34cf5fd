"""An OpenAI-compatible chat server on loopback, whose answers and faults a test sets and whose requests it reads."""

import asyncio
import contextlib
import gzip
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.support.serving import served

BAD_BYTES = b'{"\xff\xfe\x80'
KEEP_ALIVE_EVERY = 0.05
"""Seconds."""
BAD_GATEWAY = "<html><body>502 Bad Gateway</body></html>"
ELSE = "another answer"
ELSEWHERE = "http://model.invalid/v1/chat/completions"
TOOL_CALL = {"index": 0, "id": "call-1", "type": "function", "function": {"name": "measure", "arguments": "{}"}}
OVERLOADED = {"message": "overloaded", "type": "server_error"}


class Fault(StrEnum):
    """What goes wrong when the stream has reached `Plan.at` tokens; set while it streams, at its next one."""

    SILENT = "not even headers are sent"
    CUT = "the connection is closed in the middle of the body"
    STALL = "nothing more is sent"
    KEEP_ALIVE = "nothing more is sent but what keeps the connection open"
    NO_FINISH = "the body ends without a finish_reason"
    BAD_DATA = "a data line is not JSON"
    BAD_BYTES = "a data line is not UTF-8"
    NO_OBJECT = "a data line is JSON, but no object"
    HTML = "an HTML page comes in the middle of the body"
    SSE_ERROR = "an error object comes as an event"
    ENDLESS_EVENT = "an event comes that has no end"
    COMPRESSED = "the body is compressed"
    REDIRECT = "another address is named"
    WEB_PAGE = "a web page is sent"
    NOTHING = "an empty body is sent"
    DONE_ALONE = "the end of a stream is sent alone"
    JSON_LINES = "each line of the body is a JSON object"
    WHOLE = "the answer is sent whole where a stream was asked for"
    TOOL_CALLS = "tools are called and no text is written"


IN_PLACE = (
    Fault.COMPRESSED,
    Fault.REDIRECT,
    Fault.WEB_PAGE,
    Fault.NOTHING,
    Fault.DONE_ALONE,
    Fault.JSON_LINES,
    Fault.WHOLE,
)
"""Faults of a whole answer: `Plan.at` does not matter."""


@dataclass(slots=True)
class Plan:
    """How the next requests are answered."""

    tokens: list[str] = field(default_factory=lambda: ["Once", " upon", " a", " time", "."])
    rate: float = 0.0
    """Tokens per second; 0 is as fast as they are taken."""
    burst: int = 0
    """Tokens that come as fast as they are taken, before the rate holds."""
    delay: float = 0.0
    """Seconds before the first token."""
    category: str = "general"
    """What a request for structured output gets, as `{"category": …}`."""
    structured: str | None = None
    """Verbatim answer to a request for structured output, at once."""
    structured_tokens: list[str] | None = None
    """The same, token by token, with rate and fault."""
    status: int = 200
    message: str = "planned by the test"
    headers: dict[str, str] = field(default_factory=dict)
    """Sent with a status that is not 200."""
    fault: Fault | None = None
    at: int = 0
    finish_reason: Any = "stop"
    usage: bool = True
    refusal: str | None = None
    """What the model declines with, in place of the tokens."""
    reasoning: list[str] = field(default_factory=list)
    """What the model thinks before the tokens, piece by piece."""
    reasoning_name: str = "reasoning_content"
    """Field of the reasoning; some servers call it `reasoning`."""
    tool_calls: list[tuple[str, list[str]]] = field(default_factory=list)
    """Tools that are called after the reasoning, in place of the tokens: name, and arguments in pieces."""
    turns: "list[Plan]" = field(default_factory=list)
    """Plans of an agent's requests, by the number of the model's messages in them; in place of this one."""
    choices: int = 1
    """Answers to one request; the tokens of all but the first are `ELSE`."""


@dataclass(slots=True)
class Seen:
    """One request as the server saw it. Times are `time.monotonic()` seconds."""

    body: dict[str, Any]
    authorization: str
    at: float = field(default_factory=time.monotonic)
    sent: int = 0
    first_at: float | None = None
    hung_up_at: float | None = None
    ended: threading.Event = field(default_factory=threading.Event)

    def seconds_to_hang_up(self, since: float) -> float:
        """Wait until the client is gone; a test that bounds this is marked flaky, for a busy machine delays some."""
        assert self.ended.wait(30)
        assert self.hung_up_at is not None, "the answer came to its end"
        return self.hung_up_at - since

    @property
    def is_structured(self) -> bool:
        return "response_format" in self.body


class FakeOpenAI:
    """The server's plan and what it has seen; `fake_openai` serves it."""

    def __init__(self) -> None:
        self.plan = Plan()
        self.structured: Plan | None = None
        """How requests for structured output are answered, where that goes by a plan of its own."""
        self.able: frozenset[str] | None = frozenset({"tools", "json_schema"})
        """What it shows when Weir tries what it can do; None has the plan answer."""
        self.trials: list[Seen] = []
        """The requests of such trials, unless the plan answers them."""
        self.seen: list[Seen] = []
        self.url = ""
        """What to set as OPENAI_BASE_URL."""
        self.app = Starlette(routes=[Route("/v1/chat/completions", self._complete, methods=["POST"])])

    @property
    def answers(self) -> list[Seen]:
        """The requests that asked for text, not for a category."""
        return [seen for seen in self.seen if not seen.is_structured]

    def recover(self) -> None:
        """Answer well again, and forget what was seen."""
        self.plan, self.structured = Plan(), None
        self.seen.clear()

    async def _complete(self, request: Request) -> Response:
        seen = Seen(await request.json(), request.headers.get("authorization", ""))
        tried = _tried_by(seen.body)
        if tried and self.able is not None:
            plan = _TRIED[tried] if tried in self.able else Plan(status=400)
            self.trials.append(seen)
        else:
            plan = self._plan_for(seen)
            self.seen.append(seen)
        if plan.status != 200:
            error = {"message": plan.message, "type": "planned", "code": plan.status}
            seen.ended.set()
            return JSONResponse({"error": error}, plan.status, headers=plan.headers)
        streams = seen.body.get("stream")
        if plan.fault is Fault.SILENT or (plan.fault is Fault.STALL and not streams):
            await _hung_up(request, None)
            seen.hung_up_at = time.monotonic()
            seen.ended.set()
            return Response()
        if plan.fault in IN_PLACE:
            seen.ended.set()
            return _in_place(plan, seen)
        if plan.fault is Fault.ENDLESS_EVENT and not streams:
            return StreamingResponse(_counted(_endless(), seen), media_type="application/json")
        if plan.fault is Fault.KEEP_ALIVE and not streams:
            return StreamingResponse(_counted(_blanks(), seen), media_type="application/json")
        if streams:
            return StreamingResponse(_counted(_stream(plan, seen), seen), media_type="text/event-stream")
        takes = plan.delay + (len(plan.tokens) / plan.rate if plan.rate else 0.0)
        if takes and await _hung_up(request, takes):
            seen.hung_up_at = time.monotonic()
        seen.first_at = time.monotonic()
        seen.ended.set()
        return _at_once(plan, seen)

    def _plan_for(self, seen: Seen) -> Plan:
        plan = self.plan
        if plan.turns:
            asked = sum(message["role"] == "assistant" for message in seen.body["messages"])
            turn: Plan = plan.turns[min(asked, len(plan.turns) - 1)]
            return turn
        if not seen.is_structured:
            return plan
        if self.structured is not None:
            return self.structured
        if plan.status != 200:
            return plan
        if plan.structured_tokens is not None:
            return replace(plan, tokens=plan.structured_tokens)
        return Plan(tokens=[json.dumps({"category": plan.category}) if plan.structured is None else plan.structured])


_TRIED = {
    "tools": Plan(tool_calls=[("report_depth", ['{"metres": 3}'])]),
    "json_schema": Plan(tokens=['{"metres"', ": 3}"]),
}


def _tried_by(body: dict[str, Any]) -> str:
    """Return what a request of Weir's trial of a model asks for; "" of any other request."""
    if any(tool["function"]["name"] == "report_depth" for tool in body.get("tools", ())):
        return "tools"
    return "json_schema" if body.get("response_format", {}).get("json_schema", {}).get("name") == "depth" else ""


async def _hung_up(request: Request, within: float | None) -> bool:
    """Wait for the client to hang up; return whether it did in time."""
    try:
        async with asyncio.timeout(within):
            while (await request.receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return False
    return True


def _usage(plan: Plan, seen: Seen) -> dict[str, Any]:
    prompt = sum(len(str(message["content"]).split()) for message in seen.body["messages"])
    written = len(plan.tokens) + len(plan.reasoning)
    usage: dict[str, Any] = {"prompt_tokens": prompt, "completion_tokens": written, "total_tokens": prompt + written}
    if plan.reasoning:
        usage["completion_tokens_details"] = {"reasoning_tokens": len(plan.reasoning)}
    return usage


def _at_once(plan: Plan, seen: Seen) -> Response:
    """Return the answer to a request that does not stream, with what goes wrong in it."""
    message: dict[str, Any] = {
        "role": "assistant",
        "content": None if plan.refusal else "".join(plan.tokens),
        "refusal": plan.refusal,
    } | ({plan.reasoning_name: "".join(plan.reasoning)} if plan.reasoning else {})
    finish_reason = None if plan.fault is Fault.NO_FINISH else plan.finish_reason
    if plan.fault is Fault.TOOL_CALLS:
        message, finish_reason = {"role": "assistant", "content": None, "tool_calls": [TOOL_CALL]}, "tool_calls"
    choices = [{"index": 0, "message": message, "finish_reason": finish_reason}]
    for number in range(1, plan.choices):
        other = {"role": "assistant", "content": ELSE}
        choices.insert(0, {"index": number, "message": other, "finish_reason": finish_reason})
    whole = _object(seen, "chat.completion", choices) | ({"usage": _usage(plan, seen)} if plan.usage else {})
    match plan.fault:
        case Fault.CUT:
            return StreamingResponse(_cut(json.dumps(whole)), media_type="application/json")
        case Fault.BAD_DATA:
            return Response("{this is no JSON", media_type="application/json")
        case Fault.BAD_BYTES:
            return Response(json.dumps(whole).encode() + BAD_BYTES, media_type="application/json")
        case Fault.NO_OBJECT:
            return JSONResponse(None)
        case Fault.HTML:
            return HTMLResponse(BAD_GATEWAY)
        case Fault.SSE_ERROR:
            return JSONResponse({"error": OVERLOADED})
    return JSONResponse(whole)


def _in_place(plan: Plan, seen: Seen) -> Response:
    """Return what comes in place of an answer."""
    match plan.fault:
        case Fault.COMPRESSED:
            sent = gzip.compress(json.dumps({"choices": []}).encode())
            return Response(sent, headers={"content-encoding": "gzip"}, media_type="application/json")
        case Fault.REDIRECT:
            return Response(status_code=307, headers={"location": ELSEWHERE})
        case Fault.WEB_PAGE:
            return HTMLResponse(BAD_GATEWAY)
        case Fault.DONE_ALONE:
            return Response("data: [DONE]\n\n", media_type="text/event-stream")
        case Fault.JSON_LINES:
            lines = [json.dumps({"message": {"role": "assistant", "content": word}}) for word in plan.tokens]
            return Response("\n".join(lines), media_type="application/x-ndjson")
        case Fault.WHOLE:
            return _at_once(plan, seen)
    return Response(media_type="text/event-stream")


async def _endless() -> AsyncIterator[str]:
    yield 'data: {"id": "'
    while True:
        yield "a" * 1_000_000
        # Once the client has gone, sending waits for nothing: without this the server would compute for ever.
        await asyncio.sleep(0)


async def _cut(text: str) -> AsyncIterator[str]:
    yield text[: len(text) // 2]
    raise ConnectionResetError("cut by the test")


def _object(seen: Seen, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {"id": "fake-1", "object": kind, "created": 0, "model": seen.body["model"], "choices": choices}


def _event(seen: Seen, delta: dict[str, Any], finish_reason: Any = None, index: int = 0) -> str:
    choice = {"index": index, "delta": delta, "finish_reason": finish_reason}
    return f"data: {json.dumps(_object(seen, 'chat.completion.chunk', [choice]))}\n\n"


async def _stream(plan: Plan, seen: Seen) -> AsyncIterator[str | bytes]:
    yield _event(seen, {"role": "assistant", "content": ""})
    await asyncio.sleep(plan.delay)
    if plan.refusal is not None:
        for word in plan.refusal.split(" "):
            yield _event(seen, {"refusal": f"{word} "})
    if plan.fault is Fault.TOOL_CALLS:
        yield _event(seen, {"tool_calls": [TOOL_CALL]})
        yield _event(seen, {}, "tool_calls")
        yield "data: [DONE]\n\n"
        return
    pieces: list[dict[str, Any]] = [{plan.reasoning_name: piece} for piece in plan.reasoning]
    for index, (name, arguments) in enumerate(plan.tool_calls):
        head = {"index": index, "id": f"call-{name}-{index}", "type": "function"}
        pieces.append({"tool_calls": [head | {"function": {"name": name, "arguments": ""}}]})
        pieces += [{"tool_calls": [{"index": index, "function": {"arguments": piece}}]} for piece in arguments]
    for piece in pieces:
        yield _event(seen, piece)
        await asyncio.sleep(1 / plan.rate if plan.rate else 0)
    if plan.tool_calls:
        async for end in _end(plan, seen, "tool_calls"):
            yield end
        return
    started, went_wrong = time.monotonic(), False
    for number, token in enumerate([] if plan.refusal else plan.tokens):
        if number == plan.burst:
            started = time.monotonic()
        if plan.fault and number >= plan.at and not went_wrong:
            went_wrong = True
            async for part in _go_wrong(plan.fault):
                yield part
            if plan.fault not in (Fault.BAD_DATA, Fault.BAD_BYTES, Fault.NO_OBJECT):
                return
        if plan.rate and number >= plan.burst:
            await asyncio.sleep(max(0.0, started + (number - plan.burst) / plan.rate - time.monotonic()))
        for other in range(1, plan.choices):
            yield _event(seen, {"content": ELSE}, index=other)
        yield _event(seen, {"content": token})
        seen.first_at = seen.first_at or time.monotonic()
        seen.sent += 1
    async for end in _end(plan, seen, plan.finish_reason):
        yield end


async def _end(plan: Plan, seen: Seen, finish_reason: Any) -> AsyncIterator[str]:
    yield _event(seen, {}, finish_reason)
    if plan.usage and (seen.body.get("stream_options") or {}).get("include_usage"):
        usage = _object(seen, "chat.completion.chunk", []) | {"usage": _usage(plan, seen)}
        yield f"data: {json.dumps(usage)}\n\n"
    yield "data: [DONE]\n\n"


async def _go_wrong(fault: Fault) -> AsyncIterator[str | bytes]:
    match fault:
        case Fault.CUT:
            raise ConnectionResetError("cut by the test")
        case Fault.STALL:
            await asyncio.Event().wait()
        case Fault.KEEP_ALIVE:
            while True:
                yield ": still working\n\n"
                await asyncio.sleep(KEEP_ALIVE_EVERY)
        case Fault.BAD_DATA:
            yield "data: {this is no JSON\n\n"
        case Fault.BAD_BYTES:
            yield b"data: " + BAD_BYTES + b"\n\n"
        case Fault.NO_OBJECT:
            yield "data: null\n\n"
        case Fault.HTML:
            yield f"{BAD_GATEWAY}\n\n"
        case Fault.ENDLESS_EVENT:
            async for part in _endless():
                yield part
        case Fault.SSE_ERROR:
            yield f"data: {json.dumps({'error': OVERLOADED})}\n\n"


async def _blanks() -> AsyncIterator[str]:
    while True:
        yield " "
        await asyncio.sleep(KEEP_ALIVE_EVERY)


async def _counted(stream: AsyncIterator[str | bytes], seen: Seen) -> AsyncIterator[str | bytes]:
    try:
        async for part in stream:
            yield part
    except asyncio.CancelledError:
        seen.hung_up_at = time.monotonic()
        raise
    finally:
        seen.ended.set()


@contextlib.contextmanager
def fake_openai() -> Iterator[FakeOpenAI]:
    """Run a fake server for the duration of a `with` block."""
    server = FakeOpenAI()
    with served(server.app, "fake-openai") as address:
        server.url = f"{address}/v1"
        yield server
