"""Anonymous id: a random cookie value that identifies a visitor where nobody signs in."""

import re
import secrets

COOKIE = "weir_visitor"
_ANONYMOUS_ID = re.compile(r"[A-Za-z0-9_-]{32,64}")


def new_anonymous_id() -> str:
    """Return a new random id, which nobody can guess."""
    return secrets.token_urlsafe(24)


def is_anonymous_id(value: str) -> bool:
    """Whether a cookie's value has the form of an id that `new_anonymous_id` makes."""
    return _ANONYMOUS_ID.fullmatch(value) is not None
