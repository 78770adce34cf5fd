"""Keys, tokens and passwords, which nothing that is shown, recorded or logged may hold."""

import logging
import re
import traceback
from collections.abc import Iterable
from typing import Any

from weir.core import serialization

PLACEHOLDER = "•••"
"""Stands where a secret was."""

MIN_LENGTH = 8
"""Characters of a secret: what is shorter (`none`, `ollama`) keeps nobody out and is a word of many texts."""

MAX_BACKSLASHES = 63
"""Backslashes taken for the escape of one character: so many has a quote in JSON that is text in JSON, six deep."""

_PLAIN = re.compile(r"[A-Za-z0-9._~-]+")
"""Characters that stand for themselves in JSON, in addresses and in a program's text."""
_PART = re.compile(r"(\\*)([^\\])|(\\+)", re.DOTALL)
_ESCAPES = {"\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t"}


class Redactor:
    """Hides known strings. A secret that was cut short is hidden too, if half of it is left.

    They are found as they are and escaped: in JSON, in JSON that is text in JSON, in `repr`, in addresses.
    """

    def __init__(self, known: Iterable[str] = ()) -> None:
        whole = {secret for secret in known if len(secret) >= MIN_LENGTH}
        # One may be a part of another: an address holds its password.
        self._secrets = [_Secret(secret) for secret in sorted(whole, key=len, reverse=True)]

    def redact(self, text: str) -> str:
        """Return text without secrets."""
        for secret in self._secrets:
            text = secret.hide(text)
        return text

    def redact_json(self, payload: bytes) -> bytes:
        """Return an event's JSON without secrets. It stays JSON."""
        if not any(secret.may_be_in(payload) for secret in self._secrets):
            return payload
        value = serialization.loads_big_ints(payload)
        hidden = self._hide_in_value(value)
        return payload if hidden == value else serialization.dumps(hidden)

    def _hide_in_value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.redact(value)
        if isinstance(value, list):
            return [self._hide_in_value(item) for item in value]
        if isinstance(value, dict):
            return {self.redact(key): self._hide_in_value(item) for key, item in value.items()}
        return value


class _Secret:
    """One known string."""

    def __init__(self, secret: str) -> None:
        parts = [found.group() for found in _PART.finditer(secret)]
        size = max(MIN_LENGTH, (len(secret) + 1) // 2)
        first, self._rest = [], []
        for part in parts:
            if size > 0:
                first.append(part)
            else:
                self._rest.append(re.compile(_written(part)))
            size -= len(part)
        self._beginning = re.compile("".join(map(_written, first)))
        # Most secrets are plain: whether this is there at all is found out faster.
        self._plain = max(_PLAIN.findall("".join(first)), key=len, default="")
        self._plain_bytes = self._plain.encode()

    def may_be_in(self, payload: bytes) -> bool:
        """Whether JSON may hold it."""
        if self._plain_bytes not in payload:
            return False
        return not self._plain or self._beginning.search(payload.decode(errors="replace")) is not None

    def hide(self, text: str) -> str:
        """Return text without it."""
        if self._plain not in text:
            return text
        kept, end = [], 0
        while found := self._beginning.search(text, end):
            kept.append(text[end : found.start()])
            end = self._end(text, found.end())
        return PLACEHOLDER.join([*kept, text[end:]])

    def _end(self, text: str, end: int) -> int:
        """Return where it ends that begins before `end`, or as much of it as there is."""
        for part in self._rest:
            found = part.match(text, end)
            if found is None:
                break
            end = found.end()
        return end


def _written(part: str) -> str:
    """Return the pattern of a character, with the backslashes before it, in all ways in which it may be written.

    Linear in the text: nothing in it may be repeated without a bound.
    """
    if _PLAIN.fullmatch(part):
        return part if part.isalnum() else re.escape(part)
    backslashes, character = len(part) - len(part.lstrip("\\")), part.lstrip("\\")
    in_address = "%5[Cc]" * backslashes + "".join(map(_in_address, character))
    ways = [_escaped(backslashes, re.escape(character)), in_address]
    if character and not _PLAIN.fullmatch(character):
        units = re.findall("....", character.encode("utf-16-be", "surrogatepass").hex())
        more = [_escaped(1, f"u(?i:{unit})") for unit in units[1:]]
        ways.append("".join([_escaped(backslashes + 1, f"u(?i:{units[0]})"), *more]))
    if letter := _ESCAPES.get(character):
        ways.append(_escaped(backslashes + 1, letter))
    if character == " ":
        ways.append(r"\+")
    return f"(?:{'|'.join(ways)})"


def _escaped(least: int, character: str) -> str:
    return f"\\\\{{{least},{max(least, MAX_BACKSLASHES)}}}{character}"


def _in_address(character: str) -> str:
    if _PLAIN.fullmatch(character):
        return re.escape(character)
    return "".join(f"%(?i:{byte:02x})" for byte in character.encode(errors="surrogatepass"))


def install_log_redaction(secrets: Redactor) -> None:
    """Have no line of any log, of this process and whoever writes it, hold a secret; tracebacks neither.

    What a line has besides its message is hidden by the root logger's handlers, as far as they are there by now.
    """

    def record(*given: Any, **named: Any) -> logging.LogRecord:
        made = logging.LogRecord(*given, **named)
        try:
            said = made.getMessage()
        except Exception as error:  # logging would print the values, and not raise it either
            made.msg, made.args = f"{made.msg} ({type(error).__name__} in its values)", ()
            said = made.msg
        raised = "".join(traceback.format_exception(*made.exc_info)) if made.exc_info and made.exc_info[0] else ""
        if secrets.redact(said + raised) != said + raised:
            made.msg, made.args = secrets.redact("\n".join(filter(None, (said, raised.rstrip())))), ()
            made.exc_info = made.exc_text = None
        return made

    logging.setLogRecordFactory(record)
    for handler in logging.getLogger().handlers:
        for earlier in [known for known in handler.filters if isinstance(known, _RedactExtras)]:
            handler.removeFilter(earlier)
        handler.addFilter(_RedactExtras(secrets))


class _RedactExtras(logging.Filter):
    """Hides secrets in what a line has besides its message."""

    def __init__(self, secrets: Redactor) -> None:
        super().__init__()
        self._secrets = secrets

    def filter(self, record: logging.LogRecord) -> bool:
        for name, value in list(vars(record).items()):
            if isinstance(value, str):
                setattr(record, name, self._secrets.redact(value))
        return True
