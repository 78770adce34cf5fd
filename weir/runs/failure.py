"""Why a run did not end well, in words for the person who looks at it.

Each kind owns two sentences: what happened and what to do. They are written here once; pages and endpoints show them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from langchain_core.exceptions import (
    ContextOverflowError,
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelInvalidRequestError,
    ModelNotFoundError,
    ModelPermissionDeniedError,
    ModelRateLimitError,
    ModelTimeoutError,
    OutputParserException,
)
from pydantic import ValidationError

MAX_DETAIL = 300
"""Characters kept of an exception's own text."""


class FailureKind(Enum):
    """What went wrong. The value is (what happened, what to do)."""

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
        "A setting or the model may not support what was asked: see the server's own words.",
    )
    RATE_LIMIT = (
        "The model's server says that there were too many requests, or that the quota is used up.",
        "Wait a moment, then retry; check the account's quota if it stays.",
    )
    SERVER = (
        "The model's server had an error of its own.",
        "Retry; if it stays, look at the server's log or status page.",
    )
    UNREACHABLE = (
        "The model's server cannot be reached.",
        "Check that it is running and that `OPENAI_BASE_URL` is right, then retry.",
    )
    CUT = (
        "The connection to the model broke before the answer was whole.",
        "Retry for a whole answer.",
    )
    TIMEOUT = (
        "The model went silent and Weir stopped waiting for it.",
        "Retry, or raise `WEIR_TIMEOUT` for a slow model.",
    )
    OVERLOADED = (
        "The model's server reported an error in the middle of the answer.",
        "See its own words, and retry in a moment.",
    )
    MALFORMED = (
        "The model's server sent something that is not part of an answer.",
        "Retry; if it stays, a proxy or gateway in between may be at fault.",
    )
    ENCODED = (
        "The model's server sent its answer compressed, which Weir does not ask for and does not unpack.",
        "Turn compression off in the server, or in the proxy in front of it, then retry.",
    )
    REDIRECTED = (
        "The model's server named another address to ask, and Weir did not send the question there.",
        "If that address is right, set `OPENAI_BASE_URL` to it, restart Weir, then retry.",
    )
    WEB_PAGE = (
        "The model's address answers with a web page.",
        "Check `OPENAI_BASE_URL` (it usually ends in `/v1`); a sign-in page or a proxy may stand in between.",
    )
    OTHER_FORMAT = (
        "The model's server answers in a format that Weir does not read.",
        "Check that `OPENAI_BASE_URL` is its OpenAI-compatible address (it usually ends in `/v1`).",
    )
    NO_ANSWER = (
        "The model's server sent nothing that is part of an answer.",
        "Retry; if it stays, look at the server's log, and check `OPENAI_BASE_URL`.",
    )
    OVERSIZED = (
        "The model's server sent more in one piece than Weir takes into memory.",
        "Retry; if it stays, the server or a proxy in between may be at fault.",
    )
    ENDED_IN_ERROR = (
        "The model's server ended the answer with an error.",
        "Retry; if it stays, look at the server's log or status page.",
    )
    TOOL_CALLS_ONLY = (
        "The model asked for tools, which it was not given, and wrote no text.",
        "Rephrase the question, or choose another `OPENAI_MODEL`.",
    )
    UNFINISHED = (
        "The stream ended without saying why: the answer is probably cut off.",
        "Retry for a whole answer.",
    )
    LENGTH = (
        "The answer reached its length limit.",
        "Ask the model to go on, or for a shorter answer.",
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
        "The model's answer did not have the form that was asked for.",
        "Retry; a larger model keeps to the form more reliably.",
    )
    RECORD_FULL = (
        "The run was ended because the memory for records was full, and its record was the largest.",
        "Raise `WEIR_RECORD_MB` for longer runs.",
    )
    INTERNAL = (
        "The chain raised an error.",
        "See its own words.",
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
    """One failure: its kind, and the exception's type and text for those who want to know more."""

    kind: FailureKind
    detail: str = ""


class RecordFullError(Exception):
    """The run was ended because the memory for records was full, and its record was the largest."""


# The first match counts, so a subclass stands before its base.
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
    (TimeoutError, FailureKind.TIMEOUT),
    (json.JSONDecodeError, FailureKind.MALFORMED),
    (UnicodeDecodeError, FailureKind.MALFORMED),
    (OutputParserException, FailureKind.UNUSABLE),
    (ValidationError, FailureKind.UNUSABLE),
)

# Classes of openai's and of `chains`, neither of which is imported here, that no LangChain base covers.
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
    "OpenAIRefusalError": FailureKind.REFUSAL,
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
"""Statuses of HTTP that openai has no error for, and that say more than their hundred does."""
_BY_HUNDRED = {3: FailureKind.REDIRECTED, 4: FailureKind.INVALID_REQUEST}


def classify_error(error: Exception, *, answering: bool) -> Failure:
    """Say what `error` means. `answering`: whether the model had begun to answer when it came."""
    words = safe_str(error)
    detail = f"{type(error).__name__}: {words}"[:MAX_DETAIL] + _asked_to_wait(error)
    # LangChain knows this case only by OpenAI's wording: other servers use the code, or their own words for it.
    if isinstance(error, ModelInvalidRequestError) and "context" in f"{getattr(error, 'code', '')} {words}".lower():
        return Failure(FailureKind.CONTEXT, detail)
    if isinstance(error, ModelConnectionError) and not answering and _never_connected(error):
        return Failure(FailureKind.UNREACHABLE, detail)
    if isinstance(error, ModelConnectionError) and not isinstance(error, ModelTimeoutError):
        return Failure(FailureKind.CUT, detail)
    for kind_of_error, kind in _BY_TYPE:
        if isinstance(error, kind_of_error):
            return Failure(kind, detail)
    return Failure(_BY_NAME.get(type(error).__name__) or _by_status(error), detail)


def _by_status(error: Exception) -> FailureKind:
    """Return what the status of an answer means, where the error is of an answer that has one."""
    status = getattr(error, "status_code", None)
    if not isinstance(status, int) or getattr(error, "response", None) is None:
        return FailureKind.INTERNAL
    return _BY_STATUS.get(status) or _BY_HUNDRED.get(status // 100, FailureKind.SERVER)


def safe_str(error: BaseException) -> str:
    """Return an error's own text, also of one that fails to give it."""
    try:
        return str(error)
    except Exception as broken:
        return f"<its text could not be had: {type(broken).__name__}>"


def _asked_to_wait(error: Exception) -> str:
    """Return what a server said of when to ask again, as it said it."""
    headers = getattr(getattr(error, "response", None), "headers", None)
    after = str(headers.get("retry-after") or "") if isinstance(headers, Mapping) else ""
    return f" (Retry-After: {after[:40]})" if after else ""


def _never_connected(error: BaseException | None) -> bool:
    """Whether the HTTP client, somewhere among the causes, says that there was no connection at all."""
    while error is not None:
        if type(error).__name__ in ("ConnectError", "ConnectTimeout"):
            return True
        error = error.__cause__ or error.__context__
    return False
