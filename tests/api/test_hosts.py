"""The host names that Weir answers under, and the origins whose WebSockets it accepts."""

import http.client
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from tests.api.conftest import Serve
from tests.support.serving import served
from weir.api.middleware.hosts import Host, Hosts, HostsMiddleware, Origin
from weir.api.middleware.security_headers import SecurityHeadersMiddleware
from weir.config.settings import Settings

PROBES = ("/_stcore/health", "/api/health")
MALFORMED_HOSTS = [
    "",
    " ",
    "[",
    "]",
    "[]",
    "[::1",
    "::1",
    "[::1]x",
    "[::zz]",
    "[1.2.3]",
    "[:::]",
    "[::1%25eth0]",
    "localhost:",
    "localhost:x",
    "localhost:-1",
    "localhost:0",
    "localhost:65536",
    "localhost:999999999999",
    "localhost:80:80",
    "local host",
    "localhost, evil.example",
    "localhost/evil",
    "localhost#evil",
    "localhost?evil",
    "localhost\\evil",
    "user@localhost",
    "user:password@localhost",
    "http://localhost",
    "//localhost",
    "localhost;evil",
    "<script>",
    "'\"",
    "%6cocalhost",
    "localhost%00",
    "l\u00f6calhost",
    "\u00ff",
    "$(id)",
    "{{7*7}}",
    "*",
]
FOREIGN_HOSTS = [
    "evil.example",
    "evil.example:80",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "localhost_",
    "xlocalhost",
    "0x7f.evil",
    "8.8.8.8",
    "192.168.1.5:8501",
    "[2001:db8::1]",
    "a" * 5_000,
]
KNOWN_HOSTS = ["localhost", "LOCALHOST:8501", "localhost.", "127.0.0.1:1", "127.8.8.8", "[::1]", "[0:0::1]:80"]
MALFORMED_ORIGINS = ["", "[", "http://", "http://[", "http://a b", "http://a:99999", "http://a/x", "//a", "a", "null,a"]
FOREIGN_ORIGINS = [
    "null",
    "https://evil.example",
    "http://localhost:1",
    "http://127.0.0.1:8501",
    "http://localhost",
    "ftp://localhost:8501",
    "chrome-extension://abcdef",
    "http://localhost.evil.example:8501",
    "http://weir.example.org:1",
]


def app(*names: str) -> HostsMiddleware:
    async def page(_: Request) -> Response:
        return PlainTextResponse("page")

    async def stream(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text(socket.headers["host"])
        await socket.close()

    paths = ("/", "/story", *PROBES, "/api/chains")
    inner = Starlette(routes=[*(Route(path, page) for path in paths), WebSocketRoute("/_stcore/stream", stream)])
    return HostsMiddleware(inner, hosts=Hosts(names), probes=PROBES)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with served(SecurityHeadersMiddleware(app("weir.example.org", "*.lan.example")), "hosts") as serving:
        yield urlsplit(serving).netloc


def get_with_host(address: str, path: str, host: str | None) -> tuple[int, str]:
    """Send a GET with exactly this Host header, or without one; return status and body."""
    connection = http.client.HTTPConnection(address, timeout=10)
    connection.putrequest("GET", path, skip_host=True)
    if host is not None:
        connection.putheader("Host", host)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, body


@pytest.mark.parametrize("host", MALFORMED_HOSTS, ids=repr)
@pytest.mark.parametrize("path", ["/", "/_stcore/stream", "/api/chains"])
def test_a_malformed_host_is_a_bad_request(address: str, path: str, host: str) -> None:
    assert get_with_host(address, path, host)[0] == 400


def test_a_request_without_a_host_is_a_bad_request(address: str) -> None:
    assert get_with_host(address, "/", None)[0] == 400


@pytest.mark.parametrize("host", FOREIGN_HOSTS, ids=lambda host: host[:30])
def test_another_name_is_answered_with_what_to_set(address: str, host: str) -> None:
    for path in ("/", "/story", "/nothing"):
        status, body = get_with_host(address, path, host)
        assert status == 403
        assert f"WEIR_ALLOWED_HOSTS={Host.of(host).name}" in body
    status, body = get_with_host(address, "/api/chains", host)
    assert (status, "WEIR_ALLOWED_HOSTS" in body, '"status":403' in body) == (403, True, True)


@pytest.mark.parametrize("host", [*KNOWN_HOSTS, "weir.example.org", "Weir.Example.Org:8443", "a.lan.example"])
def test_a_known_name_is_answered(address: str, host: str) -> None:
    assert get_with_host(address, "/", host) == (200, "page")


@pytest.mark.parametrize("host", ["10.0.0.7:8501", "pod.cluster.example"])
@pytest.mark.parametrize("path", PROBES)
def test_a_probe_may_ask_under_any_name(address: str, path: str, host: str) -> None:
    assert get_with_host(address, path, host) == (200, "page")
    assert get_with_host(address, f"/x{path}", "10.0.0.7")[0] == 403


@pytest.mark.parametrize(
    ("server", "host", "status"),
    [
        ("192.168.1.5", "192.168.1.5:8501", 200),
        ("::ffff:192.168.1.5", "192.168.1.5", 200),
        ("2001:db8::1", "[2001:db8:0::1]:8501", 200),
        ("192.168.1.5", "192.168.1.6", 403),
        ("/run/weir.sock", "192.168.1.6", 403),
        ("weir.internal", "weir.internal", 403),
    ],
)
async def test_the_address_that_a_request_came_in_at_is_known(server: str, host: str, status: int) -> None:
    async def elsewhere(scope: Scope, receive: Receive, send: Send) -> None:
        await app()({**scope, "server": (server, 8501)}, receive, send)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(elsewhere), base_url="http://x") as client:
        assert (await client.get("/", headers={"Host": host})).status_code == status


def test_every_name_is_known_where_that_is_asked_for() -> None:
    with TestClient(app("*"), base_url="http://anything.example") as client:
        assert client.get("/").status_code == 200


def host_seen_by_websocket(names: tuple[str, ...], headers: dict[str, str]) -> str:
    """Open a WebSocket and return the Host that the app sees, or "" if it is refused."""
    with TestClient(app(*names), base_url="http://localhost:8501") as client:
        try:
            with client.websocket_connect("/_stcore/stream", headers={"host": "localhost:8501"} | headers) as socket:
                return socket.receive_text()
        except (WebSocketDisconnect, WebSocketDenialResponse):
            return ""


@pytest.mark.parametrize("origin", [*MALFORMED_ORIGINS, *FOREIGN_ORIGINS])
@pytest.mark.parametrize("names", [(), ("*",), ("weir.example.org",)], ids=["default", "every name", "a name"])
def test_a_websocket_of_another_origin_is_refused(names: tuple[str, ...], origin: str) -> None:
    assert host_seen_by_websocket(names, {"origin": origin}) == ""


@pytest.mark.parametrize("host", ["evil.example", "[", "192.168.1.5"])
def test_a_websocket_under_another_name_is_refused(host: str) -> None:
    assert host_seen_by_websocket((), {"host": host}) == ""
    assert host_seen_by_websocket((), {"host": host, "origin": f"http://{host}"}) == ""


@pytest.mark.parametrize(
    ("headers", "seen"),
    [
        ({}, "localhost:8501"),
        ({"origin": "http://localhost:8501"}, "localhost:8501"),
        ({"origin": "HTTP://LOCALHOST:8501"}, "LOCALHOST:8501"),
        ({"host": "[::1]:80", "origin": "http://[::1]"}, "[::1]"),
        ({"host": "weir.example.org", "origin": "https://weir.example.org"}, "weir.example.org"),
        ({"host": "weir.example.org", "origin": "https://weir.example.org:443"}, "weir.example.org:443"),
        ({"host": "weir.example.org:443", "origin": "https://weir.example.org"}, "weir.example.org"),
        ({"host": "127.0.0.1:8501", "origin": "https://weir.example.org"}, "weir.example.org"),
        (
            {"host": "weir.example.org", "origin": "https://weir.example.org", "x-forwarded-proto": "https"},
            "weir.example.org",
        ),
    ],
)
def test_a_websocket_of_the_page_itself_is_let_in_under_the_name_of_its_origin(
    headers: dict[str, str], seen: str
) -> None:
    assert host_seen_by_websocket(("weir.example.org",), headers) == seen


def test_a_page_without_tls_does_not_reach_a_server_with_it() -> None:
    proxied = {"host": "weir.example.org", "x-forwarded-proto": "https"}
    assert host_seen_by_websocket(("weir.example.org",), proxied | {"origin": "http://weir.example.org"}) == ""


def test_an_origin_that_is_named_may_open_a_websocket() -> None:
    hosts = Hosts(origins=["https://Portal.example.org"])
    scope = {"type": "websocket", "server": None, "scheme": "ws"}
    headers = [(b"host", b"localhost"), (b"origin", b"https://portal.example.org")]
    hosts.check_origin(scope | {"headers": headers})


@pytest.mark.parametrize("headers", [{"Host": "["}, {"Host": "localhost:x"}, {"Origin": "http://["}])
def test_the_api_on_its_own_answers_malformed_headers_with_a_problem(serve: Serve, headers: dict[str, str]) -> None:
    with serve() as client:
        answer = client.get("/chains", headers=headers)
        assert (answer.status_code, answer.json()["status"]) == (400, 400)


def test_the_api_takes_the_origin_of_a_proxys_public_host(serve: Serve) -> None:
    with serve(WEIR_ALLOWED_HOSTS="weir.example.org") as client:
        assert client.get("/chains", headers={"Origin": "https://weir.example.org"}).status_code == 200
        assert client.get("/chains", headers={"Origin": "https://weir.example.org:8443"}).status_code == 403


@pytest.mark.parametrize("names", ["https://weir.example.org", "weir.example.org/x", "localhost:80", "a b", "*a"])
def test_what_is_no_host_name_stops_the_start(names: str) -> None:
    with pytest.raises(ValueError, match="is no host name"):
        Settings.model_validate({"WEIR_ALLOWED_HOSTS": names})


@pytest.mark.parametrize("names", ["weir.example.org, *.lan.example", "*", "192.168.1.5", "[::1],::1"])
def test_host_names_may_be_addresses_and_patterns(names: str) -> None:
    assert Settings.model_validate({"WEIR_ALLOWED_HOSTS": names}).allowed_hosts == names


def test_an_origin_has_the_port_of_its_scheme() -> None:
    ports = [Origin.of(text).port for text in ("http://a", "https://a", "https://a:1", "null", "ftp://a")]
    assert ports == [80, 443, 1, None, None]
