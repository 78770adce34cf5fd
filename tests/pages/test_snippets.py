import shlex
import subprocess
import sys

import httpx
import pytest

from pages.components.http_client.snippets import ApiCall, curl, javascript, python
from tests.api.conftest import Serve, serve, store
from tests.support.fake_openai import FakeOpenAI, Plan

__all__ = ["serve", "store"]

TOPIC = 'it\'s "quoted" $HOME `ls` & more\n<b> ü'


def call(path: str, ends_with: str | None, *, origin: str = "http://localhost:8501", token: bool = False) -> ApiCall:
    return ApiCall(origin, path, (("topic", TOPIC),), ends_with, token)


def test_curl_takes_any_topic_as_one_word() -> None:
    command, flag, url = shlex.split(curl(call("/api/sse", "done")))
    assert (command, flag) == ("curl", "-N")
    assert dict(httpx.URL(url).params) == {"topic": TOPIC}


def test_the_token_is_a_variable_and_never_a_value() -> None:
    request = call("/api/sse", "done", token=True)
    assert "$WEIR_API_TOKEN" in curl(request)
    assert "os.environ['WEIR_API_TOKEN']" in python(request)
    assert "ticket" in javascript(request)


@pytest.mark.parametrize("ends_with", ["done", "end", None])
@pytest.mark.parametrize("token", [False, True])
def test_python_compiles(ends_with: str | None, token: bool) -> None:
    compile(python(call("/api/sse", ends_with, token=token)), "snippet", "exec")


def ran(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout


@pytest.mark.parametrize(("path", "ends_with"), [("/api/sse", "done"), ("/api/stream", None)])
def test_snippets_work_when_pasted(serve: Serve, openai_server: FakeOpenAI, path: str, ends_with: str | None) -> None:
    openai_server.plan = Plan(tokens=["rain", " on", " water"])
    with serve() as client:
        origin = f"http://{client.base_url.netloc.decode()}"
        request = call(path, ends_with, origin=origin)
        assert ran(sys.executable, "-c", python(request)) == "rain on water"
        assert "water" in ran("bash", "-c", curl(request).replace("curl ", "curl -s "))
    assert TOPIC in openai_server.seen[0].body["messages"][-1]["content"]
