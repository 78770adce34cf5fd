"""Errors of the OpenAI-compatible door, in the shape that OpenAI's clients read."""

import logging
import math
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from weir.access.limits import LimitReachedError
from weir.analysis.outcome import Outcome
from weir.api.problem_details import ApiError, public_validation_errors, request_id
from weir.llm.chain_registry import ModelNotReadyError, UnsuitableModelError
from weir.runs.failure_sentences import FailureKind

_LOG = logging.getLogger(__name__)

INVALID, FAILED = "invalid_request_error", "api_error"
"""Types of errors: the request's fault, and the model's or Weir's."""

_BY_KIND = {
    FailureKind.NOT_FOUND: (404, "model_not_found"),
    FailureKind.CONTEXT: (400, "context_length_exceeded"),
    FailureKind.INVALID_REQUEST: (400, "invalid_request"),
    FailureKind.RATE_LIMIT: (429, "rate_limit_exceeded"),
    FailureKind.TIMEOUT: (504, "timeout"),
    FailureKind.AUTHENTICATION: (502, "model_refused_key"),
    FailureKind.PERMISSION: (502, "model_refused_key"),
}
"""Status and code of failures. All others are a 502: the model's server is to blame, not the caller."""

_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


class GatewayError(Exception):
    """An error of a call. Its text is a sentence for the caller."""

    def __init__(self, status: int, message: str, code: str, *, param: str | None = None, retry: int = 0) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param
        self.retry = retry
        """Seconds after which to try again; 0 is not known."""

    @property
    def body(self) -> dict[str, Any]:
        """The error as JSON."""
        type_ = _TYPES.get(self.status, INVALID if self.status < 500 else FAILED)
        return {"error": {"message": str(self), "type": type_, "param": self.param, "code": self.code}}


def invalid(message: str, param: str | None = None, code: str = "invalid_request") -> GatewayError:
    """Return the error of a request that cannot be answered as it is."""
    return GatewayError(400, message, code, param=param)


def error_response(error: GatewayError, headers: dict[str, str] | None = None) -> JSONResponse:
    """Return an error as a response, and write it to the log."""
    _LOG.warning("refused %s [%s] %s", error.status, request_id(), error.code)
    more = {"Retry-After": str(error.retry)} if error.retry else {}
    return JSONResponse(error.body, error.status, headers={**(headers or {}), **more})


def refusal(error: ApiError) -> Response:
    """Return the response for an error of the API."""
    codes = {401: "invalid_api_key", 404: "not_found", 413: "request_too_large"}
    made = GatewayError(error.status, error.detail, codes.get(error.status, "refused"))
    return error_response(made, error.headers)


def failure_of(result: Outcome, *, stopped: bool) -> GatewayError:
    """Return the error for a run that has not ended well."""
    if stopped:
        return GatewayError(409, "The answer was stopped in Weir.", "stopped")
    if result.kind is None:
        return GatewayError(502, f"{result.message} {result.hint}".strip(), "no_answer")
    status, code = _BY_KIND.get(result.kind, (502, result.kind.name.lower()))
    message = f"{result.kind.message} {result.detail or result.kind.hint}"
    return GatewayError(status, message, code, retry=1 if status == 429 else 0)


def register_gateway_handlers(app: FastAPI) -> None:
    """Make the app answer every error in OpenAI's shape."""

    def on_gateway_error(_: Request, error: Exception) -> Response:
        assert isinstance(error, GatewayError)
        return error_response(error)

    def on_validation_error(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        problem = public_validation_errors(error.errors())[0]
        field = problem["field"].removeprefix("body.")
        return error_response(invalid(f"{field}: {problem['problem']}", field))

    def on_http_exception(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return error_response(GatewayError(error.status_code, str(error.detail), "refused"), dict(error.headers or {}))

    def on_api_error(_: Request, error: Exception) -> Response:
        assert isinstance(error, ApiError)
        return refusal(error)

    def on_limit(_: Request, error: Exception) -> Response:
        assert isinstance(error, LimitReachedError)
        return error_response(GatewayError(429, str(error), "limit_reached", retry=math.ceil(error.seconds)))

    def on_model_not_ready(_: Request, __: Exception) -> Response:
        return error_response(GatewayError(503, ModelNotReadyError.message, "model_not_ready", retry=2))

    def on_unsuitable(_: Request, error: Exception) -> Response:
        return error_response(invalid(str(error), "model"))

    def on_unexpected_error(_: Request, error: Exception) -> Response:
        _LOG.error("a call failed [%s] %s", request_id(), type(error).__name__)
        sentence = f"Weir had an internal error. The log has the cause under {request_id()}."
        return error_response(GatewayError(500, sentence, "internal_error"))

    app.add_exception_handler(GatewayError, on_gateway_error)
    app.add_exception_handler(RequestValidationError, on_validation_error)
    app.add_exception_handler(HTTPException, on_http_exception)
    app.add_exception_handler(ApiError, on_api_error)
    app.add_exception_handler(LimitReachedError, on_limit)
    app.add_exception_handler(ModelNotReadyError, on_model_not_ready)
    app.add_exception_handler(UnsuitableModelError, on_unsuitable)
    app.add_exception_handler(Exception, on_unexpected_error)
