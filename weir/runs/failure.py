"""Failures: classification of errors into kinds, each with a message and a hint for people.

Pages and endpoints show these sentences; docs/faults.md lists what leads to each.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
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

MAX_DETAIL = 300
"""Characters of an exception's text that are recorded."""


class FailureKind(Enum):
    """Kind of failure. The value is its message (what happened) and its hint (what to do)."""

    AUTHENTICATION = (
        "The model's server did not accept the API key.",
        "Check `OPENAI_API_KEY`, restart Weir, then retry.",
    )
    PERMISSION = (
        "The API key is valid but may not use this model.",
        "Ask for access, or choose another `OPENAI_MODEL`.",
    )
    NOT_FOUND = (
        "The model's server does not know this model or address.",
        "Check `OPENAI_MODEL` and `OPENAI_BASE_URL` (it usually ends in `/v1`).",
    )
    CONTEXT = (
        "The question and its history are longer than the model can read.",
        "Shorten the question or clear the conversation, then retry.",
    )
    INVALID_REQUEST = (
        "The model's server refused the request as invalid.",
        "A setting or the model may not support the request: see the server's message.",
    )
    RATE_LIMIT = (
        "The model's server reports too many requests, or that the quota is used up.",
        "Wait a moment, then retry; if it happens again, check the account's quota.",
    )
    SERVER = (
        "The model's server had an internal error.",
        "Retry; if it happens again, look at the server's log or status page.",
    )
    UNREACHABLE = (
        "The model's server cannot be reached.",
        "Check that it is running and that `OPENAI_BASE_URL` is right, then retry.",
    )
    CUT = (
        "The connection to the model broke before the answer was complete.",
        "Retry for a complete answer.",
    )
    TIMEOUT = (
        "The model went silent and Weir stopped waiting for it.",
        "Retry, or raise `WEIR_TIMEOUT` for a slow model.",
    )
    OVERLOADED = (
        "The model's server reported an error in the middle of the answer.",
        "See its message, and retry in a moment.",
    )
    MALFORMED = (
        "The model's server sent something that is not part of an answer.",
        "Retry; if it happens again, a proxy or gateway in between may be the cause.",
    )
    ENCODED = (
        "The model's server sent its answer compressed, which Weir does not request and does not decompress.",
        "Turn compression off in the server, or in the proxy in front of it, then retry.",
    )
    REDIRECTED = (
        "The model's server redirected the request to another address, and Weir did not send the question there.",
        "If that address is right, set `OPENAI_BASE_URL` to it, restart Weir, then retry.",
    )
    WEB_PAGE = (
        "The model's address answers with a web page.",
        "Check `OPENAI_BASE_URL` (it usually ends in `/v1`); a sign-in page or a proxy may be in between.",
    )
    OTHER_FORMAT = (
        "The model's server answers in a format that Weir cannot read.",
        "Check that `OPENAI_BASE_URL` is its OpenAI-compatible address (it usually ends in `/v1`).",
    )
    NO_ANSWER = (
        "The model's server sent nothing that is part of an answer.",
        "Retry; if it happens again, look at the server's log, and check `OPENAI_BASE_URL`.",
    )
    OVERSIZED = (
        "The model's server sent a piece that is larger than Weir reads into memory.",
        "Retry; if it happens again, the server or a proxy in between may be the cause.",
    )
    ENDED_IN_ERROR = (
        "The model's server ended the answer with an error.",
        "Retry; if it happens again, look at the server's log or status page.",
    )
    TOOL_CALLS_ONLY = (
        "The model called tools that do not exist here, and wrote no text.",
        "Rephrase the question, or choose another `OPENAI_MODEL`.",
    )
    UNFINISHED = (
        "The stream ended without a finish reason: the answer is probably cut off.",
        "Retry for a complete answer.",
    )
    LENGTH = (
        "The answer reached its length limit.",
        "Ask the model to continue, or for a shorter answer.",
    )
    CONTENT_FILTER = (
        "The model's server stopped the answer with its content filter.",
        "Rephrase the question.",
    )
    REFUSAL = (
        "The model declined to answer.",
        "Rephrase the question.",
    )
    EMPTY = (
        "The model ended without writing anything.",
        "Retry, or rephrase the question.",
    )
    UNUSABLE = (
        "The model's answer did not have the requested format.",
        "Retry; a larger model keeps to the format more reliably.",
    )
    RECORD_FULL = (
        "The run was ended because the memory for records was full, and its record was the largest.",
        "Raise `WEIR_RECORD_MB` for longer runs.",
    )
    INTERNAL = (
        "The chain raised an error.",
        "See its message.",
    )

    @property
    def message(self) -> str:
        """What happened."""
        return self.value[0]

    @property
    def hint(self) -> str:
        """What to do."""
        return self.value[1]


@dataclass(frozen=True, slots=True)
class Failure:
    """One failure: its kind, and as detail the exception's type and text."""

    kind: FailureKind
    detail: str = ""


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
