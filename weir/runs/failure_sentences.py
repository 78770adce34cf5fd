"""Sentences of failures: each kind of failure (`FailureKind`) of a run or an answer, with a message and a hint.

Pages and endpoints show them; docs/faults.md lists what leads to each, and `error_classification.py` finds
the kind of an exception. Readers of recordings need the kinds alone, so no LangChain is imported here.
"""

from dataclasses import dataclass
from enum import Enum


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
    SERVER_GONE = (
        "The server that made it went away.",
        "Retry for a complete answer.",
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
