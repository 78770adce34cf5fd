"""Who may call the API, decided before anything of a request is read.

A web page that a visitor happens to have open can send requests to this machine. It must not be able to spend the
visitor's model or key: requests from other sites, under foreign host names (DNS rebinding) and, without a token, from
other machines are refused.
"""

import contextlib
import hmac
import ipaddress
from collections.abc import Mapping
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from weir.access.tickets import verify_ticket
from weir.api.middleware.hosts import Hosts
from weir.api.problem_details import ApiError, problem
from weir.config.comma_list import split_commas
from weir.config.settings import Settings

MAX_BODY = 1_000_000
"""Bytes of a request's body."""

OPEN_PATHS = frozenset({"/health"})
"""What probes may ask, of any address and name and without a token; it says nothing that must be kept."""

_FORWARDING = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "cf-connecting-ip", "true-client-ip")

_DESTINATIONS = frozenset({"empty", "document", "script", "style"})
"""What a browser may want an answer for. The last two are for the documentation; an image or a frame starts no run."""


class _BodyTooLargeError(Exception):
    pass


class AccessMiddleware:
    """ASGI middleware that lets a request through or answers it with a problem."""

    def __init__(self, app: ASGIApp, settings: Settings, *, people_sign_in: bool = False) -> None:
        self._app = app
        self._settings = settings
        self._token = settings.api_token.get_secret_value() if settings.api_token else None
        self._is_closed = people_sign_in or self._token is not None
        self._hosts = Hosts(split_commas(settings.allowed_hosts))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            self._check(scope, headers)
        except ApiError as refusal:
            await problem(refusal)(scope, receive, send)
            return
        await self._limited(scope, receive, send)

    def _check(self, scope: Scope, headers: Mapping[str, str]) -> None:
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if path in OPEN_PATHS and scope["method"] == "GET":
            return
        self._hosts.check(scope)
        self._hosts.check_origin(scope)
        _check_site(headers)
        if self._is_closed:
            self._check_credentials(scope, headers)
        else:
            _check_peer(scope, headers)

    def _check_credentials(self, scope: Scope, headers: Mapping[str, str]) -> None:
        """Let a bearer token through, and a ticket; the routes then know which it was, and whose."""
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if (
            self._token
            and scheme.lower() == "bearer"
            and hmac.compare_digest(given.strip().encode(), self._token.encode())
        ):
            scope.setdefault("state", {})["has_token"] = True
            return
        query = parse_qs(scope["query_string"].decode("latin-1"))
        for ticket in query.get("ticket", [])[:1]:
            if (visitor := verify_ticket(self._settings, ticket)) is not None:
                scope.setdefault("state", {})["ticket_visitor"] = visitor
                return
        raise ApiError(
            401,
            "Send the token as `Authorization: Bearer …`."
            if self._token
            else "People sign in here, so programs need a token: set WEIR_API_TOKEN.",
            headers={"WWW-Authenticate": 'Bearer realm="weir"'},
        )

    async def _limited(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and refuse it once its body proves too large."""
        declared = Headers(scope=scope).get("content-length", "0")
        if declared.isdigit() and int(declared) > MAX_BODY:
            await problem(_too_large())(scope, receive, send)
            return
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > MAX_BODY:
                raise _BodyTooLargeError
            return message

        async def sent(message: Message) -> None:
            # What the app makes of a body that was cut off under it is of no use to the caller.
            if read <= MAX_BODY:
                await send(message)

        with contextlib.suppress(_BodyTooLargeError):
            await self._app(scope, counted, sent)
        if read > MAX_BODY:
            await problem(_too_large())(scope, receive, send)


def _too_large() -> ApiError:
    return ApiError(413, f"The body may have at most {MAX_BODY:,} bytes.")


def _check_site(headers: Mapping[str, str]) -> None:
    if (site := headers.get("sec-fetch-site", "none")) not in ("none", "same-origin"):
        raise ApiError(403, "Requests from other sites are refused.", cause=f"site {site!r}")
    if (destination := headers.get("sec-fetch-dest", "empty")) not in _DESTINATIONS:
        raise ApiError(403, "Nothing here is made to be embedded in a page.", cause=f"destination {destination!r}")


def _check_peer(scope: Scope, headers: Mapping[str, str]) -> None:
    forwarded = [name for name in _FORWARDING if name in headers]
    if forwarded:
        raise ApiError(403, "Behind a proxy the API needs a token: set WEIR_API_TOKEN.", cause=", ".join(forwarded))
    peer = (scope.get("client") or ("", 0))[0]
    if not _is_loopback(peer):
        raise ApiError(403, "Without WEIR_API_TOKEN the API answers this machine only.", cause=f"peer {peer!r}")


def is_this_machine(scope: Scope, headers: Mapping[str, str]) -> bool:
    """Whether a request comes from this machine itself, and no proxy has passed it on."""
    peer = (scope.get("client") or ("", 0))[0]
    return _is_loopback(peer) and not any(name in headers for name in _FORWARDING)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
