from collections.abc import Iterator

import httpx2
import pytest
from hypothesis import settings

from tests.support.fake_openai import FakeOpenAI, fake_openai
from weir.llm.chat_model import http_client
from weir.runs.background_loop import BackgroundLoop
from weir.runs.recorder import Recorder
from weir.runs.run_store import MemoryStore

# A busy machine is no wrong answer.
settings.register_profile("untimed", deadline=None)
# By hand: pytest --hypothesis-profile=nightly …
settings.register_profile("nightly", deadline=None, max_examples=5_000)
settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Playwright's loop stays on the main thread once it has begun, and tests with loops of their own cannot run there.
    items.sort(key=lambda item: "tests/browser" in item.nodeid)


@pytest.fixture
def openai_server() -> Iterator[FakeOpenAI]:
    with fake_openai() as server:
        yield server


@pytest.fixture
def loop() -> Iterator[BackgroundLoop]:
    running = BackgroundLoop("test-runs")
    yield running
    running.close()


@pytest.fixture
def http(loop: BackgroundLoop) -> Iterator[httpx2.AsyncClient]:
    client = http_client()
    yield client
    loop.submit(client.aclose()).result(timeout=5)


@pytest.fixture
def recorder(loop: BackgroundLoop) -> Recorder:
    return Recorder(MemoryStore(budget=50_000_000), loop)
