"""Streamlit's own metrics are for this machine: they tell how many people are here and what the app holds."""

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from weir.api.middleware.access import is_this_machine

PATH = "/_stcore/metrics"


class LocalMetricsMiddleware:
    """ASGI middleware that has the metrics for programs of this machine only, and not by way of a proxy."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_asked_for = scope["type"] == "http" and scope["path"].rstrip("/").endswith(PATH)
        if is_asked_for and not is_this_machine(scope, Headers(scope=scope)):
            await PlainTextResponse("Not Found", 404)(scope, receive, send)
            return
        await self._app(scope, receive, send)
