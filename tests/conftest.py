import functools
import gc
import ssl
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import execnet
import pytest
from hypothesis import settings

from tests.support.preloaded_python import preloaded_workers

# The process that starts workers runs no test. What tests need takes three seconds to import, so it is imported below.
if TYPE_CHECKING:
    import httpx2

    from tests.support.fake_openai import FakeOpenAI
    from weir.runs.background_loop import BackgroundLoop
    from weir.runs.recorder import Recorder

# A busy machine is no wrong answer.
settings.register_profile("untimed", deadline=None)
# By hand: pytest --hypothesis-profile=nightly …
settings.register_profile("nightly", deadline=None, max_examples=5_000)
settings.load_profile("untimed")


LONGEST = (
    "page_faults",
    "random_graphs",
    "broken_streams",
    "message_tree",
    # in Chromium
    "fault_pages",
    "story_page",
    "events_page",
    "conversations",
    "canaries",
    "shared_links",
    "shutdown",
    "graph_pages",
    "display_cost",
    "start",
    "accessibility",
    "model_picker",
    "sign_in_flow",
    "page_layout",
    "programs",
    "run_list",
    "json_page",
    "chat_page",
    "untrusted_text",
    "connections",
)
"""Files of slow tests and of tests in Chromium that take longest (120 to 15 s on two busy cores), the longest first."""


def pytest_configure() -> None:
    """Read the certificates of all authorities once, not for each HTTP client: 40 ms each, and most tests make one."""
    import httpcore2

    patch = pytest.MonkeyPatch()
    patch.setattr(ssl, "create_default_context", functools.cache(ssl.create_default_context))
    patch.setattr(httpcore2, "default_ssl_context", functools.cache(httpcore2.default_ssl_context))
    gc.disable()


def pytest_xdist_setupnodes(specs: Sequence[execnet.XSpec]) -> None:
    """Import once what all workers need: some six seconds of a core each."""
    for spec in specs:
        spec.python = preloaded_workers()


def pytest_collection_finish() -> None:
    """Have no garbage collection look at what the modules and the tests consist of: half a second each time.

    The thresholds are those of the app (`weir.app.create_app`).
    """
    gc.freeze()
    gc.set_threshold(10_000, 5, 20)
    gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say which tests pytest-xdist keeps together (`--dist loadgroup`), and in which order tests begin.

    The tests of a file share its servers, so one worker runs them all. Those of the embedded model share one process
    that uses every core. Slow tests share little: each goes to the next worker that is free, at the end. Of those, and
    in Chromium, the longest begin first, or one worker would be left alone with one of them.
    """
    for item in items:
        if item.get_closest_marker("embedded"):
            item.add_marker(pytest.mark.xdist_group("embedded"))
        elif not item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))
    items.sort(key=_order)


def pytest_make_parametrize_id(val: object) -> str | None:
    """Shorten the name of a case that is a long text: names are printed, and sent to each worker."""
    if isinstance(val, str | bytes) and len(val) > 100:
        return f"{val[:60]!r} and so on, {len(val)} in all"
    return None


def _order(item: pytest.Item) -> tuple[bool, bool, bool, int]:
    is_in_browser = _is_in_browser(item)
    is_slow, is_embedded = (item.get_closest_marker(name) is not None for name in ("slow", "embedded"))
    return (
        # Playwright's loop stays on the main thread once it has begun: tests with loops of their own cannot run there.
        is_in_browser,
        is_slow,
        not is_embedded,
        _place(item.path) if is_in_browser or is_slow else 0,
    )


@functools.cache
def _place(path: Path) -> int:
    """Return a number by which files are sorted: those that are known to take long, then the others by their length."""
    name = path.stem.removeprefix("test_")
    return LONGEST.index(name) - 10**9 if name in LONGEST else -path.stat().st_size


def _is_in_browser(item: pytest.Item) -> bool:
    return item.nodeid.startswith("tests/browser/")


@pytest.fixture
def openai_server() -> "Iterator[FakeOpenAI]":
    from tests.support.fake_openai import fake_openai

    with fake_openai() as server:
        yield server


@pytest.fixture
def loop() -> "Iterator[BackgroundLoop]":
    from weir.runs.background_loop import BackgroundLoop

    running = BackgroundLoop("test-runs")
    yield running
    running.close()


@pytest.fixture
def http(loop: "BackgroundLoop") -> "Iterator[httpx2.AsyncClient]":
    from weir.llm.chat_model import http_client

    client = http_client()
    yield client
    loop.submit(client.aclose()).result(timeout=60)


@pytest.fixture
def recorder(loop: "BackgroundLoop") -> "Recorder":
    from weir.runs.recorder import Recorder
    from weir.runs.run_store import MemoryStore

    return Recorder(MemoryStore(budget=50_000_000), loop)
