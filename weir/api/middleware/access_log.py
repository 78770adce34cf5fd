"""A line of the log for each request to the API: never its query, which holds what was asked."""

import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from weir.api.problem_details import new_request_id

_LOG = logging.getLogger(__name__)


class AccessLogMiddleware:
    """ASGI middleware that gives each request a reference, and writes how it was answered."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.monotonic()
        status = 0
        reference = new_request_id()

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            told = {
                "method": scope["method"],
                "path": scope["path"],
                "status": status,
                "seconds": round(time.monotonic() - begun, 3),
                "reference": reference,
            }
            is_probe = scope["path"].endswith("/health")
            _LOG.log(logging.DEBUG if is_probe else logging.INFO, "api request", extra=told)
