"""A model server for measuring: what it streams is known to the token, and it writes down when it wrote what.

    python -m bench.model_server PORT

The question says what is wanted: `[[tokens=8000 rate=0 mark=17]]`, with `rate` in tokens a second (0: as fast as they
are taken) and, with `think=0.3`, so many seconds before the first. The text is Markdown and begins with `STARTS17` and
ends with `ENDS17`. `[[clock=400 rate=20]]` answers with `number@seconds since the epoch` as every token. `GET /log`
tells when answers were written, since the last `GET /log?clear=1`.
"""

import asyncio
import json
import random
import re
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route

SENTENCE = "river falls over a low wall and what falls there can be measured by those who stand and watch it go"
WORDS = SENTENCE.split(" ")
LOG: list[dict[str, Any]] = []


def markdown(tokens: int, mark: str) -> list[str]:
    """Return so many tokens: paragraphs for the most part, with headings, lists and code between them."""
    draw = random.Random(5)
    parts = [f"STARTS{mark}", "\n\n"]
    while len(parts) < tokens - 2:
        kind = draw.random()
        if kind < 0.08:
            parts += ["###", *(f" {draw.choice(WORDS)}" for _ in range(4)), "\n\n"]
        elif kind < 0.2:
            parts += [part for _ in range(4) for part in ("-", *(f" {draw.choice(WORDS)}" for _ in range(8)), "\n")] + [
                "\n"
            ]
        elif kind < 0.26:
            parts += ["```python\n", *(f"level_{row} = {row} * flow\n" for row in range(6)), "```\n\n"]
        else:
            parts += [*(f" {draw.choice(WORDS)}" for _ in range(draw.randint(25, 70))), ".", "\n\n"]
    return [*parts[: tokens - 2], "\n\n", f"ENDS{mark}"]


async def paced(count: int, rate: float) -> AsyncIterator[int]:
    """Yield the numbers below `count`, `rate` of them a second."""
    started = time.perf_counter()
    for number in range(count):
        ahead = started + number / rate - time.perf_counter() if rate else 0.0
        if ahead > 0 or number % 50 == 49:
            await asyncio.sleep(max(0.0, ahead))
        yield number


def sse(delta: dict[str, str], reason: str | None = None, **more: Any) -> str:
    """Return one event of the stream."""
    about = {"id": "bench", "object": "chat.completion.chunk", "created": 0, "model": "bench"}
    choices = [{"index": 0, "delta": delta, "finish_reason": reason}] if delta or reason else []
    return f"data: {json.dumps(about | {'choices': choices} | more)}\n\n"


def clock_token(number: int) -> str:
    """Return a token that tells when it was written; every fortieth ends a paragraph."""
    return f"{number}@{time.time():.4f}" + (".\n\n" if number % 40 == 39 else " ")


async def answer(options: dict[str, str], noted: dict[str, Any]) -> AsyncIterator[str]:
    """Stream what is wished for."""
    rate, clock = float(options.get("rate", 0)), int(options.get("clock", 0))
    written = [sse({"content": token}) for token in markdown(int(options.get("tokens", 20)), options.get("mark", ""))]
    yield sse({"role": "assistant", "content": ""})
    await asyncio.sleep(float(options.get("think", 0)))
    async for number in paced(clock or len(written), rate):
        noted.setdefault("first", time.time())
        noted["sent"] = number + 1
        yield sse({"content": clock_token(number)}) if clock else written[number]
    noted["last"] = time.time()
    count = clock or len(written)
    yield sse({}, "stop")
    yield sse({}, usage={"prompt_tokens": 10, "completion_tokens": count, "total_tokens": count + 10})
    yield "data: [DONE]\n\n"


async def complete(request: Request) -> StreamingResponse:
    """Answer a chat completion."""
    body = await request.json()
    found = re.search(r"\[\[(.*?)\]\]", str(body["messages"][-1]["content"]))
    options = dict(re.findall(r"(\w+)=([\w.]+)", found.group(1))) if found else {}
    noted: dict[str, Any] = {"mark": options.get("mark", "")}
    LOG.append(noted)
    return StreamingResponse(answer(options, noted), media_type="text/event-stream")


def log(request: Request) -> JSONResponse:
    """Return what has been written when."""
    if request.query_params.get("clear"):
        LOG.clear()
    return JSONResponse(LOG)


app = Starlette(routes=[Route("/v1/chat/completions", complete, methods=["POST"]), Route("/log", log)])

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
