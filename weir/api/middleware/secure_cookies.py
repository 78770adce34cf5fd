"""Cookie attributes: hides every cookie, Streamlit's own too, from scripts and other sites."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from weir.api.middleware.tls import is_tls

SCRIPT_READABLE = frozenset({"_streamlit_xsrf"})
"""Streamlit's page reads this cookie to send its value back in a header."""


class SecureCookiesMiddleware:
    """ASGI middleware that adds HttpOnly, SameSite and, with TLS, Secure to `Set-Cookie` headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_attributes(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    (name, add_cookie_attributes(value.decode("latin-1"), tls=is_tls(scope)).encode("latin-1"))
                    if name.lower() == b"set-cookie"
                    else (name, value)
                    for name, value in message["headers"]
                ]
            await send(message)

        await self._app(scope, receive, send_with_attributes)


def add_cookie_attributes(cookie: str, *, tls: bool) -> str:
    """Return the value of a `Set-Cookie` header, with the missing attributes added."""
    name = cookie.partition("=")[0].strip()
    present = {part.partition("=")[0].strip().lower() for part in cookie.split(";")[1:]}
    missing = [] if "samesite" in present else ["SameSite=Lax"]
    if "httponly" not in present and name not in SCRIPT_READABLE:
        missing.append("HttpOnly")
    if tls and "secure" not in present:
        missing.append("Secure")
    return "; ".join([cookie, *missing])
