"""Redaction of secrets: keys, tokens and passwords are removed from what is shown, recorded or logged."""

import logging
import re
import traceback
from collections.abc import Iterable
from typing import Any

from weir.core import serialization

PLACEHOLDER = "•••"
"""Replaces a secret."""

MIN_LENGTH = 8
"""Characters. A shorter value (`none`, `ollama`) protects nothing and is a word of many texts."""

MAX_BACKSLASHES = 63
"""Backslashes that may precede one escaped character. A quote in JSON nested six deep has this many."""

_UNESCAPED = re.compile(r"[A-Za-z0-9._~-]+")
"""Characters that are the same in JSON, in a URL and in a program's source text."""
_PART = re.compile(r"(\\*)([^\\])|(\\+)", re.DOTALL)
_ESCAPES = {"\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t"}


class Redactor:
    """Replaces known strings by a placeholder. A secret that was cut short is replaced too, if half of it is left.

    It finds them as they are and escaped: in JSON, in JSON that is a string in JSON, in `repr`, in URLs.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        long_enough = {secret for secret in secrets if len(secret) >= MIN_LENGTH}
        # The longest first, as one may be a part of another: a URL holds its password.
        self._patterns = [_SecretPattern(secret) for secret in sorted(long_enough, key=len, reverse=True)]

    def redact(self, text: str) -> str:
        """Return text without secrets."""
        for pattern in self._patterns:
            text = pattern.redact(text)
        return text

    def redact_json(self, payload: bytes) -> bytes:
        """Return an event's JSON without secrets. It stays JSON."""
        if not any(pattern.may_be_in(payload) for pattern in self._patterns):
            return payload
        value = serialization.loads_big_ints(payload)
        redacted = self._redact_value(value)
        return payload if redacted == value else serialization.dumps(redacted)

    def _redact_value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.redact(value)
        if isinstance(value, list):
            return [self._redact_value(item) for item in value]
        if isinstance(value, dict):
            return {self.redact(key): self._redact_value(item) for key, item in value.items()}
        return value


class _SecretPattern:
    """Finds one secret in text, in any of the ways in which it may be escaped."""

    def __init__(self, secret: str) -> None:
        parts = [match.group() for match in _PART.finditer(secret)]
        size = max(MIN_LENGTH, (len(secret) + 1) // 2)
        first, self._rest = [], []
        for part in parts:
            if size > 0:
                first.append(part)
            else:
                self._rest.append(re.compile(_any_escape(part)))
            size -= len(part)
        self._beginning = re.compile("".join(map(_any_escape, first)))
        # A substring that is never escaped. Its search is faster than the pattern's and settles most texts.
        self._literal = max(_UNESCAPED.findall("".join(first)), key=len, default="")
        self._literal_bytes = self._literal.encode()

    def may_be_in(self, payload: bytes) -> bool:
        """Whether JSON may contain the secret."""
        if self._literal_bytes not in payload:
            return False
        return not self._literal or self._beginning.search(payload.decode(errors="replace")) is not None

    def redact(self, text: str) -> str:
        """Return text without the secret."""
        if self._literal not in text:
            return text
        pieces, end = [], 0
        while match := self._beginning.search(text, end):
            pieces.append(text[end : match.start()])
            end = self._end(text, match.end())
        return PLACEHOLDER.join([*pieces, text[end:]])

    def _end(self, text: str, end: int) -> int:
        """Return where the secret ends whose first half ends at `end`; it may have been cut short."""
        for part in self._rest:
            match = part.match(text, end)
            if match is None:
                break
            end = match.end()
        return end


def _any_escape(part: str) -> str:
    """Return a pattern for one character and the backslashes before it, in all ways in which they may be escaped.

    The search stays linear in the text: nothing in the pattern repeats without a bound.
    """
    if _UNESCAPED.fullmatch(part):
        return part if part.isalnum() else re.escape(part)
    backslashes, character = len(part) - len(part.lstrip("\\")), part.lstrip("\\")
    in_url = "%5[Cc]" * backslashes + "".join(map(_percent_encoded, character))
    alternatives = [_backslash_escaped(backslashes, re.escape(character)), in_url]
    if character and not _UNESCAPED.fullmatch(character):
        units = re.findall("....", character.encode("utf-16-be", "surrogatepass").hex())
        more = [_backslash_escaped(1, f"u(?i:{unit})") for unit in units[1:]]
        alternatives.append("".join([_backslash_escaped(backslashes + 1, f"u(?i:{units[0]})"), *more]))
    if letter := _ESCAPES.get(character):
        alternatives.append(_backslash_escaped(backslashes + 1, letter))
    if character == " ":
        alternatives.append(r"\+")
    return f"(?:{'|'.join(alternatives)})"


def _backslash_escaped(minimum: int, character: str) -> str:
    return f"\\\\{{{minimum},{max(minimum, MAX_BACKSLASHES)}}}{character}"


def _percent_encoded(character: str) -> str:
    if _UNESCAPED.fullmatch(character):
        return re.escape(character)
    return "".join(f"%(?i:{byte:02x})" for byte in character.encode(errors="surrogatepass"))


def install_log_redaction(redactor: Redactor) -> None:
    """Redact secrets in every log line of this process, whichever library writes it, and in tracebacks.

    Extra fields of a line are redacted by the handlers that the root logger has when this is called.
    """

    def create_record(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = logging.LogRecord(*args, **kwargs)
        try:
            message = record.getMessage()
        except Exception as error:  # logging would print the values to stderr, and would not raise either
            record.msg, record.args = f"{record.msg} ({type(error).__name__} in its values)", ()
            message = record.msg
        exc_info = record.exc_info
        exception_text = "".join(traceback.format_exception(*exc_info)) if exc_info and exc_info[0] else ""
        if redactor.redact(message + exception_text) != message + exception_text:
            record.msg, record.args = redactor.redact("\n".join(filter(None, (message, exception_text.rstrip())))), ()
            record.exc_info = record.exc_text = None
        return record

    logging.setLogRecordFactory(create_record)
    for handler in logging.getLogger().handlers:
        for earlier in [installed for installed in handler.filters if isinstance(installed, _RedactExtras)]:
            handler.removeFilter(earlier)
        handler.addFilter(_RedactExtras(redactor))


class _RedactExtras(logging.Filter):
    """Logging filter that redacts secrets in a line's extra fields."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def filter(self, record: logging.LogRecord) -> bool:
        for name, value in list(vars(record).items()):
            if isinstance(value, str):
                setattr(record, name, self._redactor.redact(value))
        return True
