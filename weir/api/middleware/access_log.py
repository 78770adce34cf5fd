"""Access log of the API: one line a request, without its query, which may hold a question."""

import logging
import time

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from weir.api.problem_details import new_request_id

_LOG = logging.getLogger(__name__)


class AccessLogMiddleware:
    """ASGI middleware that gives each request an id and logs its status and duration."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started_at = time.monotonic()
        status = 0
        request_id = new_request_id()

        async def send_and_note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_and_note_status)
        except* anyio.BrokenResourceError:
            # FastAPI 0.165.0's task for keep-alive comments raises it where a reader hangs up while it sends.
            _LOG.debug("a reader of server-sent events hung up", extra={"reference": request_id})
        finally:
            fields = {
                "method": scope["method"],
                "path": scope["path"],
                "status": status,
                "seconds": round(time.monotonic() - started_at, 3),
                "reference": request_id,
            }
            if client := scope.get("state", {}).get("client"):
                fields["client"] = client
            # Programs send what they have ten times a second.
            is_sent = scope["path"].endswith("/attach") or "/langsmith/" in scope["path"]
            is_usual = scope["path"].endswith("/health") or (is_sent and status in (200, 202))
            _LOG.log(logging.DEBUG if is_usual else logging.INFO, "api request", extra=fields)
