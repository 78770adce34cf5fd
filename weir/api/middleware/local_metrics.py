"""Access to Streamlit's metrics, for this machine only: they reveal how many people use the app and what it holds."""

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from weir.api.middleware.access import is_this_machine

PATH = "/_stcore/metrics"


class LocalMetricsMiddleware:
    """ASGI middleware that hides the metrics from other machines and from proxies."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_metrics_request = scope["type"] == "http" and scope["path"].rstrip("/").endswith(PATH)
        if is_metrics_request and not is_this_machine(scope, Headers(scope=scope)):
            await PlainTextResponse("Not Found", 404)(scope, receive, send)
            return
        await self._app(scope, receive, send)
