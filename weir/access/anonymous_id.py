"""Who a visitor is, where nobody signs in: a random word that their browser keeps."""

import re
import secrets

COOKIE = "weir_visitor"
_WORD = re.compile(r"[A-Za-z0-9_-]{32,64}")


def new_anonymous_id() -> str:
    """Return a word that nobody can guess."""
    return secrets.token_urlsafe(24)


def is_anonymous_id(word: str) -> bool:
    """Whether `new_visitor` can have made this."""
    return _WORD.fullmatch(word) is not None
