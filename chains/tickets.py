"""Short-lived tickets for callers that cannot send headers: a browser's EventSource.

A ticket is signed with the API's token, so whoever knows the token can check it, and a new token ends all of them.
"""

from itsdangerous import BadData, URLSafeTimedSerializer

from chains.settings import settings

LIFETIME = 600
"""Seconds that a ticket is good for; an EventSource that reconnects later needs a new one."""

_SALT = "weir-api-ticket"
_WHAT = "read"


def issue_ticket() -> str | None:
    """Return a ticket to put into an address as `ticket=…`; None where the API asks for no token."""
    token = settings().api_token
    return URLSafeTimedSerializer(token.get_secret_value(), salt=_SALT).dumps(_WHAT) if token else None


def is_good(ticket: str, token: str) -> bool:
    """Whether this ticket was signed with this token in the last `LIFETIME` seconds."""
    try:
        what: object = URLSafeTimedSerializer(token, salt=_SALT).loads(ticket, max_age=LIFETIME)
    except BadData:
        return False
    return what == _WHAT
