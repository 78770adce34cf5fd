"""Access check of the API, made before the body of a request is read.

A web page that a visitor has open can send requests to this machine. It must not be able to use the visitor's model or
key. So requests from other sites, under unknown host names (DNS rebinding) and, without a token, from other machines
are rejected.
"""

import contextlib
import ipaddress
from collections.abc import Callable, Mapping
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from weir.access.caller import PROXY_HEADERS, client_of, is_token
from weir.access.tickets import verify_ticket
from weir.api.middleware.hosts import Hosts
from weir.api.problem_details import ApiError, problem
from weir.config.comma_list import split_commas
from weir.config.settings import Settings

MAX_BODY = 1_000_000
"""Size of a request's body in bytes."""

OPEN_PATHS = frozenset({"/health"})
"""Paths for health probes: open to any address and host name, without a token. They reveal nothing private."""

LANGSMITH_PATH = "/langsmith/"
"""Where LangSmith's clients send. They have the token as their key."""

_DESTINATIONS = frozenset({"empty", "document", "script", "style"})
"""Allowed values of Sec-Fetch-Dest: not images, not frames. The documentation page needs the last two."""


class _BodyTooLargeError(Exception):
    pass


class AccessMiddleware:
    """ASGI middleware that passes a request on or rejects it, with what `refusal` makes of the error."""

    def __init__(
        self,
        app: ASGIApp,
        settings: Settings,
        *,
        people_sign_in: bool = False,
        refusal: Callable[[ApiError], Response] = problem,
    ) -> None:
        self._refusal = refusal
        self._app = app
        self._settings = settings
        self._token = settings.api_token.get_secret_value() if settings.api_token else None
        self._clients = settings.tokens_of_clients
        self._needs_credentials = people_sign_in or settings.needs_token
        self._hosts = Hosts(split_commas(settings.allowed_hosts))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            self._check(scope, headers)
        except ApiError as error:
            await self._refusal(error)(scope, receive, send)
            return
        await self._limit_body_size(scope, receive, send)

    def _check(self, scope: Scope, headers: Mapping[str, str]) -> None:
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if path in OPEN_PATHS and scope["method"] == "GET":
            return
        self._hosts.check(scope)
        self._hosts.check_origin(scope)
        _check_site(headers)
        if self._needs_credentials:
            self._check_credentials(scope, headers)
        else:
            _check_peer(scope, headers)

    def _check_credentials(self, scope: Scope, headers: Mapping[str, str]) -> None:
        """Accept a bearer token or a ticket and note it in the request's state. Raises ApiError if there is neither."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if path.startswith(LANGSMITH_PATH) and "x-api-key" in headers:
            scheme, token = "bearer", headers["x-api-key"]
        if scheme.lower() == "bearer" and (client := client_of(token, self._clients)) is not None:
            scope.setdefault("state", {})["client"] = client
            return
        if self._token and scheme.lower() == "bearer" and is_token(token, self._token):
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
            if self._settings.needs_token
            else "People sign in to this Weir, so programs need a token: set WEIR_API_TOKEN.",
            headers={"WWW-Authenticate": 'Bearer realm="weir"'},
        )

    async def _limit_body_size(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and reject it as soon as its body is too large."""
        declared = Headers(scope=scope).get("content-length", "0")
        if declared.isdigit() and int(declared) > MAX_BODY:
            await self._refusal(_too_large_error())(scope, receive, send)
            return
        read = 0

        async def receive_counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > MAX_BODY:
                raise _BodyTooLargeError
            return message

        async def send_unless_too_large(message: Message) -> None:
            # The app's own response to the cut body is of no use to the caller.
            if read <= MAX_BODY:
                await send(message)

        with contextlib.suppress(_BodyTooLargeError):
            await self._app(scope, receive_counted, send_unless_too_large)
        if read > MAX_BODY:
            await self._refusal(_too_large_error())(scope, receive, send)


def _too_large_error() -> ApiError:
    return ApiError(413, f"The body is too large: the limit is {MAX_BODY:,} bytes.")


def _check_site(headers: Mapping[str, str]) -> None:
    if (site := headers.get("sec-fetch-site", "none")) not in ("none", "same-origin"):
        raise ApiError(403, "Requests from other sites are refused.", cause=f"site {site!r}")
    if (destination := headers.get("sec-fetch-dest", "empty")) not in _DESTINATIONS:
        raise ApiError(403, "The API cannot be embedded in a page.", cause=f"destination {destination!r}")


def _check_peer(scope: Scope, headers: Mapping[str, str]) -> None:
    proxy_headers = [name for name in PROXY_HEADERS if name in headers]
    if proxy_headers:
        raise ApiError(403, "Behind a proxy the API needs a token: set WEIR_API_TOKEN.", cause=", ".join(proxy_headers))
    peer = (scope.get("client") or ("", 0))[0]
    if not _is_loopback(peer):
        raise ApiError(
            403, "Without WEIR_API_TOKEN the API answers only programs on this machine.", cause=f"peer {peer!r}"
        )


def is_this_machine(scope: Scope, headers: Mapping[str, str]) -> bool:
    """Whether a request comes from this machine, and not through a proxy."""
    peer = (scope.get("client") or ("", 0))[0]
    return _is_loopback(peer) and not any(name in headers for name in PROXY_HEADERS)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
