"""The page's document, with the scripts that its first widgets need named in its head.

Streamlit loads the script of a widget when it first draws one, after its own half megabyte has been read, run and
connected; on a slow connection each of these rounds takes a second. Named in the document, they come along with the
first scripts. The text font, which Streamlit names there, is not: it takes the connection from the scripts, without
which there is no text, and is fetched with the first one.
"""

import functools
import gzip
import re
from collections.abc import Iterable
from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from weir.api.middleware.compressed_static import accepts_gzip

WIDGETS = ("BidiComponent", "Button", "ChatInput", "Html", "TextInput")
"""Streamlit's names of what each page of Weir begins with. One that a Streamlit no longer has is left out."""

_IMPORT = re.compile(r"""(?:from|import)\s*["'`]\./([\w.-]+\.js)["'`]""")
_SCRIPT = re.compile(r'"\./static/js/([\w.-]+\.js)"')
_LINK = re.compile(r"<link\s[^<>]*>")


class PagePreloadMiddleware:
    """ASGI middleware that sends Streamlit's `index.html`, whose folder is `static`, with more to load at once."""

    def __init__(self, app: ASGIApp, *, static: Path) -> None:
        self._app = app
        self._plain = (static / "index.html").read_bytes()
        self._page = functools.cache(
            lambda: page_with_preloads(self._plain.decode(), static / "static" / "js").encode()
        )
        self._compressed = functools.cache(lambda: gzip.compress(self._page(), mtime=0))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] != "http"
            or scope["method"] != "GET"
            or "text/html" not in Headers(scope=scope).get("accept", "")
        ):
            await self._app(scope, receive, send)
            return
        headers = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
        is_compressed = accepts_gzip(Headers(scope=scope).get("accept-encoding", ""))
        held: list[Message] = []
        body = bytearray()

        async def hold(message: Message) -> None:
            """Send what is no document as it comes, and hold back what may be the page until it is there."""
            if message["type"] == "http.response.start" and _may_be_page(message, len(self._plain)):
                held.append(message)
            elif not held:
                await send(message)
            elif message["type"] == "http.response.body":
                body.extend(message.get("body", b""))
                if not message.get("more_body", False):
                    await self._send(held[0], bytes(body), send, is_compressed=is_compressed)

        await self._app({**scope, "headers": headers}, receive, hold)

    async def _send(self, start: Message, body: bytes, send: Send, *, is_compressed: bool) -> None:
        if body == self._plain:
            body = self._compressed() if is_compressed else self._page()
            headers = MutableHeaders(scope=start)
            headers["content-length"] = str(len(body))
            if "accept-encoding" not in headers.get("vary", "").lower():
                headers.add_vary_header("Accept-Encoding")
            del headers["accept-ranges"]
            if (etag := headers.get("etag", "")) and not etag.startswith("W/"):
                headers["etag"] = f"W/{etag}"
            if is_compressed:
                headers["content-encoding"] = "gzip"
        await send(start)
        await send({"type": "http.response.body", "body": body})


def page_with_preloads(page: str, scripts: Path) -> str:
    """Return the document with links to the scripts of `WIDGETS`, and of what these import."""
    wanted = _with_imports((path.name for name in WIDGETS for path in scripts.glob(f"{name}.*.js")), scripts)
    there = set(_SCRIPT.findall(page))
    links = "".join(
        f'<link rel="modulepreload" crossorigin href="./static/js/{name}">' for name in sorted(wanted - there)
    )
    without_font = _LINK.sub(lambda link: "" if 'as="font"' in link[0] else link[0], page)
    return without_font.replace("</head>", f"{links}</head>")


def _with_imports(names: Iterable[str], scripts: Path) -> set[str]:
    found: set[str] = set()
    open_names = list(names)
    while open_names:
        name = open_names.pop()
        if name not in found and (scripts / name).is_file():
            found.add(name)
            open_names += _IMPORT.findall((scripts / name).read_text(encoding="utf-8"))
    return found


def _may_be_page(start: Message, size: int) -> bool:
    headers = Headers(raw=start["headers"])
    return (
        start["status"] == 200
        and headers.get("content-type", "").startswith("text/html")
        and headers.get("content-length") == str(size)
    )
