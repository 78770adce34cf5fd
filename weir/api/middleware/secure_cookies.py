"""Every cookie that leaves the app, Streamlit's own too, is kept from scripts and other sites."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from weir.api.middleware.tls import is_tls

READ_BY_SCRIPTS = frozenset({"_streamlit_xsrf"})
"""Streamlit's page reads this one, to send its value back in a header."""


class SecureCookiesMiddleware:
    """ASGI middleware that completes `Set-Cookie` headers: HttpOnly, SameSite, and Secure where the browser has TLS."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    (name, completed(value.decode("latin-1"), tls=is_tls(scope)).encode("latin-1"))
                    if name.lower() == b"set-cookie"
                    else (name, value)
                    for name, value in message["headers"]
                ]
            await send(message)

        await self._app(scope, receive, send_safely)


def completed(cookie: str, *, tls: bool) -> str:
    """Return the value of a `Set-Cookie` header with the attributes that it lacks."""
    name = cookie.partition("=")[0].strip()
    has = {part.partition("=")[0].strip().lower() for part in cookie.split(";")[1:]}
    missing = [] if "samesite" in has else ["SameSite=Lax"]
    if "httponly" not in has and name not in READ_BY_SCRIPTS:
        missing.append("HttpOnly")
    if tls and "secure" not in has:
        missing.append("Secure")
    return "; ".join([cookie, *missing])
