"""A cookie by which a browser is known again."""

from collections.abc import Callable
from http.cookies import SimpleCookie

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from weir.api.middleware.tls import is_tls

YEAR = 365 * 86_400


class AnonymousIdMiddleware:
    """ASGI middleware that gives a browser that asks for a page, and has no good cookie yet, a new one.

    What a good one holds is `visitor` in the request's state.
    """

    def __init__(self, app: ASGIApp, *, name: str, make: Callable[[], str], is_good: Callable[[str], bool]) -> None:
        self._app = app
        self._name = name
        self._make = make
        self._is_good = is_good

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        known = HTTPConnection(scope).cookies.get(self._name, "")
        if self._is_good(known):
            scope.setdefault("state", {})["visitor"] = known
        if self._is_good(known) or not _asks_for_a_page(scope):
            await self._app(scope, receive, send)
            return

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).append("set-cookie", self._cookie(scope))
            await send(message)

        await self._app(scope, receive, send_with_cookie)

    def _cookie(self, scope: Scope) -> str:
        jar = SimpleCookie({self._name: self._make()})
        morsel = jar[self._name]
        morsel["path"] = scope.get("root_path") or "/"
        morsel["max-age"] = YEAR
        morsel["httponly"] = True
        morsel["samesite"] = "Lax"
        morsel["secure"] = is_tls(scope)
        return morsel.OutputString()


def _asks_for_a_page(scope: Scope) -> bool:
    return scope["method"] == "GET" and "text/html" in Headers(scope=scope).get("accept", "")
