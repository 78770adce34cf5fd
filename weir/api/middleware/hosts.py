"""Allowed host names and origins, checked before the body of a request is read.

A web page that a visitor has open can reach this machine under the page's own host name (DNS rebinding), and can open a
WebSocket to it. Requests under unknown host names and WebSockets from other origins are rejected here. Streamlit's own
check comes too late: it first asks a host of Amazon's for this machine's address
(`streamlit.net_util.get_external_ip`, Streamlit 1.67).
"""

import ipaddress
import logging
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from weir.api.gateway_errors import refusal
from weir.api.middleware.tls import is_tls
from weir.api.problem_details import ApiError, problem

OWN_NAME = "localhost"

_HOST = re.compile(r"(?P<name>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:(?P<port>[0-9]{1,5}))?")
_ORIGIN = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<host>[^/]+)", re.IGNORECASE)
_PORTS = {"http": 80, "https": 443}
_OPAQUE = "null"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Host:
    """A parsed `Host` header: the name in lower case, an IPv6 address without brackets, and the port if any."""

    name: str
    port: int | None

    @classmethod
    def of(cls, text: str) -> "Host":
        """Parse a header. Raises ValueError if it is not a host name or address with an optional port."""
        match = _HOST.fullmatch(text)
        if match is None or int(match["port"] or 1) not in range(1, 65_536):
            raise ValueError("not a host")
        name = match["name"].lower()
        if name.startswith("["):
            return cls(str(ipaddress.IPv6Address(name[1:-1])), int(match["port"]) if match["port"] else None)
        return cls(name.rstrip("."), int(match["port"]) if match["port"] else None)


@dataclass(frozen=True, slots=True)
class Origin:
    """A parsed `Origin` header. `host` is None for the opaque origin `null`."""

    text: str
    scheme: str = ""
    host: Host | None = None

    @classmethod
    def of(cls, text: str) -> "Origin":
        """Parse a header. Raises ValueError if it is not an origin."""
        if text == _OPAQUE:
            return cls(text)
        match = _ORIGIN.fullmatch(text)
        if match is None:
            raise ValueError("not an origin")
        return cls(text, match["scheme"].lower(), Host.of(match["host"]))

    @property
    def port(self) -> int | None:
        """The explicit port or the default of the scheme; None if the scheme has no default."""
        default = _PORTS.get(self.scheme)
        return (self.host.port or default) if self.host else None


class Hosts:
    """Allow list of host names and origins.

    Allowed are `localhost`, every loopback address, the address at which the request arrived (DNS rebinding cannot use
    it), and `names`: each is a host or `*.example.org`; `*` allows every name. `origins` are further origins that may
    open a WebSocket.
    """

    def __init__(self, names: Iterable[str] = (), origins: Iterable[str] = ()) -> None:
        self._names = frozenset(name.strip("[]").rstrip(".").lower() for name in names)
        self._suffixes = tuple(name[1:] for name in self._names if name.startswith("*."))
        self._origins = frozenset(origin.rstrip("/").lower() for origin in origins)

    def check(self, scope: Scope) -> None:
        """Raise ApiError if a request's `Host` is malformed or not allowed."""
        text = Headers(scope=scope).get("host", "")
        host = _parse_host(text)
        if not self._is_allowed(host, scope):
            raise ApiError(
                403,
                f"Weir does not know the host name {host.name}. "
                f"If it is yours, the person who runs Weir can allow it: WEIR_ALLOWED_HOSTS={host.name}",
                cause=f"host {text!r}",
            )

    def check_origin(self, scope: Scope) -> None:
        """Raise ApiError if a request's `Origin` is malformed or not allowed."""
        headers = Headers(scope=scope)
        if (text := headers.get("origin")) is None:
            return
        try:
            origin = Origin.of(text)
        except ValueError:
            raise ApiError(400, "The Origin header is malformed.", cause=f"origin {text[:200]!r}") from None
        host = _parse_host(headers.get("host", ""))
        if not self._is_own_origin(origin, host, scope):
            raise ApiError(
                403,
                "Requests from other sites are refused. A proxy must pass on the Host header that it receives, "
                "with its port. Otherwise, name that host in WEIR_ALLOWED_HOSTS.",
                cause=f"origin {text[:200]!r} under host {host.name!r}",
            )

    def _is_allowed(self, host: Host, scope: Scope) -> bool:
        if host.name == OWN_NAME or "*" in self._names or self._is_named(host.name):
            return True
        address = _address(host.name)
        return address is not None and (address.is_loopback or address == _address((scope.get("server") or ("",))[0]))

    def _is_named(self, name: str) -> bool:
        return name in self._names or name.endswith(self._suffixes)

    def _is_own_origin(self, origin: Origin, host: Host, scope: Scope) -> bool:
        if origin.text.lower() in self._origins:
            return True
        if origin.host is None or origin.scheme not in _PORTS or (is_tls(scope) and origin.scheme != "https"):
            return False
        if origin.host.name == host.name:
            return origin.port == (host.port or _PORTS[origin.scheme])
        # The origin is the public host of a proxy that does not pass on the Host header.
        return origin.port == _PORTS[origin.scheme] and self._is_named(origin.host.name)


def _parse_host(text: str) -> Host:
    try:
        return Host.of(text)
    except ValueError:
        raise ApiError(400, "The Host header is missing or malformed.", cause=f"host {text[:200]!r}") from None


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    # A socket for both IPv4 and IPv6 shows IPv4 addresses in this form.
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


class HostsMiddleware:
    """ASGI middleware that rejects unknown host names, malformed headers, and WebSockets from other origins.

    `probes` are paths that are open under any host name, for health checks, which use whatever address the server has.
    """

    def __init__(self, app: ASGIApp, *, hosts: Hosts, probes: Collection[str] = ()) -> None:
        self._app = app
        self._hosts = hosts
        self._probes = frozenset(probes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        try:
            self._check(scope)
        except ApiError as error:
            if scope["type"] == "http":
                await _error_response(error, scope)(scope, receive, send)
            else:
                _LOG.warning("refused a WebSocket: %s %s", error.detail, error.cause)
                await send({"type": "websocket.close", "code": 1008})
            return
        await self._app(_with_host_of_origin(scope) if scope["type"] == "websocket" else scope, receive, send)

    def _check(self, scope: Scope) -> None:
        if scope["type"] == "http" and scope["path"] in self._probes and scope["method"] in ("GET", "HEAD"):
            return
        self._hosts.check(scope)
        if scope["type"] == "websocket":
            self._hosts.check_origin(scope)


def _error_response(error: ApiError, scope: Scope) -> Response:
    """Return problem details for a program, and a sentence for a person."""
    if scope["path"].startswith("/api/"):
        return problem(error)
    if scope["path"].startswith("/v1/"):
        return refusal(error)
    _LOG.warning("refused %s %s %s", error.status, error.detail, error.cause)
    return PlainTextResponse(f"{error.detail}\n", error.status)


def _with_host_of_origin(scope: Scope) -> Scope:
    """Return a WebSocket's scope with the host of its Origin, which has been checked, as its Host header.

    Streamlit compares the two as texts, and looks up this machine's addresses if they differ: in case, in an explicit
    default port, or because a proxy does not pass on the Host header.
    """
    headers = Headers(scope=scope)
    origin = headers.get("origin")
    if origin is None or origin.partition("://")[2] == headers.get("host"):
        return scope
    scope = {**scope, "headers": list(scope["headers"])}
    MutableHeaders(scope=scope)["host"] = origin.partition("://")[2]
    return scope
