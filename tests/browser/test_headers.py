"""What every response carries, whoever makes it; asked of the running app, without a browser."""

import os
import re
import subprocess
import sys

import httpx
import pytest

from tests.support.app_process import ROOT
from tests.support.fake_openai import FakeOpenAI

PATHS = {
    "/": 200,
    "/story": 200,
    "/chat": 307,
    "/favicon.png": 200,
    "/static/nothing.js": 200,
    "/_stcore/health": 200,
    "/_stcore/host-config": 200,
    "/_stcore/metrics": 200,
    "/_stcore/upload_file/x/y": 200,
    "/media/nothing.svg": 404,
    "/component/nothing/x.js": 404,
    "/..%2f..%2fetc/passwd": 400,
    "/api/health": 200,
    "/api/docs": 200,
    "/api/openapi.json": 200,
    "/api/assets/swagger-ui.css": 200,
    "/api/runs/nothing": 404,
    "/api/nothing": 404,
    "/api/stream": 422,
}
EXPECTED = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
OPTIONS = {
    "server.enableXsrfProtection": True,
    "server.enableCORS": True,
    "server.xsrfCookieSameSite": "lax",
    "server.enableStaticServing": False,
    "server.enableAgentApi": False,
    "server.enableWebsocketCompression": False,
    "server.fileWatcherType": "none",
    "client.showErrorDetails": "none",
    "client.allowedOrigins": ["https://*.streamlit.app"],
    "browser.gatherUsageStats": False,
    "runner.magicEnabled": False,
    "global.developmentMode": False,
}


@pytest.mark.parametrize(("path", "status"), PATHS.items(), ids=list(PATHS))
def test_every_response_has_the_headers(weir_url: str, model: FakeOpenAI, path: str, status: int) -> None:
    answer = httpx.get(f"{weir_url}{path}")
    assert answer.status_code == status
    assert {name: answer.headers.get(name) for name in EXPECTED} == EXPECTED
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    port = weir_url.rpartition(":")[2]
    assert policy["img-src"] in ("data: blob:", f"localhost:{port}/favicon.png data: blob:")
    assert policy["default-src"] == policy["connect-src"] == policy["form-action"] == "'self'"
    assert policy["frame-ancestors"] == policy["object-src"] == "'none'"
    assert "'unsafe-inline'" not in policy["script-src"]
    assert "'unsafe-eval'" not in policy["script-src"]
    assert "camera=()" in answer.headers["permissions-policy"]
    assert "strict-transport-security" not in answer.headers


def test_behind_tls_the_browser_is_told_to_stay_there(weir_url: str, model: FakeOpenAI) -> None:
    answer = httpx.get(f"{weir_url}/", headers={"X-Forwarded-Proto": "https"})
    assert answer.headers["strict-transport-security"] == "max-age=31536000"


@pytest.mark.parametrize("host", ["evil.example/x 'unsafe-inline'", "a;script-src *", "a b"])
def test_a_host_name_adds_nothing_to_the_policy(weir_url: str, model: FakeOpenAI, host: str) -> None:
    answer = httpx.get(f"{weir_url}/", headers={"Host": host})
    assert "evil" not in answer.headers.get("content-security-policy", "")
    assert "script-src *" not in answer.headers.get("content-security-policy", "")


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_every_cookie_is_kept_from_scripts_and_other_sites(weir_url: str, model: FakeOpenAI, tls: bool) -> None:
    headers = {"Accept": "text/html"} | ({"X-Forwarded-Proto": "https"} if tls else {})
    cookies = [
        cookie.lower()
        for path in ("/", "/_stcore/health", "/_stcore/host-config")
        for cookie in httpx.get(f"{weir_url}{path}", headers=headers).headers.get_list("set-cookie")
    ]
    names = {cookie.partition("=")[0] for cookie in cookies}
    assert {"weir_visitor", "_streamlit_xsrf"} <= names, names
    for cookie in cookies:
        assert "samesite=lax" in cookie
        assert ("; secure" in cookie) is tls
        # Streamlit's page reads this one, to send its value back in a header.
        assert ("; httponly" in cookie) is not cookie.startswith("_streamlit_xsrf=")


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
@pytest.mark.parametrize("path", ["/_stcore/metrics", "/_stcore/metrics/", "/_stcore/metrics?families=x"])
def test_metrics_are_closed_to_what_a_proxy_passes_on(weir_url: str, model: FakeOpenAI, header: str, path: str) -> None:
    assert httpx.get(f"{weir_url}{path}", headers={header: "127.0.0.1"}).status_code == 404


def test_the_scripts_of_the_page_are_compressed(weir_url: str, model: FakeOpenAI) -> None:
    scripts = re.findall(r'"\./(static/js/[^"]+)"', httpx.get(f"{weir_url}/").text)
    assert len(scripts) > 10
    sizes = {"gzip": 0, "identity": 0}
    for coding in sizes:
        for script in scripts:
            with httpx.stream("GET", f"{weir_url}/{script}", headers={"Accept-Encoding": coding}) as answer:
                sizes[coding] += len(b"".join(answer.iter_raw()))
                assert answer.headers["vary"] == "Accept-Encoding"
                assert answer.headers["x-content-type-options"] == "nosniff"
    assert sizes["gzip"] < sizes["identity"] / 2


def test_streamlits_switches_are_set_on_purpose() -> None:
    program = (
        "from streamlit import config; from streamlit.web import bootstrap; bootstrap.load_config_options({}); "
        f"print({{name: config.get_option(name) for name in {list(OPTIONS)!r}}})"
    )
    unset = {key: value for key, value in os.environ.items() if not key.startswith("STREAMLIT_")}
    completed = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=unset, capture_output=True, text=True, check=True, timeout=60
    )
    assert completed.stdout.strip().splitlines()[-1] == repr(OPTIONS)
