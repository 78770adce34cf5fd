"""Errors as programs see them: `application/problem+json` (RFC 9457), with a reference to look up in the log."""

import logging
import math
import secrets
from collections.abc import Mapping
from contextvars import ContextVar
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from weir.access.limits import LimitReachedError
from weir.llm.chain_registry import ModelNotReadyError, UnknownChainError
from weir.runs.run_store import RunEvictedError, RunNotFoundError, RunNotSharedError

_LOG = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"


class ProblemDetails(BaseModel):
    """What went wrong."""

    title: str = Field(description="The status in words")
    status: int
    detail: str = Field(description="What happened and what to do")
    reference: str = Field(description="The same id stands in the server's log")
    errors: list[dict[str, Any]] = Field(default_factory=list, description="What is wrong with which part of the input")


class ApiError(Exception):
    """A request that is not served. `detail` is a sentence for the caller, `cause` one for the log only."""

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
    """The client has all of a stream that has ended: 204, on which an EventSource stops asking."""


MAX_ERRORS = 100
"""A body of a megabyte can have a mistake every few bytes; nobody reads all of them."""

_REFERENCE: ContextVar[str] = ContextVar("reference")


def new_request_id() -> str:
    """Give the request that is being answered a short id, which ties the answer to lines of the log."""
    made = secrets.token_hex(4)
    _REFERENCE.set(made)
    return made


def request_id() -> str:
    """Return the reference of the request that is being answered."""
    return _REFERENCE.get(None) or new_request_id()


def problem(refusal: ApiError) -> JSONResponse:
    """Return a refusal as a response, and write its cause to the log."""
    _LOG.warning("refused %s [%s] %s %s", refusal.status, request_id(), refusal.detail, refusal.cause)
    body = ProblemDetails(
        title=HTTPStatus(refusal.status).phrase,
        status=refusal.status,
        detail=refusal.detail,
        reference=request_id(),
        errors=refusal.errors,
    )
    return JSONResponse(
        body.model_dump(exclude_defaults=True), refusal.status, headers=refusal.headers, media_type=MEDIA_TYPE
    )


ERROR_RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"model": ProblemDetails, "description": description, "content": {MEDIA_TYPE: {}}}
    for status, description in {
        400: "The body is not JSON.",
        401: "The bearer token or ticket is missing or wrong.",
        403: "The caller's address, origin or host is not allowed, or the run is another visitor's.",
        404: "There is no such chain or run.",
        410: "The run has been removed to make room for newer ones, or is not shared any more.",
        413: "The body is too large.",
        422: "The input does not fit.",
        429: "A limit of runs or tokens is reached; Retry-After says when to try again.",
        502: "The model failed.",
        503: "No model is ready.",
    }.items()
}
"""For the OpenAPI document: every status that an operation may answer besides its own."""


def register_exception_handlers(app: FastAPI) -> None:
    """Have the app answer every error as a problem."""

    def invalid(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return problem(ApiError(422, "The input does not fit.", errors=public_validation_errors(error.errors())))

    def http(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return problem(ApiError(error.status_code, str(error.detail), headers=error.headers))

    def refused(_: Request, error: Exception) -> Response:
        assert isinstance(error, ApiError)
        return problem(error)

    def told_by_docstring(status: int) -> Any:
        def handler(_: Request, error: Exception) -> Response:
            return problem(ApiError(status, type(error).__doc__ or ""))

        return handler

    def limited(_: Request, error: Exception) -> Response:
        assert isinstance(error, LimitReachedError)
        return problem(ApiError(429, str(error), headers={"Retry-After": str(math.ceil(error.seconds))}))

    def nothing_more(_: Request, __: Exception) -> Response:
        return Response(status_code=204)

    def unforeseen(_: Request, error: Exception) -> Response:
        return problem(ApiError(500, "Weir had an error of its own.", cause=type(error).__name__))

    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(ApiError, refused)
    app.add_exception_handler(StreamAlreadyCompleteError, nothing_more)
    app.add_exception_handler(UnknownChainError, told_by_docstring(404))
    app.add_exception_handler(RunNotFoundError, told_by_docstring(404))
    app.add_exception_handler(RunEvictedError, told_by_docstring(410))
    app.add_exception_handler(RunNotSharedError, told_by_docstring(410))
    app.add_exception_handler(LimitReachedError, limited)
    app.add_exception_handler(ModelNotReadyError, told_by_docstring(503))
    app.add_exception_handler(Exception, unforeseen)


def public_validation_errors(errors: Any) -> list[dict[str, Any]]:
    """Return the first validation errors without what was sent: it may be long, or secret."""
    first = errors[:MAX_ERRORS]
    return [{"field": ".".join(map(str, error["loc"])), "problem": error["msg"]} for error in first]
