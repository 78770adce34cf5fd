"""Tickets: short-lived signed credentials for clients that cannot send headers, such as a browser's EventSource.

A ticket is signed with the API token, so that every process with the same token can verify it, and a new token revokes
all tickets. Without an API token it is signed with a random key of this process.
"""

import functools
import secrets

from itsdangerous import BadData, URLSafeTimedSerializer

from weir.config.settings import Settings

LIFETIME_SECONDS = 600
"""Seconds that a ticket is valid. An EventSource that reconnects later needs a new one."""

_SALT = "weir-api-ticket"


def issue_ticket(settings: Settings, visitor: str) -> str:
    """Return a ticket for this visitor, for the query parameter `ticket`."""
    return _signer(settings).dumps({"visitor": visitor})


def verify_ticket(settings: Settings, ticket: str) -> str | None:
    """Return the visitor of a ticket; None if it is not valid or older than `LIFETIME_SECONDS`."""
    try:
        payload: object = _signer(settings).loads(ticket, max_age=LIFETIME_SECONDS)
    except BadData:
        return None
    visitor = payload.get("visitor") if isinstance(payload, dict) else None
    return visitor if isinstance(visitor, str) else None


def _signer(settings: Settings) -> URLSafeTimedSerializer:
    key = settings.api_token.get_secret_value() if settings.api_token else _process_key()
    return URLSafeTimedSerializer(key, salt=_SALT)


@functools.cache
def _process_key() -> str:
    return secrets.token_urlsafe(32)
