"""Detection of TLS between the browser and this server or the proxy in front of it."""

from starlette.datastructures import Headers
from starlette.types import Scope


def is_tls(scope: Scope) -> bool:
    """Whether the browser's connection is encrypted, to this server or, by its header, to a proxy."""
    proxied = Headers(scope=scope).get("x-forwarded-proto", "").split(",")[0].strip()
    return scope.get("scheme") in ("https", "wss") or proxied == "https"
