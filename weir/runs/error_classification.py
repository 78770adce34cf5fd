"""Error classification: the failure that an exception of a chain means."""

import json
from collections.abc import Mapping
from typing import Any

from langchain_core.exceptions import (
    ContextOverflowError,
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelInvalidRequestError,
    ModelNotFoundError,
    ModelPermissionDeniedError,
    ModelRateLimitError,
    ModelRefusalError,
    ModelTimeoutError,
    OutputParserException,
)
from pydantic import ValidationError

from weir.runs.failure_sentences import Failure, FailureKind

MAX_DETAIL = 300
"""Characters of an exception's text that are recorded."""


class RecordFullError(Exception):
    """The memory for records is full, and this run has the largest record."""


# The first match counts, so a subclass comes before its base.
_BY_TYPE: tuple[tuple[type[Exception], FailureKind], ...] = (
    (RecordFullError, FailureKind.RECORD_FULL),
    (ModelAuthenticationError, FailureKind.AUTHENTICATION),
    (ModelPermissionDeniedError, FailureKind.PERMISSION),
    (ModelNotFoundError, FailureKind.NOT_FOUND),
    (ContextOverflowError, FailureKind.CONTEXT),
    (ModelInvalidRequestError, FailureKind.INVALID_REQUEST),
    (ModelRateLimitError, FailureKind.RATE_LIMIT),
    (ModelAPIError, FailureKind.SERVER),
    (ModelTimeoutError, FailureKind.TIMEOUT),
    (ModelRefusalError, FailureKind.REFUSAL),
    (TimeoutError, FailureKind.TIMEOUT),
    (json.JSONDecodeError, FailureKind.MALFORMED),
    (UnicodeDecodeError, FailureKind.MALFORMED),
    (OutputParserException, FailureKind.UNUSABLE),
    (ValidationError, FailureKind.UNUSABLE),
)

# Classes of openai and of `weir.llm`, neither of which is imported here, that have no base class in the table above.
_BY_NAME = {
    "APIError": FailureKind.OVERLOADED,
    "APIResponseValidationError": FailureKind.MALFORMED,
    "EncodedAnswerError": FailureKind.ENCODED,
    "RedirectError": FailureKind.REDIRECTED,
    "WebPageError": FailureKind.WEB_PAGE,
    "OtherFormatError": FailureKind.OTHER_FORMAT,
    "NoAnswerError": FailureKind.NO_ANSWER,
    "OversizedAnswerError": FailureKind.OVERSIZED,
    "EndedInErrorError": FailureKind.ENDED_IN_ERROR,
    "ToolCallsOnlyError": FailureKind.TOOL_CALLS_ONLY,
    "MalformedAnswerError": FailureKind.MALFORMED,
    "ReportedError": FailureKind.SERVER,
    "LengthFinishReasonError": FailureKind.LENGTH,
    "ContentFilterFinishReasonError": FailureKind.CONTENT_FILTER,
}


_BY_STATUS = {
    402: FailureKind.RATE_LIMIT,
    405: FailureKind.NOT_FOUND,
    407: FailureKind.UNREACHABLE,
    408: FailureKind.TIMEOUT,
    410: FailureKind.NOT_FOUND,
    413: FailureKind.CONTEXT,
    425: FailureKind.RATE_LIMIT,
}
"""HTTP status codes that openai has no error class for, and that say more than their class (4xx) does."""
_BY_STATUS_CLASS = {3: FailureKind.REDIRECTED, 4: FailureKind.INVALID_REQUEST}


def classify_error(error: Exception, *, answering: bool) -> Failure:
    """Return the failure that `error` means. `answering`: whether the model had begun to answer when it was raised."""
    text = safe_str(error)
    detail = f"{type(error).__name__}: {text}"[:MAX_DETAIL] + _retry_after(error)
    # LangChain recognises this case by OpenAI's wording only. Other servers use the code, or their own wording.
    if isinstance(error, ModelInvalidRequestError) and "context" in f"{getattr(error, 'code', '')} {text}".lower():
        return Failure(FailureKind.CONTEXT, detail)
    # langchain-openai 1.7.4 raises a refusal for both; the answer has the finish reason.
    if type(error).__name__ == "OpenAIRefusalError" and _finish_reason(error) == "content_filter":
        return Failure(FailureKind.CONTENT_FILTER, detail)
    if isinstance(error, ModelConnectionError) and not answering and _never_connected(error):
        return Failure(FailureKind.UNREACHABLE, detail)
    if isinstance(error, ModelConnectionError) and not isinstance(error, ModelTimeoutError):
        return Failure(FailureKind.CUT, detail)
    for error_class, kind in _BY_TYPE:
        if isinstance(error, error_class):
            return Failure(kind, detail)
    return Failure(_BY_NAME.get(type(error).__name__) or _by_status(error), detail)


def _finish_reason(error: Exception) -> Any:
    """Return the finish reason of the answer that an error of langchain-openai carries; None if it carries none."""
    metadata = getattr(getattr(error, "raw_message", None), "response_metadata", None)
    return metadata.get("finish_reason") if isinstance(metadata, dict) else None


def _by_status(error: Exception) -> FailureKind:
    """Return the kind for an error's HTTP status code; INTERNAL if the error has no HTTP response."""
    status = getattr(error, "status_code", None)
    if not isinstance(status, int) or getattr(error, "response", None) is None:
        return FailureKind.INTERNAL
    return _BY_STATUS.get(status) or _BY_STATUS_CLASS.get(status // 100, FailureKind.SERVER)


def safe_str(error: BaseException) -> str:
    """Return an error's text. If its `__str__` raises, a sentence that says so."""
    try:
        return str(error)
    except Exception as broken:
        return f"<its text cannot be read: {type(broken).__name__}>"


def _retry_after(error: Exception) -> str:
    """Return the `Retry-After` header of an error's response, as text to append to the detail."""
    headers = getattr(getattr(error, "response", None), "headers", None)
    after = str(headers.get("retry-after") or "") if isinstance(headers, Mapping) else ""
    return f" (Retry-After: {after[:40]})" if after else ""


def _never_connected(error: BaseException | None) -> bool:
    """Whether one of the causes is the HTTP client's error for a connection that could not be made."""
    while error is not None:
        if type(error).__name__ in ("ConnectError", "ConnectTimeout"):
            return True
        error = error.__cause__ or error.__context__
    return False
