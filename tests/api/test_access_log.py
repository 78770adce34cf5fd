"""The access log: what a request raises."""

import logging

import anyio
import pytest
from starlette.types import Receive, Scope, Send

from weir.api.middleware.access_log import AccessLogMiddleware

SCOPE: Scope = {"type": "http", "method": "GET", "path": "/api/sse"}


async def request(error: Exception) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ExceptionGroup("unhandled errors in a TaskGroup", [error])

    async def ignore(message: object = None) -> None:
        pass

    await AccessLogMiddleware(app)(SCOPE, ignore, ignore)  # type: ignore[arg-type]


async def test_a_reader_that_hangs_up_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        await request(anyio.BrokenResourceError())
    (line,) = caplog.records
    assert (line.message, line.__dict__["status"]) == ("api request", 200)


async def test_what_else_a_request_raises_is_raised() -> None:
    with pytest.raises(ExceptionGroup):
        await request(ValueError("too loud"))
