"""Short-lived tickets for callers that cannot send headers: a browser's EventSource.

A ticket is signed with the API's token, so whoever knows the token can check it, and a new token ends all of them.
Without a token it is signed with a key of this process.
"""

import functools
import secrets

from itsdangerous import BadData, URLSafeTimedSerializer

from weir.config.settings import Settings

LIFETIME = 600
"""Seconds that a ticket is good for; an EventSource that reconnects later needs a new one."""

_SALT = "weir-api-ticket"


def issue_ticket(settings: Settings, visitor: str) -> str:
    """Return a ticket for this visitor, to put into an address as `ticket=…`."""
    return _signer(settings).dumps({"visitor": visitor})


def verify_ticket(settings: Settings, ticket: str) -> str | None:
    """Return whose ticket this is; None where Weir has not issued it in the last `LIFETIME` seconds."""
    try:
        read: object = _signer(settings).loads(ticket, max_age=LIFETIME)
    except BadData:
        return None
    visitor = read.get("visitor") if isinstance(read, dict) else None
    return visitor if isinstance(visitor, str) else None


def _signer(settings: Settings) -> URLSafeTimedSerializer:
    key = settings.api_token.get_secret_value() if settings.api_token else _own_key()
    return URLSafeTimedSerializer(key, salt=_SALT)


@functools.cache
def _own_key() -> str:
    return secrets.token_urlsafe(32)
