"""Keys, tokens and passwords, which nothing that is shown, recorded or logged may hold."""

import json
import logging
import traceback
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

HIDDEN = "•••"
"""Stands where a secret was."""

MIN_LENGTH = 8
"""Characters of a secret: what is shorter (`none`, `ollama`) keeps nobody out and is a word of many texts."""

Text = TypeVar("Text", str, bytes)


class Secrets:
    """Hides known strings. A secret that was cut short is hidden too, if half of it is left."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        whole = {secret for secret in known if len(secret) >= MIN_LENGTH}
        self._texts = _by_beginning([{secret} for secret in whole])
        self._payloads = _by_beginning([_as_json(secret) for secret in whole])

    def hide(self, text: str) -> str:
        """Return text without secrets."""
        for beginning, secrets in self._texts:
            if beginning in text:
                text = _without(text, beginning, secrets, HIDDEN)
        return text

    def hide_in_payload(self, payload: bytes) -> bytes:
        """Return an event's JSON without secrets. It stays JSON."""
        for beginning, secrets in self._payloads:
            if beginning in payload:
                payload = _without(payload, beginning, secrets, HIDDEN.encode())
        return payload


def _by_beginning(secrets: list[set[Text]]) -> list[tuple[Text, list[Text]]]:
    """Return the forms of secrets by what must be found to take what follows for the rest; the longest first."""
    found: dict[Text, list[Text]] = {}
    for forms in secrets:
        size = max(MIN_LENGTH, (min(map(len, forms)) + 1) // 2)
        for form in forms:
            found.setdefault(form[:size], []).append(form)
    return sorted(found.items(), key=lambda item: len(item[0]), reverse=True)


def _as_json(secret: str) -> set[bytes]:
    """Return how a secret stands in JSON, with and without characters beyond ASCII."""
    return {json.dumps(secret, ensure_ascii=ascii)[1:-1].encode() for ascii in (True, False)}


def _without(text: Text, beginning: Text, secrets: list[Text], mark: Text) -> Text:
    """Replace secrets of this beginning, and as much of them as there is."""
    pieces = text.split(beginning)
    for place, piece in enumerate(pieces[1:], 1):
        pieces[place] = piece[max(_shared(secret[len(beginning) :], piece) for secret in secrets) :]
    return mark.join(pieces)


def _shared(one: Sequence[object], other: Sequence[object]) -> int:
    """Return how many characters two texts begin with in common."""
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def hide_in_logs(secrets: Secrets) -> None:
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
        if secrets.hide(said + raised) != said + raised:
            made.msg, made.args = secrets.hide("\n".join(filter(None, (said, raised.rstrip())))), ()
            made.exc_info = made.exc_text = None
        return made

    logging.setLogRecordFactory(record)
    for handler in logging.getLogger().handlers:
        for earlier in [known for known in handler.filters if isinstance(known, _HideBeside)]:
            handler.removeFilter(earlier)
        handler.addFilter(_HideBeside(secrets))


class _HideBeside(logging.Filter):
    """Hides secrets in what a line has besides its message."""

    def __init__(self, secrets: Secrets) -> None:
        super().__init__()
        self._secrets = secrets

    def filter(self, record: logging.LogRecord) -> bool:
        for name, value in list(vars(record).items()):
            if isinstance(value, str):
                setattr(record, name, self._secrets.hide(value))
        return True
