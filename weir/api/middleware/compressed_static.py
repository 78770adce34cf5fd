"""Compressed static files: Streamlit's scripts and styles, sent with gzip to clients that accept it.

Streamlit serves the files below `/static` as they are, because Starlette would compress them anew for each client
(`starlette_gzip_middleware.py`, Streamlit 1.67). The first load of a page is 2.9 MB of them, and a slow connection
needs a quarter of a minute for that. Here each file is compressed once, when it is first asked for.
"""

import asyncio
import gzip
import posixpath
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

STATIC = "/static/"
"""Path of Streamlit's own files, below its base path."""

MINIMUM_BYTES = 1_000
"""A smaller file fits into one packet either way."""

MAX_CACHED_BYTES = 32_000_000
"""Compressed bytes kept in memory; all files of Streamlit 1.67 have 8 MB."""

_TYPES = ("text/", "application/javascript", "application/json", "image/svg+xml")
_LEVEL = 9


@dataclass(frozen=True, slots=True)
class _Answer:
    """A response as the app made it."""

    status: int
    headers: Headers
    body: bytes


class CompressedStaticMiddleware:
    """ASGI middleware that compresses immutable files below `/static`, each once.

    A compressed response has a weak ETag, because its bytes are others than those of the plain one. Requests for a
    range get the plain bytes that they count in.
    """

    def __init__(self, app: ASGIApp, *, max_cached_bytes: int = MAX_CACHED_BYTES) -> None:
        self._app = app
        self._max_cached_bytes = max_cached_bytes
        self._cache: dict[tuple[str, str], asyncio.Task[bytes]] = {}
        self._cached_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD") or STATIC not in scope["path"]:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if not accepts_gzip(headers.get("accept-encoding", "")) or "range" in headers:
            await self._app(scope, receive, _with_vary(send))
            return
        # The file's type and ETag, without its bytes: these are in the cache for all but the first client.
        found = await self._ask(scope, receive, "HEAD")
        if not _is_compressible(found):
            await self._app(scope, receive, _with_vary(send, weak_etag=found.status == 304))
            return
        body = await self._compressed(scope, found.headers["etag"])
        start: Message = {"type": "http.response.start", "status": 200, "headers": list(found.headers.raw)}
        changed = MutableHeaders(scope=start)
        changed["content-encoding"] = "gzip"
        changed["content-length"] = str(len(body))
        del changed["accept-ranges"]
        await _with_vary(send, weak_etag=True)(start)
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def _ask(self, scope: Scope, receive: Receive, method: str) -> _Answer:
        """Return the app's response to the request with this method."""
        start: Message = {}
        parts: list[bytes] = []

        async def collect(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            elif message["type"] == "http.response.body":
                parts.append(message.get("body", b""))

        await self._app({**scope, "method": method}, receive, collect)
        return _Answer(start["status"], Headers(raw=start["headers"]), b"".join(parts))

    async def _compressed(self, scope: Scope, etag: str) -> bytes:
        """Return the file compressed. Clients that ask for it at the same time wait for one computation."""
        key = (posixpath.normpath(scope["path"]), etag)
        if key not in self._cache:
            if self._cached_bytes > self._max_cached_bytes:
                self._cache.clear()
                self._cached_bytes = 0
            self._cache[key] = asyncio.create_task(self._compress(scope))
        try:
            return await asyncio.shield(self._cache[key])
        except Exception:
            self._cache.pop(key, None)
            raise

    async def _compress(self, scope: Scope) -> bytes:
        # Starlette breaks a file off when its client leaves. All clients get this one, so nobody can leave it.
        plain = await self._ask(scope, _no_disconnect, "GET")
        if len(plain.body) != int(plain.headers["content-length"]):
            raise OSError(f"{scope['path']} was read in part")
        body = await asyncio.to_thread(gzip.compress, plain.body, _LEVEL, mtime=0)
        self._cached_bytes += len(body)
        return body


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether an `Accept-Encoding` header accepts gzip: named, or by `*`, and not with a weight of 0 (RFC 9110)."""
    weights = {}
    for part in accept_encoding.lower().split(","):
        coding, _, parameters = part.partition(";")
        weight = parameters.replace(" ", "").partition("q=")[2] or "1"
        weights[coding.strip()] = weight.strip("0.") != ""
    return weights.get("gzip", weights.get("*", False))


def _is_compressible(found: _Answer) -> bool:
    """Whether this is a file that does not change, of a type that shrinks, and that nobody has compressed yet."""
    return (
        found.status == 200
        and "etag" in found.headers
        and "content-encoding" not in found.headers
        and "immutable" in found.headers.get("cache-control", "")
        and int(found.headers.get("content-length", 0)) >= MINIMUM_BYTES
        and found.headers.get("content-type", "").startswith(_TYPES)
    )


async def _no_disconnect() -> Message:
    """Wait for a message of a client that never sends one."""
    await asyncio.Event().wait()
    raise AssertionError("unreachable")


def _with_vary(send: Send, *, weak_etag: bool = False) -> Send:
    """Return a `send` that says that the response depends on `Accept-Encoding`, and can make its ETag weak."""

    async def send_with_vary(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.add_vary_header("Accept-Encoding")
            if weak_etag and (etag := headers.get("etag")) and not etag.startswith("W/"):
                headers["etag"] = f"W/{etag}"
        await send(message)

    return send_with_vary
