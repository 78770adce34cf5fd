"""Whether a browser speaks TLS, to this server or to the proxy in front of it."""

from starlette.datastructures import Headers
from starlette.types import Scope


def is_tls(scope: Scope) -> bool:
    """Whether the connection, or as a proxy says the browser's part of it, is encrypted."""
    proxied = Headers(scope=scope).get("x-forwarded-proto", "").split(",")[0].strip()
    return scope.get("scheme") in ("https", "wss") or proxied == "https"
