"""Security headers: Content-Security-Policy and others that restrict a page to what Weir needs.

Model text is not trusted: an image in its Markdown must not make the browser send a request to another site.
"""

import base64
import functools
import hashlib
import importlib.util
import re
from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from weir.api.middleware.tls import is_tls

_HOST = re.compile(r"[\w.-]+(:\d+)?|\[[\da-fA-F:]+\](:\d+)?", re.ASCII)
_INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def streamlit_static() -> Path:
    """Return the folder of the installed Streamlit's own files, without importing it."""
    spec = importlib.util.find_spec("streamlit")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "static"


@functools.cache
def streamlit_policy(framed_by: tuple[str, ...] = ()) -> str:
    """Return the Content-Security-Policy for the pages of the installed Streamlit."""
    return content_security_policy((streamlit_static() / "index.html").read_text(encoding="utf-8"), framed_by)


def content_security_policy(page: str, framed_by: tuple[str, ...] = ()) -> str:
    """Return a Content-Security-Policy that allows this page's inline scripts by their hash, and no other site.

    `framed_by` are the origins whose pages may embed this one in a frame; `self` is its own origin.
    """
    framing = " ".join("'self'" if origin == "self" else origin for origin in framed_by or ("'none'",))
    digests = (hashlib.sha256(script.encode()).digest() for script in _INLINE_SCRIPT.findall(page))
    hashes = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    return "; ".join(
        (
            "default-src 'self'",
            # Not 'self': an image of /api/stream?topic=… in a model's text would start a run.
            "img-src data: blob:",
            "style-src 'self' 'unsafe-inline'",
            f"script-src 'self' 'wasm-unsafe-eval' blob: {hashes}",
            "worker-src 'self' blob:",
            "font-src 'self' data:",
            "connect-src 'self'",
            f"frame-ancestors {framing}",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
        )
    )


def _with_icon(policy: str, scope: Scope) -> str:
    """Allow Streamlit's favicon, by its full address so that no other image is allowed."""
    host = Headers(scope=scope).get("host", "")
    if not _HOST.fullmatch(host):
        return policy
    return policy.replace("img-src ", f"img-src {host}{scope.get('root_path', '')}/favicon.png ", 1)


_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": ", ".join(
        f"{feature}=()"
        for feature in ("camera", "microphone", "geolocation", "display-capture", "payment", "usb", "serial", "hid")
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

_HSTS = "max-age=31536000"


def _x_frame_options(framed_by: tuple[str, ...]) -> dict[str, str]:
    """Return X-Frame-Options, for browsers without `frame-ancestors`. It cannot name other origins."""
    if not framed_by:
        return {"X-Frame-Options": "DENY"}
    return {"X-Frame-Options": "SAMEORIGIN"} if framed_by == ("self",) else {}


class SecurityHeadersMiddleware:
    """ASGI middleware that adds the headers to every HTTP response, also to that of an unexpected error."""

    def __init__(self, app: ASGIApp, framed_by: tuple[str, ...] = ()) -> None:
        self._app = app
        self._framed_by = framed_by
        self._headers = _HEADERS | _x_frame_options(framed_by)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        # Read before the call: a mount changes the scope.
        policy, tls, has_started = _with_icon(streamlit_policy(self._framed_by), scope), is_tls(scope), False

        async def send_with_headers(message: Message) -> None:
            nonlocal has_started
            if message["type"] == "http.response.start":
                has_started = True
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", policy)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                if tls:
                    headers.setdefault("Strict-Transport-Security", _HSTS)
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except Exception:
            # Starlette's own response would bypass this middleware. Starlette still logs the error.
            if not has_started:
                await PlainTextResponse("Internal Server Error", 500)(scope, receive, send_with_headers)
            raise
