"""The app speaks to the model and to nobody else, whatever its visitors send; without a browser."""

import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from bench.sessions import Session
from tests.support.app_process import Weir, run_beside_playwright, weir_process, with_streamlit, with_uvicorn
from tests.support.fake_openai import FakeOpenAI

# Python runs a module of this name before all else. Where the hook raises, nothing is sent.
RECORDER = """
import ipaddress, json, os, sys
sys.modules["uvloop"] = None  # its connections are made in C, where no hook sees them
EVENTS = {"socket.connect": 1, "socket.sendto": 1, "socket.getaddrinfo": 0, "socket.gethostbyname": 0}
def is_here(host):
    if host in (None, "", "localhost", "0.0.0.0", "::") or isinstance(host, bytes):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
def hook(event, args):
    if event in EVENTS:
        address = args[EVENTS[event]]
        host = address[0] if isinstance(address, tuple) else address
        with open(os.environ["CONNECTIONS"], "a") as file:
            file.write(json.dumps([event, str(host), is_here(host)]) + "\\n")
        if not is_here(host):
            raise OSError("no way out")
sys.addaudithook(hook)
"""

FOREIGN = ["https://evil.example", "http://localhost:1", "http://203.0.113.7", "null"]
COMMANDS: dict[str, Callable[[int], list[str]]] = {
    "streamlit": with_streamlit,
    "streamlit on all addresses": lambda port: with_streamlit(port, "--server.address=0.0.0.0"),
    "uvicorn": with_uvicorn,
}


async def visited(weir: Weir) -> None:
    """Try WebSockets as pages of other sites would, then ask for a story as Weir's own page does."""
    address = weir.url.replace("http", "ws")
    for origin in FOREIGN:
        with pytest.raises(InvalidStatus, match="403"):
            await connect(f"{address}/_stcore/stream", origin=Origin(origin))
    with pytest.raises(InvalidStatus, match="403"):
        await connect("ws://evil.example/_stcore/stream", host="localhost", port=urlsplit(weir.url).port)
    async with connect(f"{address}/_stcore/stream", max_size=None, origin=Origin(weir.url)) as socket:
        session = Session(socket)
        await session.open()
        await session.ask("A river", 0)


@pytest.mark.parametrize("command", COMMANDS.values(), ids=list(COMMANDS))
def test_no_request_goes_to_anybody_that_nobody_configured(
    model: FakeOpenAI, tmp_path: Path, command: Callable[[int], list[str]]
) -> None:
    (tmp_path / "sitecustomize.py").write_text(RECORDER, encoding="utf-8")
    connections = tmp_path / "connections.jsonl"
    environment = {
        "PYTHONPATH": str(tmp_path),
        "CONNECTIONS": str(connections),
        "OPENAI_BASE_URL": model.url,
        "OPENAI_MODEL": "fake",
        "WEIR_DATA": str(tmp_path),
    }
    with weir_process("", environment, command=command) as weir:
        assert httpx.get(weir.url, headers={"Host": "evil.example"}).status_code == 403
        assert httpx.get(weir.url).status_code == 200
        run_beside_playwright(visited(weir))
    tried = [json.loads(line) for line in connections.read_text(encoding="utf-8").splitlines()]
    assert model.answers, "the story was not asked for"
    assert tried, "the hook has seen nothing"
    assert [(event, host) for event, host, is_here in tried if not is_here] == []
