"""Answers of a model's server in which something is wrong: one for each number, the same each time.

`broken(seed)` gives the bytes. `broken_server` serves them at `/{seed}/v1`, over plain sockets: what no HTTP library
would send can be sent too.
"""

import asyncio
import contextlib
import copy
import gzip
import json
import random
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from weir.runs.background_loop import BackgroundLoop

HUGE = 17_000_000
"""Bytes of the largest piece: more than Weir takes at once."""
PACKED = gzip.compress(b" " * 50_000_000)

ODD_VALUES: list[Any] = [
    None,
    True,
    0,
    -1,
    7,
    2**63,
    10**400,
    1.5,
    float("nan"),
    float("inf"),
    float("-inf"),
    "",
    "word",
    "\ud83d",
    "\ude00\ud83d",
    "\u0000\u202e\u2028",
    "long " * 2_000,
    [],
    [1, 2],
    ["word"],
    [None],
    [{"type": "text", "text": "part"}],
    [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}],
    [[[[[[]]]]]],
    {},
    {"message": 5},
    {"text": "word"},
    {"error": "word"},
]
PATHS = [
    ("id",),
    ("object",),
    ("created",),
    ("model",),
    ("type",),
    ("error",),
    ("chunk",),
    ("system_fingerprint",),
    ("service_tier",),
    ("choices",),
    ("choices", 0),
    ("choices", 0, "index"),
    ("choices", 0, "delta"),
    ("choices", 0, "message"),
    ("choices", 0, "error"),
    ("choices", 0, "finish_reason"),
    ("choices", 0, "logprobs"),
    ("choices", 0, "delta", "role"),
    ("choices", 0, "delta", "content"),
    ("choices", 0, "delta", "refusal"),
    ("choices", 0, "delta", "reasoning_content"),
    ("choices", 0, "delta", "id"),
    ("choices", 0, "delta", "name"),
    ("choices", 0, "delta", "tool_calls"),
    ("choices", 0, "delta", "tool_calls", 0),
    ("choices", 0, "delta", "tool_calls", 0, "index"),
    ("choices", 0, "delta", "tool_calls", 0, "id"),
    ("choices", 0, "delta", "tool_calls", 0, "function"),
    ("choices", 0, "delta", "tool_calls", 0, "function", "name"),
    ("choices", 0, "delta", "tool_calls", 0, "function", "arguments"),
    ("choices", 0, "delta", "function_call"),
    ("usage",),
    ("usage", "prompt_tokens"),
    ("usage", "completion_tokens"),
    ("usage", "total_tokens"),
    ("usage", "prompt_tokens_details"),
    ("usage", "prompt_tokens_details", "cached_tokens"),
    ("usage", "completion_tokens_details", "reasoning_tokens"),
]
ROLES = ["user", "system", "developer", "tool", "function", "assistant", "nobody"]
REASONS = ["stop", "length", "content_filter", "tool_calls", "function_call", "error", "abort", "STOP", "unheard-of"]
STATUSES = [
    *(201, 202, 203, 204, 205, 206, 226, 299),
    *(300, 301, 302, 303, 304, 305, 307, 308, 399),
    *(400, 401, 402, 403, 404, 405, 406, 408, 409, 410, 413, 415, 418, 422, 425, 426, 429, 431, 451, 499),
    *(500, 501, 502, 503, 504, 505, 520, 529, 599, 600, 999),
]
ERRORS: list[Any] = [
    {"error": {"message": "planned", "type": "planned", "code": "planned"}},
    {"error": {"message": 5}},
    {"error": {"code": float("nan"), "param": []}},
    {"error": "planned"},
    {"error": None},
    {"detail": [{"loc": ["body"], "msg": "planned"}]},
    {"message": "maximum context length"},
    [],
    "planned",
    5,
    None,
]
WAITS = ["0", "soon", "nan", "inf", "-5", "1e999", "9" * 40, "Fri, 31 Dec 9999 23:59:59 GMT", "Fri, 99 Foo", "\xff"]
CONTENT_TYPES = [
    "text/event-stream",
    "application/json",
    "text/plain",
    "text/html",
    "nonsense",
    "",
    "a/b; charset=utf-16",
]


class End(StrEnum):
    """How the connection ends."""

    CLOSED = "after the body"
    CUT = "before the length that was named"
    CHUNKED = "after the last chunk of the transfer encoding"
    CHUNKED_CUT = "in the middle of the transfer encoding"
    RESET = "by a reset"
    STALL = "not at all: nothing more comes"


@dataclass(slots=True)
class Broken:
    """One answer."""

    head: bytes
    pieces: list[bytes]
    end: End
    marks: list[str] = field(default_factory=list)
    """What is wrong, for people."""


def broken(seed: int) -> Broken:
    """Return the answer of a number."""
    rng = random.Random(seed)
    kind = rng.choices([_stream, _in_place, _refusal, _no_http], [70, 18, 9, 3])[0]
    answer = kind(rng)
    answer.pieces = _cut(rng, b"".join(answer.pieces))
    return answer


def _stream(rng: random.Random) -> Broken:
    """A stream of chunks with a few changes."""
    chunks = _chunks(rng)
    marks = []
    for change in rng.choices(CHANGES, k=rng.randint(1, 4)):
        if not chunks:
            break
        change(rng, chunks)
        marks.append(change.__name__.strip("_"))
    text = _written(rng, chunks)
    for alter in rng.sample(BYTE_CHANGES, rng.choice([0, 0, 1, 1, 2])):
        text = alter(rng, text)
        marks.append(alter.__name__.strip("_"))
    kind = "text/event-stream" if rng.random() < 0.8 else rng.choice(CONTENT_TYPES)
    end = rng.choices(list(End), [45, 10, 25, 12, 7, 1])[0]
    return Broken(_head(200, kind, end, len(text)), [text], end, marks)


def _chunks(rng: random.Random) -> list[Any]:
    """Return the objects of a stream as it should be; the last is the end."""
    words = [f" word{number}" for number in range(rng.choice([0, 1, 3, 12]))]
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}, *({"content": word} for word in words)]
    if rng.random() < 0.15:
        call = {"index": 0, "id": "call-1", "type": "function", "function": {"name": "measure", "arguments": '{"a"'}}
        rest = {"index": 0, "function": {"arguments": ": 1}"}}
        deltas += [{"tool_calls": [call]}, {"tool_calls": [rest]}]
    made = [_chunk([{"index": 0, "delta": delta, "finish_reason": None}]) for delta in deltas]
    made.append(_chunk([{"index": 0, "delta": {}, "finish_reason": "stop"}]))
    usage = {"prompt_tokens": 9, "completion_tokens": len(words), "total_tokens": 9 + len(words)}
    return [*made, _chunk([]) | {"usage": usage}, DONE]


DONE = "[DONE]"


def _chunk(choices: list[Any]) -> dict[str, Any]:
    return {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "m", "choices": choices}


def _set(value: Any, path: tuple[Any, ...], odd: Any) -> Any:
    """Return a value with another at a path, where the path can be made."""
    if not path:
        return odd
    key, *rest = path
    if isinstance(key, int):
        return [_set(value[0] if isinstance(value, list) and value else {}, tuple(rest), odd)]
    made = dict(value) if isinstance(value, dict) else {}
    made[key] = _set(made.get(key), tuple(rest), odd)
    return made


def _objects(chunks: list[Any]) -> list[int]:
    return [place for place, chunk in enumerate(chunks) if isinstance(chunk, dict)]


def _change(rng: random.Random, chunks: list[Any], path: tuple[Any, ...], odd: Any) -> None:
    if places := _objects(chunks):
        place = rng.choice(places)
        chunks[place] = _set(copy.deepcopy(chunks[place]), path, odd)


def _odd_field(rng: random.Random, chunks: list[Any]) -> None:
    _change(rng, chunks, rng.choice(PATHS), rng.choice(ODD_VALUES))


def _odd_usage(rng: random.Random, chunks: list[Any]) -> None:
    usage = {name: rng.choice(ODD_VALUES) for name in ("prompt_tokens", "completion_tokens", "total_tokens")}
    _change(rng, chunks, ("usage",), usage if rng.random() < 0.8 else rng.choice(ODD_VALUES))


def _odd_role(rng: random.Random, chunks: list[Any]) -> None:
    _change(rng, chunks, ("choices", 0, "delta", "role"), rng.choice(ROLES))


def _odd_reason(rng: random.Random, chunks: list[Any]) -> None:
    _change(rng, chunks, ("choices", 0, "finish_reason"), rng.choice(REASONS))


def _no_field(rng: random.Random, chunks: list[Any]) -> None:
    if places := _objects(chunks):
        chunk = chunks[rng.choice(places)]
        chunk.pop(rng.choice([*chunk, "choices"]), None)


def _no_object(rng: random.Random, chunks: list[Any]) -> None:
    chunks[rng.randrange(len(chunks))] = rng.choice(ODD_VALUES)


def _other_choice(rng: random.Random, chunks: list[Any]) -> None:
    choice = {"index": rng.choice([1, 2, -1, "0", 1.0]), "delta": {"content": "OTHER"}, "finish_reason": None}
    chunks.insert(rng.randrange(len(chunks)), _chunk([choice]))


def _usage_with_each(rng: random.Random, chunks: list[Any]) -> None:
    for count, place in enumerate(_objects(chunks)):
        chunks[place]["usage"] = {"prompt_tokens": 9, "completion_tokens": count, "total_tokens": 9 + count}


def _reported(rng: random.Random, chunks: list[Any]) -> None:
    chunks.insert(rng.randrange(len(chunks)), rng.choice(ERRORS))


def _other_protocol(rng: random.Random, chunks: list[Any]) -> None:
    chunks.insert(rng.randrange(len(chunks)), {"type": "content_block_delta", "index": 0, "delta": {"text": "word"}})


def _shuffled(rng: random.Random, chunks: list[Any]) -> None:
    rng.shuffle(chunks)


def _doubled(rng: random.Random, chunks: list[Any]) -> None:
    place = rng.randrange(len(chunks))
    chunks.insert(place, copy.deepcopy(chunks[place]))


def _shortened(rng: random.Random, chunks: list[Any]) -> None:
    del chunks[rng.randrange(len(chunks)) :]
    chunks.extend(rng.choice([[], [DONE]]))


def _end_in_the_middle(rng: random.Random, chunks: list[Any]) -> None:
    chunks.insert(rng.randrange(len(chunks) + 1), DONE)


def _more_after_the_end(_: random.Random, chunks: list[Any]) -> None:
    chunks.append(_chunk([{"index": 0, "delta": {"content": "AFTER"}, "finish_reason": "stop"}]))


def _many(rng: random.Random, chunks: list[Any]) -> None:
    word = _chunk([{"index": 0, "delta": {"content": "w"}, "finish_reason": None}])
    place = rng.randrange(len(chunks) + 1)
    chunks[place:place] = [word] * rng.choice([50, 50, 200])


def _large(rng: random.Random, chunks: list[Any]) -> None:
    _change(rng, chunks, ("choices", 0, "delta", "content"), "large " * rng.choice([1_000, 20_000]))


Change = Callable[[random.Random, list[Any]], None]
CHANGES: list[Change] = [
    *([_odd_field] * 6),
    *([_odd_usage] * 2),
    *(_odd_role, _odd_reason, _no_field, _no_object, _other_choice, _usage_with_each, _reported, _other_protocol),
    *(_shuffled, _doubled, _shortened, _end_in_the_middle, _more_after_the_end, _many, _large),
]


def _written(rng: random.Random, chunks: list[Any]) -> bytes:
    """Write events down, in one of the ways in which servers do."""
    line_end = rng.choices(["\n", "\r\n", "\r"], [7, 2, 1])[0]
    before = rng.choices(["data: ", "data:", "event: x\ndata: ", "id: 1\ndata: "], [8, 2, 1, 1])[0]
    ascii_only = rng.random() < 0.5
    lines = []
    for chunk in chunks:
        text = chunk if chunk is DONE else json.dumps(chunk, ensure_ascii=ascii_only)
        lines.append(f"{before}{text}\n\n")
    written = "".join(lines)
    if rng.random() < 0.2:
        written = written.replace("Infinity", "1e999")
    return written.replace("\n", line_end).encode(errors="surrogatepass")


def _insert(rng: random.Random, text: bytes, piece: bytes) -> bytes:
    place = rng.randrange(len(text) + 1)
    return text[:place] + piece + text[place:]


def _bad_bytes(rng: random.Random, text: bytes) -> bytes:
    return _insert(rng, text, rng.choice([b"\xff", b"\xc3", b"\xed\xa0\xbd", b"\x00", b"\xf0\x9f", rng.randbytes(9)]))


def _bom(_: random.Random, text: bytes) -> bytes:
    return b"\xef\xbb\xbf" + text


def _utf_16(_: random.Random, text: bytes) -> bytes:
    return text.decode(errors="replace").encode("utf-16")


def _line_ends(rng: random.Random, text: bytes) -> bytes:
    return b"".join(rng.choice([b"\n", b"\r", b"\r\n", b""]) if byte == 10 else bytes([byte]) for byte in text[:5_000])


def _comments(rng: random.Random, text: bytes) -> bytes:
    return _insert(rng, text, rng.choice([b": ping\n\n", b"\n\n", b":\n", b"event: ping\n\n", b"retry: x\n"]) * 1_000)


def _cut_short(rng: random.Random, text: bytes) -> bytes:
    return text[: rng.randrange(len(text) + 1)]


def _swapped(rng: random.Random, text: bytes) -> bytes:
    made = bytearray(text)
    for _ in range(min(4, len(made))):
        made[rng.randrange(len(made))] = rng.randrange(256)
    return bytes(made)


def _page_inside(rng: random.Random, text: bytes) -> bytes:
    return _insert(rng, text, b"\n\n<html><body>502</body></html>\n\n")


def _deep(rng: random.Random, text: bytes) -> bytes:
    return _insert(rng, text, b"\n\ndata: " + rng.choice([b"[", b'{"a":', b'{"choices":[']) * 50_000 + b"\n\n")


def _endless(rng: random.Random, text: bytes) -> bytes:
    if rng.random() < 0.9:
        return _insert(rng, text, b"\n\ndata: " + b"a" * 200_000)
    return text + b'data: {"a": "' + b"a" * HUGE


BYTE_CHANGES: list[Callable[[random.Random, bytes], bytes]] = [
    *(_bad_bytes, _bom, _utf_16, _line_ends, _comments, _cut_short, _swapped, _page_inside, _deep, _endless),
]


def _in_place(rng: random.Random) -> Broken:
    """A body that is no stream."""
    word = {"index": 0, "message": {"role": "assistant", "content": "whole"}, "finish_reason": "stop"}
    whole: Any = _chunk([word]) | {"usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}
    for _ in range(rng.choice([0, 1, 2])):
        path = tuple("message" if key == "delta" else key for key in rng.choice(PATHS))
        whole = _set(whole, path, rng.choice(ODD_VALUES))
    line = json.dumps({"message": {"content": "word"}, "done": False}).encode()
    text = rng.choice(
        [
            *(
                b"",
                b" \n \n",
                b"data: [DONE]\n\n",
                b": ping\n\n",
                b"data:\n\n",
                b"id: 1\n\n\n\n",
                b"OK",
                b"null",
                b"[]",
            ),
            *(b"<html></html>", b"<!doctype html>", b"\xef\xbb\xbf<html>", line + b"\n" + line, line + b"\r\n" + line),
            *(json.dumps(whole).encode(), json.dumps(whole, indent=2).encode(), json.dumps([whole]).encode()),
            *(json.dumps(whole).encode()[:-9], b"{" * 100_000, b'"' * 1_000, rng.randbytes(1_000), PACKED, b"{}", b"5"),
            *(json.dumps(rng.choice(ERRORS)).encode(), b"data: " + json.dumps(whole).encode() + b"\n\n"),
        ]
    )
    end = rng.choices(list(End), [45, 10, 25, 12, 7, 1])[0]
    more = "Content-Encoding: gzip\r\n" if text is PACKED or rng.random() < 0.05 else ""
    return Broken(_head(200, rng.choice(CONTENT_TYPES), end, len(text), more), [text], end, ["in place"])


def _refusal(rng: random.Random) -> Broken:
    status = rng.choice(STATUSES)
    more = f"Retry-After: {rng.choice(WAITS)}\r\n" if rng.random() < 0.3 else ""
    more += f"Location: {rng.choice(['/v1/other', 'http://[', '//elsewhere.invalid', ''])}\r\n" if status < 400 else ""
    error = json.dumps(rng.choice(ERRORS)).encode()
    text = rng.choice([error, error, b"", b"<html>" * 1_000, PACKED, rng.randbytes(500), b"x" * 200_000])
    more += "Content-Encoding: gzip\r\n" if text is PACKED else ""
    if status in (204, 205, 304):
        text = b""
    end = rng.choices(list(End), [45, 10, 25, 12, 7, 1])[0]
    return Broken(_head(status, rng.choice(CONTENT_TYPES), end, len(text), more), [text], end, [str(status)])


def _no_http(rng: random.Random) -> Broken:
    """What is hardly HTTP, or none."""
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    head = rng.choice(
        [
            *(
                b"",
                b"\r\n\r\n",
                b"hello\r\n\r\n",
                b"HTTP/9.9 200 OK\r\n\r\n",
                b"HTTP/1.1 abc OK\r\n\r\n",
                rng.randbytes(300),
            ),
            *(b"HTTP/1.1 200 OK\r\nA: " + b"a" * 200_000, b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 20_000 + b"\r\n"),
            *(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"),
            *(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde", b"HTTP/1.1 200\r\n\r\n"),
            *(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", chunked + b"zz\r\nabc\r\n0\r\n\r\n"),
            *(chunked + b"-1\r\n", chunked + b"fffffffffff\r\nabc", chunked + b"3\r\nabc\r\n0\r\nA: " + b"a" * 200_000),
            *(b"HTTP/1.1 100 Continue\r\n\r\n" * 50, b"HTTP/1.1 101 Switching\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\n"),
            *(
                b"HTTP/1.1 200 OK\r\nNo colon\r\n\r\n",
                b"HTTP/1.1 200 OK\r\nA\x00: b\r\n\r\n",
                b"\x15\x03\x01\x00\x02\x02\x46",
            ),
        ]
    )
    return Broken(head, [], rng.choice([End.CLOSED, End.RESET]), ["no HTTP"])


def _head(status: int, kind: str, end: End, length: int, more: str = "") -> bytes:
    framing = "Connection: close\r\n"
    if end is End.CUT:
        framing = f"Content-Length: {length + 100}\r\n"
    elif end in (End.CHUNKED, End.CHUNKED_CUT):
        framing = "Transfer-Encoding: chunked\r\n"
    named = f"Content-Type: {kind}\r\n" if kind else ""
    return f"HTTP/1.1 {status} Planned\r\n{named}{framing}{more}\r\n".encode("latin-1")


def _cut(rng: random.Random, text: bytes) -> list[bytes]:
    """Return a text in pieces: few, or many, also within characters."""
    pieces = rng.choices([1, 2, 5, 40], [4, 2, 2, 1])[0]
    places = sorted(rng.randrange(len(text) + 1) for _ in range(pieces - 1))
    return [text[start:end] for start, end in zip([0, *places], [*places, len(text)], strict=True) if end > start]


async def _sent(answer: Broken) -> AsyncIterator[bytes]:
    yield answer.head
    chunked = answer.end in (End.CHUNKED, End.CHUNKED_CUT)
    for piece in answer.pieces:
        yield b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece
    if answer.end is End.CHUNKED:
        yield b"0\r\n\r\n"


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        await _answer(reader, writer)
    except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
        writer.transport.abort()
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    first = head.split(b"/")[1]
    seed = int(first) if first.isdigit() else 0  # a request that was sent on to another path
    length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0].strip()
    await reader.readexactly(int(length or 0))
    answer = broken(seed)
    async for piece in _sent(answer):
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0)
    if answer.end is End.STALL:
        await reader.read()
    if answer.end is End.RESET:
        writer.transport.abort()


@contextlib.contextmanager
def broken_server() -> Iterator[str]:
    """Serve the answers of all numbers for the duration of a `with` block; yield where."""
    loop = BackgroundLoop("broken-server")
    connections: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        try:
            await _serve(reader, writer)
        finally:
            connections.discard(task)

    async def start() -> asyncio.Server:
        return await asyncio.start_server(connected, "127.0.0.1", 0)

    async def stop() -> None:
        server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
        await server.wait_closed()

    server = loop.submit(start()).result(timeout=60)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    loop.submit(stop()).result(timeout=60)
    loop.close()
