"""Anonymous visitors: a cookie with a random id that identifies a browser."""

from collections.abc import Callable
from http.cookies import SimpleCookie

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from weir.api.middleware.tls import is_tls

YEAR_SECONDS = 365 * 86_400


class AnonymousIdMiddleware:
    """ASGI middleware that sets a new id when a browser without a valid one requests a page.

    A valid id is `visitor` in the request's state.
    """

    def __init__(self, app: ASGIApp, *, name: str, new_id: Callable[[], str], is_valid: Callable[[str], bool]) -> None:
        self._app = app
        self._name = name
        self._new_id = new_id
        self._is_valid = is_valid

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        visitor = HTTPConnection(scope).cookies.get(self._name, "")
        if self._is_valid(visitor):
            scope.setdefault("state", {})["visitor"] = visitor
        if self._is_valid(visitor) or not _is_page_request(scope):
            await self._app(scope, receive, send)
            return

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).append("set-cookie", self._cookie(scope))
            await send(message)

        await self._app(scope, receive, send_with_cookie)

    def _cookie(self, scope: Scope) -> str:
        jar = SimpleCookie({self._name: self._new_id()})
        morsel = jar[self._name]
        morsel["path"] = scope.get("root_path") or "/"
        morsel["max-age"] = YEAR_SECONDS
        morsel["httponly"] = True
        morsel["samesite"] = "Lax"
        morsel["secure"] = is_tls(scope)
        return morsel.OutputString()


def _is_page_request(scope: Scope) -> bool:
    return scope["method"] == "GET" and "text/html" in Headers(scope=scope).get("accept", "")
