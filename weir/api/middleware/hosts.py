"""The host names and origins that Weir answers to, decided before anything of a request is read.

A web page that a visitor has open can reach this machine under a name of its own (DNS rebinding) and open a WebSocket
to it from anywhere. Requests under other names, and WebSockets from other origins, are refused here and not by
Streamlit, which would ask a host of Amazon's for this machine's address first
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
    """What a `Host` header says: the name in lower case, an IPv6 address without brackets, and the port if any."""

    name: str
    port: int | None

    @classmethod
    def of(cls, text: str) -> "Host":
        """Read a header. Raises ValueError if it is not a host with at most a port."""
        found = _HOST.fullmatch(text)
        if found is None or int(found["port"] or 1) not in range(1, 65_536):
            raise ValueError("not a host")
        name = found["name"].lower()
        if name.startswith("["):
            return cls(str(ipaddress.IPv6Address(name[1:-1])), int(found["port"]) if found["port"] else None)
        return cls(name.rstrip("."), int(found["port"]) if found["port"] else None)


@dataclass(frozen=True, slots=True)
class Origin:
    """What an `Origin` header says; `host` is None for the opaque origin `null`."""

    text: str
    scheme: str = ""
    host: Host | None = None

    @classmethod
    def of(cls, text: str) -> "Origin":
        """Read a header. Raises ValueError if it is no origin."""
        if text == _OPAQUE:
            return cls(text)
        found = _ORIGIN.fullmatch(text)
        if found is None:
            raise ValueError("not an origin")
        return cls(text, found["scheme"].lower(), Host.of(found["host"]))

    @property
    def port(self) -> int | None:
        """The port that it stands for; None where its scheme has none of its own."""
        default = _PORTS.get(self.scheme)
        return (self.host.port or default) if self.host else None


class Hosts:
    """The names under which Weir may be asked.

    Those are `localhost`, every loopback address, the address that the request has in fact come in at (no name server
    can lead there), and `names`, each a host or `*.example.org`; `*` is every name. `origins` are further ones that
    may open a WebSocket.
    """

    def __init__(self, names: Iterable[str] = (), origins: Iterable[str] = ()) -> None:
        self._names = frozenset(name.strip("[]").rstrip(".").lower() for name in names)
        self._endings = tuple(name[1:] for name in self._names if name.startswith("*."))
        self._origins = frozenset(origin.rstrip("/").lower() for origin in origins)

    def check(self, scope: Scope) -> None:
        """Raise Refusal if a request's `Host` is malformed, or not one of Weir's."""
        text = Headers(scope=scope).get("host", "")
        host = _host(text)
        if not self._knows(host, scope):
            raise ApiError(
                403,
                f"Weir does not know the host name {host.name}. "
                f"If it is one of yours, whoever runs Weir can allow it: WEIR_ALLOWED_HOSTS={host.name}",
                cause=f"host {text!r}",
            )

    def check_origin(self, scope: Scope) -> None:
        """Raise Refusal if a request comes from a page that is not one of Weir's."""
        headers = Headers(scope=scope)
        if (text := headers.get("origin")) is None:
            return
        try:
            origin = Origin.of(text)
        except ValueError:
            raise ApiError(400, "The Origin header is malformed.", cause=f"origin {text[:200]!r}") from None
        host = _host(headers.get("host", ""))
        if not self._is_own(origin, host, scope):
            raise ApiError(
                403,
                "Requests from other sites are refused. A proxy has to pass on the Host that it is asked under, "
                "with its port; or name that host in WEIR_ALLOWED_HOSTS.",
                cause=f"origin {text[:200]!r} under host {host.name!r}",
            )

    def _knows(self, host: Host, scope: Scope) -> bool:
        if host.name == OWN_NAME or "*" in self._names or self._names_it(host.name):
            return True
        address = _address(host.name)
        return address is not None and (address.is_loopback or address == _address((scope.get("server") or ("",))[0]))

    def _names_it(self, name: str) -> bool:
        return name in self._names or name.endswith(self._endings)

    def _is_own(self, origin: Origin, host: Host, scope: Scope) -> bool:
        if origin.text.lower() in self._origins:
            return True
        if origin.host is None or origin.scheme not in _PORTS or (is_tls(scope) and origin.scheme != "https"):
            return False
        if origin.host.name == host.name:
            return origin.port == (host.port or _PORTS[origin.scheme])
        # The public host of a proxy that does not pass it on.
        return origin.port == _PORTS[origin.scheme] and self._names_it(origin.host.name)


def _host(text: str) -> Host:
    try:
        return Host.of(text)
    except ValueError:
        raise ApiError(400, "The Host header is missing or malformed.", cause=f"host {text[:200]!r}") from None


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    # What an IPv4 client has for an address on a socket that takes both.
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


class HostsMiddleware:
    """ASGI middleware that refuses requests under other names, malformed headers, and WebSockets of other origins.

    `probes` are paths that may be asked under any name: they serve whoever looks after the server, who calls it by
    the address that it happens to have.
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
        except ApiError as refusal:
            if scope["type"] == "http":
                await _answer(refusal, scope)(scope, receive, send)
            else:
                _LOG.warning("refused a WebSocket: %s %s", refusal.detail, refusal.cause)
                await send({"type": "websocket.close", "code": 1008})
            return
        await self._app(_as_asked(scope) if scope["type"] == "websocket" else scope, receive, send)

    def _check(self, scope: Scope) -> None:
        if scope["type"] == "http" and scope["path"] in self._probes and scope["method"] in ("GET", "HEAD"):
            return
        self._hosts.check(scope)
        if scope["type"] == "websocket":
            self._hosts.check_origin(scope)


def _answer(refusal: ApiError, scope: Scope) -> Response:
    """Answer a program with a problem, and a person with a sentence."""
    if scope["path"].startswith("/api/"):
        return problem(refusal)
    _LOG.warning("refused %s %s %s", refusal.status, refusal.detail, refusal.cause)
    return PlainTextResponse(f"{refusal.detail}\n", refusal.status)


def _as_asked(scope: Scope) -> Scope:
    """Return a WebSocket's scope with the Host that its Origin names, which has been found to be one of Weir's.

    Streamlit compares the two letter by letter, and would look for this machine's addresses where they differ: in a
    default port that is written out, in case, or behind a proxy that does not pass the host on.
    """
    headers = Headers(scope=scope)
    origin = headers.get("origin")
    if origin is None or origin.partition("://")[2] == headers.get("host"):
        return scope
    scope = {**scope, "headers": list(scope["headers"])}
    MutableHeaders(scope=scope)["host"] = origin.partition("://")[2]
    return scope
