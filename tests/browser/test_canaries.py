"""Keys that can be told apart, echoed through every path by a model's server that says all it knows."""

import base64
import contextlib
import gzip
import itertools
import json
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, WebSocket, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.browser.test_sign_in_flow import sign_in
from tests.support.app_process import CLEAN_ENVIRONMENT, ROOT, await_health, free_port, with_preloaded_streamlit
from tests.support.browser_page import ended, opened, send
from tests.support.identity_provider import IdentityProvider, identity_provider
from tests.support.serving import served

KEY = "sk-canary-key-0123456789abcdef"
SECOND_KEY = "sk-canary-second-0123456789abcdef"
TOKEN = "canary-token-0123456789"
PASSWORD = "canary-password-0123"
COOKIE_SECRET = "canary-cookie-secret-0123456789abcdef"
CLIENT_SECRET = "canary-client-secret-0123456789"
CANARY = "canary-"
LEAKS = ["401", "400", "429", "500", "sse", "html", "data", "chunk"]

CHAIN = """
from langchain_core.runnables import RunnableLambda
from pathlib import Path
import os

KEY = os.environ["OPENAI_API_KEY"]
FILE = os.environ.get("STREAMLIT_SECRETS_FILES")
SIGN_IN = Path(FILE).read_text() if FILE else ""

class Config:
    def __repr__(self):
        return "Config(key=" + KEY + ", token=" + os.environ["WEIR_API_TOKEN"] + ", sign_in=" + SIGN_IN + ")"

def leak(value):
    if value == "return":
        return Config()
    raise RuntimeError("x" * 250 + repr(Config())) from ValueError(repr(Config()))

leaking = RunnableLambda(leak).with_config(run_name="called " + KEY, tags=["tagged " + KEY], metadata={"told": KEY})

def broken():
    raise RuntimeError("no: " + KEY)
"""
CHAINS = "leaking=leaky:leaking,broken=leaky:broken"


def chunk(content: str, reason: str | None = None) -> str:
    choice = {"index": 0, "delta": {"role": "assistant", "content": content}, "finish_reason": reason}
    about = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "fake", "choices": [choice]}
    return f"data: {json.dumps(about)}\n\n"


async def answer(request: Request) -> Response:
    """Fail as the question says, with what came in the Authorization header."""
    body = await request.json()
    authorization = request.headers["authorization"]
    way = str(body["messages"][-1]["content"]).split()[-1]
    error = {"error": {"message": f"no: {authorization}", "type": "x", "param": authorization, "code": "x"}}
    headers = {"x-key": authorization, "x-request-id": authorization}
    if way.isdigit():
        return JSONResponse(error, int(way), headers=headers)
    text = f"Your key is {authorization}."
    if not body.get("stream"):
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        return JSONResponse(
            {"id": "1", "object": "chat.completion", "created": 0, "model": authorization, "choices": [choice]}
        )
    parts = {
        "sse": chunk("Half") + f"data: {json.dumps(error)}\n\n",
        "html": chunk("Half") + f"<html>{authorization}</html>\n\n",
        "data": chunk("Half") + f"data: {{{authorization}\n\n",
        "chunk": chunk(text, "stop") + "data: [DONE]\n\n",
    }
    return Response(parts.get(way, chunk("Yes")), media_type="text/event-stream", headers=headers)


def models(request: Request) -> Response:
    """List a model that is called like the key."""
    named = [{"id": name, "object": "model"} for name in ("harmless", request.headers["authorization"])]
    return JSONResponse({"object": "list", "data": named})


def about_sign_in(request: Request) -> Response:
    """Describe a provider of sign-in that lets everybody through and then fails."""
    at = f"{request.url.scheme}://{request.url.netloc}"
    places = {"authorization_endpoint": f"{at}/authorize", "token_endpoint": f"{at}/token", "jwks_uri": f"{at}/jwks"}
    return JSONResponse({"issuer": at, **places})


def authorize(request: Request) -> Response:
    query = request.query_params
    return RedirectResponse(f"{query['redirect_uri']}?code=1&state={query['state']}")


def token(request: Request) -> Response:
    """Refuse a client with what it is known by."""
    description = f"no: {request.headers['authorization']}, known by {CLIENT_SECRET}"
    return JSONResponse({"error": "invalid_client", "error_description": description}, 401)


@pytest.fixture(scope="module")
def echo() -> Iterator[str]:
    routes = [
        Route("/v1/chat/completions", answer, methods=["POST"]),
        Route("/v1/models", models),
        Route("/.well-known/openid-configuration", about_sign_in),
        Route("/authorize", authorize),
        Route("/token", token, methods=["POST"]),
    ]
    with served(Starlette(routes=routes), "echo") as address:
        yield f"{address}/v1"


@pytest.fixture(scope="module")
def provider() -> Iterator[IdentityProvider]:
    with identity_provider(free_port()) as found:
        found.add("ann", email="ann@example.org", email_verified=True)
        yield found


@contextlib.contextmanager
def logged_weir(log: Path, port: int | None = None, **environment: str) -> Iterator[str]:
    """Start the app with its log in a file, which is whole when the block is left."""
    port = port or free_port()
    with (
        log.open("w", encoding="utf-8") as file,
        subprocess.Popen(
            with_preloaded_streamlit(port),
            cwd=ROOT,
            env=CLEAN_ENVIRONMENT | environment,
            stdout=file,
            stderr=file,
            text=True,
        ) as process,
    ):
        try:
            await_health(f"http://localhost:{port}", process)
            yield f"http://localhost:{port}"
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=20)


def heard_by(page: Page) -> list[str]:
    """Return a list that fills with what the page's websockets bring."""
    heard: list[str] = []

    def listen(socket: WebSocket) -> None:
        def take(frame: bytes | str) -> None:
            heard.append(frame if isinstance(frame, str) else frame.decode("utf-8", "replace"))

        socket.on("framereceived", take)

    page.on("websocket", listen)
    return heard


def test_no_key_is_on_a_page_in_a_frame_an_answer_an_export_a_file_or_the_log(
    page: Page, echo: str, tmp_path: Path
) -> None:
    (tmp_path / "leaky.py").write_text(CHAIN, encoding="utf-8")
    (tmp_path / "weir.toml").write_text(f'[models.second]\nbase_url = "{echo}"\nkey_env = "SECOND_KEY"\n')
    data, log = tmp_path / "data", tmp_path / "log"
    found: dict[str, str] = {}
    frames = heard_by(page)
    with logged_weir(
        log,
        OPENAI_BASE_URL=echo,
        OPENAI_API_KEY=KEY,
        OPENAI_MODEL="fake",
        WEIR_API_TOKEN=TOKEN,
        WEIR_RETRIES="0",
        WEIR_ROUTER="local",
        WEIR_DATA=str(data),
        WEIR_CHAINS=CHAINS,
        WEIR_CONFIG=str(tmp_path / "weir.toml"),
        SECOND_KEY=SECOND_KEY,
        PYTHONPATH=str(tmp_path),
    ) as url:
        opened(page, url)
        for number, way in enumerate(LEAKS, 1):
            send(page, f"What about {way}")
            ended(page, number)
        found["chat"] = page.content()
        page.reload()
        ended(page, len(LEAKS))
        found["chat again"] = page.content()
        page.get_by_role("link", name="Inspect", exact=True).last.click()
        expect(page.get_by_text("events ·").first).to_be_visible()
        found["inspector"] = page.content()
        with httpx.Client(base_url=f"{url}/api", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=20) as client:
            for way in (*LEAKS, "return", "raise"):
                found |= asked(client, way)
            for way in LEAKS:
                answer = client.post("/chains/story/invoke", json={"input": {"topic": way}, "model": "second"})
                found[f"second {way}"] = answer.text
            found["models"] = client.get("/models").text
            for model, way in itertools.product(("fake", "second", "weir/smart_router"), LEAKS):
                call = {"model": model, "messages": [{"role": "user", "content": f"What about {way}"}], "stream": True}
                found[f"{model} {way}"] = client.post(f"{url}/v1/chat/completions", json=call).text
        found["refusals"] = httpx.get(f"{url}/api/chains", headers={"Authorization": f"Bearer {TOKEN}x"}).text
        page.goto("about:blank")
    found |= left_behind(frames, log, data)
    assert "no: Bearer •••" in found["chat"]
    assert "no: Bearer •••" in found["frames"]
    assert "Your key is Bearer •••." in found["second chunk"]
    assert "Your key is Bearer •••." in found["weir/smart_router chunk"]
    assert "no: Bearer •••" in found["fake 401"]
    assert "it has harmless, Bearer •••" in found["models"]
    assert "What about sse" in found["files"]
    assert "Config(key=•••" in found["return events"]
    assert "called •••" in found["raise events"]
    assert leaks_in(found) == {}


def asked(client: httpx.Client, way: str) -> dict[str, str]:
    """Ask for a leak over HTTP in every form."""
    is_ours = way in ("return", "raise")
    call: dict[str, Any] = (
        {"chain": "leaking", "input": way} if is_ours else {"chain": "story", "input": {"topic": way}}
    )
    run = client.post("/runs", json=call).json().get("id")
    assert run is not None, call
    found = {f"{way} events": client.get(f"/runs/{run}/events").text}
    for path in (f"/runs/{run}", f"/runs/{run}/recording"):
        found[f"{way} {path}"] = client.get(path).text
    found[f"{way} invoke"] = client.post(f"/chains/{call['chain']}/invoke", json={"input": call["input"]}).text
    if not is_ours:
        with contextlib.suppress(httpx.RemoteProtocolError):
            found[f"{way} stream"] = client.get("/stream", params={"topic": way}).text
        found[f"{way} sse"] = client.get("/sse", params={"topic": way}).text
    return found


def left_behind(frames: list[str], log: Path, data: Path) -> dict[str, str]:
    """Return what came over the websockets, what was logged, and what was kept."""
    contents = {file: file.read_bytes() for file in data.rglob("*") if file.is_file()}
    files = [
        (gzip.decompress(content) if file.suffix == ".gz" else content).decode("utf-8", "replace")
        for file, content in contents.items()
    ]
    assert any(file.suffix == ".gz" for file in contents), "no run was kept"
    return {"frames": "".join(frames), "log": log.read_text(encoding="utf-8"), "files": "".join(files)}


def basic(name: str, password: str) -> str:
    """Return what a client of HTTP makes of a name and a password."""
    return base64.b64encode(f"{name}:{password}".encode()).decode()


SPELLINGS = (CANARY, basic("weir", CLIENT_SECRET), basic("weir", PASSWORD))


def leaks_in(found: dict[str, str]) -> dict[str, str]:
    """Return the places that hold a canary, with what stands around it."""
    held = {(name, spelt): text for name, text in found.items() for spelt in SPELLINGS if spelt in text}
    return {
        f"{name}: {spelt}": text[max(0, text.index(spelt) - 150) : text.index(spelt) + 60]
        for (name, spelt), text in held.items()
    }


def test_no_secret_is_on_the_other_pages_in_a_download_or_in_what_sign_in_leaves(
    page: Page, echo: str, provider: IdentityProvider, tmp_path: Path
) -> None:
    (tmp_path / "leaky.py").write_text(CHAIN, encoding="utf-8")
    data, log, secrets, port = tmp_path / "data", tmp_path / "log", tmp_path / "secrets.toml", free_port()
    stored = provider.secrets(
        f"http://localhost:{port}", section="good", cookie_secret=COOKIE_SECRET, client_secret=CLIENT_SECRET
    )
    bad = (
        re.sub("(?s).*(?=\\[auth.good])", "", stored)
        .replace("good", "bad")
        .replace(provider.url, echo.removesuffix("/v1"))
    )
    secrets.write_text(f"{stored}\n{bad}\n", encoding="utf-8")
    found: dict[str, str] = {}
    frames = heard_by(page)
    with logged_weir(
        log,
        port,
        OPENAI_BASE_URL=echo,
        OPENAI_API_KEY=KEY,
        OPENAI_MODEL="fake",
        WEIR_API_TOKEN=TOKEN,
        WEIR_RETRIES="0",
        WEIR_DATA=str(data),
        WEIR_CHAINS=CHAINS,
        PYTHONPATH=str(tmp_path),
        STREAMLIT_SECRETS_FILES=str(secrets),
    ) as url:
        page.set_viewport_size({"width": 1400, "height": 1600})
        page.goto(url)
        with page.expect_response(re.compile("/oauth2callback")):
            page.get_by_role("button", name="Sign in with Bad").click()
        expect(page.get_by_role("button", name="Sign in with Good")).to_be_visible()
        page.wait_for_url(f"{url}/**")
        found["door"] = page.content()
        sign_in(page, url, "ann", "Sign in with Good")
        for look in (look_at_story, look_at_race, look_at_json, look_at_http, look_at_events):
            found |= look(page, url)
        page.goto("about:blank")
    found |= left_behind(frames, log, data)
    assert "no: Basic •••, known by •••" in found["log"]
    assert 'cookie_secret = \\"•••' in found["recording"]
    assert leaks_in(found) == {}


def downloaded(page: Page, button: str) -> str:
    with page.expect_download() as got:
        page.get_by_role("button", name=button, exact=True).click()
    return got.value.path().read_text(encoding="utf-8")


def look_at_story(page: Page, url: str) -> dict[str, str]:
    opened(page, f"{url}/story")
    send(page, "chunk")
    expect(page.get_by_text("Your key is Bearer •••.")).to_be_visible()
    ended(page)
    page.get_by_role("button", name="Download").click()
    found = {"story file": downloaded(page, "Text")}
    page.keyboard.press("Escape")
    page.get_by_text("Chunks", exact=True).click()
    for way in ("401", "sse"):
        send(page, f"What about {way}")
        expect(page.get_by_text("no: Bearer •••").first).to_be_visible()
        found[f"story {way}"] = page.content()
        send(page, "Yes")
        expect(page.get_by_text("no: Bearer")).to_have_count(0)
    page.get_by_role("button", name="Model", exact=True).click()
    page.get_by_role("combobox", name="Model").click()
    expect(page.get_by_role("option", name="harmless")).to_be_visible()
    return found | {"models": page.content()}


def look_at_race(page: Page, url: str) -> dict[str, str]:
    opened(page, f"{url}/story?view=Race")
    send(page, "chunk")
    expect(page.get_by_text("Your key is Bearer •••.")).to_have_count(5)
    found = {"race": page.content()}
    send(page, "401")
    expect(page.get_by_text("did not accept the API key")).to_have_count(5)
    return found | {"race that failed": page.content()}


def look_at_json(page: Page, url: str) -> dict[str, str]:
    found = {}
    opened(page, f"{url}/partial_json")
    for way, shown_text in (("401", "did not accept the API key"), ("chunk", "Your key is Bearer •••")):
        send(page, way)
        expect(page.get_by_text(shown_text).first).to_be_visible()
        found[f"json {way}"] = page.content()
    return found


def look_at_http(page: Page, url: str) -> dict[str, str]:
    found = {}
    opened(page, f"{url}/http_client")
    refused = "did not accept the API key"
    for way, failed in (
        ("Server-sent events", refused),
        ("Every event of a run", "no: Bearer •••"),
        ("Plain text", refused),
    ):
        page.get_by_text(way, exact=True).first.click()
        for topic, shown_text in (("chunk", "Your key is Bearer •••"), ("401", failed)):
            send(page, topic)
            expect(page.get_by_text(shown_text).first).to_be_visible()
            found[f"http {way} {topic}"] = page.content()
    return found


def look_at_events(page: Page, url: str) -> dict[str, str]:
    opened(page, f"{url}/events?chain=leaking")
    expect(page.get_by_text("leaky:broken cannot be imported: RuntimeError: no: •••")).to_be_visible()
    send(page, '"raise"')
    expect(page.get_by_text("called ••• failed: RuntimeError")).to_be_visible()
    found = {"events of a failure": page.content()}
    send(page, '"return"')
    expect(page.get_by_text(re.compile(r"leaking.*Done"))).to_be_visible()
    return found | {"events": page.content(), "recording": downloaded(page, "Recording")}


@pytest.mark.parametrize(
    "address",
    [f"postgresql://weir:{PASSWORD}@127.0.0.1:9/weir", f"postgresql://weir:{PASSWORD}@[bad/weir", f"mysql:{PASSWORD}"],
)
def test_the_passwords_of_a_database_and_of_a_models_address_are_not_told(
    page: Page, echo: str, tmp_path: Path, address: str
) -> None:
    log, frames = tmp_path / "log", heard_by(page)
    with_password = echo.replace("://", f"://weir:{PASSWORD}@")
    with logged_weir(
        log,
        OPENAI_BASE_URL=with_password,
        OPENAI_API_KEY=KEY,
        WEIR_RETRIES="0",
        WEIR_ROUTER="local",
        WEIR_DATABASE_URL=address,
    ) as url:
        opened(page, url)
        expect(page.get_by_text("are not kept at the moment").first).to_be_visible()
        send(page, "What about 401")
        expect(page.get_by_text("no: Basic").first).to_be_visible()
        shown = page.content()
        page.goto("about:blank")
    found = {"chat": shown, "frames": "".join(frames), "log": log.read_text(encoding="utf-8")}
    assert "no: Basic •••" in found["chat"]
    assert leaks_in(found) == {}
