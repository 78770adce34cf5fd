"""Keys that can be told apart, echoed through every path by a model's server that says all it knows."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, WebSocket, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.browser.conftest import ROOT, await_health, ended, free_port, opened, send
from tests.serving import served

KEY = "sk-canary-key-0123456789abcdef"
TOKEN = "canary-token-0123456789"
PASSWORD = "canary-password-0123"
CANARY = "canary-"
LEAKS = ["401", "400", "429", "500", "sse", "html", "data", "chunk"]

CHAIN = """
from langchain_core.runnables import RunnableLambda
import os

class Config:
    def __repr__(self):
        return "Config(key=" + os.environ["OPENAI_API_KEY"] + ", token=" + os.environ["WEIR_API_TOKEN"] + ")"

def leak(value):
    if value == "return":
        return Config()
    raise RuntimeError("x" * 250 + repr(Config())) from ValueError(repr(Config()))

leaking = RunnableLambda(leak)
"""


def chunk(content: str) -> str:
    choice = {"index": 0, "delta": {"role": "assistant", "content": content}, "finish_reason": None}
    about = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "fake", "choices": [choice]}
    return f"data: {json.dumps(about)}\n\n"


async def answer(request: Request) -> Response:
    """Fail as the question says, with what came in the Authorization header."""
    body = await request.json()
    told = request.headers["authorization"]
    way = str(body["messages"][-1]["content"]).split()[-1]
    error = {"error": {"message": f"no: {told}", "type": "x", "param": told, "code": "x"}}
    headers = {"x-key": told, "x-request-id": told}
    if way.isdigit():
        return JSONResponse(error, int(way), headers=headers)
    parts = {
        "sse": chunk("Half") + f"data: {json.dumps(error)}\n\n",
        "html": chunk("Half") + f"<html>{told}</html>\n\n",
        "data": chunk("Half") + f"data: {{{told}\n\n",
        "chunk": chunk(f"Your key is {told}.") + "data: [DONE]\n\n",
    }
    return Response(parts.get(way, chunk("Yes")), media_type="text/event-stream", headers=headers)


@pytest.fixture(scope="module")
def echo() -> Iterator[str]:
    app = Starlette(routes=[Route("/v1/chat/completions", answer, methods=["POST"])])
    with served(app, "echo") as address:
        yield f"{address}/v1"


@contextlib.contextmanager
def logged_weir(log: Path, **environment: str) -> Iterator[str]:
    """Start the app with its log in a file, which is whole when the block is left."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OPENAI_", "WEIR_", "STREAMLIT_"))}
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", f"--server.port={port}"]
    with (
        log.open("w", encoding="utf-8") as file,
        subprocess.Popen(command, cwd=ROOT, env=kept | environment, stdout=file, stderr=file, text=True) as process,
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
        WEIR_CHAINS="leaking=leaky:leaking",
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
        page.get_by_role("link", name="Inspect").last.click()
        expect(page.get_by_text("events ·").first).to_be_visible()
        found["inspector"] = page.content()
        with httpx.Client(base_url=f"{url}/api", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=20) as client:
            for way in (*LEAKS, "return", "raise"):
                found |= asked(client, way)
        found["refusals"] = httpx.get(f"{url}/api/chains", headers={"Authorization": f"Bearer {TOKEN}x"}).text
        page.goto("about:blank")
    found["frames"] = "".join(frames)
    found["log"] = log.read_text(encoding="utf-8")
    found["files"] = "".join(file.read_bytes().decode("utf-8", "replace") for file in data.rglob("*") if file.is_file())
    assert "no: Bearer •••" in found["chat"]
    assert "no: Bearer •••" in found["frames"]
    assert "What about sse" in found["files"]
    assert {name: excerpt(text) for name, text in found.items() if CANARY in text} == {}


def asked(client: httpx.Client, way: str) -> dict[str, str]:
    """Ask for a leak over HTTP in every form."""
    is_ours = way in ("return", "raise")
    call: dict[str, Any] = (
        {"chain": "leaking", "input": {"input": way}} if is_ours else {"chain": "story", "input": {"topic": way}}
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


def excerpt(text: str) -> str:
    place = text.index(CANARY)
    return text[max(0, place - 150) : place + 60]


@pytest.mark.parametrize(
    "address",
    [f"postgresql://weir:{PASSWORD}@127.0.0.1:9/weir", f"postgresql://weir:{PASSWORD}@[bad/weir", f"mysql:{PASSWORD}"],
)
def test_a_database_that_cannot_be_opened_is_told_without_its_password(
    page: Page, echo: str, tmp_path: Path, address: str
) -> None:
    log, frames = tmp_path / "log", heard_by(page)
    with logged_weir(log, OPENAI_BASE_URL=echo, OPENAI_API_KEY=KEY, WEIR_DATABASE_URL=address) as url:
        opened(page, url)
        expect(page.get_by_text("are not kept at the moment").first).to_be_visible()
        shown = page.content()
        page.goto("about:blank")
    for text in (shown, "".join(frames), log.read_text(encoding="utf-8")):
        assert CANARY not in text
