"""Error responses of the API: `application/problem+json` (RFC 9457), with a reference to look up in the log."""

import logging
import math
import secrets
from collections.abc import Mapping
from contextvars import ContextVar
from http import HTTPStatus
from typing import Any

import anyio
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from weir.access.limits import LimitReachedError
from weir.llm.chain_registry import ModelNotReadyError, UnknownChainError
from weir.runs.run_store import (
    RunElsewhereError,
    RunEvictedError,
    RunNotFoundError,
    RunNotSharedError,
    RunUnreadableError,
)

_LOG = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"


class ProblemDetails(BaseModel):
    """An error (RFC 9457)."""

    title: str = Field(description="The status in words")
    status: int
    detail: str = Field(description="What happened and what to do")
    reference: str = Field(description="The id of the request in the server's log")
    errors: list[dict[str, Any]] = Field(default_factory=list, description="The wrong fields of the input")


class ApiError(Exception):
    """An error response. `detail` is a sentence for the caller; `cause` is for the log only."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        cause: str = "",
        headers: Mapping[str, str] | None = None,
        errors: list[dict[str, Any]] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.cause = cause
        self.headers = dict(headers or {})
        self.errors = errors or []


class StreamAlreadyCompleteError(Exception):
    """The client already has the last event of the stream. The response is 204, so that an EventSource stops."""


MAX_ERRORS = 100
"""Validation errors in a response: a body of a megabyte can have one every few bytes."""

_REQUEST_ID: ContextVar[str] = ContextVar("request_id")


def new_request_id() -> str:
    """Set a short id for the current request and return it. It connects the response to lines of the log."""
    new_id = secrets.token_hex(4)
    _REQUEST_ID.set(new_id)
    return new_id


def request_id() -> str:
    """Return the id of the current request."""
    return _REQUEST_ID.get(None) or new_request_id()


def problem(error: ApiError) -> JSONResponse:
    """Return an error as a response, and write it to the log with its cause."""
    _LOG.warning("refused %s [%s] %s %s", error.status, request_id(), error.detail, error.cause)
    body = ProblemDetails(
        title=HTTPStatus(error.status).phrase,
        status=error.status,
        detail=error.detail,
        reference=request_id(),
        errors=error.errors,
    )
    return JSONResponse(
        body.model_dump(exclude_defaults=True), error.status, headers=error.headers, media_type=MEDIA_TYPE
    )


ERROR_RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"model": ProblemDetails, "description": description, "content": {MEDIA_TYPE: {}}}
    for status, description in {
        400: "The body is not JSON.",
        401: "The bearer token or ticket is missing or wrong.",
        403: "The caller's address, origin or host is not allowed, or the run is another visitor's.",
        404: "There is no such chain or run.",
        410: "The run was removed to make room for newer ones, is not shared any more, or cannot be read.",
        413: "The body is too large.",
        422: "The input does not match the schema, or the event id does not belong to the stream.",
        429: "A limit of runs or tokens is reached; Retry-After says when to try again.",
        502: "The model failed.",
        503: "No model is ready.",
    }.items()
}
"""Error statuses of all operations, for the OpenAPI document."""


def register_exception_handlers(app: FastAPI) -> None:
    """Make the app answer every error with problem details."""

    def on_validation_error(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return problem(
            ApiError(422, "The input does not match the schema.", errors=public_validation_errors(error.errors()))
        )

    def on_http_exception(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return problem(ApiError(error.status_code, str(error.detail), headers=error.headers))

    def on_api_error(_: Request, error: Exception) -> Response:
        assert isinstance(error, ApiError)
        return problem(error)

    def message_with_status(status: int) -> Any:
        def handler(_: Request, error: Exception) -> Response:
            return problem(ApiError(status, getattr(error, "message", "")))

        return handler

    def on_limit(_: Request, error: Exception) -> Response:
        assert isinstance(error, LimitReachedError)
        return problem(ApiError(429, str(error), headers={"Retry-After": str(math.ceil(error.seconds))}))

    def on_complete_stream(_: Request, __: Exception) -> Response:
        return Response(status_code=204)

    def on_unexpected_error(_: Request, error: Exception) -> Response:
        if isinstance(error, ExceptionGroup) and error.split(anyio.BrokenResourceError)[1] is None:
            # A reader has hung up (AccessLogMiddleware): there is nobody to answer, and nothing to log.
            return Response()
        return problem(
            ApiError(
                500,
                "Weir had an internal error. The log has the cause under this reference.",
                cause=type(error).__name__,
            )
        )

    app.add_exception_handler(RequestValidationError, on_validation_error)
    app.add_exception_handler(HTTPException, on_http_exception)
    app.add_exception_handler(ApiError, on_api_error)
    app.add_exception_handler(StreamAlreadyCompleteError, on_complete_stream)
    app.add_exception_handler(UnknownChainError, message_with_status(404))
    app.add_exception_handler(RunNotFoundError, message_with_status(404))
    app.add_exception_handler(RunEvictedError, message_with_status(410))
    app.add_exception_handler(RunNotSharedError, message_with_status(410))
    app.add_exception_handler(RunElsewhereError, message_with_status(503))
    app.add_exception_handler(RunUnreadableError, message_with_status(410))
    app.add_exception_handler(LimitReachedError, on_limit)
    app.add_exception_handler(ModelNotReadyError, message_with_status(503))
    app.add_exception_handler(Exception, on_unexpected_error)


def public_validation_errors(errors: Any) -> list[dict[str, Any]]:
    """Return the first validation errors, without the values that were sent: they may be long or secret."""
    first = errors[:MAX_ERRORS]
    return [{"field": ".".join(map(str, error["loc"])), "problem": error["msg"]} for error in first]
